//! Keys while a guest is kept down.

use super::{YES, quick};
use crate::support::terminal::Terminal;

#[test]
fn r_brings_back_now_what_is_kept_down() {
    let rehearsal = quick();
    let args = [
        "outage",
        "web-1",
        "--mode",
        "pause",
        "--duration",
        "10m",
        YES,
        "-o",
        "json",
    ];
    let mut terminal = Terminal::start(&rehearsal, &args);
    terminal.see("r brings back now; q or Ctrl-C ends the run");
    terminal.type_in("r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains(r#""state": "recovered""#) && screen.contains(r#""endedBy": "operator""#),
        "by whom: {screen}"
    );
    let vmi = rehearsal.practice.get(super::VMI, "default", "web-1").unwrap();
    assert!(!vmi["status"]["conditions"].to_string().contains("Paused"));
}

#[test]
fn q_brings_it_back_as_ctrl_c_does() {
    let rehearsal = quick();
    let args = ["outage", "web-1", "--mode", "stop", "--duration", "10m", YES];
    let mut terminal = Terminal::start(&rehearsal, &args);
    terminal.see("r brings back now; q or Ctrl-C ends the run");
    terminal.type_in("q");
    terminal.see("bringing back; Ctrl-C again leaves before that is verified");
    let (screen, code) = terminal.end();
    assert_eq!(code, 130, "{screen}");
}
