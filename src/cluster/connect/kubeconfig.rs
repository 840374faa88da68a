//! Which cluster, user and namespace are meant, read from kubeconfig files by client-go's rules.
//!
//! kube-rs refuses a `KUBECONFIG` list in which one file is missing, falls back to in-cluster credentials on
//! any error, and shows the offending lines of a broken file, which may hold a token; hence our own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::connection::Connection;
use super::proxy::ProxyEnv;
use super::resolved::{Resolved, pick};
use crate::cluster::error::{ClusterError, ErrorKind};
use crate::cluster::failure::plain_io;
use crate::problem::Cause;

/// What the process's environment says about clusters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) kubeconfig: Option<OsString>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) in_cluster: bool,
    pub(crate) proxy: ProxyEnv,
}

#[derive(Debug)]
pub(crate) enum Source {
    Kubeconfig(Box<Resolved>),
    InCluster,
}

// === impl Environment ===

impl Environment {
    pub(crate) fn from_process() -> Self {
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG"),
            home: crate::local::folders::home(),
            in_cluster: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty())
                && Path::new("/var/run/secrets/kubernetes.io/serviceaccount/token").exists(),
            proxy: ProxyEnv::from_process(),
        }
    }
}

/// Reads the files and picks the entries; in-cluster only when nothing was customised and there is no file.
pub(crate) fn resolve(connection: &Connection, env: &Environment) -> Result<Source, ClusterError> {
    let Some(config) = load(connection, env)? else {
        if connection.is_customised() {
            return pick(connection, Kubeconfig::default()).map(|resolved| Source::Kubeconfig(Box::new(resolved)));
        }
        if env.in_cluster {
            return Ok(Source::InCluster);
        }
        return Err(nothing_configured(&named(env)));
    };
    pick(connection, config).map(|resolved| Source::Kubeconfig(Box::new(resolved)))
}

/// Names of all contexts, none when the files cannot be read.
pub(crate) fn contexts_of(connection: &Connection, env: &Environment) -> Vec<String> {
    if !are_files(connection, env) {
        return Vec::new();
    }
    let config = load(connection, env).ok().flatten().unwrap_or_default();
    config.contexts.into_iter().map(|entry| entry.name).collect()
}

/// `missing` are the files that KUBECONFIG names, none of which exists.
fn nothing_configured(missing: &[PathBuf]) -> ClusterError {
    let names: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
    let why = if names.is_empty() {
        "there is no kubeconfig: set KUBECONFIG, write ~/.kube/config, or pass --kubeconfig".to_owned()
    } else {
        format!(
            "KUBECONFIG names no file that exists: {}",
            crate::escape::escape(&names.join(", "))
        )
    };
    ClusterError::new(
        ErrorKind::Config,
        "invalid configuration: no configuration has been provided",
    )
    .hint(format!(
        "{why}; to try things without a cluster: kubectl vmchaos rehearse"
    ))
}

/// The files that KUBECONFIG names.
fn named(env: &Environment) -> Vec<PathBuf> {
    let paths = env.kubeconfig.iter().flat_map(std::env::split_paths);
    paths.filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Whether no kubeconfig is something that may never be read to its end, as a pipe.
pub(crate) fn are_files(connection: &Connection, env: &Environment) -> bool {
    let paths = connection
        .kubeconfig
        .clone()
        .map_or_else(|| found(env), |path| vec![path]);
    paths
        .iter()
        .all(|path| std::fs::metadata(path).is_ok_and(|there| there.is_file()) || !path.exists())
}

/// Where kubeconfigs are looked for when no flag names one.
fn found(env: &Environment) -> Vec<PathBuf> {
    let named = named(env);
    if named.is_empty() {
        env.home.iter().map(|home| home.join(".kube").join("config")).collect()
    } else {
        named
    }
}

/// All files merged, the first to set a value wins; `None` when none of them exists.
fn load(connection: &Connection, env: &Environment) -> Result<Option<Kubeconfig>, ClusterError> {
    if let Some(path) = &connection.kubeconfig {
        if let Err(error) = std::fs::metadata(path) {
            return Err(ClusterError::new(
                ErrorKind::Config,
                format!("stat {}: {}", path.display(), plain_io(&error)),
            )
            .caused_by(Cause::of(&error)));
        }
        return read(path).map(Some);
    }
    let mut merged: Option<Kubeconfig> = None;
    for path in &found(env) {
        // One that is there and may not be read could be the one that says where to go.
        if std::fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            continue;
        }
        let next = read(path)?;
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| unreadable(path, &error))?,
        });
    }
    Ok(merged)
}

/// No kubeconfig is larger, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// One file; paths in it become relative to it. A pipe, as of `--kubeconfig <(…)`, has no place to which they could be.
fn read(path: &Path) -> Result<Kubeconfig, ClusterError> {
    let too_large = || not_loaded(path, "it is larger than 16 MiB, which no kubeconfig is");
    let there = std::fs::metadata(path).map_err(|error| not_read(path, &error))?;
    if there.is_file() {
        if there.len() > MOST {
            return Err(too_large());
        }
        return Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error));
    }
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text));
    file.map_err(|error| not_read(path, &error))?;
    if text.len() as u64 > MOST {
        return Err(too_large());
    }
    Kubeconfig::from_yaml(&text).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &KubeconfigError) -> ClusterError {
    let why = match error {
        KubeconfigError::ReadConfig(cause, _) => return not_read(path, cause),
        // Only the place: the text of the error quotes lines of the file.
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(at) => format!("yaml: line {}, column {}: not a kubeconfig", at.line(), at.column()),
            None => "yaml: not a kubeconfig".to_owned(),
        },
        other => other.to_string(),
    };
    not_loaded(path, &why)
}

fn not_read(path: &Path, error: &io::Error) -> ClusterError {
    not_loaded(path, &plain_io(error)).caused_by(Cause::of(error))
}

fn not_loaded(path: &Path, why: &str) -> ClusterError {
    ClusterError::new(
        ErrorKind::Config,
        format!("error loading config file \"{}\": {why}", path.display()),
    )
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
