//! The verdict: how each VM's fault ended, in the termination message of a debug pod.

use serde::Deserialize;

use super::wire::By;

/// What the agent, or a guard that outlived it, wrote to the container's termination message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Verdict {
    pub run: String,
    /// Index, final state, by, held seconds.
    #[serde(default)]
    pub vms: Vec<(usize, String, By, f64)>,
    /// VMs that did not fit into the message's 4096 bytes. Restored ones are left out first; whether only those were, the
    /// message does not say.
    #[serde(default)]
    pub more: u32,
    /// VMs that a fault was being put on, or was, and whose end is not told here. Written from the agent's start on, so that
    /// 0 beside no VM at all says that nothing was changed; `None` in a message that no agent of this version wrote.
    #[serde(default)]
    pub armed: Option<u32>,
}

// === impl Verdict ===

impl Verdict {
    /// What it says of a VM by its index in the pod's plan: final state, by, held seconds. Said twice, the worse counts.
    pub fn of(&self, index: usize) -> Option<(&str, By, f64)> {
        let entries = self.vms.iter().filter(|entry| entry.0 == index);
        let entry = entries.min_by_key(|entry| matches!(entry.1.as_str(), "restored" | "gone"))?;
        Some((&entry.1, entry.2, entry.3))
    }

    /// Reads a termination message; `None` when it is not ours (e.g. the runtime's own words, or empty), and when it tells
    /// neither how any VM ended nor that none was armed.
    pub fn parse(message: &str) -> Option<Self> {
        // A guard may have appended its own line after the agent's: the last one that parses is the newest.
        message
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str(line.trim()).ok())
            .filter(|told: &Self| !told.vms.is_empty() || told.more > 0 || told.armed == Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_verdict_of_a_termination_message_counts() {
        let verdict = Verdict::parse(
            "{\"run\":\"abc123\",\"vms\":[[0,\"leaked\",\"term\",1.0]]}\n{\"run\":\"abc123\",\"vms\":[[0,\"restored\",\"sentinel\",1.5]]}\n",
        )
        .unwrap();
        assert_eq!(verdict.vms, vec![(0, "restored".to_owned(), By::Sentinel, 1.5)]);
        assert_eq!(Verdict::parse("OOMKilled"), None);
    }

    #[test]
    fn a_termination_message_that_tells_no_end_is_no_verdict() {
        let parse = |rest: &str| Verdict::parse(&format!("{{\"run\":\"abc123\"{rest}}}"));
        for rest in ["", ",\"vms\":[]", ",\"vms\":[],\"armed\":2"] {
            assert_eq!(parse(rest), None, "{rest}");
        }
        assert_eq!(parse(",\"vms\":[],\"armed\":0").unwrap().armed, Some(0));
        // One without room for its VMs counts them.
        assert_eq!(parse(",\"vms\":[],\"more\":3").unwrap().more, 3);
    }
}
