//! `vmi_network_chaos` and `vmi_network_filter`.

use std::time::Duration;

use super::{Reader, setting};
use crate::fault::Time;
use crate::gameday::file::yaml::{Node, Path};
use crate::gameday::step::{Action, Setting, Step};

/// Keys of both.
const KEYS: [&str; 16] = [
    "id",
    "image",
    "wait_duration",
    "test_duration",
    "label_selector",
    "service_account",
    "taints",
    "namespace",
    "instance_count",
    "execution",
    "target",
    "interfaces",
    "ingress",
    "egress",
    "force",
    "name",
];

/// Scenarios of krkn that are about something else, and what here comes nearest.
const OTHERS: [(&str, &str); 6] = [
    ("pod_network_chaos", "`netem` for VMs"),
    ("pod_network_filter", "`filter` for VMs"),
    ("node_network_chaos", "`netem` on the VMs of the node"),
    ("node_network_filter", "`filter` on the VMs of the node"),
    (
        "node_interface_down",
        "`filter --preset isolate` on the VMs of the node",
    ),
    ("storage_throttle", "nothing yet"),
];

/// Reads a list of scenarios.
pub(super) struct Network<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// krkn waits after each scenario where there are several, also after the last.
    several: bool,
    number: usize,
}

impl<'r, 'a> Network<'r, 'a> {
    pub(super) fn new(reader: &'r mut Reader<'a>, count: usize) -> Self {
        Self {
            reader,
            several: count > 1,
            number: 0,
        }
    }

    pub(super) fn scenario(&mut self, path: &Path, node: &Node) -> Vec<Step> {
        self.number += 1;
        let id = self.reader.word(path, node, "id").unwrap_or_default();
        let name = format!("{} {id}", self.number);
        let step = match id.as_str() {
            "vmi_network_chaos" => self.chaos(path, node, name),
            "vmi_network_filter" => self.filter(path, node, name),
            other => {
                let nearest = OTHERS.iter().find(|(known, _)| *known == other);
                let nearest = nearest
                    .map(|(_, nearest)| format!("; nearest here is {nearest}"))
                    .unwrap_or_default();
                let told = format!("`{other}` is no scenario of a VM's network{nearest}");
                self.reader.wrong(&path.key("id"), told);
                return Vec::new();
            }
        };
        let mut steps = vec![step];
        let waits = self.several.then(|| self.time(path, node, "wait_duration")).flatten();
        if let Some(wait) = waits.filter(|wait| !wait.is_zero()) {
            let name = format!("wait after {}", self.number);
            steps.push(self.reader.step(name, &path.key("wait_duration"), Action::Wait(wait)));
        }
        steps
    }

    fn chaos(&mut self, path: &Path, node: &Node, name: String) -> Step {
        self.reader
            .only(path, node, &[&KEYS[..], &["latency", "loss", "bandwidth"]].concat());
        let mut settings = self.common(path, node);
        for key in ["latency", "loss", "bandwidth"] {
            if let Some(value) = self.reader.word(path, node, key) {
                settings.push(setting(key, &path.key(key), value));
            }
        }
        let as_krkn = self.reader.as_krkn;
        self.directions(path, node, as_krkn, &mut settings);
        if as_krkn {
            self.reader
                .remark("as krkn: its `egress` is what goes into the guest, and its `ingress` what comes out of it");
        } else {
            self.reader.remark(
                "krkn's code has `ingress` and `egress` the other way round; here they are the guest's (--as-krkn does as krkn)",
            );
        }
        self.reader.fault(name, path, "netem", settings)
    }

    fn filter(&mut self, path: &Path, node: &Node, name: String) -> Step {
        self.reader
            .only(path, node, &[&KEYS[..], &["ports", "protocols"]].concat());
        let mut settings = self.common(path, node);
        for key in ["ports", "protocols"] {
            let words = self.reader.words(path, node, key);
            if !words.is_empty() {
                settings.push(setting(key, &path.key(key), words.join(",")));
            }
        }
        self.directions(path, node, false, &mut settings);
        if self.reader.as_krkn {
            let lasts = self.time(path, node, "test_duration").unwrap_or_default();
            let told = "as krkn: the rules of its filter cut nothing of a VM's traffic: there is only a wait";
            self.reader.remark(told);
            return self.reader.step(name, path, Action::Wait(lasts));
        }
        self.reader
            .remark("krkn's filter cuts nothing of a VM's traffic; here it does what its documentation says");
        self.reader.fault(name, path, "filter", settings)
    }

    /// What both say.
    fn common(&mut self, path: &Path, node: &Node) -> Vec<Setting> {
        let mut settings = Vec::new();
        self.reader.selection(path, node, "target", &mut settings);
        let chooses = settings.iter().any(|it| it.key == "target" || it.key == "selector");
        if !chooses {
            // An empty target is any.
            settings.push(setting("target", &path.key("target"), ".*"));
        }
        for (key, of) in [
            ("test_duration", "duration"),
            ("instance_count", "count"),
            ("execution", "execution"),
            ("service_account", "serviceAccount"),
            ("image", "image"),
        ] {
            if let Some(value) = self.reader.word(path, node, key) {
                settings.push(setting(of, &path.key(key), value));
            }
        }
        for key in ["interfaces", "taints"] {
            let words = self.reader.words(path, node, key);
            if !words.is_empty() {
                settings.push(setting(key, &path.key(key), words.join(",")));
            }
        }
        settings
    }

    fn directions(&mut self, path: &Path, node: &Node, inverted: bool, settings: &mut Vec<Setting>) {
        for (key, other) in [("ingress", "egress"), ("egress", "ingress")] {
            let Some(word) = self.reader.word(path, node, key) else {
                continue;
            };
            // As Python writes it, too.
            let word = word.to_ascii_lowercase();
            if word == "true" || word == "false" {
                settings.push(setting(if inverted { other } else { key }, &path.key(key), word));
            } else {
                self.reader.wrong(&path.key(key), "must be true or false");
            }
        }
    }

    fn time(&mut self, path: &Path, node: &Node, key: &str) -> Option<Duration> {
        let word = self.reader.word(path, node, key)?;
        match Time::parse_wait(&word) {
            Ok(time) => Some(time.as_duration()),
            Err(error) => {
                self.reader.wrong(&path.key(key), error);
                None
            }
        }
    }
}
