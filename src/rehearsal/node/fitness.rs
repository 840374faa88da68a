//! Whether a node can take a pod: is it ready, is it meant for it, does the pod tolerate its taints.

use serde_json::Value;

use crate::{api::resources::NODES, cluster::Cluster, json as fields};

/// Whether a node reports that it is ready.
pub(crate) fn is_ready(node: &Value) -> bool {
    let ready =
        |condition: &Value| fields::text(condition, "/type") == "Ready" && fields::text(condition, "/status") == "True";
    fields::list(node, "/status/conditions").iter().any(ready)
}

/// Whether the node of that name is there and ready.
pub(crate) fn is_ready_by_name(cluster: &Cluster, node: &str) -> bool {
    cluster.get(&NODES, "", node).is_some_and(|node| is_ready(&node))
}

/// Whether a node has all labels of a selector.
pub(crate) fn selected(node: &Value, selector: &Value) -> bool {
    let has = |(key, value): (&String, &Value)| {
        node.pointer("/metadata/labels").and_then(|labels| labels.get(key)) == Some(value)
    };
    selector.as_object().into_iter().flatten().all(has)
}

/// The first taint with one of these effects that a pod does not tolerate.
pub(crate) fn untolerated<'a>(node: &'a Value, pod: &Value, effects: &[&str]) -> Option<&'a Value> {
    let tolerations = fields::list(pod, "/spec/tolerations");
    let taints = fields::list(node, "/spec/taints")
        .iter()
        .filter(|taint| effects.contains(&fields::text(taint, "/effect")));
    taints
        .into_iter()
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let same = |field: &str| fields::text(toleration, field) == fields::text(taint, field);
    let (key, effect) = (fields::text(toleration, "/key"), fields::text(toleration, "/effect"));
    let any_value = fields::text(toleration, "/operator") == "Exists";
    (key.is_empty() && any_value || same("/key"))
        && (effect.is_empty() || same("/effect"))
        && (any_value || same("/value"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn taints_and_tolerations() {
        let node = json!({"spec": {"taints": [{"key": "gpu", "value": "a", "effect": "NoExecute"}]}});
        let tolerated = |toleration: Value| {
            untolerated(&node, &json!({"spec": {"tolerations": [toleration]}}), &["NoExecute"]).is_none()
        };
        for toleration in [
            json!({"operator": "Exists"}),
            json!({"key": "gpu", "operator": "Exists"}),
            json!({"key": "gpu", "value": "a", "effect": "NoExecute"}),
        ] {
            assert!(tolerated(toleration.clone()), "{toleration}");
        }
        for toleration in [
            json!({"key": "gpu", "value": "b"}),
            json!({"key": "tpu", "operator": "Exists"}),
            json!({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}),
        ] {
            assert!(!tolerated(toleration.clone()), "{toleration}");
        }
        assert!(untolerated(&node, &json!({}), &["NoSchedule"]).is_none());
    }
}
