//! Keys while the fault holds: `r`, `q`, Ctrl-C as ever, and a terminal that is as it was whatever ends the run.

use rexpect::process::Signal;
use rustix::termios::LocalModes;

use super::{LONG, with};
use crate::support::Rehearsal;
use crate::support::terminal::{CTRL_C, CTRL_Z, Terminal};

const TWO: [&str; 8] = [
    "netem",
    "web-1",
    "web-2",
    "--latency",
    "20ms",
    "--duration",
    "10m",
    "-y",
];

/// A run that holds its fault and listens to keys.
fn holding(rehearsal: &Rehearsal, args: &[&str]) -> Terminal {
    let mut terminal = Terminal::start(rehearsal, args);
    terminal.see("injected on node-1");
    terminal.see("q or Ctrl-C ends the run");
    let mode = terminal.mode();
    assert!(!mode.contains(LocalModes::ICANON), "keys come one by one: {mode:?}");
    assert!(mode.contains(LocalModes::ISIG), "Ctrl-C stays a signal: {mode:?}");
    terminal
}

#[test]
fn r_ends_the_fault_as_its_deadline_would() {
    let rehearsal = Rehearsal::new();
    let mut terminal = holding(&rehearsal, &LONG);
    terminal.type_in("xr");
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("r rolls back now; q or Ctrl-C"), "{screen}");
    assert!(screen.contains("operator"), "the table says by whom: {screen}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn r_in_a_serial_run_goes_on_with_the_next_vm() {
    let rehearsal = Rehearsal::new();
    let mut terminal = holding(&rehearsal, &TWO);
    terminal.type_in("r");
    terminal.see("injected on node-2");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    terminal.type_in("r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("r rolls this VM back, on to the next"), "{screen}");
    assert!(screen.contains("2 VMs: 2 restored"), "{screen}");
}

#[test]
fn r_in_a_parallel_run_ends_all() {
    let rehearsal = Rehearsal::new();
    let mut terminal = holding(&rehearsal, &with(&TWO, &["--execution", "parallel"]));
    terminal.see("2 injected");
    terminal.type_in("r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("2 VMs: 2 restored"), "{screen}");
}

#[test]
fn q_ctrl_c_and_signals_interrupt_and_give_the_terminal_back() {
    for key in ["q", CTRL_C] {
        let rehearsal = Rehearsal::new();
        let mut terminal = holding(&rehearsal, &TWO);
        terminal.type_in(key);
        let (screen, code) = terminal.end();
        assert_eq!(code, 130, "{key:?}: {screen}");
        assert!(screen.contains("1 restored, 1 skipped"), "{key:?}: {screen}");
    }
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let rehearsal = Rehearsal::new();
        let mut terminal = holding(&rehearsal, &LONG);
        terminal.signal(signal);
        let (screen, code) = terminal.end();
        assert_eq!(code, 130, "{signal:?}: {screen}");
    }
}

#[test]
fn in_the_background_the_keyboard_is_the_shells() {
    let rehearsal = Rehearsal::new();
    let mut shell = Terminal::shell(&rehearsal);
    shell.type_in("v netem web-1 --latency 20ms --duration 3s -y &\n");
    shell.see("injected on node-1");
    assert!(shell.mode().contains(LocalModes::ICANON));
    shell.type_in("echo r is for the 'shell'\n");
    shell.see("r is for the shell");
    shell.see("deadline");
    shell.type_in("wait $!; echo ended with $?, 'really'\n");
    shell.see("ended with 0, really");
    shell.type_in("exit\n");
    shell.end();
}

#[test]
fn a_suspended_run_leaves_the_terminal_to_the_shell_and_takes_it_again() {
    let rehearsal = Rehearsal::new();
    let mut shell = Terminal::shell(&rehearsal);
    shell.type_in("v netem web-1 --latency 20ms --duration 10m -y\n");
    shell.see("r rolls back now");
    shell.type_in(CTRL_Z);
    shell.see("Stopped");
    shell.type_in("echo in between, 'really'\n");
    shell.see("in between, really");
    assert!(shell.mode().contains(LocalModes::ICANON));
    shell.type_in("fg\n");
    shell.see("r rolls back now");
    shell.type_in("r");
    shell.see("operator");
    shell.type_in("exit\n");
    shell.end();
}

#[test]
fn nothing_is_offered_where_nobody_presses_keys() {
    let rehearsal = Rehearsal::new();
    let run = rehearsal.run(&super::SHORT).expect(0);
    assert!(!run.err.contains("Ctrl-C"), "{}", run.err);
    assert!(
        run.err.contains("s left, until "),
        "the end as a clock time: {}",
        run.err
    );
}
