//! A recording of the real cluster, read whole again.

use std::{collections::HashMap, path::Path};

use serde_json::{Value, json};

/// What came, in its order.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A request that was made, its code, and the status that was answered.
    Asked { request: String, code: u16, reply: Value },
    /// An object as a watch told of it, with its size in bytes.
    Told { deleted: bool, object: Value, bytes: usize },
}

/// The steps of a scenario.
pub(super) fn read(scenario: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/practice_cluster/recorded/{scenario}.json"));
    let recording: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut objects: HashMap<String, Value> = HashMap::new();
    let mut steps = Vec::new();
    for step in recording["steps"].as_array().unwrap() {
        if let Some(request) = step["request"].as_str() {
            let code = u16::try_from(step["code"].as_u64().unwrap()).unwrap();
            steps.push(Step::Asked {
                request: request.to_owned(),
                code,
                reply: step["reply"].clone(),
            });
        } else if let Some(kind) = step["kind"].as_str() {
            let key = format!("{kind} {}", step["name"]);
            if step["object"].is_object() {
                objects.insert(key.clone(), step["object"].clone());
            }
            let object = objects.get_mut(&key).unwrap();
            for place in step["unset"].as_array().into_iter().flatten() {
                let (parent, field) = place.as_str().unwrap().rsplit_once('/').unwrap();
                let field = field.replace("~1", "/").replace("~0", "~");
                object
                    .pointer_mut(parent)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .shift_remove(&field);
            }
            for (place, value) in step["set"].as_object().into_iter().flatten() {
                let (parent, field) = place.rsplit_once('/').unwrap();
                let field = field.replace("~1", "/").replace("~0", "~");
                object.pointer_mut(parent).unwrap()[field] = value.clone();
            }
            steps.push(Step::Told {
                deleted: step["event"] == "DELETED",
                object: object.clone(),
                bytes: usize::try_from(step["bytes"].as_u64().unwrap()).unwrap(),
            });
        }
    }
    steps
}

/// The VM that a recording begins with, as its owner wrote it: without what KubeVirt fills in.
pub(super) fn vm(steps: &[Step], name: &str) -> Value {
    let first = steps.iter().find_map(|step| match step {
        Step::Told { object, .. } if object["kind"] == "VirtualMachine" => Some(object),
        _ => None,
    });
    let mut template = first.unwrap()["spec"]["template"].clone();
    let domain = template["spec"]["domain"].as_object_mut().unwrap();
    domain.retain(|field, _| !matches!(field.as_str(), "machine" | "resources"));
    domain["firmware"].as_object_mut().unwrap().shift_remove("uuid");
    let text = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "GUEST", "labels": first.unwrap()["metadata"]["labels"]},
        "spec": {"runStrategy": first.unwrap()["spec"]["runStrategy"], "template": template},
    })
    .to_string();
    let text = text
        .replace("GUEST", name)
        .replace("NODE-", "node-")
        .replace("REGISTRY", "quay.io/kubevirt");
    serde_json::from_str(&text).unwrap()
}
