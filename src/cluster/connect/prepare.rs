//! From kubeconfig entries and flags to the settings of an HTTP client.
//!
//! kube's `Config::from_custom_kubeconfig` knows no flags, asks for the proxy by a rule of its own (see [`super::proxy`]), and reads
//! what a kubeconfig names without a limit, be it a pipe or a device.

use std::path::Path;
use std::time::Duration;

use http::{HeaderValue, Uri};
use kube::config::{AuthInfo, Cluster as ClusterEntry, ExecAuthCluster};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::client::MANAGER;
use super::connection::{Connection, without_login};
use super::kubeconfig::{self, Environment, Source};
use super::resolved::Resolved;
use crate::cluster::error::{ClusterError, ErrorKind};
use crate::cluster::failure;
use crate::local::input;
use crate::problem::{Cause, chain};

/// How long a connection attempt may take; kube's 30 s are too long for somebody on call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a [`super::Cluster`] will be, before its credentials are got.
pub(super) struct Prepared {
    pub(super) config: kube::Config,
    pub(super) context: String,
    pub(super) cluster_name: String,
    pub(super) server: String,
    pub(super) namespace: String,
    pub(super) user: String,
    pub(super) in_cluster: bool,
}

pub(super) fn prepare(connection: &Connection, env: &Environment) -> Result<Prepared, ClusterError> {
    let mut prepared = match kubeconfig::resolve(connection, env)? {
        Source::InCluster => in_cluster(connection)?,
        Source::Kubeconfig(resolved) => from_kubeconfig(*resolved, env)?,
    };
    let config = &mut prepared.config;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.headers.push((http::header::USER_AGENT, user_agent()));
    Ok(prepared)
}

fn in_cluster(connection: &Connection) -> Result<Prepared, ClusterError> {
    let mut config = kube::Config::incluster().map_err(|error| {
        ClusterError::new(
            ErrorKind::Config,
            format!("could not use the credentials of this pod: {error}"),
        )
    })?;
    let impersonate = &connection.impersonate;
    config.auth_info.impersonate.clone_from(&impersonate.user);
    config.auth_info.impersonate_groups = (!impersonate.groups.is_empty()).then(|| impersonate.groups.clone());
    config.auth_info.impersonate_uid.clone_from(&impersonate.uid);
    Ok(Prepared {
        context: "in-cluster".to_owned(),
        cluster_name: "in-cluster".to_owned(),
        server: trimmed(&config.cluster_url),
        namespace: config.default_namespace.clone(),
        user: "service account".to_owned(),
        in_cluster: true,
        config,
    })
}

fn from_kubeconfig(resolved: Resolved, env: &Environment) -> Result<Prepared, ClusterError> {
    let Resolved {
        context,
        cluster_name,
        user,
        namespace,
        cluster,
        mut auth,
    } = resolved;
    // Not printed, and not sent: API servers know no passwords any more.
    let given = cluster.server.as_deref().unwrap_or_default();
    let server = without_login(given);
    let url: Uri = server
        .parse()
        .ok()
        .filter(|url: &Uri| url.host().is_some() && matches!(url.scheme_str(), Some("http" | "https")))
        .ok_or_else(|| {
            ClusterError::new(
                ErrorKind::Config,
                // What cannot be read may have its password anywhere before the last `@`.
                format!(
                    "host must be a URL or a host:port pair: \"{}\"",
                    given.rsplit('@').next().unwrap_or_default()
                ),
            )
        })?;
    check_files(&cluster, &auth)?;
    // Also decodes certificate-authority-data and reads the file, which kube does not do in public anywhere else.
    let for_plugin = ExecAuthCluster::try_from(&cluster).map_err(|error| {
        let file = cluster.certificate_authority.clone().unwrap_or_default();
        ClusterError::new(
            ErrorKind::Config,
            format!(
                "unable to read certificate-authority {file} for {cluster_name} due to {}",
                load_failure(&error)
            ),
        )
        .caused_by(Cause::behind(&error))
    })?;
    let insecure = cluster.insecure_skip_tls_verify.unwrap_or(false);
    if insecure && for_plugin.certificate_authority_data.is_some() {
        // client-go's words. Beside the flag alone, trust of the file has been laid aside by now.
        return Err(ClusterError::new(
            ErrorKind::Config,
            "specifying a root certificates file with the insecure flag is not allowed",
        )
        .hint(
            "leave out --insecure-skip-tls-verify, or in the kubeconfig one of insecure-skip-tls-verify and \
             certificate-authority; with the certificates the server is checked",
        ));
    }
    let root_cert = for_plugin
        .certificate_authority_data
        .as_deref()
        .map(|pem| certificates(pem, &cluster_name));
    if let Some(exec) = auth.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(for_plugin.clone());
    }
    let proxy = cluster
        .proxy_url
        .clone()
        .filter(|proxy| !proxy.is_empty())
        .or_else(|| env.proxy.for_server(&url));

    let mut config = kube::Config::new(url);
    config.default_namespace.clone_from(&namespace);
    config.root_cert = root_cert.transpose()?;
    config.accept_invalid_certs = insecure;
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.proxy_url = proxy.map(|proxy| parse_proxy(&proxy)).transpose()?;
    config.auth_info = auth;
    let user = who(&user, &config.auth_info);
    Ok(Prepared {
        config,
        context,
        cluster_name,
        server,
        namespace,
        user,
        in_cluster: false,
    })
}

