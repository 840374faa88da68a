//! The columns `kubectl get` shows: those of the built-in printers and of KubeVirt's CRDs.

use serde_json::{Value, json};

use super::resources::Resource;
use crate::{json as fields, time};

/// A column: its name, its type, and whether only `-o wide` shows it.
type Column = (&'static str, &'static str, bool);

const POD: &[Column] = &[
    ("Name", "string", false),
    ("Ready", "string", false),
    ("Status", "string", false),
    ("Restarts", "string", false),
    ("Age", "string", false),
    ("IP", "string", true),
    ("Node", "string", true),
    ("Nominated Node", "string", true),
    ("Readiness Gates", "string", true),
];
const NODE: &[Column] = &[
    ("Name", "string", false),
    ("Status", "string", false),
    ("Roles", "string", false),
    ("Age", "string", false),
    ("Version", "string", false),
    ("Internal-IP", "string", true),
    ("External-IP", "string", true),
    ("OS-Image", "string", true),
    ("Kernel-Version", "string", true),
    ("Container-Runtime", "string", true),
];
const NAMESPACE: &[Column] = &[
    ("Name", "string", false),
    ("Status", "string", false),
    ("Age", "string", false),
];
const EVENT: &[Column] = &[
    ("Last Seen", "string", false),
    ("Type", "string", false),
    ("Reason", "string", false),
    ("Object", "string", false),
    ("Subobject", "string", true),
    ("Source", "string", true),
    ("Message", "string", false),
    ("First Seen", "string", true),
    ("Count", "string", true),
    ("Name", "string", true),
];
const VMI: &[Column] = &[
    ("Name", "string", false),
    ("Age", "date", false),
    ("Phase", "string", false),
    ("IP", "string", false),
    ("NodeName", "string", false),
    ("Ready", "string", false),
    ("Live-Migratable", "string", true),
    ("Paused", "string", true),
];
const VM: &[Column] = &[
    ("Name", "string", false),
    ("Age", "date", false),
    ("Status", "string", false),
    ("Ready", "string", false),
];
const VMIM: &[Column] = &[
    ("Name", "string", false),
    ("Phase", "string", false),
    ("VMI", "string", false),
];
const KUBEVIRT: &[Column] = &[
    ("Name", "string", false),
    ("Age", "date", false),
    ("Phase", "string", false),
];
const OTHER: &[Column] = &[("Name", "string", false), ("Age", "date", false)];

fn columns(resource: &Resource) -> &'static [Column] {
    match resource.plural {
        "pods" => POD,
        "nodes" => NODE,
        "namespaces" => NAMESPACE,
        "events" => EVENT,
        "virtualmachineinstances" => VMI,
        "virtualmachines" => VM,
        "virtualmachineinstancemigrations" => VMIM,
        "kubevirts" => KUBEVIRT,
        _ => OTHER,
    }
}

/// The table's header.
pub(crate) fn header(resource: &Resource) -> Vec<Value> {
    columns(resource)
        .iter()
        .map(|(name, kind, wide)| json!({"name": name, "type": kind, "format": if *name == "Name" { "name" } else { "" }, "description": "", "priority": i32::from(*wide)}))
        .collect()
}

