//! The agent's reasons and a session's failures in words, with the next step.

use crate::cluster::ErrorKind;
use crate::command_line::{CommandLine, Hint};
use crate::node::session::NotStarted;
use crate::problem::{Problem, Reason};

/// Hint of what an earlier run may have left; the command follows.
const LEFTOVERS: &str = "where no live run has it (kubectl vmchaos status shows those), an earlier one left it; to remove what this program left there: ";

const ENGINES: &str =
    "nft needs netdev ingress and egress hooks (Linux 5.16), tc needs cls_flower and act_gact; what there is: ";

/// Why a VM, given as `namespace/name`, was refused on the node, before anything was changed there.
pub(crate) fn refused(key: &str, word: &str, device: Option<&str>, detail: &str) -> Problem {
    let reason = Reason::of_node(word);
    let device = device.unwrap_or("the device");
    let with_detail = |text: String| {
        if detail.is_empty() {
            text
        } else {
            format!("{text}: {detail}")
        }
    };
    let leftovers = || {
        let halt = CommandLine::new("kubectl vmchaos halt").arg(vmi(key));
        halt.to(LEFTOVERS).into()
    };
    let (text, hint): (_, Hint) = match reason {
        Reason::NoProcess => (
            "no process of the VM's launcher was found on its node".to_owned(),
            "the VM may just have ended or moved; look at it and run again".into(),
        ),
        Reason::HostNetns => (
            "the launcher's process is in the node's own network namespace, which is never touched".to_owned(),
            "report this with the pod's YAML: a launcher has a namespace of its own".into(),
        ),
        Reason::NoDevice => (
            format!("{device} is not in the VM's network namespace"),
            "name another one with --interfaces".into(),
        ),
        Reason::NotATap => (
            format!("{device} is not a tap"),
            "name another one with --interfaces".into(),
        ),
        Reason::DeviceDown => (
            format!("{device} is not up"),
            "wait until the guest has opened it, or name others with --interfaces".into(),
        ),
        Reason::WrongBridge => (
            format!("{device} is not a port of the bridge expected for its binding"),
            "name another one with --interfaces".into(),
        ),
        Reason::ForeignQdisc => (
            format!("{device} already has a qdisc that this run did not make; it is left alone"),
            leftovers(),
        ),
        Reason::ForeignFilter => (
            format!("{device} already has filters or nft chains that this run did not make; they are left alone"),
            leftovers(),
        ),
        Reason::NoEngine => (
            "the node cannot filter a device's packets".to_owned(),
            CommandLine::new("kubectl vmchaos check filter --nodes")
                .to(ENGINES)
                .into(),
        ),
        Reason::NoReject => (
            "the node's kernel cannot reject a device's packets".to_owned(),
            "use --action drop; rejecting needs nft with netdev hooks and CONFIG_NFT_REJECT_NETDEV".into(),
        ),
        Reason::NoNetem => (
            "the node's kernel has no sch_netem, and it could not be loaded".to_owned(),
            "install it on the node (RHEL and Fedora: kernel-modules-extra; Ubuntu: linux-modules-extra; Debian: linux-image-amd64); --bandwidth alone works without it".into(),
        ),
        Reason::NoProbe => (
            "the node cannot make the probes asked for".to_owned(),
            "leave --probe icmp out where there is no ping; --image names an image that has bash and ping".into(),
        ),
        Reason::NoVerdict => (
            "the debug pod could not write down that something is armed".to_owned(),
            "the node's disk may be full or read-only; look at it and run again".into(),
        ),
        Reason::NoTool => (
            "the image lacks a tool".to_owned(),
            "name an image with sh, nsenter, iproute2 (tc, ip) and nft with --image".into(),
        ),
        Reason::NoGuest => (
            "no QEMU process was found in the VM's launcher".to_owned(),
            "the VM may just have ended or moved; look at it and run again".into(),
        ),
        Reason::SeveralGuests => (
            "which process is the VM's guest cannot be told".to_owned(),
            "look at the processes of the launcher pod; --mode pod ends all of them".into(),
        ),
        Reason::NotKilled => (
            "the guest's QEMU process did not end".to_owned(),
            "it may hang in the kernel, on storage for one: look at it on the node".into(),
        ),
        Reason::Cgroup => (
            "the fault's keeper could not be put out of the debug pod's reach".to_owned(),
            "the node's cgroups do not allow it; nothing was changed".into(),
        ),
        Reason::ArmTimeout => (
            "the node was too slow to get ready".to_owned(),
            "look at the node's load and run again".into(),
        ),
        _ => (format!("refused on the node ({word})"), "see the pod's log".into()),
    };
    Problem::new(reason, with_detail(text)).hint(hint)
}

