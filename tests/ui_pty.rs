//! Prompts and progress on a real pseudo-terminal.
//!
//! Each test starts this very binary again inside a pty, where `scenario` does what its environment names and prints how it
//! ended: what is asked about is a terminal's mode and cursor, which only a terminal has.
#![cfg(unix)]
#![allow(clippy::exit, reason = "helpers of tests fail the test")]

mod confirmation;
mod picker;

use crate::support::limit;

use std::future::Future;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use kubectl_vmchaos::testing::ui::{Confirm, NoTerminal, Picker, Printer, Progress, State};
use rexpect::process::{Signal, WaitStatus};
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use tokio::signal::unix::{SignalKind, signal};

/// Which scenario the child plays.
const SCENARIO: &str = "UI_PTY_SCENARIO";
/// Columns and rows of its terminal.
const SIZE: &str = "UI_PTY_SIZE";
/// Generous: the machine may be busy; every wait ends as soon as there is something to see.
const PATIENCE_MS: u64 = 30_000;
const CTRL_C: &str = "\x03";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";

// === the child ===

/// In a child: plays the scenario. In the suite: plays the picker in a child that has pipes for streams.
#[test]
fn scenario() {
    let Ok(name) = std::env::var(SCENARIO) else {
        let output = limit::output(&mut child("picker"));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains("END nothing chosen (not a terminal)|hint: name VMIs, or pass -l|"),
            "{text}"
        );
        assert!(
            !text.contains('\x1b') && output.stderr.is_empty(),
            "nothing is drawn: {output:?}"
        );
        return;
    };
    if let Ok(size) = std::env::var(SIZE) {
        let (columns, rows) = size.split_once('x').unwrap();
        let size = Winsize {
            ws_col: columns.parse().unwrap(),
            ws_row: rows.parse().unwrap(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(io::stdin(), size).unwrap();
    }
    let printer = Printer::from_env();
    let before = mode();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let end = runtime.block_on(play(&name, &printer));
    let kept = if before == mode() {
        "terminal as before"
    } else {
        "TERMINAL CHANGED"
    };
    printer
        .out(&format!("END {}|{kept}\n", end.replace('\n', "|")))
        .unwrap();
}

async fn play(name: &str, printer: &Printer) -> String {
    let told = |end: anyhow::Result<String>| {
        end.unwrap_or_else(|error| match error.downcast_ref::<NoTerminal>() {
            Some(none) => format!("{error}\nhint: {}", none.instead),
            None => error.to_string(),
        })
    };
    match name {
        "picker" => {
            let mut picker = Picker::new("Which VMIs?", ["namespace", "name", "node"], "name VMIs, or pass -l");
            for i in 1..=40 {
                picker.row(
                    ["default", &format!("web-{i}"), "node-1"],
                    (i == 3).then_some("is paused"),
                );
            }
            told(picker.pick(printer, ended()).await.map(|pick| format!("{pick:?}")))
        }
        // Asks only when there is an answer already.
        "typed-ahead" => {
            while rustix::io::ioctl_fionread(io::stdin()).unwrap() < 2 {
                std::thread::yield_now();
            }
            let confirm = Confirm::yes_no("", "Go on?");
            told(confirm.ask(printer, ended()).await.map(|answer| format!("{answer:?}")))
        }
        "confirm" => {
            let confirm = Confirm::yes_no("netem on 2 VMs in prod", "Go on?");
            told(confirm.ask(printer, ended()).await.map(|answer| format!("{answer:?}")))
        }
        "typed" => {
            let confirm = Confirm::typed("", "Type the context's name to go on", "prod");
            told(confirm.ask(printer, ended()).await.map(|answer| format!("{answer:?}")))
        }
        "progress" => {
            let progress = Progress::new(printer, 2);
            progress.update(
                "default/web-1",
                "node-1",
                State::Injected {
                    left: Duration::from_secs(120),
                },
            );
            progress.update("default/web-2", "node-2", State::Ready);
            progress.note("a note above the bars");
            // Until the test has seen the bars.
            let mut line = String::new();
            tokio::task::spawn_blocking(move || io::stdin().read_line(&mut line))
                .await
                .unwrap()
                .unwrap();
            progress.update("default/web-1", "node-1", State::Restored);
            progress.finish();
            "progress".to_owned()
        }
        // Beyond what a pipe takes, to a reader that left: neither a panic nor an error.
        "closed-pipe" => {
            let mut line = String::new();
            printer.line("ready");
            io::stdin().read_line(&mut line).unwrap();
            let written = printer.out(&"data\n".repeat(1 << 16));
            // Not through the test harness, which would try to write a verdict.
            std::process::exit(if written.is_ok() { 7 } else { 8 });
        }
        other => format!("no scenario {other}"),
    }
}

/// What ends a run from outside.
fn ended() -> impl Future<Output = ()> {
    let mut term = signal(SignalKind::terminate()).unwrap();
    let mut hup = signal(SignalKind::hangup()).unwrap();
    async move {
        tokio::select! { _ = term.recv() => {}, _ = hup.recv() => {} }
    }
}

fn mode() -> Option<String> {
    tcgetattr(io::stdin())
        .ok()
        .map(|mode: Termios| format!("{:?}{:?}", mode.input_modes, mode.local_modes))
}

// === the suite ===

fn child(scenario: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "ui_pty::scenario", "--nocapture", "--test-threads=1"]);
    command.env_clear().env("TERM", "xterm").env(SCENARIO, scenario);
    command
}

