//! What is said to a command line that means nothing: which flag, which value, what is wrong, and what would do.

use kubectl_vmchaos::testing::cli::{Action, Rehearsed};

use super::{error, words};

/// The lines of an error before clap's usage.
pub(super) fn told(line: &str) -> String {
    let error = error(line);
    let end = error
        .find("\n\nUsage:")
        .or_else(|| error.find("\n\nFor more information"))
        .unwrap_or(error.len());
    error[..end].trim_start_matches("error: ").replace("\n\nhint: ", " | ")
}

#[test]
fn a_wrong_value_is_told_with_its_flag_and_one_that_would_do() {
    for (line, expected) in [
        (
            "netem x --latency 100",
            "invalid value '100' for '--latency <TIME>': has no unit; try `100ms`",
        ),
        (
            "netem x --latency=-5ms",
            "invalid value '-5ms' for '--latency <TIME>': cannot be negative; try `5ms`",
        ),
        (
            "netem x --latency NaN",
            "invalid value 'NaN' for '--latency <TIME>': does not begin with a number; try `100ms`",
        ),
        (
            "netem x --latency 100m",
            "invalid value '100m' for '--latency <TIME>': more than 270s, and the kernel keeps a delay in 32 bits of 64 ns; try `100ms`",
        ),
        (
            "netem x --latency 1s --jitter 3s",
            "invalid value '3s' for '--jitter <TIME>': more than 2147ms, and the kernel keeps jitter in 31 bits of nanoseconds; try `2147ms`",
        ),
        (
            "netem x --loss 101",
            "invalid value '101' for '--loss <PCT>': more than 100%; try `100%`",
        ),
        (
            "netem x --bandwidth 100",
            "invalid value '100' for '--bandwidth <RATE>': has no unit; try `100mbit`",
        ),
        (
            "netem x --bandwidth 1m",
            "invalid value '1m' for '--bandwidth <RATE>': `m` is not a unit of its own (bits or bytes?); try `1mbit`",
        ),
        (
            "netem x --bandwidth 1mbps",
            "invalid value '1mbps' for '--bandwidth <RATE>': `mbps` is bytes a second to tc and bits to most people; say it in bits; try `1mbit`",
        ),
        (
            "netem x --loss 1 --limit 1.5",
            "invalid value '1.5' for '--limit <PACKETS>': not a whole number; try `1000`",
        ),
        (
            "netem x --loss 1 --duration 1.5",
            "invalid value '1.5' for '--duration <TIME>': has no unit; try `1.5s`",
        ),
        (
            "netem x --loss 1 --interfaces a,b;c",
            "invalid value 'b;c' for '--interfaces <NAME,…>': not a device or a network of a VMI; try `tap0`",
        ),
        (
            "netem x --loss 1 --taints k:noschedule",
            "invalid value 'k:noschedule' for '--taints <TAINT,…>': the effect is not one of NoSchedule, PreferNoSchedule, NoExecute; try `k:NoSchedule`",
        ),
        (
            "netem x --loss 1 --ingress maybe",
            "invalid value 'maybe' for '--ingress <BOOL>'\n  [possible values: true, false]",
        ),
        (
            "netem x --target [ --loss 1",
            "invalid value '[' for '--target <REGEX>': not a regular expression: unclosed character class; try `'web-.*'`",
        ),
        (
            "list -o pdf",
            "invalid value 'pdf' for '--output <FORM>'\n  [possible values: wide, json, yaml, name]",
        ),
        (
            "halt web-1",
            "invalid value 'web-1' for '[RUN]...': not the id of a run (six letters and digits); try `vmi/web-1`",
        ),
    ] {
        assert_eq!(told(line), expected, "{line}");
    }
}

#[test]
fn a_target_that_is_no_name_is_sent_where_it_belongs() {
    for (line, part) in [
        (
            "netem web-.* --loss 1",
            "regular expressions go to --target; try `--target 'web-.*'`",
        ),
        (
            "netem -n prod-.* x --loss 1",
            "regular expressions go to --namespaces; try `--namespaces 'prod-.*'`",
        ),
        (
            "netem shop/web-1 --loss 1",
            "(write `vmi/web-1`); as NAMESPACE/NAME, the namespace goes last; try `vmi/web-1/shop`",
        ),
        ("netem Web-1 --loss 1", "not a name a VM can have; try `web-1`"),
    ] {
        assert!(told(line).ends_with(part), "{line}: {}", told(line));
    }
}

