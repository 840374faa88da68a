//! On a terminal: the VM's name is typed where data would be lost.

use super::{quick, uid};
use crate::support::terminal::{CTRL_C, Terminal};

#[test]
fn only_the_vms_own_name_goes_on_where_data_is_lost() {
    for (typed, code) in [("web-2\r", 4), ("y\r", 4), (CTRL_C, 130)] {
        let rehearsal = quick();
        // A plain --yes is no answer to this question.
        let mut terminal = Terminal::start(&rehearsal, &["outage", "web-1", "--yes"]);
        terminal.see("Type the VM's name to go on");
        terminal.type_in(typed);
        let (all, ended) = terminal.end();
        assert_eq!(ended, code, "{typed:?}: {all}");
        assert_eq!(rehearsal.writes(), Vec::<String>::new(), "{typed:?}");
    }
    let rehearsal = quick();
    let before = uid(&rehearsal, "default", "web-1");
    let mut terminal = Terminal::start(&rehearsal, &["outage", "web-1"]);
    terminal.see("Type the VM's name to go on");
    terminal.type_in("web-1\r");
    let (all, code) = terminal.end();
    assert_eq!(code, 0, "{all}");
    assert_ne!(uid(&rehearsal, "default", "web-1"), before);
}
