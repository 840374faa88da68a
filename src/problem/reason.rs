//! Why something ended badly, in a word: what scripts go by.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares the reasons, each with its word in the run document.
macro_rules! reasons {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// Why a VM or a command ended badly, for scripts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])+ $name,)+
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its word in the run document.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

reasons! {
    /// The command line alone is wrong.
    Usage = "usage",
    /// A signal came before anything was changed.
    Interrupted = "interrupted",
    /// Something may still be in place.
    Leaked = "leaked",
    /// Nobody can be asked: there is no terminal.
    NoTerminal = "no-terminal",
    /// A prompt could not be shown.
    Prompt = "prompt",
    /// Not confirmed.
    Declined = "declined",
    /// Nothing was chosen from a list.
    NothingPicked = "nothing-picked",
    /// Nothing matches what was asked for.
    NoMatch = "no-match",
    /// A named object does not exist.
    NotFound = "not-found",
    /// A named VM cannot take the fault.
    Unfit = "unfit",
    /// More VMs are to be drawn than there are.
    Count = "count",
    /// `--yes` names another context than the one in use.
    OtherContext = "other-context",
    /// A record is of another API server than the one in use.
    OtherServer = "other-server",
    /// A record cannot be run again.
    Replay = "replay",
    /// A game day's file cannot be read.
    GameDay = "game-day",
    /// What must be true before a game day is not.
    SteadyState = "steady-state",
    /// The report's file cannot be written.
    Report = "report",
    /// Stdout, or a file, could not be written to.
    Output = "output",
    /// The config file cannot be used.
    ConfigFile = "config-file",
    /// How to reach the cluster is not known.
    Config = "config",
    /// The API server was not reached, or gave no answer.
    Unreachable = "unreachable",
    /// The API server does not know the user.
    Unauthorized = "unauthorized",
    /// The user may not.
    Forbidden = "forbidden",
    /// The API server found a request wrong.
    Invalid = "invalid",
    /// No image to run privileged that a tenant could not have chosen.
    Image = "image",
    /// What is asked for cannot be planned.
    Plan = "plan",
    /// `--detach` is not possible with this fault.
    Detach = "detach",
    /// A VMI's manifest could not be kept.
    Manifest = "manifest",
    /// More migrations at once than KubeVirt allows.
    Parallel = "parallel",
    /// Rounds too close to each other.
    Interval = "interval",
    /// The cluster's KubeVirt is too old.
    KubevirtVersion = "kubevirt-version",
    /// No migration to the node asked for.
    Node = "node",
    /// The practice cluster did not start.
    Rehearsal = "rehearsal",
    /// Guard: longer than the config file allows.
    MaximumDuration = "maximum-duration",
    /// Guard: too many VMs in one run.
    CeilingPerRun = "ceiling-per-run",
    /// Guard: too many VMs on one node.
    CeilingPerNode = "ceiling-per-node",
    /// Guard: too many VMs in one namespace.
    CeilingPerNamespace = "ceiling-per-namespace",
    /// Guard: a VM already has a fault.
    OneOfAKind = "one-of-a-kind",
    /// The debug pod was refused by the API server.
    PodRefused = "pod-refused",
    /// Whether the debug pod was made is not known.
    PodUnknown = "pod-unknown",
    /// The debug pod cannot start.
    PodFailed = "pod-failed",
    /// The debug pod did not start in time.
    PodTimeout = "pod-timeout",
    /// The debug pod ended before its work.
    PodEnded = "pod-ended",
    /// The debug pod could not be attached to.
    Attach = "attach",
    /// The run ended before it had done anything to this VM.
    Stopped = "stopped",
    /// What has to be watched cannot be watched any more.
    Watch = "watch",
    /// What becomes of the VM cannot be seen any more.
    Blind = "blind",
    /// The VM, or its guest, is not there any more.
    Gone = "gone",
    /// The VM moved to another node, where the fault could not follow.
    Moved = "moved",
    /// The VM was not found again after it had moved.
    NotFollowed = "not-followed",
    /// The stream to the debug pod was lost; the fault ended with it.
    StreamLost = "stream-lost",
    /// The debug pod did not say in time what was due.
    Overdue = "overdue",
    /// The debug pod gave no sign of life.
    AgentSilent = "agent-silent",
    /// The kernel did not take the fault.
    Apply = "apply",
    /// The fault was not there when it was read back.
    Readback = "readback",
    /// The fault was there at first, and not until its end.
    NotHeld = "not-held",
    /// The node could not undo the fault.
    NotUndone = "not-undone",
    /// Node: no process of the VM's launcher.
    NoProcess = "no-process",
    /// Node: the process found is in the host's network namespace.
    HostNetns = "host-netns",
    /// Node: no such device in the VM's network namespace.
    NoDevice = "no-device",
    /// Node: the device is not a tap.
    NotATap = "not-a-tap",
    /// Node: the device is not up.
    DeviceDown = "device-down",
    /// Node: the device is not a port of the bridge of its binding.
    WrongBridge = "wrong-bridge",
    /// Node: a qdisc that this run did not make.
    ForeignQdisc = "foreign-qdisc",
    /// Node: filters or nft chains that this run did not make.
    ForeignFilter = "foreign-filter",
    /// Node: nothing there filters a device's packets.
    NoEngine = "no-engine",
    /// Node: the kernel cannot reject a device's packets.
    NoReject = "no-reject",
    /// Node: the kernel has no `sch_netem`.
    NoNetem = "no-netem",
    /// Node: the probes asked for cannot be made there.
    NoProbe = "no-probe",
    /// Node: the termination message could not be written.
    NoVerdict = "no-verdict",
    /// Node: the image lacks a tool.
    NoTool = "no-tool",
    /// Node: no QEMU process in the VM's launcher.
    NoGuest = "no-guest",
    /// Node: which process is the guest cannot be told.
    SeveralGuests = "several-guests",
    /// Node: the guest's QEMU process did not end.
    NotKilled = "not-killed",
    /// Node: the keeper of the deadline could not leave the debug pod's cgroup.
    Cgroup = "cgroup",
    /// Node: not ready in time.
    ArmTimeout = "arm-timeout",
    /// Node: a reason that this version does not know.
    OnNode = "refused-on-node",
    /// No launcher pod is known.
    NoPod = "no-pod",
    /// A request was refused.
    Refused = "refused",
    /// No answer to a request: whether it was done is not known.
    NoAnswer = "no-answer",
    /// The VM was changed between the plan and the fault.
    ChangedMeanwhile = "changed-meanwhile",
    /// Somebody else changed what the fault had changed.
    ChangedByOthers = "changed-by-others",
    /// What the fault changed is left in place, as asked.
    Left = "left",
    /// The guest was back before its time was over.
    EndedEarly = "ended-early",
    /// The VM did not come back in time, or needed us to.
    NotRecovered = "not-recovered",
    /// A migration could not be created.
    NotCreated = "not-created",
    /// The VM did not migrate.
    NotMigrated = "not-migrated",
}

// === impl Reason ===

impl Reason {
    /// The reason that a node gives, in its word.
    pub(crate) fn of_node(word: &str) -> Self {
        let known = Self::ALL.iter().find(|reason| reason.word() == word);
        known.copied().unwrap_or(Self::OnNode)
    }

    /// The fault worked, and the platform did not.
    pub const fn is_unrecovered(self) -> bool {
        matches!(self, Self::NotRecovered | Self::NotMigrated)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_word_of_its_own_and_is_found_by_it() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of_node(reason.word()), *reason);
        }
        assert_eq!(Reason::of_node("unheard-of"), Reason::OnNode);
    }
}