/// A row of it.
pub(crate) fn cells(resource: &Resource, object: &Value) -> Vec<Value> {
    let text = |pointer: &str| fields::text(object, pointer).to_owned();
    let name = text("/metadata/name");
    let age = age(fields::text(object, "/metadata/creationTimestamp"));
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let condition = |kind: &str| condition(object, kind).to_owned();
    let cells = match resource.plural {
        "pods" => {
            let (ready, total, restarts) = containers(object);
            vec![
                name,
                format!("{ready}/{total}"),
                pod_status(object),
                restarts.to_string(),
                age,
                or_none(text("/status/podIP")),
                or_none(text("/spec/nodeName")),
                "<none>".to_owned(),
                "<none>".to_owned(),
            ]
        }
        "nodes" => node(object, name, age),
        "namespaces" => vec![name, text("/status/phase"), age],
        "events" => {
            let last = match text("/lastTimestamp") {
                stamp if stamp.is_empty() => text("/eventTime"),
                stamp => stamp,
            };
            let count = object.pointer("/count").and_then(Value::as_u64).unwrap_or(1);
            let about = format!(
                "{}/{}",
                text("/involvedObject/kind").to_lowercase(),
                text("/involvedObject/name")
            );
            vec![
                self::age(&last),
                text("/type"),
                text("/reason"),
                about,
                text("/involvedObject/fieldPath"),
                text("/source/component"),
                text("/message"),
                age,
                count.to_string(),
                name,
            ]
        }
        "virtualmachineinstances" => vec![
            name,
            age,
            text("/status/phase"),
            text("/status/interfaces/0/ipAddress"),
            text("/status/nodeName"),
            condition("Ready"),
            condition("LiveMigratable"),
            condition("Paused"),
        ],
        "virtualmachines" => vec![name, age, text("/status/printableStatus"), condition("Ready")],
        "virtualmachineinstancemigrations" => vec![name, text("/status/phase"), text("/spec/vmiName")],
        "kubevirts" => vec![name, age, text("/status/phase")],
        _ => vec![name, age],
    };
    cells.into_iter().map(Value::from).collect()
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    fields::list(object, "/status/conditions")
        .iter()
        .find(|condition| fields::text(condition, "/type") == kind)
        .map(|condition| fields::text(condition, "/status"))
        .unwrap_or_default()
}

fn containers(pod: &Value) -> (usize, usize, u64) {
    let statuses = fields::list(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|status| status["ready"] == true).count();
    let restarts = statuses
        .iter()
        .filter_map(|status| status["restartCount"].as_u64())
        .sum();
    (ready, fields::list(pod, "/spec/containers").len(), restarts)
}

/// The STATUS column: the most telling of phase, reason, container states and deletion.
fn pod_status(pod: &Value) -> String {
    let mut status = fields::text(pod, "/status/phase");
    if fields::present(pod, "/status/reason") {
        status = fields::text(pod, "/status/reason");
    }
    for container in fields::list(pod, "/status/containerStatuses").iter().rev() {
        let (waiting, ended) = (
            fields::text(container, "/state/waiting/reason"),
            fields::text(container, "/state/terminated/reason"),
        );
        status = [waiting, ended]
            .into_iter()
            .find(|reason| !reason.is_empty())
            .unwrap_or(status);
    }
    if fields::present(pod, "/metadata/deletionTimestamp") {
        status = "Terminating";
    }
    status.to_owned()
}

fn node(node: &Value, name: String, age: String) -> Vec<String> {
    let text = |pointer: &str| fields::text(node, pointer).to_owned();
    let mut status = match condition(node, "Ready") {
        "True" => "Ready",
        "" => "Unknown",
        _ => "NotReady",
    }
    .to_owned();
    if node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        status.push_str(",SchedulingDisabled");
    }
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    let roles: Vec<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    let roles = if roles.is_empty() {
        "<none>".to_owned()
    } else {
        roles.join(",")
    };
    let address = fields::list(node, "/status/addresses")
        .iter()
        .find(|address| fields::text(address, "/type") == "InternalIP")
        .map(|address| fields::text(address, "/address").to_owned())
        .unwrap_or_default();
    let info = |field: &str| text(&format!("/status/nodeInfo/{field}"));
    vec![
        name,
        status,
        roles,
        age,
        info("kubeletVersion"),
        address,
        "<none>".to_owned(),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn age(stamp: &str) -> String {
    time::age(stamp).map_or_else(|| "<unknown>".to_owned(), time::human)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_status_is_its_most_telling_word() {
        let mut pod = json!({"status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}});
        assert_eq!(pod_status(&pod), "ImagePullBackOff");
        fields::set(&mut pod, "/metadata/deletionTimestamp", "2026-01-01T00:00:00Z");
        assert_eq!(pod_status(&pod), "Terminating");
    }

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for resource in super::super::resources::served(true) {
            assert_eq!(
                cells(resource, &json!({})).len(),
                columns(resource).len(),
                "{}",
                resource.plural
            );
        }
    }
}
