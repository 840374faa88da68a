//! Who is told of a game day, and when.

use super::check::{headers, url};
use super::file::Problems;
use super::file::game_day::{self as file, Occasion};
use super::file::yaml::{Node, Path};
use super::secret::Secret;
use super::url::Url;

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notify {
    pub on: Vec<Occasion>,
    pub how: How,
}

#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// A POST of what happened.
    Webhook { url: Url, headers: Vec<(String, Secret)> },
    /// An annotation.
    Grafana { url: Url, token: Secret, tags: Vec<String> },
    /// Program and arguments; what happened is on its stdin.
    Command(Vec<String>),
}

/// What a file says at `path`.
pub(super) fn of_file(document: &Node, path: &Path, said: &file::Notify, problems: &mut Problems) -> Option<Notify> {
    if said.on.is_empty() {
        problems.at(document, &path.key("on"), "names no occasion");
    }
    let how = match (&said.webhook, &said.grafana, &said.command) {
        (Some(webhook), None, None) => {
            let at = path.key("webhook");
            let url = url(document, &at, &webhook.url, problems);
            let headers = headers(document, &at, &webhook.headers, problems);
            How::Webhook {
                url: url?,
                headers: headers?,
            }
        }
        (None, Some(grafana), None) => {
            let at = path.key("grafana");
            let url = url(document, &at, &grafana.url, problems);
            let token = Secret::of_token(&grafana.token);
            let token = token.map_err(|why| problems.at(document, &at.key("token"), why)).ok();
            How::Grafana {
                url: url?,
                token: token?,
                tags: grafana.tags.clone(),
            }
        }
        (None, None, Some(command)) if command.first().is_some_and(|program| !program.is_empty()) => {
            How::Command(command.clone())
        }
        (None, None, Some(_)) => {
            problems.at(document, &path.key("command"), "names no program");
            return None;
        }
        _ => {
            problems.at(document, path, "has exactly one of `webhook`, `grafana` and `command`");
            return None;
        }
    };
    Some(Notify {
        on: said.on.clone(),
        how,
    })
}

// === impl How ===

impl How {
    /// What it sends with what it tells.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Webhook { headers, .. } => headers.iter().map(|(_, secret)| secret).collect(),
            Self::Grafana { token, .. } => vec![token],
            Self::Command(_) => Vec::new(),
        }
    }
}
