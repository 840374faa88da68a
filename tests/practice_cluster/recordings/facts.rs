//! What is compared: for every field of every object the values it had, one after the other; every answer; every Event.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::recording::Step;

/// Each fact's values in their order, each once.
pub(super) type Facts = BTreeMap<String, Vec<Value>>;

/// What tells the entries of a list apart.
const KEYS: [(&str, &str); 15] = [
    ("conditions", "type"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("containerStatuses", "name"),
    ("initContainerStatuses", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("env", "name"),
    ("interfaces", "name"),
    ("networks", "name"),
    ("disks", "name"),
    ("tolerations", "key"),
    ("phaseTransitionTimestamps", "phase"),
    ("ownerReferences", "kind"),
    ("stateChangeRequests", "action"),
];

/// Fields that are another number or time in every run.
const COUNTED: [&str; 5] = [
    "generation",
    "lastTransitionTime",
    "lastProbeTime",
    "managedFields",
    "resourceVersion",
];

/// Which fields are read together: that one changes with another is a fact of its own.
const MOMENTS: [(&str, &[&str]); 4] = [
    (
        "VirtualMachineInstance",
        &[
            "/status/phase",
            "/status/nodeName",
            "/metadata/labels/kubevirt.io~1nodeName",
        ],
    ),
    (
        "VirtualMachineInstance",
        &["/status/nodeName", "/status/migrationState/completed"],
    ),
    (
        "VirtualMachineInstance",
        &["/metadata/deletionTimestamp", "/status/phase", "/metadata/finalizers"],
    ),
    ("VirtualMachine", &["/status/printableStatus", "/status/created"]),
];

/// Everything that is compared.
pub(super) fn of(steps: &[Step]) -> Facts {
    let names = identities(steps);
    let mut facts = Facts::new();
    let mut fields: HashMap<String, BTreeSet<String>> = HashMap::new();
    let mut events = BTreeSet::new();
    for step in steps {
        match step {
            Step::Asked { request, code, reply } => {
                let reply = renamed(reply, &names);
                facts.entry("answers".to_owned()).or_default().push(json!([
                    renamed(&json!(request), &names),
                    code,
                    reply
                ]));
            }
            // What fails in passing and is tried again.
            Step::Told { object, .. } if object["reason"] == "SyncFailed" => {}
            Step::Told { object, .. } if object["kind"] == "Event" => {
                let about = renamed(&object["involvedObject"]["kind"], &names);
                events.insert(
                    renamed(
                        &json!([
                            about,
                            object["type"],
                            object["reason"],
                            object["message"],
                            object["reportingComponent"]
                        ]),
                        &names,
                    )
                    .to_string(),
                );
            }
            Step::Told { object, deleted, .. } => {
                let who = names[object["metadata"]["uid"].as_str().unwrap()].clone();
                let mut now = BTreeMap::new();
                for part in ["metadata", "spec", "status"] {
                    flatten(&object[part], &format!("/{part}"), &mut now);
                }
                let known = fields.entry(who.clone()).or_default();
                known.extend(now.keys().cloned());
                for field in known.iter() {
                    let value = now.get(field).map_or(Value::Null, |value| renamed(value, &names));
                    note(
                        &mut facts,
                        format!("{who}: {}", renamed(&json!(field), &names).as_str().unwrap()),
                        value,
                    );
                }
                for (kind, together) in MOMENTS.iter().filter(|(kind, _)| object["kind"] == *kind) {
                    let values: Vec<Value> = together
                        .iter()
                        .map(|place| renamed(object.pointer(place).unwrap_or(&Value::Null), &names))
                        .collect();
                    let _ = kind;
                    note(&mut facts, format!("{who}: {}", together.join(" and ")), values.into());
                }
                note(&mut facts, format!("{who}: deleted"), json!(deleted));
            }
        }
    }
    facts.insert("events".to_owned(), events.into_iter().map(Value::from).collect());
    facts
}

/// How large each object was in the end, in bytes of JSON.
pub(super) fn sizes(steps: &[Step]) -> BTreeMap<String, usize> {
    let names = identities(steps);
    let told = steps.iter().filter_map(|step| match step {
        Step::Told { object, bytes, .. } if object["kind"] != "Event" => {
            Some((names[object["metadata"]["uid"].as_str().unwrap()].clone(), *bytes))
        }
        _ => None,
    });
    told.collect()
}

fn note(facts: &mut Facts, what: String, value: Value) {
    let values = facts.entry(what).or_default();
    // What is not there at first counts from when it is.
    if values.last() != Some(&value) && !(values.is_empty() && value.is_null()) {
        values.push(value);
    }
}

/// Objects by their kind and number, in the order of their coming, for their UID, their name and their address.
fn identities(steps: &[Step]) -> HashMap<String, String> {
    let mut names = HashMap::new();
    let mut count: HashMap<String, usize> = HashMap::new();
    for step in steps {
        let Step::Told { object, .. } = step else { continue };
        let kind = object["kind"].as_str().unwrap();
        let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
        if kind != "Event" && !names.contains_key(&uid) {
            let number = count.entry(kind.to_owned()).or_default();
            *number += 1;
            let name = format!("{kind} {number}");
            if kind == "Pod" {
                names.insert(
                    object["metadata"]["name"].as_str().unwrap().to_owned(),
                    format!("the name of {name}"),
                );
            }
            names.insert(uid.clone(), name);
        }
        if let (Some(address), Some(name)) = (object.pointer("/status/podIP").and_then(Value::as_str), names.get(&uid))
        {
            let name = format!("the address of {name}");
            names.entry(address.to_owned()).or_insert(name);
        }
    }
    names
}

/// A value in which placeholders with a number are the objects they stand for; those that stand for nothing known lose their number.
fn renamed(value: &Value, names: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) => numbered()
            .replace_all(text, |found: &regex::Captures<'_>| {
                let kind = found[1].to_owned();
                names
                    .get(&found[0])
                    .cloned()
                    .unwrap_or(if kind == "NODE" { found[0].to_owned() } else { kind })
            })
            .into_owned()
            .into(),
        Value::Array(all) => all.iter().map(|one| renamed(one, names)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(field, value)| {
                (
                    renamed(&json!(field), names).as_str().unwrap().to_owned(),
                    renamed(value, names),
                )
            })
            .collect(),
        other => other.clone(),
    }
}

