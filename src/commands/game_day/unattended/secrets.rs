//! Where a pod has what a file's secrets name: from a Secret that is not made here.

use std::path::{Component, Path};

use serde_json::{Value, json};

use super::not_a_job;
use crate::escape::escape;
use crate::gameday::file::GameDay;
use crate::gameday::secret::Secret;
use crate::stop::Stop;

/// What the pod needs of the Secret.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Secrets {
    /// Variables, each from the key of its name.
    pub(super) variables: Vec<String>,
    /// Files: where each is, and its key.
    pub(super) files: Vec<(String, String)>,
}

/// Folders that a pod has from elsewhere. A file must not name the credentials in them for a secret to be sent.
const NOT_OURS: [&str; 6] = [
    "/proc",
    "/sys",
    "/dev",
    "/var/run/secrets/kubernetes.io",
    "/run/secrets/kubernetes.io",
    "/etc/kubectl-vmchaos",
];
/// Variables of the Job itself.
const OWN: [&str; 2] = ["XDG_STATE_HOME", "HOME"];

pub(super) fn of_day(day: &GameDay) -> Result<Secrets, Stop> {
    let mut all = Secrets::default();
    for secret in day.secrets() {
        match secret {
            Secret::Plain(_) => {}
            Secret::Env(name) if is_variable(name) && !OWN.contains(&name.as_str()) => {
                if !all.variables.contains(name) {
                    all.variables.push(name.clone());
                }
            }
            Secret::Env(name) => {
                return Err(not_a_job(format!(
                    "env:{} is no variable that a Job can have from a Secret",
                    escape(name)
                ))
                .hint("use a name of letters, digits and `_`"));
            }
            Secret::File(path) => {
                let Some(text) = mounted(path) else {
                    return Err(not_a_job(format!(
                        "file:{} is no path at which a Job's pod can have a Secret",
                        escape(&path.display().to_string())
                    ))
                    .hint("use env:NAME, or an absolute path without `..` in a folder of its own, such as /run/vmchaos/token"));
                };
                if !all.files.iter().any(|(path, _)| *path == text) {
                    all.files.push((text.clone(), key(&text)));
                }
            }
        }
    }
    Ok(all)
}

fn is_variable(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.len() <= 250 && name.bytes().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The path, where a key can be mounted there.
fn mounted(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let sound = path.is_absolute()
        && path.components().count() > 1
        && path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && !NOT_OURS.iter().any(|folder| path.starts_with(folder));
    sound.then(|| path.components().collect::<std::path::PathBuf>().display().to_string())
}

/// A key for the file at this path, which no other path has.
fn key(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let word = |c: char| match c {
        '/' => ".".to_owned(),
        c if plain(c) && c != '.' && c != '_' => c.to_string(),
        c => format!("_{:x}_", c as u32),
    };
    path.trim_start_matches('/').chars().map(word).collect()
}

// === impl Secrets ===

impl Secrets {
    pub(super) fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.files.is_empty()
    }

    /// The container's variables, from the Secret `name`.
    pub(super) fn env(&self, name: &str) -> Vec<Value> {
        let of = |key: &String| json!({"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}});
        self.variables.iter().map(of).collect()
    }

    /// The container's files.
    pub(super) fn mounts(&self) -> Vec<Value> {
        let of = |(path, key): &(String, String)| json!({"name": "secrets", "mountPath": path, "subPath": key, "readOnly": true});
        self.files.iter().map(of).collect()
    }

    pub(super) fn volume(&self, name: &str) -> Option<Value> {
        let items: Vec<Value> = self
            .files
            .iter()
            .map(|(_, key)| json!({"key": key, "path": key}))
            .collect();
        (!items.is_empty())
            .then(|| json!({"name": "secrets", "secret": {"secretName": name, "defaultMode": 0o440, "items": items}}))
    }
}
