//! `kubectl vmchaos` alone: from the first question to the end of the run, on a terminal; and the command line that does the same.
#![cfg(unix)]

use crate::support::Rehearsal;
use crate::support::terminal::{CTRL_C, ESCAPE, Terminal};

const DOWN: &str = "\x1b[B";
const HOME: &str = "\x1b[H";
const ENTER: &str = "\r";

/// Up to the list of VMs of the context's namespace for the fault so many lines down.
fn at_the_vms(rehearsal: &Rehearsal, fault: usize) -> Terminal {
    let mut terminal = Terminal::start(rehearsal, &[]);
    terminal.see("Which fault?");
    terminal.type_in(&(DOWN.repeat(fault) + ENTER));
    terminal.see("Where are the VMs?");
    terminal.type_in(ENTER);
    terminal.see("Which VMIs for");
    terminal
}

/// Up to the values, for one VM.
fn at_the_values(rehearsal: &Rehearsal, fault: usize) -> Terminal {
    let mut terminal = at_the_vms(rehearsal, fault);
    terminal.see("web-1");
    terminal.type_in("web-1 ");
    terminal.see("1 of ");
    terminal.type_in(ENTER);
    terminal.see("on 1 VM: what is left empty");
    terminal
}

/// Puts a value into the line of a flag.
fn fill(terminal: &mut Terminal, fault: &str, flag: &str, value: &str) {
    let questions = kubectl_vmchaos::testing::cli::guide::questions(fault);
    let line = questions.iter().position(|question| question.flag == flag).unwrap();
    terminal.type_in(&(HOME.to_owned() + &DOWN.repeat(line) + value));
}

/// The arguments of the command line that was printed.
fn repeated(screen: &str) -> Vec<String> {
    let (_, line) = screen
        .split_once("the same without questions: kubectl vmchaos ")
        .unwrap();
    let line = line.lines().next().unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_fault_from_the_first_question_to_its_end_and_the_same_by_its_command_line() {
    let rehearsal = Rehearsal::new();
    let mut terminal = at_the_values(&rehearsal, 0);
    fill(&mut terminal, "netem", "latency", "20ms");
    fill(&mut terminal, "netem", "duration", "1s");
    terminal.type_in(ENTER);
    terminal.see("Put this on 1 VM in context vmchaos-rehearsal?");
    assert_eq!(
        rehearsal.writes(),
        Vec::<String>::new(),
        "asked before anything is written"
    );
    terminal.type_in("y\r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    let line = repeated(&screen);
    assert_eq!(
        line[..6],
        ["netem", "vmi/web-1/default", "--latency", "20ms", "--duration", "1s"]
    );
    assert!(line.iter().any(|word| word == "--context"), "complete: {line:?}");
    let args: Vec<&str> = line.iter().map(String::as_str).chain(["-y"]).collect();
    rehearsal.run(&args).expect(0).says(&["1 VM: 1 restored"]);
}

#[test]
fn what_cannot_be_chosen_is_shown_with_the_reason_for_the_fault() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["-n", "lab"]);
    terminal.see("Which fault?");
    terminal.type_in(ENTER);
    // With -n there is nothing to ask about the place.
    terminal.see("Which VMIs for netem?");
    terminal.type_in("passt");
    terminal.see("cannot be chosen: has no interface");
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.end().1, 130);

    let mut terminal = Terminal::start(&rehearsal, &["-n", "lab"]);
    terminal.see("Which fault?");
    terminal.type_in(&(DOWN.repeat(3) + ENTER));
    terminal.see("Which VMIs for outage?");
    // The same columns whatever the fault.
    terminal.see("passt-1");
    terminal.see("plugin");
    terminal.see("Paused");
    terminal.type_in("passt-1 ");
    terminal.see("1 of ");
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.end().1, 130);
}

