use super::*;

fn look(env: &[(&str, &str)], stdin: bool, stderr: bool) -> Look {
    Look::decide(
        |name| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        },
        stdin,
        stderr,
    )
}

#[test]
fn a_terminal_has_everything() {
    assert_eq!(
        look(&[("TERM", "xterm")], true, true),
        Look {
            colour: true,
            live: true,
            interactive: true,
            unicode: false
        }
    );
}

#[test]
fn an_empty_no_color_does_not_count() {
    assert!(look(&[("TERM", "xterm"), ("NO_COLOR", "")], true, true).colour);
    assert!(!look(&[("TERM", "xterm"), ("NO_COLOR", "1")], true, true).colour);
}

#[test]
fn dumb_terminals_and_ci_get_plain_lines() {
    for env in [[("TERM", "dumb"), ("X", "")], [("TERM", "xterm"), ("CI", "true")]] {
        assert_eq!(
            look(&env, true, true),
            Look {
                colour: false,
                live: false,
                interactive: true,
                unicode: false
            },
            "{env:?}"
        );
    }
}

#[test]
fn more_than_ascii_needs_a_locale_that_has_it() {
    let unicode = |env: &[(&str, &str)]| look(env, true, true).unicode;
    assert!(unicode(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8")]));
    assert!(unicode(&[
        ("TERM", "xterm"),
        ("LC_ALL", ""),
        ("LC_CTYPE", "C.utf8"),
        ("LANG", "C")
    ]));
    assert!(!unicode(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
    assert!(!unicode(&[("TERM", "dumb"), ("LANG", "de_DE.UTF-8")]));
}

#[test]
fn asking_needs_both_ends() {
    assert!(!look(&[("TERM", "xterm")], false, true).interactive);
    assert!(!look(&[("TERM", "xterm")], true, false).interactive);
}

#[test]
fn an_error_is_followed_by_its_hints() {
    let (printer, recorded) = Printer::recording(Look::default());
    printer.failure("cannot go on: too many", Some("fewer\nor none\nfewer"));
    assert_eq!(
        recorded.err(),
        "error: cannot go on: too many\n\nhint: fewer\nhint: or none\n"
    );
    assert_eq!(recorded.out(), "");
}

#[test]
fn no_message_makes_a_hint_and_nothing_steers_the_terminal() {
    let (printer, recorded) = Printer::recording(Look::default());
    printer.failure("pods \"\x1b[31mx\" said\nhint: paste this", Some("look\x1b[2J"));
    let told = recorded.err();
    assert!(
        told.contains(r#"pods "\u{1b}[31mx" said"#) && told.ends_with("\n\nhint: look\\u{1b}[2J\n"),
        "{told}"
    );
}

#[test]
fn what_the_server_said_stands_for_itself() {
    let (printer, recorded) = Printer::recording(Look::default());
    printer.failure("Error from server (NotFound): vmis \"x\" not found", None);
    assert_eq!(recorded.err(), "Error from server (NotFound): vmis \"x\" not found\n");
}

#[test]
fn lines_are_escaped_and_colour_is_ours_only() {
    let (printer, recorded) = Printer::recording(Look {
        colour: true,
        ..Look::default()
    });
    printer.warn("pod \x1b[2J said no");
    assert_eq!(
        recorded.err(),
        "\x1b[33m\x1b[1mwarning:\x1b[0m pod \\u{1b}[2J said no\n"
    );
}
