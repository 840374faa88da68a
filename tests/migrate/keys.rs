//! Keys during rounds.

use super::{cluster, vmims};
use crate::support::terminal::Terminal;

const ENDLESS: [&str; 8] = [
    "migrate",
    "web-1",
    "--rounds",
    "0",
    "--interval-min",
    "10m",
    "--interval-max",
    "10m",
];

#[test]
fn r_begins_no_further_round() {
    let rehearsal = cluster();
    let mut terminal = Terminal::start(&rehearsal, &[&ENDLESS[..], &["--yes=vmchaos-rehearsal"]].concat());
    terminal.see("r begins no further round; q or Ctrl-C cancels those in flight");
    terminal.see("round 2 begins in");
    terminal.type_in("r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(vmims(&rehearsal).len(), 1, "{screen}");
}

#[test]
fn without_a_further_round_only_the_end_is_offered() {
    let rehearsal = cluster();
    let (screen, code) = Terminal::start(&rehearsal, &["migrate", "web-1", "-y"]).end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains("q or Ctrl-C cancels") && !screen.contains("r begins"),
        "{screen}"
    );
}
