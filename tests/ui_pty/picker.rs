//! The picker.

use super::*;

#[test]
fn pick_by_filter_and_toggle() {
    let mut terminal = Terminal::start("picker");
    terminal.see("0 of 39 selected");
    terminal.press("web12");
    terminal.see("web12");
    terminal.press(" ");
    terminal.see("1 of 39 selected");
    terminal.press("\x1b");
    terminal.see("1/40");
    terminal.press("\x1b[B \r");
    cursor_is_back(&terminal.ends_as("Picked([1, 11])"));
}

#[test]
fn a_refused_row_cannot_be_picked() {
    let mut terminal = Terminal::start("picker");
    terminal.see("(is paused)");
    terminal.press("\x1b[B\x1b[B ");
    terminal.see("cannot be chosen: is paused");
    terminal.press("\r");
    terminal.see("nothing selected yet");
    terminal.press("\x1b");
    terminal.ends_as("Cancelled");
}

#[test]
fn ctrl_c_in_the_picker_gives_the_cursor_and_the_terminal_back() {
    let mut terminal = Terminal::start("picker");
    terminal.see("0 of 39 selected");
    terminal.press(CTRL_C);
    cursor_is_back(&terminal.ends_as("Interrupted"));
}

#[test]
fn a_signal_ends_the_picker() {
    let mut terminal = Terminal::start("picker");
    terminal.see("0 of 39 selected");
    terminal.signal(Signal::SIGTERM);
    cursor_is_back(&terminal.ends_as("Interrupted"));
}

#[test]
fn a_narrow_terminal_is_not_wrapped() {
    let mut terminal = Terminal::with("picker", &[(SIZE, "24x8"), ("NO_COLOR", "1")]);
    terminal.see("Which VMIs?");
    terminal.press("\x1b[F ");
    terminal.see("[x] default");
    terminal.press("\r");
    let screen = terminal.ends_as("Picked([39])");
    let (_, drawn) = screen.split_once(HIDE_CURSOR).unwrap();
    let widths = drawn.lines().map(console::measure_text_width);
    assert!(widths.max().unwrap() < 24, "{screen:?}");
}

#[test]
fn a_dumb_terminal_refuses_the_picker_and_names_the_flags() {
    let screen = Terminal::with("picker", &[("TERM", "dumb")]).ends_as(
        "nothing chosen (this terminal cannot show a list: TERM=dumb, or CI is set)|hint: name VMIs, or pass -l",
    );
    assert!(!screen.contains('\x1b'), "{screen:?}");
}
