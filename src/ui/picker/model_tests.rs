use super::*;

fn model() -> Model {
    Model::new(picker())
}

fn picker() -> Picker {
    let mut picker = Picker::new("Which VMIs?", ["namespace", "name", "node"], "");
    picker.row(["default", "web-1", "node-1"], None);
    picker.row(["default", "web-2", "node-1"], None);
    picker.row(["default", "db-0", "node-1"], Some("is paused"));
    for i in 0..20 {
        picker.row(["default", &format!("batch-{i}"), "node-1"], None);
    }
    picker
}

fn press(model: &mut Model, keys: &str) {
    for c in keys.chars() {
        assert_eq!(model.press(Key::Char(c)), None);
    }
}

fn plain(model: &mut Model, width: usize, height: usize) -> Vec<String> {
    model.draw(width, height, false)
}

#[test]
fn filter_toggle_and_accept() {
    let mut model = model();
    press(&mut model, "web2 ");
    assert_eq!(model.press(Key::Escape), None, "clears the filter first");
    press(&mut model, " ");
    assert_eq!(model.press(Key::Enter), Some(Pick::Picked(vec![0, 1])));
}

#[test]
fn nothing_selected_is_said_and_not_guessed() {
    let mut model = model();
    assert_eq!(model.press(Key::Enter), None);
    assert_eq!(
        plain(&mut model, 80, 24).last().unwrap(),
        "nothing selected yet: space selects"
    );
}

#[test]
fn a_refused_row_is_shown_with_its_reason_and_stays_out() {
    let mut model = model();
    press(&mut model, "db ");
    let lines = plain(&mut model, 80, 24);
    assert_eq!(lines[3], ">  -  default     db-0       node-1   (is paused)");
    assert_eq!(lines.last().unwrap(), "cannot be chosen: is paused");
    assert_eq!(model.press(Key::Ctrl('a')), None);
    assert_eq!(model.press(Key::Enter), None, "still nothing selected");
}

#[test]
fn all_shown_is_what_the_filter_left_and_twice_is_none() {
    let mut model = model();
    press(&mut model, "web");
    model.press(Key::Ctrl('a'));
    assert_eq!(model.press(Key::Enter), Some(Pick::Picked(vec![0, 1])));
    model.press(Key::Ctrl('a'));
    assert_eq!(model.press(Key::Enter), None);
}

#[test]
fn it_scrolls_and_fits_the_screen() {
    let mut model = model();
    for _ in 0..30 {
        model.press(Key::Down);
    }
    let lines = plain(&mut model, 80, 12);
    assert!(lines.len() < 12, "{lines:#?}");
    assert!(lines[lines.len() - 2].contains("batch-19"), "{lines:#?}");
    assert!(lines[lines.len() - 2].starts_with('>'), "{lines:#?}");
    model.press(Key::Home);
    assert!(plain(&mut model, 80, 12)[3].contains("web-1"));
}

#[test]
fn a_narrow_terminal_cuts_lines_instead_of_wrapping_them() {
    let mut model = model();
    for colour in [false, true] {
        let lines = model.draw(20, 10, colour);
        assert!(lines.iter().all(|line| measure_text_width(line) <= 20), "{lines:#?}");
    }
    press(&mut model, "batch-1");
    assert!(plain(&mut model, 20, 10)[1].ends_with("filter: batch-1|"));
    assert!(
        plain(&mut model, 20, 1).len() >= 3,
        "one row at least, however small the screen"
    );
}

#[test]
fn nothing_fits_is_said() {
    let mut model = model();
    press(&mut model, "zzz");
    assert_eq!(
        plain(&mut model, 80, 24).last().unwrap(),
        "nothing fits \"zzz\", Esc clears it"
    );
    press(&mut model, " ");
    assert_eq!(model.press(Key::Enter), None);
}

#[test]
fn leaving_it() {
    assert_eq!(model().press(Key::Escape), Some(Pick::Cancelled));
    assert_eq!(model().press(Key::Ctrl('c')), Some(Pick::Interrupted));
}

#[test]
fn one_of_a_few_is_the_one_at_the_cursor() {
    let mut picker = picker().single();
    picker.preselect(&[1]);
    let mut model = Model::new(picker);
    let screen = plain(&mut model, 60, 20);
    assert_eq!(screen[1], "filter: |");
    assert!(screen[4].starts_with("> default     web-2"), "{screen:?}");
    press(&mut model, "db");
    assert_eq!(model.press(Key::Enter), None, "refused");
    assert!(plain(&mut model, 60, 20).last().unwrap().contains("is paused"));
    model.press(Key::Escape);
    assert_eq!(model.press(Key::Enter), Some(Pick::Picked(vec![0])));
}

#[test]
fn what_was_selected_before_is_selected_again() {
    let mut picker = picker();
    picker.preselect(&[0, 4]);
    let mut model = Model::new(picker);
    assert_eq!(model.press(Key::Enter), Some(Pick::Picked(vec![0, 4])));
}
