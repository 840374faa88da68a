//! The guards of every command that puts a fault on VMs: the config file, what is protected, and what a plan has to pass.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Context;
use super::stop::Stop;
use super::targets::Candidates;
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::protection::{Protection, everyone, protection};
use crate::cluster::{Cluster, ClusterError, Reach, Selection};
use crate::command_line::CommandLine;
use crate::fault::{PROTECTED, Unfit};
use crate::plan::guards::beside::Beside;
use crate::plan::guards::config::Config;
use crate::plan::guards::{self, Crowd, Facts, Known, Place, Verdict};
use crate::run::lookout;
use crate::ui::escape;

/// The guards as this user has set them.
#[derive(Debug)]
pub(super) struct Guards {
    config: Config,
    /// Where the config file is, or would be.
    file: String,
}

/// What was seen beside the VMs that were chosen.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    pub evacuating: Vec<Place>,
    pub cordoned: Vec<String>,
    pub protection: Protection,
    /// Namespace KubeVirt is installed in, where it may be known.
    pub kubevirt: Option<String>,
}

/// The config file (XDG Base Directory): `$XDG_CONFIG_HOME/kubectl-vmchaos/config.yaml`, `~/.config/…`, on Windows `%APPDATA%`.
fn path() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let folder = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .or_else(|| absolute("APPDATA"))?;
    Some(folder.join("kubectl-vmchaos").join("config.yaml"))
}

// === impl Guards ===

impl Guards {
    /// Reads the config file; nothing is asked of a cluster before. That there is none is fine.
    pub(super) fn read() -> Result<Self, Stop> {
        let Some(path) = path() else {
            return Ok(Self {
                config: Config::default(),
                file: "~/.config/kubectl-vmchaos/config.yaml".to_owned(),
            });
        };
        let file = escape(&path.display().to_string());
        let refused = |why: String| {
            Stop::refused("config-file", why).hint("put the file right, or move it away; the README has every key")
        };
        let config = match std::fs::read_to_string(&path) {
            Ok(text) => Config::parse(&text).map_err(|why| refused(format!("{file}: {}", escape(&why))))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Config::default(),
            Err(error) => return Err(refused(format!("{file} cannot be read: {error}"))),
        };
        Ok(Self { config, file })
    }

    /// What a search finds, and beside it what is protected; unless a signal comes first.
    pub(super) async fn search<S>(
        &self,
        context: &Context,
        cluster: &Cluster,
        selection: &Selection,
        search: impl Future<Output = Result<S, ClusterError>>,
    ) -> Result<(S, Protection), Stop> {
        let both = Box::pin(async {
            let (found, protection) = tokio::join!(search, protection(cluster, selection));
            // The search first: without KubeVirt that is the error to show.
            Ok((found?, protection?))
        });
        context.unless_signalled(both).await
    }

    /// Why nothing is done to this VM; `annotated` is its VMI.
    fn protected(
        &self,
        protection: &Protection,
        namespace: &str,
        name: &str,
        annotated: bool,
        flags: &[String],
    ) -> Option<Unfit> {
        let by_annotation = || {
            let of_vmi = annotated.then_some("vmi");
            let annotate = CommandLine::new("kubectl annotate");
            let (words, place) = match protection.of(namespace, name).or(of_vmi)? {
                "namespace" => ("is in a protected namespace", annotate.own("namespace").arg(namespace)),
                kind => ("is protected", annotate.arg(kind).arg(name).flag("-n", namespace)),
            };
            let off = place.arg(format!("{PROTECTED}-")).each_with(flags);
            Some((
                format!("{words} (annotation {PROTECTED})"),
                off.to("to change that: ").into(),
            ))
        };
        let (reason, hint) = guards::protected(&self.config, &self.file, namespace, name).or_else(by_annotation)?;
        Some(Unfit {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            reason,
            hint: Some(hint),
        })
    }

    /// Marks what is protected, whichever the fault.
    pub(super) fn keep_off_all(&self, cluster: &Cluster, rows: &mut [Reach], protection: &Protection) {
        let flags = cluster.flags();
        for row in rows {
            if let Some(unfit) = self.protected(protection, &row.namespace, &row.name, row.protected, flags) {
                row.fault = Err(unfit.clone());
                row.migrate = Err(unfit.clone());
                row.outage = Err(unfit);
            }
        }
    }

