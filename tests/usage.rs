//! The real binary: what is wrong with a command line alone ends it with 2, on stderr, before anything is looked at; and what the
//! README shows of it.

use crate::support::faults::{self, LEAST, commands};
use crate::support::limit;

use std::process::{Command, Output};

use regex::Regex;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-vmchaos"));
    command
        .args(args)
        // A kubeconfig that cannot be read: reaching for it would end with another code.
        .env("KUBECONFIG", env!("CARGO_MANIFEST_DIR"))
        .env_remove("VMCHAOS_COMPLETE");
    limit::output(&mut command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_wrong_value_ends_with_2() {
    let output = run(&["netem", "web-1", "--latency", "100"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "error: invalid value '100' for '--latency <TIME>': has no unit; try `100ms`\n\n\
         For more information, try '--help'.\n"
    );
}

/// Without what is another in each run: the time, ids, ports, counts, and spaces that fill columns.
fn steady(text: &str) -> String {
    let another = [
        (r"\d\d:\d\d:\d\d", "TIME"),
        (r"\d+s left", "SOME left"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"run \w{6}\b", "run ID"),
        (r"handle [0-9a-f]{4}:", "handle ID:"),
        (r"sha256:[0-9a-f]+…?", "DIGEST"),
        (r"HELD +PACKETS", "HELD PACKETS"),
        (r"\d+(\.\d+)?s +\d+ +0 +deadline", "HELD PACKETS 0 deadline"),
    ];
    let mut text = text.to_owned();
    for (pattern, name) in another {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

#[test]
fn the_run_in_the_readme_is_what_the_program_prints() {
    let readme = include_str!("../README.md");
    let (_, sample) = readme.split_once("```console\n$ kubectl vmchaos rehearse -- ").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    let (arguments, shown) = sample.split_once('\n').unwrap();
    let arguments: Vec<&str> = ["rehearse", "--"].into_iter().chain(arguments.split(' ')).collect();
    let output = run(&arguments);
    let printed = text(&output.stderr) + &text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert_eq!(steady(shown), steady(&printed));
}

#[test]
fn values_are_checked_before_anything_is_looked_at() {
    for (flag, value, said) in [
        ("--latency", "-5ms", "'--latency <TIME>'"),
        ("--loss", "-1", "'--loss <PCT>'"),
        ("--count", "-1", "'--count <N>'"),
        ("--duration", "-1", "'--duration <TIME>'"),
        ("--image", "Foo:::bar", "registry.example/tools/netshoot:v1"),
        ("-l", "a in (", "not a label selector"),
        ("-l", "app=web,", "not a label selector"),
        ("-f", "run.yaml", "files are for `kubectl vmchaos run`"),
    ] {
        let output = run(&["netem", "web-1", "--bandwidth", "1mbit", flag, value]);
        assert_eq!(output.status.code(), Some(2), "{flag} {value}");
        assert!(
            text(&output.stderr).contains(said),
            "{flag} {value}: {}",
            text(&output.stderr)
        );
    }
    for (flags, said) in [
        (&["--ports", "70000"][..], "above 65535"),
        (&["--ports", "53,"], "a comma without a port beside it"),
        (&["--protocols", "gre"], "`gre` is not one of tcp, udp, icmp, sctp, all"),
        (&["--peer", "10.1.2.3/8"], "try `10.0.0.0/8`"),
        (&["--protocols", "icmp", "--ports", "53"], "ICMP has no ports"),
        (&["--action", "reject", "--engine", "tc"], "use --action drop"),
    ] {
        let output = run(&[&["filter", "web-1"], flags].concat());
        assert_eq!(
            (output.status.code(), text(&output.stdout).as_str()),
            (Some(2), ""),
            "{flags:?}"
        );
        assert!(
            text(&output.stderr).contains(said),
            "{flags:?}: {}",
            text(&output.stderr)
        );
    }
    let output = run(&["rehearse", "--vms", "100000000", "--", "list"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn flags_that_do_not_go_together_end_with_2_and_the_commands_usage() {
    let output = run(&["netem", "web-1", "--loss", "1", "-A"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "error: names and -A do not go together: `web-1` is one VMI, -A is a search\n\n\
         hint: leave one of the two out; several names are fine, also as vmi/web-1/NAMESPACE\n\n\
         Usage: kubectl vmchaos netem [OPTIONS] [TARGET]...\n\n\
         For more information, try '--help'.\n"
    );
}

#[test]
fn help_and_version_are_data() {
    let help = run(&["netem", "--help"]);
    assert_eq!((help.status.code(), text(&help.stderr).as_str()), (Some(0), ""));
    let shown = text(&help.stdout);
    for part in [
        "Usage: kubectl vmchaos netem",
        "Exit codes:",
        "Examples:",
        "--preset <NAME>",
        "Connection:",
        "-o, --output",
    ] {
        assert!(shown.contains(part), "{part} is missing");
    }
    let shown = text(&run(&["filter", "--help"]).stdout);
    for part in [
        "Usage: kubectl vmchaos filter",
        "--peer <CIDR>",
        "drop tcp port 22,443,6443",
        "only the first fragment has ports",
        "replies are not",
        "its target port on ingress",
    ] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
    let version = run(&["--version"]);
    assert_eq!(
        text(&version.stdout),
        format!("kubectl-vmchaos {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn every_command_has_a_help_with_examples() {
    let commands = commands(|command| command.get_name() != "help");
    assert!(commands.len() >= 11, "{commands:?}");
    for command in &commands {
        let help = run(&[command, "--help"]);
        let shown = text(&help.stdout);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(shown.contains("Examples:\n  "), "{command} has no examples");
        assert!(
            !shown.contains("kubectl-vmchaos [OPTIONS]"),
            "{command} shows the binary's name for its usage"
        );
    }
}

#[test]
fn the_tests_of_every_fault_are_of_every_fault() {
    assert_eq!(LEAST.map(|line| line[0]).to_vec(), faults::names());
}

#[test]
fn no_command_at_all_shows_the_help() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage: kubectl vmchaos [OPTIONS] <COMMAND>"));
}
