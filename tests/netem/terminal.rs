//! On a terminal: the picker, the question, Ctrl-C.

use vmchaos_rehearsal::Options;

use crate::support::Rehearsal;
use crate::support::terminal::{CTRL_C, Terminal};

const UNNAMED: [&str; 5] = ["netem", "--latency", "20ms", "--duration", "1s"];

#[test]
fn a_vm_is_picked_and_the_plan_is_agreed_to() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &UNNAMED);
    terminal.see("Which VMIs?");
    terminal.type_in("web1");
    terminal.see("web-1");
    terminal.type_in(" \r");
    terminal.see("1 of ");
    terminal.see("tc qdisc add dev tap0");
    terminal.see("Put this on 1 VM in context vmchaos-rehearsal?");
    assert_eq!(
        rehearsal.writes(),
        Vec::<String>::new(),
        "asked before anything is written"
    );
    terminal.type_in("y\r");
    terminal.see("injected on node-1");
    let (rest, code) = terminal.end();
    assert_eq!(code, 0, "{rest}");
    assert!(rest.contains("restored"), "{rest}");
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_no_is_a_refusal() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["netem", "web-1", "--latency", "20ms"]);
    terminal.see("Put this on 1 VM in context vmchaos-rehearsal?");
    terminal.type_in("n\r");
    let (rest, code) = terminal.end();
    assert_eq!(code, 4, "{rest}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_plan_of_many_vms_is_short_before_the_question_and_whole_in_a_dry_run() {
    let rehearsal = Rehearsal::with(Options {
        vms: 50,
        ..Options::default()
    });
    let all = ["-n", "load", "--target", ".*", "--all", "--dry-run"];
    let faults: [&[&str]; 3] = [
        &["netem", "--latency", "20ms", "--execution", "parallel"],
        &["migrate"],
        &["outage", "--mode", "pod"],
    ];
    for fault in faults {
        let whole = rehearsal.run(&[fault, &all].concat()).expect(0).err;
        assert!(whole.matches("load-0050").count() > 0, "{whole}");
        assert!(!whole.contains("--dry-run shows all"), "{whole}");
        let mut terminal = Terminal::start(&rehearsal, &[fault, &all[..5]].concat());
        let asked = terminal.see("Type the number of VMs to go on in context vmchaos-rehearsal");
        assert!(asked.contains("and 30 more; --dry-run shows all"), "{asked}");
        let rows = asked.lines().filter(|line| line.contains("load-00")).count();
        assert!(rows <= 3 * 20 + 2, "{rows} lines: {asked}");
        terminal.type_in("49\r");
        assert_eq!(terminal.end().1, 4);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn what_is_to_be_done_stands_below_the_table() {
    let rehearsal = Rehearsal::with(Options {
        vms: 25,
        ..Options::default()
    });
    let detached = [
        "netem",
        "web-1",
        "--latency",
        "20ms",
        "--duration",
        "10m",
        "--detach",
        "-y",
    ];
    let (all, code) = Terminal::start(&rehearsal, &detached).end();
    assert_eq!(code, 0, "{all}");
    let (_, below) = all.rsplit_once("ENDED-BY").unwrap();
    assert!(below.contains("to end it sooner: kubectl vmchaos halt"), "{all}");
    // So many rows push away what was said before them.
    let many = [
        "netem",
        "-n",
        "load",
        "--target",
        ".*",
        "--all",
        "--latency",
        "20ms",
        "--duration",
        "1s",
    ];
    let yes = ["--execution", "parallel", "--yes=vmchaos-rehearsal"];
    let (all, code) = Terminal::start(&rehearsal, &[&many[..], &yes].concat()).end();
    assert_eq!(code, 0, "{all}");
    assert!(all.trim_end().ends_with("25 VMs: 25 ok"), "{all}");
}

#[test]
fn ctrl_c_at_the_picker_changes_nothing() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &UNNAMED);
    terminal.see("Which VMIs?");
    terminal.type_in(CTRL_C);
    let (rest, code) = terminal.end();
    assert_eq!(code, 130, "{rest}");
    assert!(rest.contains("nothing was changed"), "{rest}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["netem", "web-1", "--latency", "20ms"]);
    terminal.see("Put this on 1 VM in context vmchaos-rehearsal?");
    terminal.type_in(CTRL_C);
    let (rest, code) = terminal.end();
    assert_eq!(code, 130, "{rest}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn ctrl_c_during_the_hold_rolls_back() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["netem", "web-1", "--latency", "20ms", "-y"]);
    terminal.see("injected on node-1");
    terminal.type_in(CTRL_C);
    terminal.see("restored");
    let (rest, code) = terminal.end();
    assert_eq!(code, 130, "{rest}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}