/// The user's entry, or whom it impersonates.
fn who(entry: &str, auth: &AuthInfo) -> String {
    auth.impersonate.clone().unwrap_or_else(|| entry.to_owned())
}

fn certificates(pem: &[u8], cluster_name: &str) -> Result<Vec<Vec<u8>>, ClusterError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(ClusterError::new(
            ErrorKind::Config,
            format!(
                "unable to load root certificates: no PEM certificate in the certificate authority of cluster \"{cluster_name}\""
            ),
        )),
    }
}

fn parse_proxy(proxy: &str) -> Result<Uri, ClusterError> {
    let unusable = || {
        // Not printed: a proxy's URL often holds a password.
        ClusterError::new(
            ErrorKind::Config,
            "the proxy's URL is not one of http://, https:// or socks5://",
        )
        .hint("look at proxy-url in the kubeconfig, and at HTTPS_PROXY")
    };
    let uri: Uri = proxy.parse().map_err(|_| unusable())?;
    match uri.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(uri),
        _ => Err(unusable()),
    }
}

/// What the kubeconfig names is read by others, without a limit and without an end: regular files only.
fn check_files(cluster: &ClusterEntry, auth: &AuthInfo) -> Result<(), ClusterError> {
    let named = [
        ("certificate-authority", &cluster.certificate_authority),
        ("client-certificate", &auth.client_certificate),
        ("client-key", &auth.client_key),
        ("tokenFile", &auth.token_file),
    ];
    for (field, path) in named {
        if let Some(Err(why)) = path.as_deref().map(|path| input::check(Path::new(path))) {
            let path = path.as_deref().unwrap_or_default();
            return Err(ClusterError::new(
                ErrorKind::Config,
                format!("{field} {} {why}", crate::escape::escape(path)),
            ));
        }
    }
    Ok(())
}

fn load_failure(error: &kube::config::KubeconfigError) -> String {
    use kube::config::KubeconfigError;
    match error {
        KubeconfigError::LoadCertificateAuthority(cause) => match chain(cause)
            .into_iter()
            .find_map(|cause| cause.downcast_ref::<std::io::Error>())
        {
            Some(io) => failure::plain_io(io),
            None => "data that is not base64".to_owned(),
        },
        other => other.to_string(),
    }
}

fn user_agent() -> HeaderValue {
    let text = format!(
        "{MANAGER}/{} ({}/{})",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(MANAGER))
}

pub(super) fn host_of(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    let port = url
        .port_u16()
        .unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
    format!("{host}:{port}")
}

fn trimmed(url: &Uri) -> String {
    url.to_string().trim_end_matches('/').to_owned()
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
