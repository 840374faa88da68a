//! Asks before something is changed: a y/N, or a name to type where a mistake would be expensive.
//!
//! Why no library asks: [`super::prompt`].

use std::future::Future;
use std::io;

use super::keys::{Key, Keys, Stop};
use super::prompt::{self, NoTerminal};
use super::{Printer, escape};
use crate::command_line::quoted;

/// A question with two outcomes, and what is shown above it.
#[derive(Debug, Clone)]
pub struct Confirm {
    summary: String,
    question: String,
    /// The word that has to be typed; `None` for y/N.
    expected: Option<String>,
    instead: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    /// Also everything that is not clearly a yes.
    No,
    /// Ctrl-C at the prompt, or a signal meanwhile.
    Interrupted,
}

impl Confirm {
    /// `summary` is the plan in short and may be several lines or empty; the default is no.
    pub fn yes_no(summary: impl Into<String>, question: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            question: question.into(),
            expected: None,
            instead: "pass -y/--yes to go on without being asked".to_owned(),
        }
    }

    /// Yes only when `expected`, e.g. the context's name, is typed in full.
    pub fn typed(summary: impl Into<String>, question: impl Into<String>, expected: impl Into<String>) -> Self {
        let expected = expected.into();
        Self {
            summary: summary.into(),
            question: question.into(),
            instead: format!(
                "pass {} to go on without being asked",
                quoted(&format!("--yes={expected}"))
            ),
            expected: Some(expected),
        }
    }

    /// Says which flags would do where nobody can be asked.
    #[must_use]
    pub fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = instead.into();
        self
    }

    /// Asks. `cancel` is whatever ends the run; the prompt then ends within a tenth of a second.
    ///
    /// # Errors
    /// [`NoTerminal`] when stdin or stderr is not a terminal, else what the terminal answered.
    pub async fn ask(self, printer: &Printer, cancel: impl Future<Output = ()>) -> anyhow::Result<Answer> {
        if !printer.interactive() {
            return Err(NoTerminal {
                refusal: "refusing to go on without confirmation".to_owned(),
                why: "not a terminal",
                instead: self.instead,
            }
            .into());
        }
        if !self.summary.is_empty() {
            printer.line(&self.summary);
        }
        let printer = printer.clone();
        let answer = prompt::beside(cancel, move |stop| self.run(&printer, stop)).await?;
        Ok(answer.unwrap_or(Answer::Interrupted))
    }

    fn run(&self, printer: &Printer, stop: Stop) -> io::Result<Answer> {
        let question = printer.paint(&escape(&self.question), console::Style::bold);
        let text = match self.expected {
            None => format!("{question} [y/N] "),
            Some(_) => format!("{question}: "),
        };
        // Raw mode first: a key pressed at the sight of the question must count.
        let mut keys = Keys::open(stop)?;
        printer.err(&text);
        let typed = read_line(printer, &mut keys);
        drop(keys);
        printer.err("\n");
        Ok(match (typed?, &self.expected) {
            (None, _) => Answer::Interrupted,
            (Some(typed), None) if ["y", "yes"].contains(&typed.trim().to_lowercase().as_str()) => Answer::Yes,
            (Some(_), None) => Answer::No,
            (Some(typed), Some(expected)) if typed.trim() == expected => Answer::Yes,
            (Some(typed), Some(expected)) => {
                printer.line(&format!("\"{}\" is not \"{}\"", escape(typed.trim()), escape(expected)));
                Answer::No
            }
        })
    }
}

/// A line with nothing but backspace to edit it; works on any terminal. `None` when interrupted.
fn read_line(printer: &Printer, keys: &mut Keys) -> io::Result<Option<String>> {
    let mut line = String::new();
    while let Some(key) = keys.next()? {
        match key {
            Key::Enter => return Ok(Some(line)),
            Key::Ctrl('c' | '\\') => return Ok(None),
            // The end of the input is no answer, and no answer is a no.
            Key::Ctrl('d') if line.is_empty() => return Ok(Some(line)),
            Key::Escape => return Ok(Some(String::new())),
            Key::Backspace => {
                if let Some(gone) = line.pop() {
                    let width = console::measure_text_width(&gone.to_string());
                    printer.err(&"\u{8} \u{8}".repeat(width));
                }
            }
            Key::Char(c) => {
                line.push(c);
                printer.err(&c.to_string());
            }
            _ => {}
        }
    }
    Ok(None)
}
