//! Credential plugins of the kubeconfig (`users[].user.exec`), by the rules of `client.authentication.k8s.io`.
//!
//! kube runs a plugin three times to make one client, which opens three browser windows for some, and lets it read
//! the terminal whenever a token expires. Here it runs once, before any prompt of ours, and again only when its
//! token is about to expire or was refused, once for all requests under way; then it may not ask anything. What it prints is
//! never shown.

use std::io::IsTerminal as _;
use std::process::Stdio;
use std::time::Duration;

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::error::{ClusterError, ErrorKind};
use crate::cluster::failure::plain_io;
use crate::problem::Cause;

/// A token is renewed this long before it expires, or after half its life, so that no request carries one that expires on its way.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// A renewed token that is said to have expired already is used for so long: the server has the clock that counts.
const SPACING: Duration = Duration::from_secs(10);

/// A plugin and what it last handed out.
pub(crate) struct CredentialPlugin {
    exec: ExecConfig,
    /// Locked while the plugin runs: requests under way wait for that one token.
    current: Mutex<Option<Current>>,
}

/// The token in use.
struct Current {
    token: Token,
    /// How many came before it.
    generation: u64,
    /// When it was asked for, unless it is the first.
    renewed: Option<Instant>,
    refused: bool,
}

struct Token {
    header: HeaderValue,
    /// From when on another one is asked for.
    due: Option<Timestamp>,
}

/// What one request carries.
pub(crate) struct Credential {
    pub(crate) header: HeaderValue,
    generation: u64,
}

/// A client certificate and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Whether a plugin may ask the user something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interaction {
    /// On a terminal, unless its configuration says `Never`.
    Allowed,
    /// No questions, but its messages are seen.
    Forbidden,
    /// Neither questions nor messages: for shell completion.
    Silent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    api_version: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    expiration_timestamp: Option<Timestamp>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

// === impl CredentialPlugin ===

impl CredentialPlugin {
    /// Runs the plugin for the first time.
    pub(crate) async fn start(
        exec: ExecConfig,
        interaction: Interaction,
        limit: Duration,
    ) -> Result<(Self, Option<Identity>), ClusterError> {
        // Somebody at the terminal may be logging in, and can interrupt it.
        let status = if std::io::stdin().is_terminal() {
            run(&exec, interaction).await?
        } else {
            run_within(&exec, interaction, limit).await?
        };
        let token = Token::of(&status)?;
        let identity = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            _ => None,
        };
        Ok((
            Self {
                exec,
                current: Mutex::new(token.map(|token| Current::new(token, 0, None))),
            },
            identity,
        ))
    }

    /// The `Authorization` of the next request; `None` when the plugin handed out a certificate alone.
    /// A plugin that is asked once more has `limit` to answer.
    pub(crate) async fn credential(&self, limit: Duration) -> Result<Option<Credential>, ClusterError> {
        let mut current = self.current.lock().await;
        let Some(current) = current.as_mut() else {
            return Ok(None);
        };
        if current.is_due() {
            // In the middle of a run the terminal belongs to progress and prompts.
            let status = run_within(&self.exec, Interaction::Forbidden, limit).await?;
            let token = Token::of(&status)?.ok_or_else(|| failed("the plugin no longer returns a token"))?;
            *current = Current::new(token, current.generation + 1, Some(Instant::now()));
        }
        Ok(Some(Credential {
            header: current.token.header.clone(),
            generation: current.generation,
        }))
    }

    /// The server refused this token: the next request asks the plugin for another.
    pub(crate) async fn refused(&self, credential: &Credential) {
        let mut current = self.current.lock().await;
        // Of many requests with the same token, the first says so.
        let same = current
            .as_mut()
            .filter(|current| current.generation == credential.generation);
        if let Some(current) = same {
            current.refused = true;
        }
    }
}

// === impl Current ===

impl Current {
    fn new(token: Token, generation: u64, renewed: Option<Instant>) -> Self {
        Self {
            token,
            generation,
            renewed,
            refused: false,
        }
    }

    fn is_due(&self) -> bool {
        let just_renewed = self.renewed.is_some_and(|at| at.elapsed() < SPACING);
        self.refused || (self.token.is_due() && !just_renewed)
    }
}

// === impl Token ===

impl Token {
    fn of(status: &Status) -> Result<Option<Self>, ClusterError> {
        let Some(token) = status.token.as_deref().map(str::trim).filter(|token| !token.is_empty()) else {
            return if status.client_certificate_data.is_some() && status.client_key_data.is_some() {
                Ok(None)
            } else {
                Err(failed("exec plugin didn't return a token or cert/key pair"))
            };
        };
        let mut header =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| failed("the token is not one"))?;
        header.set_sensitive(true);
        Ok(Some(Self {
            header,
            due: status.expiration_timestamp.map(due),
        }))
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Timestamp::now() >= due)
    }
}

