//! kubectl's connection flags, under kubectl's names.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::target::parse_namespace;
use super::value_parser::{text, wait};
use crate::cluster::{Connection, Impersonate};
use crate::fault::{Given, Time, ValueError};

/// What `--request-timeout 0` means. kubectl waits forever then, and a command that may have something in place must not.
const NO_HURRY: Duration = Duration::from_secs(3600);
const HEADING: &str = "Connection";

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct ConnectionArgs {
    /// Namespace to look in [default: the context's]
    #[arg(short, long, global = true, value_name = "NAMESPACE", value_parser = namespace)]
    namespace: Option<Given<String>>,
    /// Path of the kubeconfig file
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Cluster of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    cluster: Option<String>,
    /// User of the kubeconfig to use
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    user: Option<String>,
    /// Address and port of the API server
    #[arg(short, long, global = true, value_name = "URL", hide_short_help = true)]
    server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN", hide_short_help = true)]
    token: Option<String>,
    /// Username to impersonate
    #[arg(long = "as", global = true, value_name = "USER", hide_short_help = true)]
    impersonate: Option<String>,
    /// Group to impersonate, may be given several times
    #[arg(long = "as-group", global = true, value_name = "GROUP", hide_short_help = true)]
    groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID", hide_short_help = true)]
    uid: Option<String>,
    /// File with the certificate of the API server's authority
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    certificate_authority: Option<PathBuf>,
    /// Do not check the API server's certificate: anybody in between can read and change everything
    // kubectl takes a value here, after an equals sign only.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_short_help = true, hide_possible_values = true, value_name = "BOOL")]
    insecure_skip_tls_verify: Option<bool>,
    /// Name the API server's certificate must be for
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    tls_server_name: Option<String>,
    /// Time that one request may take, and a watch to begin [default: 30s]; 0 is an hour, for every command ends
    #[arg(long, global = true, value_name = "TIME", value_parser = wait, hide_short_help = true)]
    request_timeout: Option<Given<Time>>,
    /// Log level, as kubectl's: 1 shows what is done, 6 also every request, 8 everything
    #[arg(short, long = "v", global = true, value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=10), hide_short_help = true, hide_default_value = true)]
    verbosity: u8,
}

fn namespace(text: &str) -> Result<Given<String>, ValueError> {
    Given::parse(text, parse_namespace)
}

// === impl ConnectionArgs ===

impl ConnectionArgs {
    pub(super) fn connection(&self) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.clone().filter(|path| !path.as_os_str().is_empty()),
            context: text(self.context.as_ref()),
            cluster: text(self.cluster.as_ref()),
            user: text(self.user.as_ref()),
            server: text(self.server.as_ref()),
            token: text(self.token.as_ref()),
            impersonate: Impersonate {
                user: text(self.impersonate.as_ref()),
                groups: self.groups.iter().filter(|group| !group.is_empty()).cloned().collect(),
                uid: text(self.uid.as_ref()),
            },
            certificate_authority: self
                .certificate_authority
                .clone()
                .filter(|path| !path.as_os_str().is_empty()),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify.unwrap_or(false),
            tls_server_name: text(self.tls_server_name.as_ref()),
            request_timeout: self
                .request_timeout
                .and_then(|time| time.0)
                .map(|time| if time.is_zero() { NO_HURRY } else { time.as_duration() }),
        }
    }

    pub(super) fn namespace(&self) -> Option<String> {
        self.namespace.clone().and_then(|namespace| namespace.0)
    }

    pub(super) fn verbosity(&self) -> u8 {
        self.verbosity
    }
}