#[test]
fn a_value_is_refused_in_the_words_of_the_flag_and_can_be_mended() {
    let rehearsal = Rehearsal::new();
    let mut terminal = at_the_values(&rehearsal, 0);
    terminal.type_in(ENTER);
    terminal.see("no effect");
    fill(&mut terminal, "netem", "jitter", "5ms");
    terminal.type_in(ENTER);
    terminal.see("--latency");
    fill(&mut terminal, "netem", "latency", "20");
    terminal.type_in(ENTER);
    terminal.see("invalid value '20' for '--latency <TIME>'");
    terminal.type_in("ms\r");
    terminal.see("Put this on 1 VM in context vmchaos-rehearsal?");
    terminal.type_in("n\r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 4, "{screen}");
    assert!(screen.contains("--latency 20ms --jitter 5ms"), "{screen}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn outages_and_filters_and_migrations_too() {
    for (fault, name, flag, value, question) in [
        (
            1,
            "filter",
            "ports",
            "53",
            "Put this on 1 VM in context vmchaos-rehearsal?",
        ),
        (
            2,
            "migrate",
            "timeout",
            "2m",
            "Migrate 1 VM in context vmchaos-rehearsal?",
        ),
        (3, "outage", "mode", "pause", "Pause 1 VM"),
    ] {
        let rehearsal = Rehearsal::new();
        let mut terminal = at_the_values(&rehearsal, fault);
        fill(&mut terminal, name, flag, value);
        terminal.type_in(ENTER);
        terminal.see(question);
        terminal.type_in(ESCAPE);
        let (screen, code) = terminal.end();
        assert_eq!(code, 4, "{screen}");
        assert!(repeated(&screen).contains(&format!("--{flag}")), "{screen}");
        assert_eq!(rehearsal.writes(), Vec::<String>::new());
    }
}

#[test]
fn escape_goes_back_and_keeps_what_was_answered() {
    let rehearsal = Rehearsal::new();
    let mut terminal = at_the_values(&rehearsal, 0);
    fill(&mut terminal, "netem", "loss", "10%");
    terminal.type_in(ESCAPE);
    terminal.see("Which VMIs for netem?");
    terminal.see("1 of ");
    terminal.type_in(ENTER);
    terminal.see("10%");
    for earlier in ["Which VMIs for netem?", "Where are the VMs?", "Which fault?"] {
        terminal.type_in(ESCAPE);
        terminal.see(earlier);
    }
    terminal.type_in(ESCAPE);
    let (screen, code) = terminal.end();
    assert_eq!(code, 4, "{screen}");
    assert!(screen.contains("nothing was changed"), "{screen}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn ctrl_c_at_any_question_changes_nothing_and_leaves_the_terminal_as_it_was() {
    let rehearsal = Rehearsal::new();
    let mut first = Terminal::start(&rehearsal, &[]);
    first.see("Which fault?");
    for mut terminal in [first, at_the_vms(&rehearsal, 0), at_the_values(&rehearsal, 3)] {
        terminal.type_in(CTRL_C);
        let (screen, code) = terminal.end();
        assert_eq!(code, 130, "{screen}");
        let shown = screen.rfind("\x1b[?25h");
        assert!(shown > screen.rfind("\x1b[?25l"), "the cursor is back: {screen:?}");
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn the_picker_of_a_command_prints_its_command_line_too() {
    let rehearsal = Rehearsal::new();
    let args = [
        "netem",
        "-A",
        "--latency",
        "20ms",
        "--duration",
        "1s",
        "-o",
        "json",
        "-y",
    ];
    let mut terminal = Terminal::start(&rehearsal, &args);
    terminal.see("Which VMIs?");
    terminal.type_in("shop-web-1 ");
    terminal.see("1 of ");
    terminal.type_in(ENTER);
    let (screen, code) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let line = repeated(&screen);
    let expected = "netem vmi/shop-web-1/shop --latency 20ms --duration 1s -o json";
    assert_eq!(line[..8].join(" "), expected, "{screen}");
}

#[test]
fn a_rehearsal_guides_on_its_own_cluster() {
    let rehearsal = Rehearsal::new();
    let mut terminal = Terminal::start(&rehearsal, &["rehearse", "--vms", "3"]);
    terminal.see("Which fault?");
    terminal.type_in(ENTER);
    terminal.see("Where are the VMs?");
    terminal.type_in(ENTER);
    terminal.see("Which VMIs for netem?");
    terminal.type_in("web-1 ");
    terminal.see("1 of ");
    terminal.type_in(ENTER);
    terminal.see("on 1 VM: what is left empty");
    fill(&mut terminal, "netem", "loss", "1%");
    terminal.type_in(ENTER);
    terminal.see("Put this on 1 VM in context vmchaos-rehearsal?");
    terminal.type_in("n\r");
    let (screen, code) = terminal.end();
    assert_eq!(code, 4, "{screen}");
    let line = repeated(&screen).join(" ");
    assert_eq!(line, "rehearse --vms 3 -- netem vmi/web-1/default --loss 1%");
    assert_eq!(rehearsal.practice.requests().len(), 0, "on its own cluster");
}

#[test]
fn where_nobody_can_be_guided_it_is_the_help_and_a_wrong_command_line() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal.run(&[]).expect(2);
    assert!(ended.err.contains("Usage: kubectl vmchaos"), "{}", ended.err);
    rehearsal
        .run(&["-n", "shop"])
        .expect(2)
        .says(&["requires a subcommand"]);
    rehearsal.run(&["rehearse"]).expect(2).says(&["no command to rehearse"]);
    rehearsal.run(&["--no-such-flag"]).expect(2).says(&["--no-such-flag"]);
    let mut command = rehearsal.command(&[]);
    command.env("TERM", "dumb");
    let (screen, code) = Terminal::with(&command).end();
    assert_eq!(code, 2, "{screen}");
    assert!(screen.contains("Usage: kubectl vmchaos"), "{screen}");
}

#[test]
fn what_was_chosen_is_written_as_a_game_day_and_added_to_one() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.yaml").display().to_string();
    let questions = kubectl_vmchaos::testing::cli::guide::questions("netem");
    let save = |latency: &str, file: &str| {
        let mut terminal = at_the_values(&rehearsal, 0);
        fill(&mut terminal, "netem", "latency", latency);
        terminal.type_in(&(HOME.to_owned() + &DOWN.repeat(questions.len()) + file));
        terminal.type_in(ENTER);
        terminal
    };
    let (screen, code) = {
        let mut terminal = save("20ms", &file);
        terminal.see("step netem-1 was written to");
        terminal.end()
    };
    assert_eq!(code, 0, "{screen}");
    std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"  # mine\n"))
        .unwrap();
    let mut terminal = save("30ms", &file);
    terminal.see("step netem-2 was added to");
    assert_eq!(terminal.end().1, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.ends_with(
            "    - name: netem-1\n      netem: {vms: [default/web-1], latency: 20ms}\n    \
         - name: netem-2\n      netem: {vms: [default/web-1], latency: 30ms}\n  # mine\n"
        ),
        "{text}"
    );
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    rehearsal
        .run(&["run", "-f", &file, "--plan"])
        .expect(0)
        .says(&["netem-1", "netem-2"]);
    // A file that is no game day is left as it is.
    let other = folder.path().join("other.yaml").display().to_string();
    std::fs::write(&other, "a: 1\n").unwrap();
    let mut terminal = save("20ms", &other);
    terminal.see("nothing was written");
    assert_eq!(terminal.end().1, 4);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "a: 1\n");
}
