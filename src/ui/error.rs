//! Turns an error chain into what a person reads: one line of message, then what to do.
//!
//! An error anywhere in the crate may end with lines that start with `hint: `. They are collected over the whole chain and
//! shown after a blank line, so that the message stays one sentence and no module below `commands` needs to know this one.

use crate::escape::escape_lines;

/// An error taken apart for the screen or for the run document. Escaped already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Every cause, outermost first, joined by `: `.
    pub message: String,
    /// Next steps, outermost first, each once.
    pub hints: Vec<String>,
}

/// How kubectl begins what it says about a server; such a message stands for itself, without `error: `.
const KUBECTL_PHRASES: [&str; 3] = [
    "Error from server",
    "Unable to connect to the server",
    "The connection to the server",
];

/// Takes an error and its causes apart.
pub fn explain(error: &anyhow::Error) -> Explained {
    let mut messages: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = escape_lines(&text);
        let (hinted, said): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("hint: "));
        for hint in hinted.iter().filter_map(|line| line.strip_prefix("hint: ")) {
            if !hints.iter().any(|known| known == hint) {
                hints.push(hint.to_owned());
            }
        }
        let said = said.join("\n").trim().to_owned();
        // Many errors print their source themselves; saying it twice helps nobody.
        if !said.is_empty() && !messages.iter().any(|earlier| earlier.ends_with(&said)) {
            messages.push(said);
        }
    }
    Explained {
        message: messages.join(": "),
        hints,
    }
}

impl Explained {
    /// Whether the message is phrased as kubectl's and takes no `error: ` in front.
    pub(super) fn is_kubectls(&self) -> bool {
        KUBECTL_PHRASES.iter().any(|phrase| self.message.starts_with(phrase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn causes_are_joined_and_hints_collected_once() {
        let error = anyhow!("no route to host\nhint: check the VPN")
            .context("cannot list VMIs in default\nhint: pass -n\nhint: check the VPN");
        assert_eq!(
            explain(&error),
            Explained {
                message: "cannot list VMIs in default: no route to host".into(),
                hints: vec!["pass -n".into(), "check the VPN".into()],
            }
        );
    }

    #[test]
    fn a_cause_already_told_is_not_repeated() {
        let error = anyhow!("refused").context("cannot connect: refused");
        assert_eq!(explain(&error).message, "cannot connect: refused");
    }

    #[test]
    fn text_of_the_cluster_is_escaped() {
        let error = anyhow!("pods \"\x1b[31mx\" is forbidden");
        assert_eq!(explain(&error).message, r#"pods "\u{1b}[31mx" is forbidden"#);
    }
}
