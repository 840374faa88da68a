//! What is said over the attach stream: words to the agent, and events from it.
//!
//! The agent numbers its events from 1; `hello N` makes it print every event after N again, so that nothing said
//! between the container's start and the attach is lost. Times in events are the node's uptime in seconds.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// One line to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Start the dialogue: repeat all events after this number.
    Hello(u64),
    /// Start the sentinels, which check the devices and wait: of all VMs, or of one by its index in the plan.
    Arm(Option<usize>),
    /// Inject into what is armed.
    Go(Option<usize>),
    /// Still here; the agent ends the fault after 7 s without a line.
    Heartbeat,
    Rollback(Option<usize>),
    /// From now on only the deadline ends the fault.
    Detach,
    /// Remove every object that carries a mark of this program from the VMs' devices, whoever made it.
    Sweep,
    /// Send SIGKILL to the QEMU process of the VMs that are to be killed.
    Kill,
    /// Probe the VMs, which have no fault.
    Probe,
    /// All has been heard: the agent may exit.
    Bye,
}

/// One line from the agent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Line {
    /// Sequence number, from 1.
    pub s: u64,
    /// Node uptime in seconds.
    pub t: f64,
    #[serde(flatten)]
    pub event: Event,
}

/// What happened on the node. `vm` is the index of the VM in the node's plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "ev", rename_all = "kebab-case")]
pub enum Event {
    Hello {
        #[serde(default)]
        kernel: String,
        #[serde(default)]
        tc: String,
        #[serde(default)]
        shell: String,
        /// Whether the kernel can do `sch_netem`; `None` when the plan did not need it.
        #[serde(default)]
        netem: Option<bool>,
        /// What a filter would be put in place with here: `nft` or `tc`.
        #[serde(default)]
        engine: Option<String>,
        /// Whether nft has netdev ingress and egress hooks; like the next two `None` when the plan did not need to know.
        #[serde(default)]
        nft: Option<bool>,
        /// Whether nft can reject in a netdev chain.
        #[serde(default)]
        reject: Option<bool>,
        /// Whether tc has flower filters.
        #[serde(default)]
        flower: Option<bool>,
    },
    /// The launcher's process was found and its network namespace pinned.
    Found {
        vm: usize,
    },
    /// Nothing was changed for this VM, and nothing will be.
    Refused {
        vm: usize,
        reason: String,
        #[serde(default)]
        device: Option<String>,
        #[serde(default)]
        detail: String,
    },
    /// The sentinel waits; its deadline is armed before the first change.
    Ready {
        vm: usize,
        /// Of each device before the fault: the kind of its root qdisc, or for a filter `none` or `clsact`.
        #[serde(default)]
        before: BTreeMap<String, String>,
    },
    /// Applied, and read back from the kernel.
    Injected {
        vm: usize,
        /// `tc -s -j qdisc show` of each device; of a filter the table under `nft`, or the filters of each `DEVICE HOOK`.
        #[serde(default)]
        read: BTreeMap<String, serde_json::Value>,
    },
    /// Not or only partly applied; a final event follows when it has been undone.
    Failed {
        vm: usize,
        reason: String,
        #[serde(default)]
        detail: String,
    },
    /// The rollback starts; `read` is the fault read back once more just before it.
    Ending {
        vm: usize,
        by: By,
        #[serde(default)]
        read: BTreeMap<String, serde_json::Value>,
    },
    /// Final: none of our objects is left.
    Restored {
        vm: usize,
        by: By,
        /// Seconds from the first change to the start of the rollback, by the node's monotonic clock.
        #[serde(default)]
        held: f64,
        #[serde(default)]
        after: BTreeMap<String, String>,
        /// Differences that others made meanwhile.
        #[serde(default)]
        changed: Option<String>,
    },
    /// Final: something of ours is still there.
    Leaked {
        vm: usize,
        by: By,
        #[serde(default)]
        left: String,
    },
    /// Final: the network namespace ended under the fault.
    Gone {
        vm: usize,
        #[serde(default)]
        held: Option<f64>,
    },
    /// Answer to `sweep`, final for its VM.
    Swept {
        vm: usize,
        #[serde(default)]
        removed: Vec<String>,
        #[serde(default)]
        left: Vec<String>,
    },
    /// Answer to `kill`, final for its VM: the QEMU process is gone.
    Killed {
        vm: usize,
        pid: u32,
    },
    /// One probe of a VM, which began and ended while its fault was in one and the same state.
    Probe {
        vm: usize,
        /// Which of the VM's probes, in the order of the plan.
        n: usize,
        phase: ProbePhase,
        /// When it began, in seconds of the node's uptime.
        at: f64,
        /// Milliseconds until the answer; `None` when there was none.
        ms: Option<f64>,
    },
    /// Echo of a heartbeat.
    Hb,
    Detached,
    /// The last event.
    End {
        #[serde(default)]
        leaked: u32,
    },
    /// Said by a newer agent; ignored.
    #[serde(other)]
    Unknown,
}

/// Where in a fault's time a probe was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbePhase {
    /// Before the first change.
    Before,
    /// While the fault was in place and read back.
    During,
    /// Once it was verified to be gone.
    After,
}

/// What ended a fault on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    Deadline,
    /// The operator asked.
    Rollback,
    /// End of file on the attach stream, or the agent died.
    LostOperator,
    /// No heartbeat.
    Silence,
    /// The pod was told to end.
    Term,
    /// Some process of the run on the node was killed, or stood still past its time; those left of it undid.
    Sentinel,
    Gone,
    #[serde(other)]
    Other,
}

// === impl ===

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indexed = |f: &mut fmt::Formatter<'_>, word: &str, index: &Option<usize>| match index {
            Some(index) => write!(f, "{word} {index}"),
            None => f.write_str(word),
        };
        match self {
            Self::Hello(after) => write!(f, "hello {after}"),
            Self::Arm(vm) => indexed(f, "arm", vm),
            Self::Go(vm) => indexed(f, "go", vm),
            Self::Rollback(vm) => indexed(f, "rollback", vm),
            Self::Heartbeat => f.write_str("hb"),
            Self::Detach => f.write_str("detach"),
            Self::Sweep => f.write_str("sweep"),
            Self::Kill => f.write_str("kill"),
            Self::Probe => f.write_str("probe"),
            Self::Bye => f.write_str("bye"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        serde_json::from_str::<Line>(json).unwrap().event
    }

    #[test]
    fn events_are_read_by_their_name() {
        assert_eq!(
            event(
                r#"{"s":4,"t":812.03,"ev":"restored","vm":0,"by":"lost-operator","held":10.003,"after":{"tap0":"fq_codel"}}"#
            ),
            Event::Restored {
                vm: 0,
                by: By::LostOperator,
                held: 10.003,
                after: [("tap0".to_owned(), "fq_codel".to_owned())].into(),
                changed: None
            }
        );
        assert_eq!(
            event(r#"{"s":9,"t":1,"ev":"gone","vm":3,"by":"gone"}"#),
            Event::Gone { vm: 3, held: None }
        );
    }

    #[test]
    fn an_event_of_a_newer_agent_is_ignored() {
        assert_eq!(event(r#"{"s":1,"t":1,"ev":"sang","vm":0}"#), Event::Unknown);
    }

    #[test]
    fn words_are_one_line_each() {
        assert_eq!(Word::Hello(7).to_string(), "hello 7");
        assert_eq!(Word::Go(None).to_string(), "go");
        assert_eq!(Word::Rollback(Some(3)).to_string(), "rollback 3");
    }
}
