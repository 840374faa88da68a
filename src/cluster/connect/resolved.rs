//! Which entries of the kubeconfig are meant, with every connection flag laid over them, by client-go's rules.
//!
//! Stands in for `ConfigLoader` of kube, which is private and takes three of kubectl's flags (`KubeConfigOptions`): context, cluster,
//! user. `--server`, `--token`, `--tls-server-name`, `--certificate-authority` and their like have to be laid over its result.

use kube::config::{AuthInfo, Cluster as ClusterEntry, Kubeconfig};

use super::connection::Connection;
use crate::cluster::error::{ClusterError, ErrorKind};

/// Where to connect and as whom, with every flag applied.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// Name of the context; empty when only `--server` was given.
    pub(crate) context: String,
    pub(crate) cluster_name: String,
    /// Name of the user's entry, empty when there is none.
    pub(crate) user: String,
    pub(crate) namespace: String,
    pub(crate) cluster: ClusterEntry,
    pub(crate) auth: AuthInfo,
}

/// Picks context, cluster and user out of what the files say, and lays the flags over them.
pub(super) fn pick(connection: &Connection, config: Kubeconfig) -> Result<Resolved, ClusterError> {
    let wrong = |message: String| ClusterError::new(ErrorKind::Config, message);
    let current = config.current_context.filter(|name| !name.is_empty());
    let context_name = connection.context.clone().or(current);
    let context = match &context_name {
        None => None,
        Some(name) => Some(
            config
                .contexts
                .into_iter()
                .find(|entry| entry.name == *name)
                .and_then(|entry| entry.context)
                .ok_or_else(|| {
                    wrong(format!(
                        "Error in configuration: context was not found for specified context: {name}"
                    ))
                    .hint("kubectl config get-contexts lists them")
                })?,
        ),
    };

    let cluster_name = connection.cluster.clone().or_else(|| {
        context
            .as_ref()
            .map(|context| context.cluster.clone())
            .filter(|name| !name.is_empty())
    });
    let entry = match &cluster_name {
        None => None,
        Some(name) => {
            let entry = config
                .clusters
                .into_iter()
                .find(|entry| entry.name == *name)
                .and_then(|entry| entry.cluster);
            if entry.is_none() && connection.server.is_none() {
                return Err(wrong(format!("no server found for cluster \"{name}\"")));
            }
            entry
        }
    };
    let cluster = with_flags(connection, entry.unwrap_or_default());
    if cluster.server.as_ref().is_none_or(String::is_empty) {
        return Err(match (&cluster_name, &context_name) {
            (Some(name), _) => wrong(format!("no server found for cluster \"{name}\"")),
            (None, Some(name)) => wrong(format!("cluster was not specified for context \"{name}\"")),
            (None, None) => wrong("current-context is not set, and no --context was given".to_owned())
                .hint("kubectl config get-contexts lists them; kubectl config use-context NAME sets one"),
        });
    }

    let user_name = connection.user.clone().or_else(|| {
        context
            .as_ref()
            .and_then(|context| context.user.clone())
            .filter(|name| !name.is_empty())
    });
    let auth = match &user_name {
        None => AuthInfo::default(),
        Some(name) => match config.auth_infos.into_iter().find(|entry| entry.name == *name) {
            Some(entry) => entry.auth_info.unwrap_or_default(),
            None if connection.user.is_some() => {
                return Err(wrong(format!("auth info \"{name}\" does not exist")));
            }
            None if connection.token.is_some() => AuthInfo::default(),
            None => {
                let context = context_name.as_deref().unwrap_or_default();
                return Err(wrong(format!(
                    "user \"{name}\" was not found for context \"{context}\""
                )));
            }
        },
    };

    Ok(Resolved {
        context: context_name.unwrap_or_default(),
        cluster_name: cluster_name.unwrap_or_default(),
        user: user_name.unwrap_or_default(),
        namespace: context
            .and_then(|context| context.namespace)
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or_else(|| "default".to_owned()),
        cluster,
        auth: authenticated(connection, auth),
    })
}

/// The cluster entry with `--server`, `--certificate-authority`, `--insecure-skip-tls-verify` and
/// `--tls-server-name` over it, as client-go lays them.
fn with_flags(connection: &Connection, mut entry: ClusterEntry) -> ClusterEntry {
    if connection.insecure_skip_tls_verify || connection.certificate_authority.is_some() {
        // Trust that was chosen on the command line replaces all trust of the file.
        entry.insecure_skip_tls_verify = Some(connection.insecure_skip_tls_verify);
        entry.certificate_authority = connection
            .certificate_authority
            .as_ref()
            .map(|path| path.display().to_string());
        entry.certificate_authority_data = None;
    }
    if connection.server.is_some() || connection.tls_server_name.is_some() {
        // A server name of the file belongs to the file's server.
        entry.tls_server_name.clone_from(&connection.tls_server_name);
    }
    if let Some(server) = &connection.server {
        entry.server = Some(server.clone());
    }
    if let Some(server) = entry
        .server
        .as_mut()
        .filter(|server| !server.is_empty() && !server.contains("://"))
    {
        let secure = entry.insecure_skip_tls_verify == Some(true)
            || entry.certificate_authority.is_some()
            || entry.certificate_authority_data.is_some();
        *server = format!("{}://{server}", if secure { "https" } else { "http" });
    }
    entry
}

/// The user's entry with `--token` and impersonation over it; a token given by flag wins over every other way.
fn authenticated(connection: &Connection, mut auth: AuthInfo) -> AuthInfo {
    if let Some(token) = &connection.token {
        auth.token = Some(token.clone().into());
        auth.token_file = None;
        auth.username = None;
        auth.password = None;
        auth.exec = None;
        auth.auth_provider = None;
    }
    let impersonate = &connection.impersonate;
    if impersonate.user.is_some() {
        auth.impersonate.clone_from(&impersonate.user);
        auth.impersonate_groups = (!impersonate.groups.is_empty()).then(|| impersonate.groups.clone());
        auth.impersonate_uid.clone_from(&impersonate.uid);
        auth.impersonate_user_extra = None;
    }
    auth
}