/// A scenario in a terminal, and all that was on it.
struct Terminal {
    session: PtySession,
    seen: String,
}

impl Terminal {
    fn start(scenario: &str) -> Self {
        Self::with(scenario, &[])
    }

    fn with(scenario: &str, env: &[(&str, &str)]) -> Self {
        let mut command = child(scenario);
        command.envs(env.iter().copied());
        Self {
            session: spawn_command(command, Some(PATIENCE_MS)).unwrap(),
            seen: String::new(),
        }
    }

    /// Waits for `text`.
    fn see(&mut self, text: &str) {
        match self.session.exp_string(text) {
            Ok(before) => self.seen += &(before + text),
            Err(error) => panic!("waiting for {text:?}: {error}, after {:?}", self.seen),
        }
    }

    fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    fn signal(&mut self, signal: Signal) {
        self.session.process_mut().signal(signal).unwrap();
    }

    /// How the scenario ended and what was on the terminal until then.
    fn end(mut self) -> (String, String) {
        self.see("END ");
        let end = self.session.read_line().unwrap();
        self.session.exp_eof().unwrap();
        assert!(
            matches!(limit::wait_pty(&self.session), WaitStatus::Exited(_, 0)),
            "{end}"
        );
        (end, self.seen)
    }

    fn ends_as(self, end: &str) -> String {
        let (told, before) = self.end();
        assert_eq!(told, format!("{end}|terminal as before"), "{before}");
        before
    }
}

fn cursor_is_back(screen: &str) {
    assert!(screen.contains(HIDE_CURSOR), "the cursor was hidden: {screen:?}");
    let shown = screen.rfind(SHOW_CURSOR).unwrap();
    assert!(
        shown > screen.rfind(HIDE_CURSOR).unwrap(),
        "and is shown again last: {screen:?}"
    );
}

#[test]
fn bars_on_a_terminal_with_lines_above() {
    let mut terminal = Terminal::with("progress", &[(SIZE, "100x24")]);
    terminal.see("a note above the bars");
    terminal.see("default/web-1");
    terminal.see("until ");
    terminal.see("injected on node-1");
    terminal.see("armed on node-2");
    terminal.see("0 of 2 over");
    terminal.press("\n");
    terminal.see("2 VMs: 1 armed, 1 restored");
    terminal.ends_as("progress");
}

#[test]
fn in_ci_progress_is_plain_lines() {
    let mut terminal = Terminal::with("progress", &[("CI", "true")]);
    terminal.see("default/web-1  injected on node-1, 120s left, until ");
    terminal.see("a note above the bars\r\n");
    terminal.press("\n");
    terminal.see("default/web-1  restored on node-1\r\n");
    let screen = terminal.ends_as("progress");
    assert!(!screen.contains('\x1b'), "{screen:?}");
}

#[test]
fn a_reader_that_left_is_no_error() {
    let mut child = child("closed-pipe");
    child
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut stderr = limit::lines(child.stderr.take().unwrap());
    assert_eq!(stderr.next().unwrap(), "ready");
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let rest: Vec<String> = stderr.collect();
    assert_eq!(limit::wait(&mut child).code(), Some(7), "{rest:?}");
    assert_eq!(rest, Vec::<String>::new());
}
