//! Values that no file holds: `env:NAME` and `file:PATH`, read when they are needed and never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::local::input;

/// A value of a header, or a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// As it stands in the file: nothing secret.
    Plain(String),
    Env(String),
    File(PathBuf),
}

/// Headers whose value is a secret, and parts of the names of others.
const SECRET: [&str; 7] = [
    "authorization",
    "cookie",
    "token",
    "key",
    "secret",
    "password",
    "credential",
];

// === impl Secret ===

impl Secret {
    /// What a file says of a header.
    ///
    /// # Errors
    /// When it is a secret in plain text.
    pub fn of_header(name: &str, text: &str) -> Result<Self, String> {
        let is_secret = SECRET.iter().any(|part| name.to_ascii_lowercase().contains(part));
        match Self::reference(text) {
            Some(reference) => Ok(reference),
            None if is_secret => Err(format!(
                "a secret does not stand in a file: write {name}: \"env:NAME\" or \"file:PATH\""
            )),
            None => Ok(Self::Plain(text.to_owned())),
        }
    }

    /// What a file says of a token.
    ///
    /// # Errors
    /// When it is in plain text.
    pub fn of_token(text: &str) -> Result<Self, String> {
        Self::reference(text)
            .ok_or_else(|| "a secret does not stand in a file: write \"env:NAME\" or \"file:PATH\"".to_owned())
    }

    fn reference(text: &str) -> Option<Self> {
        let named = |scheme: &str| text.strip_prefix(scheme).filter(|rest| !rest.is_empty());
        named("env:")
            .map(|name| Self::Env(name.to_owned()))
            .or_else(|| named("file:").map(|path| Self::File(PathBuf::from(path))))
    }

    /// The value itself; the last line break of a file is none of it.
    ///
    /// # Errors
    /// Where it should come from, and why it does not.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(value),
                _ => Err(format!("the environment has no {name}")),
            },
            Self::File(path) => of_file(path),
        }
    }
}

fn of_file(path: &Path) -> Result<String, String> {
    let text = input::read(path).map_err(|why| format!("{} {why}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Where it comes from, and not what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_plain_text_is_refused() {
        for name in ["Authorization", "X-Api-Key", "cookie", "X-Auth-Token"] {
            assert!(Secret::of_header(name, "Bearer x").is_err(), "{name}");
            assert_eq!(Secret::of_header(name, "env:T"), Ok(Secret::Env("T".into())));
        }
        assert_eq!(
            Secret::of_header("Accept", "text/plain"),
            Ok(Secret::Plain("text/plain".into()))
        );
        assert!(Secret::of_token("glsa_x").is_err() && Secret::of_token("env:").is_err());
    }

    #[test]
    fn it_is_read_where_it_is_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "abc\n").unwrap();
        let secret = Secret::of_token(&format!("file:{}", path.display())).unwrap();
        assert_eq!(secret.read().unwrap(), "abc");
        assert!(!format!("{secret} {secret:?}").contains("abc"));
        assert!(
            Secret::Env("VMCHAOS_NOT_SET".into())
                .read()
                .unwrap_err()
                .contains("VMCHAOS_NOT_SET")
        );
    }
}
