//! Whether a node has what a VMI's required node affinity asks for.
//!
//! Terms are alternatives, the requirements of one all have to be met, and a term without any is met by no node (Kubernetes'
//! `component-helpers/scheduling/corev1/nodeaffinity`, 1.20 to 1.34). KubeVirt copies the affinity to every launcher pod,
//! the target of a migration too.

use k8s_openapi::api::core::v1::{Affinity, NodeSelectorRequirement, NodeSelectorTerm};

use super::nodes::Node;

/// What is preferred only, and what concerns other pods, is not looked at.
pub(crate) fn admits(affinity: Option<&Affinity>, node: &Node) -> bool {
    let of_nodes = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let required = of_nodes.and_then(|of| of.required_during_scheduling_ignored_during_execution.as_ref());
    required.is_none_or(|required| required.node_selector_terms.iter().any(|term| is_met(term, node)))
}

fn is_met(term: &NodeSelectorTerm, node: &Node) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let of_label = |requirement: &NodeSelectorRequirement| {
        let label = node.labels.get(&requirement.key).map(String::as_str);
        holds(requirement, label)
    };
    // `metadata.name` is the only field there is.
    let of_name = |requirement: &NodeSelectorRequirement| holds(requirement, Some(&node.name));
    !(labels.is_empty() && fields.is_empty()) && labels.iter().all(of_label) && fields.iter().all(of_name)
}

/// An operator that is not known here is taken to hold: the scheduler decides.
fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let among = || value.is_some_and(|value| values.iter().any(|one| one == value));
    let number = |text: &str| text.parse::<i64>().ok();
    let numbers = || {
        value
            .and_then(number)
            .zip(values.first().and_then(|value| number(value)))
    };
    match requirement.operator.as_str() {
        "In" => among(),
        "NotIn" => !among(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(has, than)| has > than),
        "Lt" => numbers().is_some_and(|(has, than)| has < than),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node() -> Node {
        Node {
            name: "a".into(),
            labels: [
                ("zone".to_owned(), "east".to_owned()),
                ("cores".to_owned(), "8".to_owned()),
            ]
            .into(),
            ..Node::default()
        }
    }

    fn affinity(terms: &Value) -> Affinity {
        let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
        serde_json::from_value(json!({"nodeAffinity": required})).unwrap()
    }

    #[test]
    fn every_operator_means_what_it_means_to_the_scheduler() {
        for (key, operator, values, met) in [
            ("zone", "In", json!(["west", "east"]), true),
            ("zone", "In", json!(["west"]), false),
            ("disk", "In", json!(["ssd"]), false),
            ("zone", "NotIn", json!(["west"]), true),
            ("zone", "NotIn", json!(["east"]), false),
            ("disk", "NotIn", json!(["ssd"]), true),
            ("zone", "Exists", Value::Null, true),
            ("disk", "Exists", Value::Null, false),
            ("zone", "DoesNotExist", Value::Null, false),
            ("disk", "DoesNotExist", Value::Null, true),
            ("cores", "Gt", json!(["4"]), true),
            ("cores", "Gt", json!(["8"]), false),
            ("cores", "Lt", json!(["16"]), true),
            ("cores", "Lt", json!(["8"]), false),
            ("zone", "Gt", json!(["4"]), false),
            ("disk", "Lt", json!(["4"]), false),
        ] {
            let term = json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]);
            assert_eq!(
                admits(Some(&affinity(&term)), &node()),
                met,
                "{key} {operator} {values}"
            );
        }
    }

    #[test]
    fn terms_are_alternatives_and_requirements_are_not() {
        let east = json!({"key": "zone", "operator": "In", "values": ["east"]});
        let ssd = json!({"key": "disk", "operator": "Exists"});
        let met = |terms: Value| admits(Some(&affinity(&terms)), &node());
        assert!(met(json!([{"matchExpressions": [ssd]}, {"matchExpressions": [east]}])));
        assert!(!met(json!([{"matchExpressions": [ssd, east]}])));
        assert!(!met(json!([{}])), "a term that asks for nothing is met by none");
        assert!(!met(json!([])));
    }

    #[test]
    fn a_node_is_known_by_its_name_too() {
        let named = |name: &str| {
            let field = json!({"key": "metadata.name", "operator": "In", "values": [name]});
            admits(Some(&affinity(&json!([{"matchFields": [field]}]))), &node())
        };
        assert!(named("a"));
        assert!(!named("b"));
    }

    #[test]
    fn what_is_preferred_only_forbids_nothing() {
        assert!(admits(None, &node()));
        let preferred = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
            [{"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}]}});
        assert!(admits(Some(&serde_json::from_value(preferred).unwrap()), &node()));
    }
}
