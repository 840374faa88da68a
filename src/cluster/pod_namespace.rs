//! The namespaces debug pods are made in, which are also those where a pod counts as one of a run.
//!
//! A debug pod is root on its node, and so is whoever may use `pods/exec` beside it. It never goes to a tenant's namespace by
//! itself:
//!
//! ```text
//! --pod-namespace NAME ── given ──────────> NAME alone, whichever it is
//!                      └─ vmchaos ────────> where it carries the label vmchaos.dev/debug-pods=allowed
//!                         KubeVirt's own ─> where the KubeVirt object is; whoever may make pods there controls KubeVirt anyway
//! ```
//! Only a cluster administrator labels namespaces (of Kubernetes' own roles neither `admin` nor `edit` may), so that whoever
//! creates a namespace called `vmchaos` gets no debug pod. For the same reason a pod with a run's labels counts as one only
//! there, and where the person at the keyboard says so; anywhere else everybody could have made it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;

use super::Cluster;
use super::error::Ask;
use super::kubevirt;
use crate::command_line::CommandLine;

/// Namespace that a cluster administrator makes for debug pods.
pub const OWN: &str = "vmchaos";
/// Label that makes [`OWN`] one, with the value [`ALLOWED`].
pub const LABEL: &str = "vmchaos.dev/debug-pods";
pub const ALLOWED: &str = "allowed";

/// Namespaces of debug pods, as this user may know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodNamespaces {
    /// Named by `--pod-namespace`: debug pods go there and nowhere else.
    named: Option<String>,
    /// The one of `-n`, where that says where to look for runs: pods there count, and no more.
    looked_into: Option<String>,
    own: Own,
    kubevirt: Home,
}

/// What is known of the namespace `vmchaos`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Own {
    Labelled,
    /// It exists and lacks the label: whoever made it was perhaps not asked to.
    Unlabelled,
    #[default]
    Missing,
    /// It could not be read, and why.
    Unread(String),
}

/// What is known of KubeVirt's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Home {
    At(String),
    /// There is no KubeVirt.
    Nowhere,
    /// The KubeVirt object could not be read, and why.
    Unread(String),
}

/// Whether the pods of a namespace count as those of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Counts,
    /// Not made by this program, or in a namespace that it does not use.
    Elsewhere,
    /// It may be one of ours; why that is not known.
    Unknown(String),
}

/// Reads whether `vmchaos` takes debug pods. What cannot be read is not used, whatever the reason.
pub async fn own(cluster: &Cluster) -> Own {
    let read = Api::<Namespace>::all(cluster.client.clone())
        .get_metadata_opt(OWN)
        .await;
    match read {
        Ok(None) => Own::Missing,
        Ok(Some(namespace)) => {
            let labels = namespace.metadata.labels.as_ref();
            let allowed = labels
                .and_then(|labels| labels.get(LABEL))
                .is_some_and(|value| value == ALLOWED);
            if allowed { Own::Labelled } else { Own::Unlabelled }
        }
        Err(error) => {
            let ask = Ask::new("get", "", "namespaces").name(OWN);
            Own::Unread(cluster.explain(&error, &ask).message)
        }
    }
}

// === impl PodNamespaces ===

impl PodNamespaces {
    /// From what was read already: `named` is `--pod-namespace`, `kubevirt` KubeVirt's namespace as far as there is one, or why
    /// that is not known.
    pub fn new(named: Option<&str>, own: Own, kubevirt: Result<Option<&str>, String>) -> Self {
        let kubevirt = match kubevirt {
            Ok(Some(namespace)) if !namespace.is_empty() => Home::At(namespace.to_owned()),
            Ok(_) => Home::Nowhere,
            Err(why) => Home::Unread(why),
        };
        Self {
            named: named.map(str::to_owned),
            looked_into: None,
            own,
            kubevirt,
        }
    }

    /// The same where somebody asked for the runs in this one namespace: their word counts.
    #[must_use]
    pub fn and(self, looked_into: Option<&str>) -> Self {
        Self {
            looked_into: looked_into.map(str::to_owned),
            ..self
        }
    }

    /// Reads the namespace `vmchaos` and the KubeVirt object, both at once.
    pub async fn read(cluster: &Cluster, named: Option<&str>) -> Self {
        let (own, installed) = tokio::join!(own(cluster), kubevirt::installed(cluster));
        Self::new(named, own, kubevirt::home(&installed))
    }