/// Why a fault could not be put in place; what was in place of it has been undone.
pub(crate) fn failed(word: &str, detail: &str) -> Problem {
    let reason = Reason::of_node(word);
    let text = match reason {
        Reason::Apply => "the kernel did not take the fault",
        Reason::Readback => "the fault was not there when it was read back",
        _ => "the fault could not be put in place",
    };
    let text = if detail.is_empty() {
        text.to_owned()
    } else {
        format!("{text}: {detail}")
    };
    Problem::new(reason, text)
        .hint(CommandLine::new("kubectl vmchaos check --nodes").to("it was undone; to see what the nodes can do: "))
}

/// Whether the server has said what became of a request.
fn is_answer(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Timeout | ErrorKind::Unreachable)
}

/// Why there was no dialogue with the debug pod.
pub(crate) fn not_started(error: &NotStarted) -> Problem {
    match error {
        NotStarted::Create(error) if !is_answer(error.kind) => error
            .problem(Reason::PodUnknown)
            .context(
                "whether the debug pod was made is not known, and one that nobody attaches to changes nothing and ends",
            )
            .hint(CommandLine::new("kubectl vmchaos status").to("to see whether it is there: ")),
        NotStarted::Create(error) => {
            let problem = error.problem(Reason::PodRefused).context("the debug pod was refused");
            match &problem.hint {
                Some(_) => problem,
                None => problem.hint("try another namespace with --pod-namespace"),
            }
        }
        NotStarted::Attach(error) => error
            .problem(Reason::Attach)
            .context("the debug pod could not be attached to")
            .hint(CommandLine::new("kubectl vmchaos check").to("see what is missing: ")),
        NotStarted::Hopeless { why, hint } => {
            Problem::new(Reason::PodFailed, format!("the debug pod cannot start: {why}")).hint(*hint)
        }
        NotStarted::TooSlow { limit, last } => {
            let last = if last.is_empty() { "no reason given" } else { last };
            Problem::new(
                Reason::PodTimeout,
                format!("the debug pod did not start within {} s: {last}", limit.as_secs()),
            )
            .hint(
                CommandLine::new("kubectl get nodes")
                    .to("give it more time with --pod-running-timeout, or see whether the node is ready: "),
            )
        }
        NotStarted::Stopped => Problem::new(Reason::Stopped, "the run ended before the debug pod had started"),
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::cluster::ClusterError;
    use crate::node::script::SCRIPT;

    #[test]
    fn a_pod_is_refused_by_an_answer_alone() {
        let reason = |kind| not_started(&NotStarted::Create(ClusterError::new(kind, "why"))).reason;
        for kind in [ErrorKind::Timeout, ErrorKind::Unreachable] {
            assert_eq!(reason(kind), Reason::PodUnknown);
        }
        for kind in [ErrorKind::Forbidden, ErrorKind::Invalid, ErrorKind::Refused] {
            assert_eq!(reason(kind), Reason::PodRefused);
        }
    }
    /// All that the agent's script gives as why it refuses a VM.
    fn reasons() -> BTreeSet<&'static str> {
        let given = SCRIPT.split("refusal ").skip(1);
        let words = given.map(|rest| rest.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).next());
        // What is no word is the function itself, or a comment about it.
        words
            .flatten()
            .filter(|word| word.contains('-') || *word == "cgroup" || *word == "plan")
            .collect()
    }

    #[test]
    fn each_reason_of_the_agent_has_words_and_a_next_step_of_its_own() {
        let mut told = BTreeSet::new();
        let all = reasons();
        assert!(all.len() >= 18, "{all:?}");
        for reason in all.into_iter().chain(["unheard-of"]) {
            let problem = refused("default/web-1", reason, Some("tap0"), "");
            assert_eq!(problem.reason == Reason::OnNode, reason == "unheard-of", "{problem:?}");
            assert!(!problem.message.is_empty() && problem.hint.is_some(), "{problem:?}");
            let general = problem.message.contains(&format!("({reason})"));
            // A plan that the agent cannot read was made by another version.
            assert_eq!(general, ["unheard-of", "plan"].contains(&reason), "{problem:?}");
            assert!(told.insert(problem.message.clone()), "{problem:?}");
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
