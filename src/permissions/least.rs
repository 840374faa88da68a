//! The least that some steps need, wherever each of them needs it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::roles::policy_rule;
use crate::cluster::access::{Places, questions};
use crate::cluster::rules::{Needed, Rule, RuleScope};

/// Rules, and where they are to hold.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) rules: Vec<Rule>,
    /// Namespaces of the VMIs; none means all.
    pub(crate) vmis: Vec<String>,
}

/// Every rule with the namespace it must hold in; `None` is the whole cluster. Each once, and none that another one covers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Least(Vec<(Rule, Option<String>)>);

// === impl Least ===

impl Least {
    /// `pods` is the namespace of debug pods, `kubevirt` KubeVirt's own as far as that is known.
    pub(crate) fn of(needs: &[Need], pods: &str, kubevirt: Option<&str>) -> Self {
        let mut all: Vec<(Rule, Option<String>)> = Vec::new();
        for need in needs {
            let places = Places {
                vmis: &need.vmis,
                pods,
                kubevirt,
            };
            for (rule, namespace) in questions(&need.rules, places) {
                let same = |(other, place): &&mut (Rule, Option<String>)| is_same(other, &rule) && *place == namespace;
                match all.iter_mut().find(same) {
                    // Of the same rule what is required counts.
                    Some((known, _)) if rule.needed == Needed::Required => *known = rule,
                    Some(_) => {}
                    None => all.push((rule, namespace)),
                }
            }
        }
        let everywhere: Vec<Rule> = all
            .iter()
            .filter(|(_, namespace)| namespace.is_none())
            .map(|(rule, _)| *rule)
            .collect();
        all.retain(|(rule, namespace)| namespace.is_none() || !everywhere.iter().any(|other| is_same(other, rule)));
        Self(all)
    }

    pub(crate) fn rules(&self) -> &[(Rule, Option<String>)] {
        &self.0
    }

    /// Whether any of it is to hold in KubeVirt's namespace.
    pub(crate) fn has_kubevirts(needs: &[Need]) -> bool {
        let mut rules = needs.iter().flat_map(|need| &need.rules);
        rules.any(|rule| rule.scope == RuleScope::KubeVirtNamespace)
    }

    /// The rules of a role for each namespace, and of the one for the whole cluster.
    pub(crate) fn roles(&self) -> BTreeMap<Option<String>, Vec<PolicyRule>> {
        /// Verbs by API group and resource.
        type Verbs<'a> = BTreeMap<(&'a str, String), BTreeSet<&'a str>>;
        let mut places: BTreeMap<Option<String>, Verbs<'_>> = BTreeMap::new();
        for (rule, namespace) in &self.0 {
            places
                .entry(namespace.clone())
                .or_default()
                .entry((rule.group, rule.in_role()))
                .or_default()
                .insert(rule.verb);
        }
        let rules = places.into_iter().map(|(namespace, rules)| {
            let rules = rules
                .into_iter()
                .map(|((group, resource), verbs)| policy_rule(group, resource, verbs));
            (namespace, rules.collect())
        });
        rules.collect()
    }
}

fn is_same(one: &Rule, other: &Rule) -> bool {
    (one.verb, one.group, one.resource, one.subresource) == (other.verb, other.group, other.resource, other.subresource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::rules::{everywhere, pods, vmis};

    #[test]
    fn a_rule_stands_once_and_the_widest_of_it_alone() {
        let need = |vmis: &[&str], rules: &[Rule]| Need {
            rules: rules.to_vec(),
            vmis: vmis.iter().map(|name| (*name).to_owned()).collect(),
        };
        let optional = Needed::Optional("");
        let needs = [
            need(
                &["shop"],
                &[vmis("list", optional), pods("list", RuleScope::VmiNamespace)],
            ),
            need(
                &["shop", "lab"],
                &[
                    vmis("list", Needed::Required),
                    everywhere(pods("list", RuleScope::Cluster), optional),
                ],
            ),
        ];
        let least = Least::of(&needs, "vmchaos", None);
        let all: Vec<_> = least
            .rules()
            .iter()
            .map(|(rule, place)| (rule.qualified(), rule.needed == Needed::Required, place.as_deref()))
            .collect();
        let vmis = "virtualmachineinstances.kubevirt.io".to_owned();
        assert_eq!(
            all,
            [
                (vmis.clone(), true, Some("shop")),
                (vmis, true, Some("lab")),
                ("pods".to_owned(), false, None)
            ]
        );
        assert_eq!(least.roles().len(), 3);
        assert!(!Least::has_kubevirts(&needs));
    }
}
