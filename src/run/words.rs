//! The agent's reasons and a session's failures in words, with the next step.

use crate::cluster::ErrorKind;
use crate::command_line::{CommandLine, Hint};
use crate::node::session::NotStarted;
use crate::run::trouble::Trouble;

/// Hint of what an earlier run may have left; the command follows.
const LEFTOVERS: &str = "where no live run has it (kubectl vmchaos status shows those), an earlier one left it; to remove what this program left there: ";

const ENGINES: &str =
    "nft needs netdev ingress and egress hooks (Linux 5.16), tc needs cls_flower and act_gact; what there is: ";

/// Why a VM, given as `namespace/name`, was refused on the node, before anything was changed there.
pub(crate) fn refused(key: &str, reason: &str, device: Option<&str>, detail: &str) -> Trouble {
    let device = device.unwrap_or("the device");
    let with_detail = |text: String| {
        if detail.is_empty() {
            text
        } else {
            format!("{text}: {detail}")
        }
    };
    let (text, hint) = match reason {
        "no-process" => (
            "no process of the VM's launcher was found on its node".to_owned(),
            "the VM may just have ended or moved; look at it and run again",
        ),
        "host-netns" => (
            "the launcher's process is in the node's own network namespace, which is never touched".to_owned(),
            "report this with the pod's YAML: a launcher has a namespace of its own",
        ),
        "no-device" => (
            format!("{device} is not in the VM's network namespace"),
            "name another one with --interfaces",
        ),
        "not-a-tap" => (format!("{device} is not a tap"), "name another one with --interfaces"),
        "device-down" => (
            format!("{device} is not up"),
            "wait until the guest has opened it, or name others with --interfaces",
        ),
        "wrong-bridge" => (
            format!("{device} is not a port of the bridge expected for its binding"),
            "name another one with --interfaces",
        ),
        "foreign-qdisc" => (
            format!("{device} already has a qdisc that this run did not make; it is left alone"),
            LEFTOVERS,
        ),
        "foreign-filter" => (
            format!("{device} already has filters or nft chains that this run did not make; they are left alone"),
            LEFTOVERS,
        ),
        "no-engine" => ("the node cannot filter a device's packets".to_owned(), ENGINES),
        "no-reject" => (
            "the node's kernel cannot reject a device's packets".to_owned(),
            "use --action drop; rejecting needs nft with netdev hooks and CONFIG_NFT_REJECT_NETDEV",
        ),
        "no-netem" => (
            "the node's kernel has no sch_netem, and it could not be loaded".to_owned(),
            "install it on the node (RHEL and Fedora: kernel-modules-extra; Ubuntu: linux-modules-extra; Debian: linux-image-amd64); --bandwidth alone works without it",
        ),
        "no-probe" => (
            "the node cannot make the probes asked for".to_owned(),
            "leave --probe icmp out where there is no ping; --image names an image that has bash and ping",
        ),
        "no-verdict" => (
            "the debug pod could not write down that something is armed".to_owned(),
            "the node's disk may be full or read-only; look at it and run again",
        ),
        "no-tool" => (
            "the image lacks a tool".to_owned(),
            "name an image with sh, nsenter, iproute2 (tc, ip) and nft with --image",
        ),
        "no-guest" => (
            "no QEMU process was found in the VM's launcher".to_owned(),
            "the VM may just have ended or moved; look at it and run again",
        ),
        "several-guests" => (
            "which process is the VM's guest cannot be told".to_owned(),
            "look at the processes of the launcher pod; --mode pod ends all of them",
        ),
        "not-killed" => (
            "the guest's QEMU process did not end".to_owned(),
            "it may hang in the kernel, on storage for one: look at it on the node",
        ),
        "cgroup" => (
            "the fault's keeper could not be put out of the debug pod's reach".to_owned(),
            "the node's cgroups do not allow it; nothing was changed",
        ),
        "arm-timeout" => (
            "the node was too slow to get ready".to_owned(),
            "look at the node's load and run again",
        ),
        _ => (format!("refused on the node ({reason})"), "see the pod's log"),
    };
    let hint = match hint {
        LEFTOVERS => {
            let halt = CommandLine::new("kubectl vmchaos halt").arg(vmi(key));
            Hint::from(halt.to(LEFTOVERS))
        }
        ENGINES => CommandLine::new("kubectl vmchaos check filter --nodes")
            .to(ENGINES)
            .into(),
        hint => hint.into(),
    };
    Trouble::new(reason, with_detail(text)).hint(hint)
}

/// Why a fault could not be put in place; what was in place of it has been undone.
pub(crate) fn failed(reason: &str, detail: &str) -> Trouble {
    let text = match reason {
        "apply" => "the kernel did not take the fault",
        "readback" => "the fault was not there when it was read back",
        _ => "the fault could not be put in place",
    };
    let text = if detail.is_empty() {
        text.to_owned()
    } else {
        format!("{text}: {detail}")
    };
    Trouble::new(reason, text)
        .hint(CommandLine::new("kubectl vmchaos check --nodes").to("it was undone; to see what the nodes can do: "))
}