/// When a token that expires then is to be renewed.
fn due(expires: Timestamp) -> Timestamp {
    let life = expires.duration_since(Timestamp::now()).max(SignedDuration::ZERO);
    // A time before that of any clock is one that has come.
    expires
        .checked_sub(MARGIN.min(life / 2))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

async fn run_within(exec: &ExecConfig, interaction: Interaction, limit: Duration) -> Result<Status, ClusterError> {
    let status = tokio::time::timeout(limit, run(exec, interaction)).await;
    status.map_err(|_| {
        let program = exec.command.as_deref().unwrap_or_default();
        failed(&format!(
            "executable {program} did not answer within {limit:?} (--request-timeout)"
        ))
    })?
}

/// No credential is larger, in bytes.
const MOST: u64 = 1024 * 1024;

async fn run(exec: &ExecConfig, interaction: Interaction) -> Result<Status, ClusterError> {
    let program = exec.command.as_deref().unwrap_or_default();
    let mut command = Command::new(program);
    command
        .args(exec.args.iter().flatten())
        .kill_on_drop(true)
        .stdout(Stdio::piped());
    for entry in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value")) {
            command.env(name, value);
        }
    }
    for name in exec.drop_env.iter().flatten() {
        command.env_remove(name);
    }
    let asks = may_ask(exec, interaction, std::io::stdin().is_terminal())?;
    command.stdin(if asks { Stdio::inherit() } else { Stdio::null() });
    command.stderr(if interaction == Interaction::Silent {
        Stdio::null()
    } else {
        Stdio::inherit()
    });
    let mut spec = json!({ "interactive": asks });
    if let Some(cluster) = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info) {
        spec["cluster"] = json!(cluster);
    }
    let info = json!({ "kind": "ExecCredential", "apiVersion": exec.api_version, "spec": spec });
    command.env("KUBERNETES_EXEC_INFO", info.to_string());

    let mut child = command.spawn().map_err(|error| not_started(exec, program, &error))?;
    let unread = |error: &std::io::Error| failed(&format!("executable {program}: {}", plain_io(error)));
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MOST + 1).read_to_end(&mut printed).await;
        read.map_err(|error| unread(&error))?;
    }
    if printed.len() as u64 > MOST {
        return Err(failed(&format!("executable {program} printed more than 1 MiB")));
    }
    let ended = child.wait().await.map_err(|error| unread(&error))?;
    if !ended.success() {
        let end = match ended.code() {
            Some(code) => format!("failed with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        };
        return Err(failed(&format!("executable {program} {end}")));
    }
    // Some plugins print YAML, and client-go reads it.
    let credential: ExecCredential =
        serde_saphyr::from_slice(&printed).map_err(|_| failed("the plugin did not print an ExecCredential"))?;
    if let (Some(asked), Some(got)) = (&exec.api_version, &credential.api_version)
        && asked != got
    {
        return Err(failed(&format!(
            "exec plugin is configured to use API version {asked}, plugin returned version {got}"
        )));
    }
    credential
        .status
        .ok_or_else(|| failed("exec plugin didn't return a status field"))
}

/// Whether the plugin gets the terminal; `terminal` says whether standard input is one.
fn may_ask(exec: &ExecConfig, interaction: Interaction, terminal: bool) -> Result<bool, ClusterError> {
    let allowed = interaction == Interaction::Allowed && terminal;
    match exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => Ok(false),
        Some(ExecInteractiveMode::Always) if !allowed => Err(failed(
            "exec plugin cannot support interactive mode: standard input is not a terminal",
        )),
        _ => Ok(allowed),
    }
}

fn not_started(exec: &ExecConfig, program: &str, error: &std::io::Error) -> ClusterError {
    if error.kind() != std::io::ErrorKind::NotFound {
        return failed(&format!("executable {program}: {}", plain_io(error))).caused_by(Cause::of(error));
    }
    let told = failed(&format!("executable {program} not found")).caused_by(Cause::of(error));
    match exec
        .install_hint
        .as_deref()
        .map(str::trim)
        .filter(|hint| !hint.is_empty())
    {
        Some(hint) => told.hint(hint),
        None => told.hint(format!("install {program}, or put it into PATH")),
    }
}

fn failed(why: &str) -> ClusterError {
    ClusterError::new(
        ErrorKind::Unauthorized,
        format!("Unable to connect to the server: getting credentials: exec: {why}"),
    )
}

#[cfg(test)]
#[path = "credential_plugin_tests.rs"]
mod tests;