    /// Where debug pods may go, in the order they are tried.
    pub fn candidates(&self) -> Vec<&str> {
        if let Some(named) = &self.named {
            return vec![named];
        }
        let own = (self.own == Own::Labelled).then_some(OWN);
        own.into_iter().chain(self.kubevirt()).collect()
    }

    /// Where the pods of runs may be: more than [`Self::candidates`] where one is named, for others have named none.
    pub fn all(&self) -> Vec<&str> {
        let own = (self.own != Own::Missing).then_some(OWN);
        let all: BTreeSet<&str> = self
            .named
            .as_deref()
            .into_iter()
            .chain(own)
            .chain(self.kubevirt())
            .collect();
        all.into_iter().collect()
    }

    /// Whether pods there count.
    pub fn standing(&self, namespace: &str) -> Standing {
        let said = [self.named.as_deref(), self.looked_into.as_deref(), self.kubevirt()];
        if said.contains(&Some(namespace)) {
            return Standing::Counts;
        }
        match (&self.own, &self.kubevirt) {
            (Own::Labelled, _) if namespace == OWN => Standing::Counts,
            (Own::Unread(_), _) if namespace == OWN => Standing::Unknown(format!(
                "whether namespace {OWN} is labelled {LABEL}={ALLOWED} could not be read"
            )),
            (_, Home::Unread(_)) => Standing::Unknown("which namespace is KubeVirt's own could not be read".to_owned()),
            _ => Standing::Elsewhere,
        }
    }

    pub fn counts(&self, namespace: &str) -> bool {
        self.standing(namespace) == Standing::Counts
    }

    /// The flag without which pods there would not count, and its value; empty where they do anyway.
    pub fn flag_for(&self, namespace: &str) -> Vec<String> {
        let others = Self {
            named: None,
            looked_into: None,
            ..self.clone()
        };
        if others.counts(namespace) {
            Vec::new()
        } else {
            vec!["--pod-namespace".to_owned(), namespace.to_owned()]
        }
    }

    /// Namespaces that are not tried, and why; nothing where one is named.
    pub fn passed_over(&self) -> Vec<String> {
        if self.named.is_some() {
            return Vec::new();
        }
        let own = match &self.own {
            Own::Labelled => None,
            Own::Missing => Some(format!("{OWN}: there is no such namespace")),
            Own::Unlabelled | Own::Unread(_) => self.note(),
        };
        let kubevirt = match &self.kubevirt {
            Home::At(_) => None,
            Home::Nowhere => Some("KubeVirt's own: the cluster has no KubeVirt".to_owned()),
            Home::Unread(why) => Some(format!("KubeVirt's own: which one that is could not be read ({why})")),
        };
        own.into_iter().chain(kubevirt).collect()
    }

    /// What a plan says of a `vmchaos` that somebody may expect to be used.
    pub fn note(&self) -> Option<String> {
        match &self.own {
            _ if self.named.is_some() => None,
            Own::Labelled | Own::Missing => None,
            Own::Unlabelled => Some(format!("{OWN}: it exists and lacks the label {LABEL}={ALLOWED}")),
            Own::Unread(why) => Some(format!(
                "{OWN}: whether it is labelled {LABEL}={ALLOWED} could not be read ({why})"
            )),
        }
    }

    /// The commands with which a cluster administrator makes `vmchaos` take debug pods; `flags` lead to this cluster.
    pub fn prepare(&self, flags: &[String]) -> String {
        let label = CommandLine::new("kubectl label namespace")
            .arg(OWN)
            .arg(format!("{LABEL}={ALLOWED}"))
            .own("pod-security.kubernetes.io/enforce=privileged");
        let line = match self.own {
            Own::Missing | Own::Unread(_) => CommandLine::new("kubectl create namespace")
                .arg(OWN)
                .and(label)
                .to("to prepare a namespace that only operators may use: "),
            Own::Labelled | Own::Unlabelled => label
                .own("--overwrite")
                .to("to prepare vmchaos, where only operators may use pods in it: "),
        };
        line.each_with(flags).into()
    }

    /// KubeVirt's own, where it is known.
    pub fn kubevirt(&self) -> Option<&str> {
        match &self.kubevirt {
            Home::At(namespace) => Some(namespace),
            Home::Nowhere | Home::Unread(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "pod_namespace_tests.rs"]
mod tests;
