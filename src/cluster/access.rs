//! What a fault needs permission for: one table, from which the preflight asks and the missing RBAC is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, PostParams};

use super::client::Cluster;
use super::error::Ask;
use super::escape::escape;

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub verb: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    pub resource: &'static str,
    pub subresource: Option<&'static str>,
    pub scope: RuleScope,
    pub needed: Needed,
}

/// Where a permission must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleScope {
    /// In the namespace of each VMI.
    VmiNamespace,
    /// In the namespace the debug pods are created in.
    PodNamespace,
    /// In the whole cluster.
    Cluster,
}

/// Whether the fault can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Required,
    /// What is lost without it.
    Optional(&'static str),
}

/// The answer to one rule in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub rule: Rule,
    /// `None` for the whole cluster.
    pub namespace: Option<String>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// The authorizer's reason; often empty.
    Denied(String),
    /// The server could not be asked; not the same as denied.
    Unknown(String),
}

const fn rule(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: Option<&'static str>,
    scope: RuleScope,
    needed: Needed,
) -> Rule {
    Rule {
        verb,
        group,
        resource,
        subresource,
        scope,
        needed,
    }
}

/// What `netem` needs.
pub const NETEM: &[Rule] = {
    use Needed::{Optional, Required};
    use RuleScope::{Cluster, PodNamespace, VmiNamespace};
    const FOLLOW: Needed = Optional("a VM that moves or restarts during the fault is noticed late");
    const EVENTS: Needed = Optional("no Event is left on the VMI");
    &[
        rule(
            "list",
            "kubevirt.io",
            "virtualmachineinstances",
            None,
            VmiNamespace,
            Required,
        ),
        rule(
            "get",
            "kubevirt.io",
            "virtualmachineinstances",
            None,
            VmiNamespace,
            Required,
        ),
        rule(
            "watch",
            "kubevirt.io",
            "virtualmachineinstances",
            None,
            VmiNamespace,
            FOLLOW,
        ),
        rule("list", "", "pods", None, VmiNamespace, Required),
        rule("create", "", "pods", None, PodNamespace, Required),
        rule("get", "", "pods", None, PodNamespace, Required),
        rule("list", "", "pods", None, PodNamespace, Required),
        rule("watch", "", "pods", None, PodNamespace, Required),
        rule("delete", "", "pods", None, PodNamespace, Required),
        // Attaching is a GET over WebSocket and a create by what it does; servers check the one or the other.
        rule("get", "", "pods", Some("attach"), PodNamespace, Required),
        rule("create", "", "pods", Some("attach"), PodNamespace, Required),
        rule("create", "events.k8s.io", "events", None, VmiNamespace, EVENTS),
        rule(
            "get",
            "",
            "namespaces",
            None,
            Cluster,
            Optional("a namespace that does not exist looks like an empty one"),
        ),
        rule(
            "list",
            "",
            "nodes",
            None,
            Cluster,
            Optional("a node that is not Ready is noticed only when its pod does not start"),
        ),
        rule(
            "list",
            "kubevirt.io",
            "kubevirts",
            None,
            Cluster,
            Optional("interfaces of binding plugins cannot be told apart"),
        ),
    ]
};

// === impl Rule ===

impl Rule {
    /// `pods/attach`, `virtualmachineinstances.kubevirt.io`
    pub fn qualified(&self) -> String {
        let resource = match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.to_owned(),
        };
        // kubectl takes the group between resource and subresource.
        match (self.group, self.subresource) {
            ("", _) => resource,
            (group, None) => format!("{resource}.{group}"),
            (group, Some(subresource)) => format!("{}.{group}/{subresource}", self.resource),
        }
    }

    /// As it stands in a Role's `resources`.
    fn in_role(&self) -> String {
        self.subresource
            .map_or_else(|| self.resource.to_owned(), |sub| format!("{}/{sub}", self.resource))
    }
}