/// Whether the server has said what became of a request.
fn is_answer(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Timeout | ErrorKind::Unreachable)
}

/// Why there was no dialogue with the debug pod.
pub(crate) fn not_started(error: &NotStarted) -> Trouble {
    match error {
        NotStarted::Create(error) if !is_answer(error.kind) => Trouble::new(
            "pod-unknown",
            format!(
                "whether the debug pod was made is not known, and one that nobody attaches to changes nothing and ends: {}",
                error.message
            ),
        )
        .hint(CommandLine::new("kubectl vmchaos status").to("to see whether it is there: ")),
        NotStarted::Create(error) => {
            let trouble = Trouble::new("pod-refused", format!("the debug pod was refused: {}", error.message));
            match &error.hint {
                Some(hint) => trouble.hint(hint.clone()),
                None => trouble.hint("try another namespace with --pod-namespace"),
            }
        }
        NotStarted::Attach(error) => Trouble::new(
            "attach",
            format!("the debug pod could not be attached to: {}", error.message),
        )
        .hint(CommandLine::new("kubectl vmchaos check").to("see what is missing: ")),
        NotStarted::Hopeless { why, hint } => {
            Trouble::new("pod-failed", format!("the debug pod cannot start: {why}")).hint(*hint)
        }
        NotStarted::TooSlow { limit, last } => {
            let last = if last.is_empty() { "no reason given" } else { last };
            Trouble::new(
                "pod-timeout",
                format!("the debug pod did not start within {} s: {last}", limit.as_secs()),
            )
            .hint(
                CommandLine::new("kubectl get nodes")
                    .to("give it more time with --pod-running-timeout, or see whether the node is ready: "),
            )
        }
        NotStarted::Stopped => Trouble::new("stopped", "the run ended before the debug pod had started"),
    }
}

/// `namespace/name` as `halt` takes it.
pub(crate) fn vmi(key: &str) -> String {
    match key.split_once('/') {
        Some((namespace, name)) => format!("vmi/{name}/{namespace}"),
        None => format!("vmi/{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterError;

    #[test]
    fn a_pod_is_refused_by_an_answer_alone() {
        let reason = |kind| not_started(&NotStarted::Create(ClusterError::new(kind, "why"))).reason;
        for kind in [ErrorKind::Timeout, ErrorKind::Unreachable] {
            assert_eq!(reason(kind), "pod-unknown");
        }
        for kind in [ErrorKind::Forbidden, ErrorKind::Invalid, ErrorKind::Refused] {
            assert_eq!(reason(kind), "pod-refused");
        }
    }
    /// All that the agent's script gives as why it refuses a VM.
    const REASONS: [&str; 17] = [
        "no-process",
        "host-netns",
        "no-device",
        "not-a-tap",
        "device-down",
        "wrong-bridge",
        "foreign-qdisc",
        "foreign-filter",
        "no-engine",
        "no-reject",
        "no-netem",
        "no-probe",
        "no-verdict",
        "no-tool",
        "no-guest",
        "several-guests",
        "not-killed",
    ];

    #[test]
    fn each_reason_of_the_agent_has_words_and_a_next_step_of_its_own() {
        let mut told = std::collections::BTreeSet::new();
        for reason in REASONS.iter().chain(&["cgroup", "arm-timeout", "unheard-of"]) {
            let trouble = refused("default/web-1", reason, Some("tap0"), "");
            assert_eq!(&trouble.reason, reason);
            assert!(!trouble.message.is_empty() && trouble.hint.is_some(), "{trouble:?}");
            let general = trouble.message.contains(&format!("({reason})"));
            assert_eq!(general, *reason == "unheard-of", "{trouble:?}");
            assert!(told.insert(trouble.message.clone()), "{trouble:?}");
        }
        for reason in ["foreign-qdisc", "foreign-filter"] {
            let hint = refused("default/web-1", reason, Some("tap0"), "")
                .hint
                .unwrap()
                .to_string();
            assert!(hint.ends_with("kubectl vmchaos halt vmi/web-1/default"), "{hint}");
        }
        let failed = ["apply", "readback", "else"].map(|reason| failed(reason, "why").message);
        assert_eq!(
            failed,
            [
                "the kernel did not take the fault: why",
                "the fault was not there when it was read back: why",
                "the fault could not be put in place: why"
            ]
        );
    }

    #[test]
    fn a_vmi_is_named_as_halt_takes_it() {
        assert_eq!(vmi("default/web-1"), "vmi/web-1/default");
        assert_eq!(vmi("web-1"), "vmi/web-1");
    }
}
