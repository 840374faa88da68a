//! The least that each command needs, as cluster roles to apply and bind: `plugin-manifest/rbac` holds them.

use std::fmt::Write as _;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::ObjectMeta;
use serde::Serialize;

use crate::cluster::rules::{Needed, Rule, RuleScope};
use crate::faults::registry::FAULTS;
use crate::permissions::looking::{HALT, LIST, STATUS};

/// A command, and everything it needs permission for.
#[derive(Debug, Clone, Copy)]
pub struct CommandRules {
    pub command: &'static str,
    pub rules: &'static [Rule],
}

/// Every command that has a role of its own. `check` only asks, and may lack anything it asks about.
pub fn commands() -> Vec<CommandRules> {
    let rules = |command, rules| CommandRules { command, rules };
    let faults = FAULTS.iter().map(|kind| rules(kind.command, kind.rules));
    let looking = [rules("list", LIST), rules("status", STATUS), rules("halt", HALT)];
    faults.chain(looking).collect()
}

/// A role's place: what ends its name, where it is to be bound, and with what.
const PLACES: [(RuleScope, &str, &str, &str); 4] = [
    (
        RuleScope::VmiNamespace,
        "",
        "in each namespace that has the VMs",
        "rolebinding -n VMS",
    ),
    (
        RuleScope::PodNamespace,
        PODS_END,
        "in the namespace of the debug pods, which a cluster administrator makes for them",
        "rolebinding -n vmchaos",
    ),
    (
        RuleScope::KubeVirtNamespace,
        "-kubevirt",
        "in the namespace KubeVirt is installed in",
        "rolebinding -n kubevirt",
    ),
    (
        RuleScope::Cluster,
        "-cluster",
        "in the whole cluster",
        "clusterrolebinding",
    ),
];

const PODS_END: &str = "-pods";

/// How the namespace of debug pods is made; before the command that binds the role there.
const PREPARE: &str = "\
#     kubectl create namespace vmchaos
#     kubectl label namespace vmchaos vmchaos.dev/debug-pods=allowed pod-security.kubernetes.io/enforce=privileged
";

/// What the role amounts to, and what it costs to bind it elsewhere; after that command.
const PRICE: &str = "
#   What it amounts to: whoever may make pods there, or exec into one, is root on every node. Only operators should, and
#   nothing else should run there. Without such a namespace debug pods go to KubeVirt's own, -n kubevirt, at this price: pods
#   made there may also run as KubeVirt's service accounts, so that `pods: create` is root on every node and control of KubeVirt,
#   of every VM and of whatever else virt-operator may change.";

// === impl CommandRules ===

impl CommandRules {
    /// The roles as YAML, with what is lost without a rule above each that can be left out.
    pub fn yaml(&self) -> String {
        let command = self.command;
        let mut text = format!("# What `kubectl vmchaos {command}` needs, and no more. Bind a role to USER:\n");
        // Writing to a String cannot fail.
        for (_, end, place, binding) in self.places() {
            let (kind, flags) = binding.split_once(' ').unwrap_or((binding, ""));
            let flags = if flags.is_empty() {
                String::new()
            } else {
                format!(" {flags}")
            };
            let is_of_pods = end == PODS_END;
            let _ = writeln!(
                text,
                "#   {place}:\n{}#     kubectl create {kind} vmchaos-{command}{end}{flags} --clusterrole=vmchaos-{command}{end} --user=USER{}",
                if is_of_pods { PREPARE } else { "" },
                if is_of_pods { PRICE } else { "" },
            );
        }
        text.push_str(
            "# Written from the table that `kubectl vmchaos check` asks by: VMCHAOS_UPDATE=1 cargo test --test library rbac\n",
        );
        for (scope, end, ..) in self.places() {
            let role = ClusterRole {
                metadata: ObjectMeta {
                    name: Some(format!("vmchaos-{command}{end}")),
                    labels: Some([("app.kubernetes.io/part-of".to_owned(), "kubectl-vmchaos".to_owned())].into()),
                    ..ObjectMeta::default()
                },
                ..ClusterRole::default()
            };
            // The rules follow one by one, for a comment is no part of any type.
            let _ = write!(text, "---\n{}rules:\n{}", yaml(&role), self.rules_in(scope));
        }
        text
    }

    fn places(&self) -> impl Iterator<Item = (RuleScope, &'static str, &'static str, &'static str)> {
        PLACES
            .into_iter()
            .filter(|(scope, ..)| self.rules.iter().any(|rule| rule.scope == *scope))
    }

    /// The rules of one place in the table's order; those on one resource that are lost alike stand together.
    fn rules_in(&self, scope: RuleScope) -> String {
        let mut groups: Vec<(&Rule, Vec<&str>)> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.scope == scope) {
            let same = |other: &Rule| {
                (other.group, other.in_role(), other.needed) == (rule.group, rule.in_role(), rule.needed)
            };
            match groups.iter_mut().find(|(other, _)| same(other)) {
                Some((_, verbs)) => verbs.push(rule.verb),
                None => groups.push((rule, vec![rule.verb])),
            }
        }
        let mut text = String::new();
        for (rule, verbs) in groups {
            if let Needed::Optional(lost) = rule.needed {
                let _ = writeln!(text, "# Without it {lost}.");
            }
            text.push_str(&yaml(&[policy_rule(rule.group, rule.in_role(), verbs)]));
        }
        text
    }
}

/// One entry of a role's `rules`.
pub(super) fn policy_rule<'a>(group: &str, resource: String, verbs: impl IntoIterator<Item = &'a str>) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource]),
        verbs: verbs.into_iter().map(str::to_owned).collect(),
        ..PolicyRule::default()
    }
}

/// A role, or a part of one. What holds nothing but texts and lists can always be written; else nothing of it would be applied.
pub(crate) fn yaml(role: &impl Serialize) -> String {
    serde_saphyr::to_string(role).unwrap_or_else(|error| format!("# not written: {error}\n"))
}
