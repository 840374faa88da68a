//! The verdict: how each VM's fault ended, in the termination message of a debug pod.

use serde::Deserialize;

use super::wire::By;

/// What the agent, or a keeper that outlived it, wrote to the container's termination message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Verdict {
    pub run: String,
    /// Index, final state, by, held seconds.
    #[serde(default)]
    pub vms: Vec<(usize, EndState, By, f64)>,
    /// VMs that did not fit into the message's 4096 bytes. Restored ones are left out first; whether only those were, the
    /// message does not say.
    #[serde(default)]
    pub more: u32,
    /// VMs that a fault was being put on, or was, and whose end is not told here. Written from the agent's start on, so that
    /// 0 beside no VM at all says that nothing was changed; `None` in a message that no agent of this version wrote.
    #[serde(default)]
    pub armed: Option<u32>,
}

/// How the fault of a VM ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndState {
    /// None of our objects is left.
    Restored,
    /// Something of ours is still there.
    Leaked,
    /// The network namespace ended under the fault.
    Gone,
    /// Nothing was changed.
    Refused,
    /// The QEMU process is gone, as it was to be.
    Killed,
    /// Said by a newer agent.
    #[serde(other)]
    Unknown,
}

// === impl EndState ===

impl EndState {
    /// The agent's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Leaked => "leaked",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Killed => "killed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it proves that nothing of ours is left.
    pub const fn is_clean(self) -> bool {
        match self {
            Self::Restored | Self::Gone | Self::Refused | Self::Killed => true,
            Self::Leaked | Self::Unknown => false,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// What it says of a VM by its index in the pod's plan: final state, by, held seconds. Said twice, the worse counts.
    pub fn of(&self, index: usize) -> Option<(EndState, By, f64)> {
        let entries = self.vms.iter().filter(|entry| entry.0 == index);
        let entry = entries.min_by_key(|entry| matches!(entry.1, EndState::Restored | EndState::Gone))?;
        Some((entry.1, entry.2, entry.3))
    }

    /// Reads a termination message; `None` when it is not ours (e.g. the runtime's own words, or empty), and when it tells
    /// neither how any VM ended nor that none was armed.
    pub fn parse(message: &str) -> Option<Self> {
        // A keeper may have appended its own line after the agent's: the last one that parses is the newest.
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
        assert_eq!(verdict.vms, vec![(0, EndState::Restored, By::Sentinel, 1.5)]);
        assert_eq!(Verdict::parse("OOMKilled"), None);
    }

    #[test]
    fn a_word_of_a_newer_agent_vouches_for_nothing() {
        let verdict = Verdict::parse(r#"{"run":"abc123","vms":[[0,"pickled","term",1.0]],"armed":0}"#).unwrap();
        assert_eq!(verdict.of(0), Some((EndState::Unknown, By::Term, 1.0)));
        for (word, is_clean) in [
            ("restored", true),
            ("leaked", false),
            ("gone", true),
            ("refused", true),
            ("killed", true),
        ] {
            let state: EndState = serde_json::from_value(word.into()).unwrap();
            assert_eq!((state.word(), state.is_clean()), (word, is_clean));
        }
        assert!(!EndState::Unknown.is_clean());
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
