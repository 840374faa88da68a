//! `selector` and `mode`: which VMs, and how many of them.

use super::{Reader, setting};
use crate::gameday::file::yaml::{Node, Path, Value};
use crate::gameday::step::Setting;

/// Ways of Chaos Mesh to choose pods that choose no VMs here.
const REFUSED: [&str; 4] = ["annotationSelectors", "fieldSelectors", "nodes", "nodeSelectors"];

pub(super) fn selection(reader: &mut Reader<'_>, path: &Path, spec: &Node, namespace: Option<&str>) -> Vec<Setting> {
    let mut settings = mode(reader, path, spec);
    let at = path.key("selector");
    let Some(selector) = spec.get("selector") else {
        reader.wrong(path, "missing key `selector`");
        return settings;
    };
    for key in REFUSED {
        if selector.get(key).is_some() {
            reader.wrong(
                &at.key(key),
                "cannot be had: choose by labelSelectors, expressionSelectors or pods",
            );
        }
    }
    let pods = pods(reader, &at, selector);
    if !pods.is_empty() {
        settings.push(Setting {
            key: "vms".to_owned(),
            path: at.key("pods"),
            values: pods,
        });
        return settings;
    }
    settings.extend(namespaces(reader, &at, selector, namespace));
    let labels = labels(reader, &at, selector);
    if labels.is_empty() {
        settings.push(setting("target", &at, ".*"));
    } else {
        settings.push(setting("selector", &at, labels.join(",")));
    }
    settings
}

/// How many of those that match.
fn mode(reader: &mut Reader<'_>, path: &Path, spec: &Node) -> Vec<Setting> {
    let at = path.key("mode");
    let value = reader.word(path, spec, "value");
    let mut with_value = |wrap: fn(String) -> String| {
        if let Some(value) = &value {
            return vec![setting("count", &path.key("value"), wrap(value.clone()))];
        }
        reader.wrong(path, "missing key `value`, which the mode needs");
        Vec::new()
    };
    match reader_mode(spec).as_str() {
        "one" | "" => vec![setting("count", &at, "1")],
        "all" => vec![setting("all", &at, "true"), setting("execution", &at, "parallel")],
        "fixed" => at_once(with_value(|value| value), &at),
        "fixed-percent" => at_once(with_value(|value| format!("{}%", value.trim_end_matches('%'))), &at),
        "random-max-percent" => {
            let settings = at_once(with_value(|value| format!("{}%", value.trim_end_matches('%'))), &at);
            reader.remark("mode random-max-percent takes its percentage, and not less");
            settings
        }
        other => {
            reader.wrong(
                &at,
                format!("`{other}` is none of one, all, fixed, fixed-percent, random-max-percent"),
            );
            Vec::new()
        }
    }
}

fn reader_mode(spec: &Node) -> String {
    spec.get("mode").and_then(|node| node.value.word()).unwrap_or_default()
}

/// Chaos Mesh begins with all of its pods at the same time.
fn at_once(mut settings: Vec<Setting>, path: &Path) -> Vec<Setting> {
    settings.push(setting("execution", path, "parallel"));
    settings
}

/// VMs by the names of their launcher pods: `virt-launcher-NAME-…`.
fn pods(reader: &mut Reader<'_>, path: &Path, selector: &Node) -> Vec<String> {
    let at = path.key("pods");
    let Some(Value::Map(map)) = selector.get("pods").map(|node| &node.value) else {
        return Vec::new();
    };
    let mut vms = Vec::new();
    for (namespace, node) in map {
        let Value::List(names) = &node.value else {
            reader.wrong(&at.key(&namespace.name), "must be a list of pods");
            continue;
        };
        for (n, name) in names.iter().enumerate() {
            let pod = name.value.word().unwrap_or_default();
            let vm = pod
                .strip_prefix("virt-launcher-")
                .and_then(|rest| rest.rsplit_once('-'));
            match vm {
                Some((vm, _)) => vms.push(format!("{}/{vm}", namespace.name)),
                None => reader.wrong(
                    &at.key(&namespace.name).index(n),
                    format!("`{pod}` is no launcher pod of a VM"),
                ),
            }
        }
    }
    vms
}

fn namespaces(reader: &mut Reader<'_>, path: &Path, selector: &Node, own: Option<&str>) -> Option<Setting> {
    let at = path.key("namespaces");
    let named: Vec<String> = match selector.get("namespaces").map(|node| &node.value) {
        Some(Value::List(list)) => list.iter().filter_map(|node| node.value.word()).collect(),
        Some(_) => {
            reader.wrong(&at, "must be a list of namespaces");
            return None;
        }
        None => own.map(str::to_owned).into_iter().collect(),
    };
    match named.as_slice() {
        [] => None,
        [one] => Some(setting("namespace", &at, one)),
        several => {
            let patterns: Vec<String> = several.iter().map(|name| regex::escape(name)).collect();
            Some(setting("namespaces", &at, patterns.join("|")))
        }
    }
}

/// Labels as `kubectl -l` writes them.
fn labels(reader: &mut Reader<'_>, path: &Path, selector: &Node) -> Vec<String> {
    let mut labels = Vec::new();
    if let Some(Value::Map(map)) = selector.get("labelSelectors").map(|node| &node.value) {
        labels.extend(
            map.iter()
                .map(|(key, value)| format!("{}={}", key.name, value.value.word().unwrap_or_default())),
        );
    }
    let at = path.key("expressionSelectors");
    if let Some(Value::List(list)) = selector.get("expressionSelectors").map(|node| &node.value) {
        for (n, one) in list.iter().enumerate() {
            let key = one.get("key").and_then(|node| node.value.word()).unwrap_or_default();
            let values: Vec<String> = match one.get("values").map(|node| &node.value) {
                Some(Value::List(values)) => values.iter().filter_map(|node| node.value.word()).collect(),
                _ => Vec::new(),
            };
            let values = values.join(",");
            match one.get("operator").and_then(Node::text).unwrap_or_default() {
                "In" => labels.push(format!("{key} in ({values})")),
                "NotIn" => labels.push(format!("{key} notin ({values})")),
                "Exists" => labels.push(key),
                "DoesNotExist" => labels.push(format!("!{key}")),
                other => reader.wrong(
                    &at.index(n),
                    format!("`{other}` is none of In, NotIn, Exists, DoesNotExist"),
                ),
            }
        }
    }
    labels
}
