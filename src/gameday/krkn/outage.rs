//! `kubevirt_vm_outage`, later called `vmi_outage`.

use super::{Reader, setting};
use crate::gameday::file::yaml::{Node, Path, Value};
use crate::gameday::step::Step;

const NAMES: [&str; 2] = ["kubevirt_vm_outage", "vmi_outage"];
const PARAMETERS: [&str; 7] = [
    "vm_name",
    "namespace",
    "duration",
    "timeout",
    "kill_count",
    "label_selector",
    "disable_auto_restart",
];

/// The outages of `scenarios: [{name, scenario, parameters}]`.
pub(super) fn steps(reader: &mut Reader<'_>, document: &Node) -> Vec<Step> {
    let at = Path::default().key("scenarios");
    let Some(Value::List(list)) = document.get("scenarios").map(|node| &node.value) else {
        reader.wrong(&at, "must be a list of scenarios");
        return Vec::new();
    };
    let scenarios = list.iter().enumerate();
    scenarios
        .filter_map(|(n, one)| scenario(reader, &at.index(n), one, n + 1))
        .collect()
}

fn scenario(reader: &mut Reader<'_>, path: &Path, node: &Node, number: usize) -> Option<Step> {
    let scenario = reader.word(path, node, "scenario").unwrap_or_default();
    if !NAMES.contains(&scenario.as_str()) {
        reader.wrong(
            &path.key("scenario"),
            format!("`{scenario}` is no outage of a VM; that is `kubevirt_vm_outage` or `vmi_outage`"),
        );
        return None;
    }
    reader.only(path, node, &["name", "scenario", "parameters"]);
    let name = reader.word(path, node, "name").unwrap_or_else(|| scenario.clone());
    let name = format!("{number} {name}");
    let at = path.key("parameters");
    let Some(parameters) = node.get("parameters") else {
        reader.wrong(path, "missing key `parameters`");
        return None;
    };
    reader.only(&at, parameters, &PARAMETERS);
    let mut settings = Vec::new();
    reader.selection(&at, parameters, "vm_name", &mut settings);
    if parameters.get("namespace").is_none() {
        settings.push(setting("namespace", &at, "default"));
    }
    for (key, of) in [
        ("duration", "duration"),
        ("timeout", "timeout"),
        ("kill_count", "count"),
        ("disable_auto_restart", "disableAutoRestart"),
    ] {
        if let Some(value) = reader.word(&at, parameters, key) {
            settings.push(setting(of, &at.key(key), value.to_ascii_lowercase()));
        }
    }
    reader.remark(
        "krkn may draw a VM several times; here each is drawn once, and put right afterwards where nothing else does",
    );
    Some(reader.fault(name, path, "outage", settings))
}
