//! Who agreed to what: the context that `--yes` names, and results that nobody could read.

use std::fs::OpenOptions;
use std::process::Stdio;

use super::{SHORT, with};
use crate::support::{Rehearsal, Running, limit};

#[test]
fn another_context_than_the_one_agreed_to_is_refused() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal.run(&with(&SHORT[..6], &["--yes=prod"])).expect(4);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    assert_eq!(ended.out, "", "a table of what was not done");
    ended.says(&["--yes=prod names another context", "vmchaos-rehearsal"]);
    rehearsal
        .run(&with(&SHORT[..6], &["--yes=vmchaos-rehearsal"]))
        .expect(0);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let rehearsal = Rehearsal::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = rehearsal.command(&with(&SHORT, &["-o", "json"]));
    let output = limit::ended(command.stdout(full).stderr(Stdio::piped()).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout cannot be written to"));
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_fault_that_somebody_else_ended_says_so_in_words() {
    let rehearsal = Rehearsal::new();
    let mut run: Running = rehearsal.spawn(&super::LONG);
    run.wait_for("injected");
    let (name, _) = rehearsal.debug_pods().remove(0);
    rehearsal.practice.evict("kubevirt", &name);
    let ended = run.end().expect(1);
    ended.says(&["default/web-1: ended early", "everything is back"]);
}
