//! The files that a Job needs: its game day, what that names, and the guards; all in one `ConfigMap`.

use std::path::{Component, Path};

use serde_json::{Map, Value, json};

use super::not_a_job;
use crate::escape::escape;
use crate::gameday::file::Text;
use crate::stop::Stop;

/// Where they are in the pod.
pub(super) const FOLDER: &str = "/etc/kubectl-vmchaos";
/// Below that: what a game day's own paths are relative to.
pub(super) const GAME_DAY: &str = "/etc/kubectl-vmchaos/game-day";
const GUARDS: &str = "config.yaml";
/// What a `ConfigMap` may hold, in bytes of keys and values.
const MOST: usize = 1024 * 1024;

/// Files by their keys, each with its place below [`FOLDER`].
pub(super) struct Bundle {
    files: Vec<File>,
    /// How many of them were named with `-f`.
    game_day: usize,
    has_guards: bool,
}

struct File {
    key: String,
    path: String,
    text: String,
}

// === impl Bundle ===

impl Bundle {
    /// `named` are files that others name; their paths stay as they are.
    pub(super) fn new(texts: &[Text], named: &[Text], guards: Option<&str>) -> Result<Self, Stop> {
        let mut inner: Vec<(String, String)> = Vec::new();
        for Text { name, text } in named {
            let Some(path) = below(name) else {
                return Err(not_a_job(format!(
                    "the file names {}, which a Job does not have: it has what is below the folder you are in",
                    escape(name)
                ))
                .hint("name it relative to that folder, without `..`"));
            };
            if !inner.iter().any(|(known, _)| *known == path) {
                inner.push((path, text.clone()));
            }
        }
        let mut files = Vec::new();
        for (n, Text { name, text }) in texts.iter().enumerate() {
            let own = own_name(name);
            let taken = |path: &str| {
                let of_others = inner.iter().any(|(known, same)| known == path && same != text);
                of_others || files.iter().any(|file: &File| file.path == format!("game-day/{path}"))
            };
            let path = if taken(&own) { format!("{}-{own}", n + 1) } else { own };
            inner.retain(|(known, _)| *known != path);
            files.push(File {
                key: path.clone(),
                path: format!("game-day/{path}"),
                text: text.clone(),
            });
        }
        let game_day = files.len();
        for (n, (path, text)) in inner.into_iter().enumerate() {
            files.push(File {
                key: format!("{}-{}", n + 1, own_name(&path)),
                path: format!("game-day/{path}"),
                text,
            });
        }
        if let Some(text) = guards {
            files.push(File {
                key: "guards".to_owned(),
                path: GUARDS.to_owned(),
                text: text.to_owned(),
            });
        }
        let mut keys = std::collections::BTreeSet::new();
        for file in &mut files {
            while !keys.insert(file.key.clone()) {
                file.key.push('_');
            }
        }
        let size: usize = files.iter().map(|file| file.key.len() + file.text.len()).sum();
        if size > MOST {
            return Err(
                not_a_job(format!("the files have {size} bytes, and a ConfigMap holds {MOST}"))
                    .hint("take fewer, or shorten them"),
            );
        }
        Ok(Self {
            files,
            game_day,
            has_guards: guards.is_some(),
        })
    }

    /// What is named with `-f` in the pod.
    pub(super) fn files(&self) -> impl Iterator<Item = String> + '_ {
        let files = self.files.iter().take(self.game_day);
        files.map(|file| format!("{FOLDER}/{}", file.path))
    }

    /// The config file in the pod, where there is one.
    pub(super) fn guards(&self) -> Option<String> {
        self.has_guards.then(|| format!("{FOLDER}/{GUARDS}"))
    }

    pub(super) fn data(&self) -> Value {
        let data = self
            .files
            .iter()
            .map(|file| (file.key.clone(), Value::String(file.text.clone())));
        Value::Object(data.collect::<Map<_, _>>())
    }

    /// Where each key is below the folder.
    pub(super) fn items(&self) -> Vec<Value> {
        let items = self.files.iter();
        items.map(|file| json!({"key": file.key, "path": file.path})).collect()
    }
}

/// A path below the folder that it is relative to, without detours.
fn below(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The file's own name, of what a key can hold; stdin, which has none, ends as a file does.
fn own_name(name: &str) -> String {
    let own = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let own = if own == "stdin" { "stdin.yaml" } else { own };
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let own: String = own.chars().map(plain).take(200).collect();
    // `..` and what begins so is no key.
    own.trim_start_matches('.').to_owned()
}