#[test]
fn flags_that_do_not_go_together_are_told_with_the_way_out() {
    for (line, expected) in [
        ("netem x", "nothing to do to the network: no effect is asked for"),
        (
            "netem x --latency 0 --loss 0",
            "nothing to do to the network: no effect is asked for",
        ),
        (
            "netem x --preset starved --bandwidth 0",
            "nothing to do to the network: no effect is asked for",
        ),
        (
            "netem x --loss 1 --jitter 10ms",
            "--jitter needs --latency: it is what a latency varies by",
        ),
        (
            "netem x --loss 1 --correlation 10",
            "--correlation needs --latency: it is the latency's",
        ),
        (
            "netem x --loss 1 --reorder 10",
            "--reorder needs --latency: a packet overtakes by skipping the latency of the others",
        ),
        (
            "netem x --latency 1ms --distribution normal",
            "--distribution needs --jitter: it is how the latency spreads within the jitter",
        ),
        (
            "netem x --latency 1ms --gap 5",
            "--gap needs --reorder: it says which packets may overtake",
        ),
        (
            "netem x --loss 1 --ingress false --egress false",
            "--ingress false and --egress false leave no direction for the fault",
        ),
        (
            "netem x --loss 1 -A",
            "names and -A do not go together: `x` is one VMI, -A is a search",
        ),
        (
            "netem x --loss 1 -l a=b",
            "names and -l do not go together: `x` is one VMI, -l is a search",
        ),
        (
            "netem x --loss 1 --target x",
            "names and --target do not go together: `x` is one VMI, --target is a search",
        ),
        (
            "netem --target x -n shop -A --loss 1",
            "-n shop and -A contradict each other",
        ),
        (
            "netem --namespaces x -n shop --loss 1",
            "-n shop and --namespaces contradict each other",
        ),
        ("netem vmi/x/prod -n shop --loss 1", "-n shop contradicts vmi/x/prod"),
        (
            "netem --target x --count 3 --all --loss 1",
            "--count 3 and --all contradict each other",
        ),
        (
            "netem x --loss 1 --detach --on-migration follow",
            "--detach and --on-migration follow contradict each other: nobody is left who could follow the VM",
        ),
        ("rehearse -- rehearse -- list", "a rehearsal cannot be rehearsed"),
    ] {
        let told = told(line);
        let (problem, hint) = told
            .split_once(" | ")
            .unwrap_or_else(|| panic!("{line}: no hint in {told}"));
        assert_eq!(problem, expected, "{line}");
        assert!(!hint.is_empty());
    }
}

#[test]
fn a_rehearsal_has_no_other_cluster() {
    for line in [
        "rehearse --context prod -- list",
        "rehearse -- list --context prod",
        "rehearse --serve --kubeconfig /k",
    ] {
        assert!(
            told(line).starts_with("a rehearsal runs on its own practice cluster"),
            "{line}"
        );
    }
}

#[test]
fn a_rehearsed_command_gets_its_own_error() {
    assert_eq!(told("rehearse -- netem x --latency 5"), told("netem x --latency 5"));
}

#[test]
fn a_command_to_rehearse_that_is_not_behind_two_dashes_is_told_how_it_is_written() {
    for (line, next) in [
        (
            "rehearse netem web-1 --latency 100ms",
            "unexpected argument 'netem' found\n\n  tip: to rehearse a command, put it behind `--`: \
             kubectl vmchaos rehearse -- netem web-1 --latency 100ms",
        ),
        (
            "rehearse --vms 3 list",
            "unexpected argument 'list' found\n\n  tip: to rehearse a command, put it behind `--`: \
             kubectl vmchaos rehearse --vms 3 -- list",
        ),
    ] {
        assert_eq!(told(line), next);
        assert_eq!(
            kubectl_vmchaos::testing::cli::parse(words(line))
                .unwrap_err()
                .exit_code(),
            2
        );
    }
    // A flag is no command, and what is wrong with the rehearsed command is said as without a rehearsal.
    for line in [
        "rehearse --wait 3",
        "rehearse -- list --wait 3",
        "completion rehearse bash",
    ] {
        assert!(!told(line).contains("to rehearse a command"), "{}", told(line));
    }
}

#[test]
fn the_usage_is_that_of_the_command() {
    let error = error("netem x");
    assert!(
        error.contains("\n\nUsage: kubectl vmchaos netem [OPTIONS] [TARGET]...\n"),
        "{error}"
    );
}

#[test]
fn what_is_reserved_or_not_there_is_refused() {
    for line in [
        "netem -f x.yaml",
        "halt k3f9ab --all",
        "netem x --loss 1 --loss 2",
        "completion tcsh",
        "list -v 11",
    ] {
        let error = kubectl_vmchaos::testing::cli::parse(words(line)).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn without_a_command_it_is_the_guides_turn_and_elsewhere_a_wrong_command_line() {
    for (line, otherwise) in [
        ("", "Usage: kubectl vmchaos"),
        ("-n shop --context x", "requires a subcommand"),
        ("rehearse", "no command to rehearse"),
    ] {
        let mut action = kubectl_vmchaos::testing::cli::parse(words(line)).unwrap().action;
        if let Action::Rehearse(request) = action {
            let Rehearsed::Command(rehearsed) = request.what else {
                panic!("{line} serves");
            };
            action = rehearsed.action;
        }
        let Action::Guide(guide) = action else {
            panic!("{line} is {action:?}");
        };
        assert_eq!(guide.otherwise.exit_code(), 2, "{line}");
        assert!(guide.otherwise.to_string().contains(otherwise), "{line}");
    }
}
