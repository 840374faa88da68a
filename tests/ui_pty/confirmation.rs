//! Confirmations.

use super::*;

#[test]
fn confirming_needs_a_yes() {
    for (typed, answer) in [
        ("y\r", "Yes"),
        ("YES\n", "Yes"),
        ("\r", "No"),
        ("n\r", "No"),
        ("yo\x7f\x7fy\r", "Yes"),
        ("\x04", "No"),
    ] {
        let mut terminal = Terminal::start("confirm");
        terminal.see("netem on 2 VMs in prod");
        terminal.see("Go on?");
        terminal.press(typed);
        terminal.ends_as(answer);
    }
}

#[test]
fn confirming_works_on_a_dumb_terminal_without_escapes() {
    let mut terminal = Terminal::with("confirm", &[("TERM", "dumb")]);
    terminal.see("Go on? [y/N] ");
    terminal.press("y\r");
    let screen = terminal.ends_as("Yes");
    assert!(!screen.contains('\x1b'), "{screen:?}");
}

#[test]
fn ctrl_c_and_signals_end_a_confirmation() {
    let mut terminal = Terminal::start("confirm");
    terminal.see("Go on?");
    terminal.press(CTRL_C);
    terminal.ends_as("Interrupted");
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut terminal = Terminal::start("confirm");
        terminal.see("Go on?");
        terminal.signal(signal);
        terminal.ends_as("Interrupted");
    }
}

#[test]
fn half_a_key_does_not_keep_a_signal_waiting() {
    let mut terminal = Terminal::start("confirm");
    terminal.see("Go on?");
    terminal.press("\x1b[1;");
    terminal.signal(Signal::SIGTERM);
    terminal.ends_as("Interrupted");
}

#[test]
fn a_name_has_to_be_typed_in_full() {
    for (typed, answer) in [
        ("prod\r", "Yes"),
        ("y\r", "No"),
        ("pro\r", "No"),
        ("prodd\x7f\r", "Yes"),
    ] {
        let mut terminal = Terminal::start("typed");
        terminal.see("Type the context's name to go on");
        terminal.press(typed);
        terminal.ends_as(answer);
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let mut terminal = Terminal::start("typed-ahead");
    terminal.press("y\n");
    terminal.see("Go on?");
    terminal.press("\n");
    terminal.ends_as("No");
}