impl Access {
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allowed
    }

    /// Whether the fault cannot be done because of this.
    pub fn blocks(&self) -> bool {
        self.rule.needed == Needed::Required && matches!(self.verdict, Verdict::Denied(_))
    }

    /// The command that asks the same question.
    pub fn can_i(&self) -> String {
        let place = match &self.namespace {
            Some(namespace) => format!(" -n {namespace}"),
            None => String::new(),
        };
        format!("kubectl auth can-i {} {}{place}", self.rule.verb, self.rule.qualified())
    }
}

/// Asks the API server about every rule in every place it must hold, all at once.
///
/// `vmi_namespaces` empty means all namespaces. A server that does not answer the question makes the verdict
/// [`Verdict::Unknown`].
pub async fn review(cluster: &Cluster, rules: &[Rule], vmi_namespaces: &[String], pod_namespace: &str) -> Vec<Access> {
    let questions = places(rules, vmi_namespaces, pod_namespace);
    join_all(
        questions
            .into_iter()
            .map(|(rule, namespace)| ask(cluster, rule, namespace)),
    )
    .await
}

/// Every rule with each place it must hold in; the same question is asked once.
fn places(rules: &[Rule], vmi_namespaces: &[String], pod_namespace: &str) -> Vec<(Rule, Option<String>)> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for rule in rules {
        let namespaces: Vec<Option<String>> = match rule.scope {
            RuleScope::Cluster => vec![None],
            RuleScope::PodNamespace => vec![Some(pod_namespace.to_owned())],
            RuleScope::VmiNamespace if vmi_namespaces.is_empty() => vec![None],
            RuleScope::VmiNamespace => vmi_namespaces.iter().cloned().map(Some).collect(),
        };
        for namespace in namespaces {
            if seen.insert((rule.verb, rule.qualified(), namespace.clone())) {
                all.push((*rule, namespace));
            }
        }
    }
    all
}

async fn ask(cluster: &Cluster, rule: Rule, namespace: Option<String>) -> Access {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: Some(rule.verb.to_owned()),
                group: Some(rule.group.to_owned()),
                resource: Some(rule.resource.to_owned()),
                subresource: rule.subresource.map(str::to_owned),
                namespace: namespace.clone(),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api = Api::<SelfSubjectAccessReview>::all(cluster.client.clone());
    let verdict = match api.create(&PostParams::default(), &review).await {
        Err(error) => {
            let ask = Ask::new("create", "authorization.k8s.io", "selfsubjectaccessreviews");
            Verdict::Unknown(cluster.explain(&error, &ask).message)
        }
        Ok(answer) => match answer.status {
            Some(status) if status.allowed => Verdict::Allowed,
            Some(status) if status.evaluation_error.is_some() && status.denied != Some(true) => {
                Verdict::Unknown(escape(&status.evaluation_error.unwrap_or_default()))
            }
            Some(status) => Verdict::Denied(escape(&status.reason.unwrap_or_default())),
            None => Verdict::Unknown("the server gave no verdict".to_owned()),
        },
    };
    Access {
        rule,
        namespace,
        verdict,
    }
}

