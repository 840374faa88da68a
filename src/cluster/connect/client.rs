//! A connected client and the names of what it is connected to.
//!
//! By hand is only what goes around kube's own client, which `kube::Client::try_default` cannot be told: our reading of the
//! kubeconfig, one run of the credential plugin, the layer that every request goes through.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};
use kube::client::ClientBuilder;
use kube::config::AuthInfo;

use super::connection::Connection;
use super::credential_plugin::{CredentialPlugin, Interaction};
use super::kubeconfig::{Environment, are_files};
use super::prepare::{Prepared, host_of, prepare};
use super::remembered::Kept;
use super::transport::{TransportLayer, WarningSink};
use crate::cluster::error::{Ask, ClusterError, ErrorKind};
use crate::command_line::{CommandLine, Hint};

/// Field manager of everything that is written, and the start of the User-Agent.
pub const MANAGER: &str = "kubectl-vmchaos";

/// The cluster the connection flags and the kubeconfig mean.
#[derive(Clone)]
pub struct Cluster {
    pub client: kube::Client,
    /// Name of the context, `in-cluster` for a pod's own credentials, empty with `--server` alone.
    pub context: String,
    pub cluster_name: String,
    /// URL of the API server.
    pub server: String,
    /// The context's namespace.
    pub namespace: String,
    /// Whom the kubeconfig says we are (with `--as`: that user); [`Cluster::whoami`] asks the server.
    pub user: String,
    /// Flags that lead here again, and their values; see [`Cluster::again`].
    flags: Vec<String>,
    /// What [`Cluster::once`] keeps; `None` is nothing.
    pub(super) kept: Option<Arc<Kept>>,
}

// === impl Cluster ===

impl Cluster {
    /// Reads the kubeconfig and prepares a client; runs a credential plugin, so that it can ask its questions
    /// before any prompt of ours. Sends no request.
    pub async fn connect(connection: &Connection, warnings: WarningSink) -> Result<Self, ClusterError> {
        // A kubeconfig may be a pipe that nobody writes into: a signal must end that, too.
        let asked = connection.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&asked, &Environment::from_process())).await;
        let prepared = prepared.map_err(|error| {
            ClusterError::new(ErrorKind::Config, format!("the kubeconfig could not be read: {error}"))
        })??;
        Self::from_prepared(prepared, connection, warnings, Interaction::Allowed).await
    }

    /// The same for shell completion: a credential plugin may not ask anything, and nothing is printed.
    pub(crate) async fn connect_silently(connection: &Connection) -> Result<Self, ClusterError> {
        let env = Environment::from_process();
        if !are_files(connection, &env) {
            return Err(ClusterError::new(ErrorKind::Config, "a kubeconfig is no regular file"));
        }
        let prepared = prepare(connection, &env)?;
        Self::from_prepared(prepared, connection, Arc::new(|_: &str| {}), Interaction::Silent).await
    }

    async fn from_prepared(
        mut prepared: Prepared,
        connection: &Connection,
        warnings: WarningSink,
        interaction: Interaction,
    ) -> Result<Cluster, ClusterError> {
        let host = host_of(&prepared.config.cluster_url);
        let plugin = log_in(&mut prepared.config.auth_info, interaction, connection.request_limit()).await?;
        let stack = ClientBuilder::try_from(prepared.config)
            .map_err(|error| ClusterError::from_kube(&error, &Ask::new("connect", "", "server"), &host))?;
        let layer = TransportLayer::new(connection.request_limit(), warnings, plugin);
        // A pod's own credentials are found without any flag, and only in the pod.
        let context = if prepared.in_cluster { "" } else { &prepared.context };
        Ok(Cluster {
            flags: connection.repeated(context),
            client: stack.with_layer(&layer).build(),
            context: prepared.context,
            cluster_name: prepared.cluster_name,
            server: prepared.server,
            namespace: prepared.namespace,
            user: connection.impersonate.user.clone().unwrap_or(prepared.user),
            kept: None,
        })
    }

    /// What a person types to say that this cluster is meant: the context's name; with `--server` alone, which has none, the
    /// cluster's name or the server's URL.
    pub fn typed_name(&self) -> &str {
        let names = [&self.context, &self.cluster_name, &self.server];
        names
            .into_iter()
            .find(|name| !name.is_empty())
            .map_or("", String::as_str)
    }

    /// Where something is done, as a question ends: `context prod`, or the server's URL where there is no context.
    pub fn place(&self) -> String {
        match self.context.as_str() {
            "" => self.server.clone(),
            context => format!("context {}", crate::escape::escape(context)),
        }
    }

    /// `HOST:PORT` of the API server, as it stands in errors.
    pub fn host(&self) -> String {
        self.server
            .parse()
            .map_or_else(|_| self.server.clone(), |uri| host_of(&uri))
    }

    /// `error` in kubectl's words.
    pub fn explain(&self, error: &kube::Error, ask: &Ask) -> ClusterError {
        let mut told = ClusterError::from_kube(error, ask, &self.host());
        told.hint = told.hint.take().map(|hint| self.lead(hint));
        told
    }

    /// A hint whose command, if it has one, leads to this cluster as this user.
    pub fn lead(&self, hint: Hint) -> Hint {
        hint.lead(&self.flags)
    }

    /// `command` with the flags that lead to this cluster as this user, as it is printed to be run later.
    pub fn again(&self, command: impl Into<CommandLine>) -> CommandLine {
        command.into().each_with(&self.flags)
    }

    /// The flags that lead to this cluster as this user, and their values.
    pub fn flags(&self) -> &[String] {
        &self.flags
    }

    /// Who the API server says we are (`SelfSubjectReview`, Kubernetes 1.28); works without any permission.
    pub async fn whoami(&self) -> Result<String, ClusterError> {
        let ask = Ask::new("create", "authentication.k8s.io", "selfsubjectreviews");
        let review = Api::<SelfSubjectReview>::all(self.client.clone())
            .create(&PostParams::default(), &SelfSubjectReview::default())
            .await
            .map_err(|error| self.explain(&error, &ask))?;
        let user = review
            .status
            .and_then(|status| status.user_info)
            .and_then(|user| user.username);
        Ok(crate::escape::escape(&user.unwrap_or_else(|| self.user.clone())))
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("context", &self.context)
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Runs the user's credential plugin, if there is one and nothing goes before it, and puts the certificate it may
/// hand out in its place; tokens stay with the plugin.
async fn log_in(
    auth: &mut AuthInfo,
    interaction: Interaction,
    limit: Duration,
) -> Result<Option<CredentialPlugin>, ClusterError> {
    let other = auth.token.is_some() || auth.token_file.is_some() || auth.username.is_some();
    let Some(exec) = auth.exec.take().filter(|_| !other && auth.auth_provider.is_none()) else {
        return Ok(None);
    };
    let (plugin, identity) = CredentialPlugin::start(exec, interaction, limit).await?;
    if let Some(identity) = identity {
        auth.client_certificate_data = Some(base64(identity.certificate));
        auth.client_key_data = Some(base64(identity.key).into());
    }
    Ok(Some(plugin))
}

/// As kubeconfig fields hold PEM.
fn base64(pem: String) -> String {
    match serde_json::to_value(ByteString(pem.into_bytes())) {
        Ok(serde_json::Value::String(text)) => text,
        // A ByteString is written as a string.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn a_certificate_of_a_plugin_is_put_where_a_kubeconfig_has_it() {
        assert_eq!(base64("hello".to_owned()), "aGVsbG8=");
    }
}
