//! What is in the kernel of a VM's node.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::{Backend, Place};
use crate::support::{self, limit};

impl Backend {
    /// Runs `tc` in a VM's network namespace, as somebody else on its node might.
    pub(crate) fn tc(&self, vmi: &str, args: &str) -> String {
        let args: Vec<&str> = args.split(' ').collect();
        let output = match &self.place {
            Place::Practice(practice) => practice.tc("default", vmi, &args).unwrap(),
            Place::Real { node } => on_node(node, vmi, &[&["tc"], &args[..]].concat()),
        };
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Root qdiscs of ours in the kernel of a VM: `DEVICE: LINE`.
    pub(crate) fn qdiscs(&self, vmi: &str) -> Vec<String> {
        let lines: Vec<(String, String)> = match &self.place {
            Place::Practice(practice) => practice.qdiscs("default", vmi),
            Place::Real { .. } => {
                let text = self.tc(vmi, "qdisc show");
                let device = |line: &str| {
                    line.split(' ')
                        .skip_while(|word| *word != "dev")
                        .nth(1)
                        .unwrap()
                        .to_owned()
                };
                text.lines().map(|line| (device(line), line.to_owned())).collect()
            }
        };
        support::ours(lines)
    }

    /// nftables' tables of ours in the kernel of a VM, with RUN for the run's name.
    pub(crate) fn tables(&self, vmi: &str) -> Vec<String> {
        let lines: Vec<String> = match &self.place {
            Place::Practice(practice) => practice.filters("default", vmi),
            Place::Real { node } => {
                let output = on_node(node, vmi, &["nft", "list", "tables"]);
                assert!(output.status.success(), "{output:?}");
                let text = String::from_utf8(output.stdout).unwrap();
                let names = text.lines().filter_map(|line| line.split(' ').nth(2));
                names
                    .filter(|name| name.starts_with("vmchaos_"))
                    .map(|name| format!("nft {name}"))
                    .collect()
            }
        };
        let named = |line: String| match line.strip_prefix("nft vmchaos_") {
            Some(run) if !run.starts_with("lock_") => "nft RUN".to_owned(),
            _ => line,
        };
        lines
            .into_iter()
            .map(named)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

fn on_node(node: &PathBuf, vmi: &str, command: &[&str]) -> std::process::Output {
    limit::output(Command::new(node).args(["default", vmi]).args(command))
}
