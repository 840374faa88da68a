//! The roles that grant what is missing, as YAML to apply.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::api::ObjectMeta;

use super::roles::{policy_rule, yaml};
use crate::cluster::access::{Access, Verdict};

/// Roles that grant what is missing, as YAML for `kubectl apply -f -`; `None` when nothing is denied.
///
/// They are named `vmchaos-netem` and so on by `fault`; whoever may grant them still has to bind them to a user.
pub fn missing_rbac(fault: &str, reviewed: &[Access]) -> Option<String> {
    /// Verbs by API group and resource.
    type Verbs = BTreeMap<(&'static str, String), BTreeSet<&'static str>>;
    let mut missing: BTreeMap<Option<&str>, Verbs> = BTreeMap::new();
    for access in reviewed
        .iter()
        .filter(|access| matches!(access.verdict, Verdict::Denied(_)))
    {
        missing
            .entry(access.namespace.as_deref())
            .or_default()
            .entry((access.rule.group, access.rule.in_role()))
            .or_default()
            .insert(access.rule.verb);
    }
    let documents = missing.into_iter().map(|(namespace, verbs)| {
        let rules = verbs
            .into_iter()
            .map(|((group, resource), verbs)| policy_rule(group, resource, verbs));
        let rules = Some(rules.collect());
        let metadata = ObjectMeta {
            name: Some(format!("vmchaos-{fault}")),
            namespace: namespace.map(str::to_owned),
            ..ObjectMeta::default()
        };
        let role = match namespace {
            Some(_) => yaml(&Role { metadata, rules }),
            None => yaml(&ClusterRole {
                metadata,
                rules,
                aggregation_rule: None,
            }),
        };
        format!("---\n{role}")
    });
    Some(documents.collect()).filter(|text: &String| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::rules::Rule;
    use crate::faults::packets::permissions::VM_PACKETS;

    fn access(rule: Rule, namespace: Option<&str>, verdict: Verdict) -> Access {
        Access {
            rule,
            namespace: namespace.map(str::to_owned),
            verdict,
        }
    }

    fn netem(verb: &str, qualified: &str) -> Rule {
        *VM_PACKETS
            .iter()
            .find(|rule| rule.verb == verb && rule.qualified() == qualified)
            .unwrap()
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
        - apiGroups:
          - ""
          resources:
          - nodes
          verbs:
          - list
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata:
          name: vmchaos-netem
          namespace: vmchaos
        rules:
        - apiGroups:
          - ""
          resources:
          - pods
          verbs:
          - create
          - delete
        - apiGroups:
          - ""
          resources:
          - pods/attach
          verbs:
          - create
        "#);
        assert_eq!(
            missing_rbac("netem", &[access(netem("get", "pods"), None, Verdict::Allowed)]),
            None
        );
    }
}
