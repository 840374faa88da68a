//! What is compiled is what a real kernel takes, and what it answers is what was asked.
//!
//! `read_back/lines.txt` holds flags of `netem`; `read_back/linux-6.1.txt` what Linux 6.1 and iproute2 6.1 said to the
//! commands that are compiled from them, in the machine of `tests/kernel`: `$ command`, its output, `! exit code`.
//! A line without a recording fails the first test, which then shows the commands to record.

mod filter;

use std::collections::HashMap;

use kubectl_vmchaos::testing::faults::packets::compile::{Expected, Mismatch, NodeVm, Reading};
use kubectl_vmchaos::testing::faults::packets::netem::ExpectedQdisc;

use crate::support::compiled as support;

const LINES: &str = include_str!("read_back/lines.txt");
const TRANSCRIPT: &str = include_str!("read_back/linux-6.1.txt");

fn compiled(flags: &str) -> NodeVm {
    let (vm, _) = support::compiled(&format!("netem web-1 --egress false {flags}")).unwrap();
    vm
}

/// The commands of a kind (`apply`, `ease+`, `undo`) among the lines of a plan.
fn commands<'a>(vm: &'a NodeVm, kind: &str) -> Vec<&'a str> {
    let prefix = format!("{kind} 0 ");
    vm.lines.iter().filter_map(|line| line.strip_prefix(&prefix)).collect()
}

fn expected(vm: &NodeVm) -> &ExpectedQdisc {
    match &vm.expected {
        Expected::Qdiscs(qdiscs) => &qdiscs[0],
        Expected::Filter(_) => panic!("not netem"),
    }
}

fn read_on_tap0(vm: &NodeVm, read: &serde_json::Value) -> Result<Reading, Mismatch> {
    vm.expected
        .verify(&[("tap0".to_owned(), read.clone())].into())
        .map(|mut readings| readings.remove(0))
}

/// The one command that puts the fault in place, as the answers are found by.
fn applied(vm: &NodeVm) -> &str {
    commands(vm, "apply")[0].trim_start_matches("tc qdisc ")
}

/// Exit code and `tc -s -j qdisc show` after each command on tap0, by the command; a neutral command by the one before it.
fn answers() -> HashMap<String, (String, serde_json::Value)> {
    let mut answers = HashMap::new();
    let (mut added, mut command, mut code) = (String::new(), String::new(), String::new());
    for line in TRANSCRIPT.lines() {
        if let Some(next) = line.strip_prefix("$ tc qdisc ") {
            command = if next.starts_with("add ") {
                next.to_owned()
            } else {
                format!("{added}\n{next}")
            };
            if next.starts_with("add ") {
                added.clone_from(&command);
            }
        } else if line.starts_with("$ tc -s -j qdisc show") {
            // The answer is on the next line.
        } else if let Some(said) = line.strip_prefix("! ") {
            if !code.is_empty() {
                continue;
            }
            said.clone_into(&mut code);
        } else if let Ok(json) = serde_json::from_str(line) {
            answers.insert(std::mem::take(&mut command), (std::mem::take(&mut code), json));
        }
    }
    answers
}

#[test]
fn what_was_recorded_reads_back_as_asked() {
    let answers = answers();
    let missing: Vec<_> = LINES
        .lines()
        .map(compiled)
        .filter(|vm| !answers.contains_key(applied(vm)))
        .collect();
    let commands: Vec<_> = missing.iter().flat_map(|vm| &vm.commands_for_people).collect();
    assert!(missing.is_empty(), "not recorded: {commands:#?}");
    for flags in LINES.lines() {
        let vm = compiled(flags);
        let apply = applied(&vm);
        let (code, read) = &answers[apply];
        assert_eq!(code, "0", "{flags}: the kernel did not take it");
        let reading = read_on_tap0(&vm, read).unwrap_or_else(|mismatch| panic!("{flags}: {mismatch}"));
        assert_eq!(apply, format!("add dev tap0 root handle 7a31: {}", reading.asked));
    }
}

/// Nothing of the fault is left after the neutral command, while the qdisc is still there.
#[test]
fn what_was_recorded_lets_go_before_it_is_removed() {
    let answers = answers();
    for flags in LINES.lines() {
        let vm = compiled(flags);
        let apply = applied(&vm);
        let ease = commands(&vm, "ease+")[0].trim_start_matches("tc qdisc ");
        let Some((code, read)) = answers.get(&format!("{apply}\n{ease}")) else {
            panic!("{flags}: no recording of {ease}")
        };
        assert_eq!(code, "0", "{flags}: the kernel did not take it");
        let options = &read[0]["options"];
        if read[0]["kind"] == "tbf" {
            assert_eq!(options["rate"], 1_250_000_000, "{flags}");
            continue;
        }
        for effect in ["delay", "loss-random", "duplicate", "corrupt", "reorder", "rate"] {
            assert!(options.get(effect).is_none(), "{flags}: {effect} is left: {options}");
        }
    }
}

/// No answer passes for another: what reads back as asked is not taken for any other line's.
#[test]
fn no_recording_passes_for_another() {
    let answers = answers();
    let all: Vec<_> = LINES.lines().map(|flags| (flags, compiled(flags))).collect();
    for (flags, vm) in &all {
        let (_, read) = &answers[applied(vm)];
        for (other, wanted) in &all {
            // The name of a distribution is not read back, and a latency without jitter has no correlation.
            let same = expected(vm).shaper.params().split(" distribution").next()
                == expected(wanted).shaper.params().split(" distribution").next();
            assert_eq!(read_on_tap0(wanted, read).is_ok(), same, "{flags} read as {other}");
        }
    }
}