/// Roles that grant what is missing, as YAML for `kubectl apply -f -`; `None` when nothing is denied.
///
/// They are named `vmchaos-netem` and so on by `fault`; whoever may grant them still has to bind them to a user.
pub fn missing_rbac(fault: &str, reviewed: &[Access]) -> Option<String> {
    /// Verbs by API group and resource.
    type Verbs = BTreeMap<(String, String), BTreeSet<&'static str>>;
    let mut roles: BTreeMap<Option<&str>, Verbs> = BTreeMap::new();
    for access in reviewed
        .iter()
        .filter(|access| matches!(access.verdict, Verdict::Denied(_)))
    {
        roles
            .entry(access.namespace.as_deref())
            .or_default()
            .entry((access.rule.group.to_owned(), access.rule.in_role()))
            .or_default()
            .insert(access.rule.verb);
    }
    if roles.is_empty() {
        return None;
    }
    let mut text = String::new();
    for (namespace, rules) in &roles {
        let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: vmchaos-{fault}\n"
        );
        if let Some(namespace) = namespace {
            let _ = writeln!(text, "  namespace: {namespace}");
        }
        text.push_str("rules:\n");
        for ((group, resource), verbs) in rules {
            let verbs: Vec<&str> = verbs.iter().copied().collect();
            let _ = writeln!(
                text,
                "- apiGroups: [\"{group}\"]\n  resources: [\"{resource}\"]\n  verbs: [\"{}\"]",
                verbs.join("\", \"")
            );
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(rule: Rule, namespace: Option<&str>, verdict: Verdict) -> Access {
        Access {
            rule,
            namespace: namespace.map(str::to_owned),
            verdict,
        }
    }

    fn netem(verb: &str, qualified: &str) -> Rule {
        *NETEM
            .iter()
            .find(|rule| rule.verb == verb && rule.qualified() == qualified)
            .unwrap()
    }

    #[test]
    fn attaching_needs_both_verbs() {
        let attach: Vec<&str> = NETEM
            .iter()
            .filter(|rule| rule.subresource == Some("attach"))
            .map(|rule| rule.verb)
            .collect();
        assert_eq!(attach, ["get", "create"]);
    }

    #[test]
    fn the_same_question_is_asked_once() {
        let all = places(NETEM, &["shop".into()], "shop");
        let lists: Vec<_> = all
            .iter()
            .filter(|(rule, _)| rule.verb == "list" && rule.qualified() == "pods")
            .collect();
        assert_eq!(lists.len(), 1);
    }

    #[test]
    fn without_a_namespace_the_whole_cluster_is_asked_about() {
        let all = places(NETEM, &[], "vmchaos");
        assert!(
            all.iter()
                .any(|(rule, place)| rule.resource == "virtualmachineinstances" && place.is_none())
        );
        assert!(
            all.iter()
                .any(|(rule, place)| rule.verb == "create" && place.as_deref() == Some("vmchaos"))
        );
    }

    #[test]
    fn the_line_that_asks_again() {
        let list = access(
            netem("list", "virtualmachineinstances.kubevirt.io"),
            Some("shop"),
            Verdict::Allowed,
        );
        assert_eq!(
            list.can_i(),
            "kubectl auth can-i list virtualmachineinstances.kubevirt.io -n shop"
        );
        let attach = access(netem("create", "pods/attach"), Some("a"), Verdict::Allowed);
        assert_eq!(attach.can_i(), "kubectl auth can-i create pods/attach -n a");
        assert_eq!(
            access(netem("list", "nodes"), None, Verdict::Allowed).can_i(),
            "kubectl auth can-i list nodes"
        );
    }

    #[test]
    fn only_what_is_required_and_denied_blocks() {
        let denied = || Verdict::Denied(String::new());
        assert!(access(netem("create", "pods"), Some("a"), denied()).blocks());
        assert!(!access(netem("create", "pods"), Some("a"), Verdict::Unknown("x".into())).blocks());
        assert!(!access(netem("list", "nodes"), None, denied()).blocks());
    }

    #[test]
    fn the_missing_permissions_as_roles() {
        let denied = || Verdict::Denied(String::new());
        let reviewed = [
            access(netem("create", "pods"), Some("vmchaos"), denied()),
            access(netem("delete", "pods"), Some("vmchaos"), denied()),
            access(netem("create", "pods/attach"), Some("vmchaos"), denied()),
            access(netem("get", "pods"), Some("vmchaos"), Verdict::Allowed),
            access(netem("list", "nodes"), None, denied()),
        ];
        insta::assert_snapshot!(missing_rbac("netem", &reviewed).unwrap(), @r#"
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          name: vmchaos-netem
        rules:
        - apiGroups: [""]
          resources: ["nodes"]
          verbs: ["list"]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata:
          name: vmchaos-netem
          namespace: vmchaos
        rules:
        - apiGroups: [""]
          resources: ["pods"]
          verbs: ["create", "delete"]
        - apiGroups: [""]
          resources: ["pods/attach"]
          verbs: ["create"]
        "#);
        assert_eq!(
            missing_rbac("netem", &[access(netem("get", "pods"), None, Verdict::Allowed)]),
            None
        );
    }
}
