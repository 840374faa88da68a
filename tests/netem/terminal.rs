//! On a terminal: the picker, the question, Ctrl-C.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::support::Rehearsal;

/// Generous: the machine may be busy; every wait ends as soon as there is something to see.
const PATIENCE_MS: u64 = 60_000;
const CTRL_C: &str = "\x03";

/// The command in a terminal.
struct Terminal(PtySession);

impl Terminal {
    fn start(rehearsal: &Rehearsal, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubectl-vmchaos"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm")
            .env("KUBECONFIG", rehearsal.practice.kubeconfig());
        Self(spawn_command(command, Some(PATIENCE_MS)).unwrap())
    }

    #[track_caller]
    fn see(&mut self, text: &str) -> String {
        self.0
            .exp_string(text)
            .unwrap_or_else(|error| panic!("waiting for {text:?}: {error}"))
    }

    fn press(&mut self, keys: &str) {
        self.0.send(keys).unwrap();
        self.0.flush().unwrap();
    }

    /// Everything until the end, and the exit code.
    fn end(mut self) -> (String, i32) {
        let rest = self.0.exp_eof().unwrap();
        match self.0.process().wait() {
            Ok(WaitStatus::Exited(_, code)) => (rest, code),
            other => panic!("{other:?}: {rest}"),
        }
    }
}

const UNNAMED: [&str; 5] = ["netem", "--latency", "20ms", "--duration", "1s"];

#[test]
fn a_vm_is_picked_and_the_plan_is_agreed_to() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &UNNAMED);
    terminal.see("Which VMIs?");
    terminal.press("web1");
    terminal.see("web-1");
    terminal.press(" \r");
    terminal.see("1 of ");
    terminal.see("tc qdisc add dev tap0");
    terminal.see("Put this on 1 VM?");
    assert_eq!(
        rehearsal.writes(),
        Vec::<String>::new(),
        "asked before anything is written"
    );
    terminal.press("y\r");
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
    terminal.press("n\r");
    let (rest, code) = terminal.end();
    assert_eq!(code, 4, "{rest}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn ctrl_c_at_the_picker_changes_nothing() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &UNNAMED);
    terminal.see("Which VMIs?");
    terminal.press(CTRL_C);
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
    terminal.press(CTRL_C);
    let (rest, code) = terminal.end();
    assert_eq!(code, 130, "{rest}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn ctrl_c_during_the_hold_rolls_back() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["netem", "web-1", "--latency", "20ms", "-y"]);
    terminal.see("injected on node-1");
    terminal.press(CTRL_C);
    terminal.see("restored");
    let (rest, code) = terminal.end();
    assert_eq!(code, 130, "{rest}");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
}