    /// Marks what is protected among the candidates, and keeps what was seen beside them.
    pub(super) fn keep_off<T>(&self, cluster: &Cluster, found: &mut Candidates<T>, protection: Protection) {
        let flags = cluster.flags();
        for row in &mut found.rows {
            let [namespace, name, ..] = &row.cells;
            if let Some(unfit) = self.protected(&protection, namespace, name, row.protected, flags) {
                row.fault = Err(unfit);
            }
        }
        found.around.protection = protection;
    }

    /// What the guards say of a plan, after a look at what else is going on; an error where they refuse it.
    pub(super) async fn look(&self, cluster: &Cluster, facts: &Facts, around: &Around) -> Result<Verdict, Stop> {
        let namespaces: BTreeSet<String> = facts.vms.iter().map(|place| place.namespace.clone()).collect();
        let (crowd, beside) = tokio::join!(
            self.crowd(cluster, facts, &namespaces),
            lookout::beside(cluster, &namespaces, around.kubevirt.as_deref())
        );
        let ((crowd, closed), mut beside) = (crowd?, beside?);
        add(&mut beside, around);
        if !closed.is_empty() {
            let places = closed.join(", ");
            beside.blind.push(format!(
                "how many VMIs there are in {places} (listing them is not permitted)"
            ));
        }
        let verdict = guards::judge(&Known {
            config: &self.config,
            file: &self.file,
            facts,
            crowd: &crowd,
            beside: &beside,
        });
        let Some(first) = verdict.refusals.first() else {
            return Ok(verdict);
        };
        let told = verdict.refusals.iter();
        let told = told.map(|refusal| format!("guard {}: {}", refusal.guard, refusal.message));
        let hints = verdict
            .refusals
            .iter()
            .map(|refusal| cluster.lead(refusal.hint.clone()));
        Err(Stop::refused(first.guard, told.collect::<Vec<_>>().join("; "))
            .hint(hints.collect::<Vec<_>>().join("\nhint: ")))
    }

    /// How many VMIs there are where it matters, and the namespaces that may not be looked into.
    async fn crowd(
        &self,
        cluster: &Cluster,
        facts: &Facts,
        namespaces: &BTreeSet<String>,
    ) -> Result<(Crowd, Vec<String>), ClusterError> {
        let mut crowd = Crowd::default();
        if !guards::counts(&self.config, facts.vms.len()) {
            return Ok((crowd, Vec::new()));
        }
        let found = everyone(cluster, namespaces, guards::counts_nodes(&self.config)).await?;
        crowd.narrow = found.narrow || !found.closed.is_empty();
        for (namespace, node) in found.places {
            *crowd.in_namespace.entry(namespace).or_default() += 1;
            *crowd.on_node.entry(node).or_default() += 1;
        }
        Ok((crowd, found.closed))
    }
}

/// What the search for the VMs has seen already.
fn add(beside: &mut Beside, around: &Around) {
    beside.evacuating.clone_from(&around.evacuating);
    beside.cordoned.clone_from(&around.cordoned);
    beside.blind.extend(around.protection.blind.iter().cloned());
}

/// What a plan comes to, apart from how long it lasts and what is lost.
pub(super) fn facts<'a>(
    cluster: &Cluster,
    fault: &'static str,
    vms: impl IntoIterator<Item = (&'a String, &'a String, &'a String)>,
    matched: usize,
) -> Facts {
    Facts {
        fault,
        vms: vms
            .into_iter()
            .map(|(namespace, name, node)| place(namespace, name, node))
            .collect(),
        matched,
        typed_name: cluster.typed_name().to_owned(),
        goes_by: vec![
            cluster.context.clone(),
            cluster.cluster_name.clone(),
            cluster.server.clone(),
        ],
        ..Facts::default()
    }
}

pub(super) fn place(namespace: &str, name: &str, node: &str) -> Place {
    Place {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        node: node.to_owned(),
    }
}

/// A plan, with what the guards add to it.
pub(super) fn shown(mut text: String, verdict: &Verdict) -> String {
    for line in &verdict.lines {
        text.push_str("  guards: ");
        text.push_str(&escape(line));
        text.push('\n');
    }
    text
}

impl Around {
    /// Where KubeVirt is, as an installation says.
    pub(super) fn at(kubevirt: Option<&KubeVirt>, cordoned: Vec<String>) -> Self {
        Self {
            kubevirt: kubevirt.map(|kubevirt| kubevirt.namespace().to_owned()),
            cordoned,
            ..Self::default()
        }
    }
}
