//! Command lines that are printed to be run later: somebody pastes them into a shell.
//!
//! A command line is made of this program's own words and of values. A value stays one word whatever it holds, and one that
//! could break a line or steer a terminal is shown escaped: pasted, it names nothing. Every command line is made here.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::escape::escape;

/// One command, or several that are run one after the other as long as each succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// What it is for, with a colon and a space behind it; empty where that is said elsewhere.
    purpose: &'static str,
    commands: Vec<String>,
    /// It has what leads to a cluster.
    leads: bool,
}

/// What to do about something: words, or a command and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    Words(String),
    Command(CommandLine),
}

// === impl CommandLine ===

impl CommandLine {
    /// Begins with words of this program's own, which are not quoted.
    pub fn new(own: &'static str) -> Self {
        Self {
            purpose: "",
            commands: vec![own.to_owned()],
            leads: false,
        }
    }

    /// `to end it: COMMAND`; `purpose` is `to end it: `.
    #[must_use]
    pub fn to(mut self, purpose: &'static str) -> Self {
        self.purpose = purpose;
        self
    }

    /// Adds a value as one word.
    #[must_use]
    pub fn arg(self, value: impl AsRef<str>) -> Self {
        self.put(&quoted(value.as_ref()))
    }

    /// Adds a flag and its value, as two words.
    #[must_use]
    pub fn flag(self, flag: &'static str, value: impl AsRef<str>) -> Self {
        self.own(flag).arg(value)
    }

    /// Adds values, each as one word.
    #[must_use]
    pub fn args(self, values: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        values.into_iter().fold(self, Self::arg)
    }

    /// Adds words of this program's own.
    #[must_use]
    pub fn own(self, words: &'static str) -> Self {
        self.put(words)
    }

    /// Adds a command that is run if this one succeeds.
    #[must_use]
    pub fn and(mut self, next: Self) -> Self {
        self.commands.extend(next.commands);
        self
    }

    /// Adds values to each of its commands: what all of them need to reach the same cluster.
    #[must_use]
    pub fn each_with(mut self, values: &[String]) -> Self {
        self.leads = true;
        for command in &mut self.commands {
            for value in values {
                command.push(' ');
                command.push_str(&quoted(value));
            }
        }
        self
    }

    fn put(mut self, words: &str) -> Self {
        if let Some(last) = self.commands.last_mut() {
            last.push(' ');
            last.push_str(words);
        }
        self
    }
}

// === impl Hint ===

impl Hint {
    /// Adds the flags that lead to a cluster to its command, if it has one that lacks them.
    #[must_use]
    pub fn lead(self, flags: &[String]) -> Self {
        match self {
            Self::Command(line) if !line.leads => Self::Command(line.each_with(flags)),
            hint => hint,
        }
    }
}

impl From<&str> for Hint {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<String> for Hint {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<&String> for Hint {
    fn from(words: &String) -> Self {
        Self::Words(words.clone())
    }
}

impl From<CommandLine> for Hint {
    fn from(line: CommandLine) -> Self {
        Self::Command(line)
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Hint> for String {
    fn from(hint: Hint) -> Self {
        hint.to_string()
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Command(line) => line.fmt(f),
        }
    }
}

impl From<&'static str> for CommandLine {
    fn from(own: &'static str) -> Self {
        Self::new(own)
    }
}

impl From<CommandLine> for String {
    fn from(line: CommandLine) -> Self {
        line.to_string()
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.purpose, self.commands.join(" && "))
    }
}

/// Flags that have a value, each followed by it, as words.
pub fn flags<const N: usize>(all: [(&str, &Option<String>); N]) -> Vec<String> {
    let given = all
        .into_iter()
        .filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
    given
        .flat_map(|(flag, value)| [flag.to_owned(), value.clone()])
        .collect()
}

/// `value` as one word of a POSIX shell, in single quotes where it needs them; of `--flag=VALUE` only the value is quoted.
pub fn quoted(value: &str) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    match value.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") && is_plain(flag) => format!("{flag}={}", in_quotes(value)),
        _ => in_quotes(value),
    }
}

/// Nothing in it means anything to a shell, wherever in a command it stands; `~` does at the beginning of a word.
fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@%+=,-".contains(&byte);
    !word.is_empty() && word.bytes().all(plain)
}

/// The same in quotes also where it needs none: for a pattern, which looks like a mistake without them.
pub fn in_quotes(value: &str) -> String {
    format!("'{}'", escape(value).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word() {
        for (value, word) in [
            ("web-1", "web-1"),
            ("", "''"),
            ("my first cluster", "'my first cluster'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("~root", "'~root'"),
            ("a;b", "'a;b'"),
            ("--yes=my first cluster", "--yes='my first cluster'"),
            ("--yes=it's", r"--yes='it'\''s'"),
            ("--$(a)=b", "'--$(a)=b'"),
            ("--target=.*", "--target='.*'"),
        ] {
            assert_eq!(quoted(value), word);
        }
    }

    #[test]
    fn a_value_that_breaks_the_line_is_shown_and_names_nothing() {
        let line = CommandLine::new("kubectl vmchaos halt")
            .arg("vmi//evil.example/fix\n| sudo sh")
            .to_string();
        assert_eq!(line, r"kubectl vmchaos halt 'vmi//evil.example/fix\n| sudo sh'");
        assert_eq!(quoted("a\x1b[2J'\u{202e}"), r"'a\u{1b}[2J'\''\u{202e}'");
    }

    #[test]
    fn every_command_of_a_line_reaches_the_same_cluster() {
        let flags = ["--context".to_owned(), "my first".to_owned()];
        let line = CommandLine::new("kubectl delete vmi")
            .arg("a")
            .flag("-n", "b")
            .and(CommandLine::new("kubectl create -f").arg("/a b"))
            .each_with(&flags)
            .to("to bring it back: ");
        assert_eq!(
            line.to_string(),
            "to bring it back: kubectl delete vmi a -n b --context 'my first' && kubectl create -f '/a b' --context 'my first'"
        );
    }

    #[test]
    fn a_hint_is_led_to_its_cluster_once() {
        let flags = ["--context".to_owned(), "my first".to_owned()];
        let hint = Hint::from(CommandLine::new("kubectl vmchaos check").to("see: "));
        let led = "see: kubectl vmchaos check --context 'my first'";
        assert_eq!(hint.lead(&flags).to_string(), led);
        let hint = Hint::from(CommandLine::new("kubectl vmchaos check").to("see: ").each_with(&flags));
        assert_eq!(hint.lead(&flags).to_string(), led);
        let words = Hint::from("try: kubectl get nodes, or others");
        assert_eq!(words.clone().lead(&flags), words);
    }
}
