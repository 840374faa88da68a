//! Asking the API server what we may do, before anything is done.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, PostParams};

use super::Cluster;
use super::error::Ask;
use super::rules::{Needed, Rule, RuleScope};
use crate::command_line::CommandLine;
use crate::escape::escape;

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

// === impl Access ===

impl Access {
    /// Whether the fault cannot be done because of this.
    pub fn blocks(&self) -> bool {
        self.rule.needed == Needed::Required && matches!(self.verdict, Verdict::Denied(_))
    }

    /// The command that asks the same question.
    pub fn can_i(&self) -> CommandLine {
        let asks = CommandLine::new("kubectl auth can-i")
            .arg(self.rule.verb)
            .arg(self.rule.qualified());
        match &self.namespace {
            Some(namespace) => asks.flag("-n", namespace),
            None => asks,
        }
    }
}

/// Where rules are to hold.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Namespaces of the VMIs; none means all.
    pub vmis: &'a [String],
    /// Of the debug pods; empty where there are none.
    pub pods: &'a str,
    /// KubeVirt's; what is to hold there is not asked about where that is not known.
    pub kubevirt: Option<&'a str>,
}

/// Asks the API server about every rule in every place it must hold, all at once. A server that does not answer the question
/// makes the verdict [`Verdict::Unknown`].
pub async fn review(cluster: &Cluster, rules: &[Rule], places: Places<'_>) -> Vec<Access> {
    ask_all(cluster, questions(rules, places)).await
}

/// Asks about each rule in the namespace beside it, all at once.
pub(crate) async fn ask_all(cluster: &Cluster, questions: Vec<(Rule, Option<String>)>) -> Vec<Access> {
    let asked = questions
        .into_iter()
        .map(|(rule, namespace)| ask(cluster, rule, namespace));
    join_all(asked).await
}

/// Every rule with each place it must hold in; the same question is asked once.
pub(crate) fn questions(rules: &[Rule], places: Places<'_>) -> Vec<(Rule, Option<String>)> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for rule in rules {
        let namespaces: Vec<Option<String>> = match rule.scope {
            RuleScope::Cluster => vec![None],
            RuleScope::PodNamespace => vec![Some(places.pods.to_owned())],
            RuleScope::KubeVirtNamespace => places.kubevirt.iter().map(|name| Some((*name).to_owned())).collect(),
            RuleScope::VmiNamespace if places.vmis.is_empty() => vec![None],
            RuleScope::VmiNamespace => places.vmis.iter().cloned().map(Some).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::rules::{LAUNCHER_IMAGE, Needed, RuleScope, in_cluster, pods, vmis};

    const RULES: &[Rule] = &[
        vmis("list", Needed::Required),
        pods("list", RuleScope::VmiNamespace),
        LAUNCHER_IMAGE,
        pods("create", RuleScope::PodNamespace),
        pods("list", RuleScope::PodNamespace),
        Rule {
            subresource: Some("attach"),
            ..pods("create", RuleScope::PodNamespace)
        },
        in_cluster("list", "", "nodes", ""),
    ];

    fn access(rule: Rule, namespace: Option<&str>, verdict: Verdict) -> Access {
        Access {
            rule,
            namespace: namespace.map(str::to_owned),
            verdict,
        }
    }

    fn rule(verb: &str, qualified: &str) -> Rule {
        *RULES
            .iter()
            .find(|rule| rule.verb == verb && rule.qualified() == qualified)
            .unwrap()
    }

    fn places<'a>(vmis: &'a [String], pods: &'a str, kubevirt: Option<&'a str>) -> Places<'a> {
        Places { vmis, pods, kubevirt }
    }

    #[test]
    fn the_same_question_is_asked_once() {
        let all = questions(RULES, places(&["shop".into()], "shop", Some("shop")));
        let lists: Vec<_> = all
            .iter()
            .filter(|(rule, place)| rule.verb == "list" && rule.qualified() == "pods" && place.is_some())
            .collect();
        assert_eq!(lists.len(), 1);
    }

    #[test]
    fn without_a_namespace_the_whole_cluster_is_asked_about() {
        let all = questions(RULES, places(&[], "vmchaos", None));
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
            rule("list", "virtualmachineinstances.kubevirt.io"),
            Some("shop"),
            Verdict::Allowed,
        );
        assert_eq!(
            list.can_i().to_string(),
            "kubectl auth can-i list virtualmachineinstances.kubevirt.io -n shop"
        );
        let attach = access(rule("create", "pods/attach"), Some("a"), Verdict::Allowed);
        assert_eq!(attach.can_i().to_string(), "kubectl auth can-i create pods/attach -n a");
        assert_eq!(
            access(rule("list", "nodes"), None, Verdict::Allowed)
                .can_i()
                .to_string(),
            "kubectl auth can-i list nodes"
        );
    }

    #[test]
    fn only_what_is_required_and_denied_blocks() {
        let denied = || Verdict::Denied(String::new());
        assert!(access(rule("create", "pods"), Some("a"), denied()).blocks());
        assert!(!access(rule("create", "pods"), Some("a"), Verdict::Unknown("x".into())).blocks());
        assert!(!access(rule("list", "nodes"), None, denied()).blocks());
    }
}
