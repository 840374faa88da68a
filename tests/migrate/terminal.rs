//! On a terminal: the question, and Ctrl-C while a migration is under way.

use crate::support::Rehearsal;
use crate::support::terminal::{CTRL_C, Terminal};

#[test]
fn a_migration_is_agreed_to_and_shown() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["migrate", "web-1"]);
    terminal.see("Migrate 1 VM in context vmchaos-rehearsal?");
    assert_eq!(
        rehearsal.writes(),
        Vec::<String>::new(),
        "asked before anything is written"
    );
    terminal.type_in("y\r");
    terminal.see("migrated node-1 to ");
    let (all, code) = terminal.end();
    assert_eq!(code, 0, "{all}");
}

#[test]
fn a_no_and_a_ctrl_c_at_the_question_change_nothing() {
    for (typed, code) in [("n\r", 4), (CTRL_C, 130)] {
        let rehearsal = Rehearsal::new();
        let mut terminal = Terminal::start(&rehearsal, &["migrate", "web-1"]);
        terminal.see("Migrate 1 VM in context vmchaos-rehearsal?");
        terminal.type_in(typed);
        let (all, ended) = terminal.end();
        assert_eq!(ended, code, "{typed:?}: {all}");
        assert_eq!(rehearsal.writes(), Vec::<String>::new(), "{typed:?}");
    }
}
