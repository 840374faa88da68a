use super::*;

fn field(label: &str, default: &str, choices: &[&str]) -> Field {
    Field {
        label: label.into(),
        help: format!("what {label} is"),
        default: default.into(),
        choices: choices
            .iter()
            .map(|word| ((*word).to_owned(), format!("means {word}")))
            .collect(),
        value: String::new(),
    }
}

fn model() -> Model {
    let fields = vec![
        field("preset", "", &["bad", "worse"]),
        field("latency", "", &[]),
        field("duration", "120s", &[]),
    ];
    let check = |index: usize, value: &str| match (index, value) {
        (1 | 2, value) if value.contains('x') => Err(format!("invalid value '{value}'")),
        _ => Ok(()),
    };
    let all = |values: &[String]| {
        if values[0].is_empty() && values[1].is_empty() {
            Err("no effect".to_owned())
        } else {
            Ok(())
        }
    };
    Model::new(Form::new("netem on 2 VMs", fields, check, all))
}

fn press(model: &mut Model, keys: &[Key]) -> Option<Filled> {
    keys.iter().find_map(|key| model.press(*key))
}

fn text(model: &mut Model, text: &str) {
    for c in text.chars() {
        assert_eq!(model.press(Key::Char(c)), None);
    }
}

fn values(values: [&str; 3]) -> Vec<String> {
    values.map(str::to_owned).to_vec()
}

#[test]
fn what_is_typed_is_the_value_and_defaults_are_taken_with_enter() {
    let mut model = model();
    press(&mut model, &[Key::Down]);
    text(&mut model, "20mss");
    press(&mut model, &[Key::Backspace]);
    assert_eq!(
        model.draw(60, 20, false),
        [
            "netem on 2 VMs",
            "  preset    -                 what preset is",
            "> latency   20ms_             what latency is",
            "  duration  (120s)            what duration is",
            "",
            "enter goes on, up and down another line, left and right an..",
        ]
    );
    assert_eq!(
        press(&mut model, &[Key::Enter]),
        Some(Filled::Values(values(["", "20ms", ""])))
    );
}

#[test]
fn words_are_turned_or_begun() {
    let mut model = model();
    for (key, value) in [
        (Key::Right, "bad"),
        (Key::Right, "worse"),
        (Key::Right, ""),
        (Key::Left, "worse"),
        (Key::Char('b'), "bad"),
        (Key::Char(' '), "worse"),
        (Key::Char('z'), "worse"),
        (Key::Char('b'), "bad"),
        (Key::Backspace, ""),
    ] {
        model.press(key);
        assert_eq!(model.form.fields[0].value, value, "{key:?}");
    }
    press(&mut model, &[Key::Right]);
    let screen = model.draw(60, 20, false);
    assert_eq!(screen[1], "> preset    bad               means bad");
    assert_eq!(screen[4], "one of: bad, worse");
}

#[test]
fn a_value_that_will_not_do_is_said_and_kept_to_be_mended() {
    let mut model = model();
    press(&mut model, &[Key::Down]);
    text(&mut model, "x");
    press(&mut model, &[Key::Down]);
    assert_eq!(model.draw(60, 20, false).last().unwrap(), "invalid value 'x'");
    assert_eq!(press(&mut model, &[Key::Enter]), None);
    press(&mut model, &[Key::Ctrl('u'), Key::Enter]);
    assert_eq!(model.draw(60, 20, false).last().unwrap(), "no effect", "all together");
    text(&mut model, "1s");
    assert!(matches!(press(&mut model, &[Key::Enter]), Some(Filled::Values(_))));
}

#[test]
fn enter_goes_to_the_line_that_is_wrong() {
    let mut model = model();
    model.form.fields[2].value = "x".into();
    press(&mut model, &[Key::Enter]);
    assert!(model.draw(60, 20, false)[3].starts_with("> duration"));
}

#[test]
fn escape_keeps_what_was_filled_in_and_ctrl_c_interrupts() {
    let mut model = model();
    press(&mut model, &[Key::Right]);
    assert_eq!(
        press(&mut model, &[Key::Escape]),
        Some(Filled::Back(values(["bad", "", ""])))
    );
    assert_eq!(press(&mut model, &[Key::Ctrl('c')]), Some(Filled::Interrupted));
}

#[test]
fn on_a_small_screen_the_line_with_the_cursor_is_there() {
    for colour in [false, true] {
        let mut model = model();
        press(&mut model, &[Key::End]);
        let lines = model.draw(30, 6, colour);
        assert!(lines.len() <= 6, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("> duration")), "{lines:?}");
        assert!(lines.iter().all(|line| measure_text_width(line) <= 30), "{lines:?}");
    }
}

#[test]
fn a_word_can_be_typed_and_a_letter_repeated() {
    let mut model = model();
    model.form.fields[0] = field("mode", "", &["pod", "pause", "stop"]);
    text(&mut model, "pause");
    assert_eq!(model.form.fields[0].value, "pause");
    press(&mut model, &[Key::Backspace]);
    text(&mut model, "p");
    assert_eq!(model.form.fields[0].value, "pod");
    text(&mut model, "p");
    assert_eq!(model.form.fields[0].value, "pause");
}