fn numbered() -> &'static regex::Regex {
    static NUMBERED: std::sync::OnceLock<regex::Regex> = std::sync::OnceLock::new();
    NUMBERED.get_or_init(|| regex::Regex::new(r"(UID|IP|IP6|MAC|NODE|LAUNCHER|EVACUATION)-\d+\b").unwrap())
}

/// The fields of a value by their pointers; entries of lists are told apart by what names them.
fn flatten(value: &Value, at: &str, fields: &mut BTreeMap<String, Value>) {
    match value {
        // Which ports are free is chance.
        Value::Object(all) if at.ends_with("/targetDirectMigrationNodePorts") => {
            let mut ports: Vec<_> = all.values().cloned().collect();
            ports.sort_by_key(ToString::to_string);
            fields.insert(at.to_owned(), ports.into());
        }
        // Whether a launcher is seen before it has a node is chance, too.
        Value::String(node) if node.is_empty() && at.contains("/activePods/") => {}
        Value::Object(all) if !all.is_empty() => {
            for (field, value) in all.iter().filter(|(field, _)| !COUNTED.contains(&field.as_str())) {
                flatten(value, &format!("{at}/{}", field.replace('/', "~1")), fields);
            }
        }
        Value::Array(all) => {
            let list = at.rsplit('/').next().unwrap_or_default();
            let key = KEYS.iter().find(|(name, _)| *name == list).map(|(_, key)| *key);
            match key {
                Some(key) => {
                    for one in all {
                        flatten(
                            one,
                            &format!("{at}/{}", one[key].as_str().unwrap_or("?").replace('/', "~1")),
                            fields,
                        );
                    }
                }
                None => drop(fields.insert(at.to_owned(), value.clone())),
            }
        }
        Value::Null => {}
        other => drop(fields.insert(at.to_owned(), other.clone())),
    }
}

/// What differs, one line each.
pub(super) fn differences(recorded: &Facts, played: &Facts) -> Vec<(String, String)> {
    let all: BTreeSet<&String> = recorded.keys().chain(played.keys()).collect();
    let none = Vec::new();
    all.into_iter()
        .filter_map(|fact| {
            let (real, here) = (recorded.get(fact).unwrap_or(&none), played.get(fact).unwrap_or(&none));
            if real == here {
                return None;
            }
            let lines = |these: &[Value], those: &[Value]| {
                these
                    .iter()
                    .filter(|one| !those.contains(one))
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n      ")
            };
            let told = if matches!(fact.as_str(), "events" | "answers") {
                format!(
                    "\n    only recorded:\n      {}\n    only here:\n      {}",
                    lines(real, here),
                    lines(here, real)
                )
            } else {
                format!("\n    recorded {}\n    here     {}", json!(real), json!(here))
            };
            Some((fact.clone(), format!("{fact}:{told}")))
        })
        .collect()
}
