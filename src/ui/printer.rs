//! Owns stdout, stderr and the progress bars.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::escape::escape_lines;
use crate::problem::Problem;

/// How kubectl begins what it says about a server.
const KUBECTL_PHRASES: [&str; 3] = [
    "Error from server",
    "Unable to connect to the server",
    "The connection to the server",
];

/// Where everything is printed. Clones print to the same place.
#[derive(Clone)]
pub struct Printer(Arc<Inner>);

/// What the terminal can do and what the user asked for, decided once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Colour on stderr; stdout is data and never has any.
    pub colour: bool,
    /// The cursor can be moved: bars and the picker work.
    pub live: bool,
    /// Somebody can be asked: stdin and stderr are terminals.
    pub interactive: bool,
    /// More than ASCII can be shown.
    pub unicode: bool,
}

/// What a recording printer was given.
#[derive(Clone, Default)]
pub struct Recorded {
    out: Buffer,
    err: Buffer,
}

type Buffer = Arc<Mutex<Vec<u8>>>;

/// Something about a run that is told as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// `vmi` is `namespace/name`.
    Vm {
        /// Of a game day.
        step: Option<&'a str>,
        vmi: &'a str,
        node: &'a str,
        text: &'a str,
    },
    Note(&'a str),
}

/// Hears what is told of a run, whatever of it is shown.
pub type Listener = Arc<dyn Fn(&Told<'_>) + Send + Sync>;

struct Inner {
    listener: Mutex<Option<Listener>>,
    look: Look,
    /// Instead of the process's own streams.
    recorded: Option<Recorded>,
    /// Bars on the screen: whoever prints suspends them.
    bars: Mutex<Option<ProgressBar>>,
}

// === impl Look ===

impl Look {
    /// Asks the environment and the two streams.
    pub fn detect() -> Self {
        Self::decide(
            |name| std::env::var(name).ok(),
            io::stdin().is_terminal(),
            io::stderr().is_terminal(),
        )
    }

    /// The rule: `NO_COLOR` counts when it is not empty (no-color.org), `TERM=dumb` cannot move the cursor, and a CI log keeps
    /// every frame of an animation. A locale says by its name that it is UTF-8 (setlocale(3): the first of the three that is set
    /// counts); Windows has none, and its terminals show it.
    pub fn decide(env: impl Fn(&str) -> Option<String>, stdin_tty: bool, stderr_tty: bool) -> Self {
        let set = |name: &str| env(name).is_some_and(|value| !value.is_empty() && value != "false");
        let dumb = env("TERM").map_or(cfg!(unix), |term| term.is_empty() || term == "dumb");
        let live = stderr_tty && !dumb && !set("CI");
        let no_colour = env("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colour: live && !no_colour,
            live,
            interactive: stdin_tty && stderr_tty,
            unicode: !dumb && is_unicode(env),
        }
    }
}

fn is_unicode(env: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| env(name).filter(|value| !value.is_empty()));
    locale.map_or(cfg!(windows), |locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

// === impl Printer ===

impl Printer {
    /// A printer on the process's own streams.
    pub fn from_env() -> Self {
        let look = Look::detect();
        // console, and with it indicatif, would decide by rules of its own.
        console::set_colors_enabled_stderr(look.colour);
        console::set_colors_enabled(false);
        Self::build(look, None)
    }

    /// A printer that keeps what it is given, for tests.
    pub fn recording(look: Look) -> (Self, Recorded) {
        let recorded = Recorded::default();
        (Self::build(look, Some(recorded.clone())), recorded)
    }

    fn build(look: Look, recorded: Option<Recorded>) -> Self {
        Self(Arc::new(Inner {
            listener: Mutex::new(None),
            look,
            recorded,
            bars: Mutex::new(None),
        }))
    }

    /// Lets somebody hear what is told of a run, from now on and instead of who did before.
    pub fn listen(&self, listener: Listener) {
        *lock(&self.0.listener) = Some(listener);
    }

    /// For whoever listens; nothing is printed.
    pub(super) fn tell(&self, told: &Told<'_>) {
        let listener = lock(&self.0.listener).clone();
        if let Some(listener) = listener {
            listener(told);
        }
    }

    pub fn look(&self) -> Look {
        self.0.look
    }

    /// Whether somebody can be asked.
    pub fn interactive(&self) -> bool {
        self.0.look.interactive
    }

    /// Writes data to stdout, as it is: what is given here was escaped when it was made.
    ///
    /// # Errors
    /// When stdout cannot be written, as on a full disk. A reader that has gone away (`| head`) is no error.
    pub fn out(&self, data: &str) -> io::Result<()> {
        let write = || {
            if let Some(recorded) = &self.0.recorded {
                return lock(&recorded.out).write_all(data.as_bytes());
            }
            let mut stdout = io::stdout().lock();
            stdout.write_all(data.as_bytes())?;
            stdout.flush()
        };
        match self.without_bars(write) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }

    /// One line, or several, for a person; above the bars where there are some.
    pub fn line(&self, text: &str) {
        self.err(&format!("{}\n", escape_lines(text)));
    }

    /// `warning: …`: says what is wrong, then what helps.
    pub fn warn(&self, text: &str) {
        self.err(&format!(
            "{} {}\n",
            self.paint("warning:", |s| s.yellow().bold()),
            escape_lines(text)
        ));
    }

    /// What ended badly, and below a blank line what to do about it; with `-v` what caused it stands before.
    pub fn problem(&self, problem: &Problem) {
        if let Some(cause) = &problem.cause {
            cause.log();
        }
        let hint = problem.hint.as_ref().map(ToString::to_string);
        self.failure(&problem.message, hint.as_deref());
    }

    /// `error: …`, then a blank line and the hint; each of its lines is one of its own, and told once. What kubectl says about a
    /// server stands for itself, without `error: `.
    pub fn failure(&self, message: &str, hint: Option<&str>) {
        let message = escape_lines(message);
        let mut text = if KUBECTL_PHRASES.iter().any(|phrase| message.starts_with(phrase)) {
            format!("{message}\n")
        } else {
            format!("{} {message}\n", self.paint("error:", |s| s.red().bold()))
        };
        let hint = hint.map(escape_lines).unwrap_or_default();
        let mut told: Vec<&str> = Vec::new();
        for line in hint.lines() {
            if told.contains(&line) {
                continue;
            }
            let gap = if told.is_empty() { "\n" } else { "" };
            let label = self.paint("hint:", console::Style::cyan);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{gap}{label} {line}");
            told.push(line);
        }
        self.err(&text);
    }

    /// Writes to stderr as it is; nothing can be said about a stderr that is gone.
    pub(super) fn err(&self, text: &str) {
        let _ = self.without_bars(|| match &self.0.recorded {
            Some(recorded) => lock(&recorded.err).write_all(text.as_bytes()),
            None => io::stderr().lock().write_all(text.as_bytes()),
        });
    }

    /// `text` in a style, where there is colour.
    pub(super) fn paint(&self, text: &str, style: impl Fn(console::Style) -> console::Style) -> String {
        if !self.0.look.colour {
            return text.to_owned();
        }
        style(console::Style::new().force_styling(true))
            .apply_to(text)
            .to_string()
    }

    /// The bars that are on the screen from now on; `None` when they are gone.
    pub(super) fn set_bars(&self, bars: Option<ProgressBar>) {
        *lock(&self.0.bars) = bars;
    }

    /// Takes the bars off the screen until they are shown again.
    #[cfg(unix)]
    pub(super) fn hide_bars(&self) {
        if let Some(bars) = lock(&self.0.bars).clone() {
            bars.set_message("");
            // Drawn at once, and not when the next frame is due.
            bars.suspend(|| ());
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    fn without_bars<T>(&self, work: impl FnOnce() -> T) -> T {
        let bars = lock(&self.0.bars).clone();
        match bars {
            Some(bars) => bars.suspend(work),
            None => work(),
        }
    }

    pub(super) fn is_recording(&self) -> bool {
        self.0.recorded.is_some()
    }
}

/// Log lines go the same way as all others, or they would tear the bars apart.
impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Printer {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        LogWriter(self)
    }
}

/// Writes log lines through a [`Printer`].
pub struct LogWriter<'a>(&'a Printer);

impl Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.err(&escape_lines(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// === impl Recorded ===

impl Recorded {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&lock(&self.out)).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&lock(&self.err)).into_owned()
    }
}

/// A panic elsewhere must not keep the way back from being printed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "printer_tests.rs"]
mod tests;
