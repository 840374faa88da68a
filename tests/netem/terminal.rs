//! On a terminal: the picker, the question, Ctrl-C.

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
    terminal.see("Put this on 1 VM?");
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
    terminal.see("Put this on 1 VM?");
    terminal.type_in("n\r");
    let (rest, code) = terminal.end();
    assert_eq!(code, 4, "{rest}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
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
    terminal.see("Put this on 1 VM?");
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
