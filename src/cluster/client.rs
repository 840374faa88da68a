//! A connected client and the names of what it is connected to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri};
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, ExecAuthCluster};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::connection::Connection;
use super::credential_plugin::{CredentialPlugin, Interaction};
use super::error::{Ask, ClusterError, ErrorKind};
use super::kubeconfig::{self, Environment, Resolved, Source};
use super::transport::{TransportLayer, WarningSink};

/// Field manager of everything that is written, and the start of the User-Agent.
pub const MANAGER: &str = "kubectl-vmchaos";

/// How long a connection attempt may take; kube's 30 s are too long for somebody on call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// Flags that lead here again, each with a space before it; see [`Cluster::again`].
    flags: String,
}

// === impl Cluster ===

impl Cluster {
    /// Reads the kubeconfig and prepares a client; runs a credential plugin, so that it can ask its questions
    /// before any prompt of ours. Sends no request.
    pub async fn connect(connection: &Connection, warnings: WarningSink) -> Result<Self, ClusterError> {
        let prepared = prepare(connection, &Environment::from_process())?;
        prepared.connect(connection, warnings, Interaction::Allowed).await
    }

    /// The same for shell completion: a credential plugin may not ask anything, and nothing is printed.
    pub(super) async fn connect_silently(connection: &Connection) -> Result<Self, ClusterError> {
        let prepared = prepare(connection, &Environment::from_process())?;
        prepared
            .connect(connection, Arc::new(|_: &str| {}), Interaction::Silent)
            .await
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
        // A hint with a command ends in it.
        if let Some(hint) = told.hint.as_mut().filter(|hint| hint.contains(": kubectl ")) {
            hint.push_str(&self.flags);
        }
        told
    }

    /// `command` with the flags that lead to this cluster as this user, as it is printed to be run later.
    pub fn again(&self, command: &str) -> String {
        format!("{command}{}", self.flags)
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
        Ok(super::escape::escape(&user.unwrap_or_else(|| self.user.clone())))
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

/// What a [`Cluster`] will be, before its credentials are got.
struct Prepared {
    config: kube::Config,
    context: String,
    cluster_name: String,
    server: String,
    namespace: String,
    user: String,
    in_cluster: bool,
}

// === impl Prepared ===

impl Prepared {
    async fn connect(
        mut self,
        connection: &Connection,
        warnings: WarningSink,
        interaction: Interaction,
    ) -> Result<Cluster, ClusterError> {
        let host = host_of(&self.config.cluster_url);
        let plugin = log_in(&mut self.config.auth_info, interaction).await?;
        let stack = ClientBuilder::try_from(self.config)
            .map_err(|error| ClusterError::from_kube(&error, &Ask::new("connect", "", "server"), &host))?;
        let layer = TransportLayer::new(connection.request_timeout, warnings, plugin);
        // A pod's own credentials are found without any flag, and only in the pod.
        let context = if self.in_cluster { "" } else { &self.context };
        Ok(Cluster {
            flags: connection.repeated(context),
            client: stack.with_layer(&layer).build(),
            context: self.context,
            cluster_name: self.cluster_name,
            server: self.server,
            namespace: self.namespace,
            user: connection.impersonate.user.clone().unwrap_or(self.user),
        })
    }
}

/// Runs the user's credential plugin, if there is one and nothing goes before it, and puts the certificate it may
/// hand out in its place; tokens stay with the plugin.
async fn log_in(auth: &mut AuthInfo, interaction: Interaction) -> Result<Option<CredentialPlugin>, ClusterError> {
    let other = auth.token.is_some() || auth.token_file.is_some() || auth.username.is_some();
    let Some(exec) = auth.exec.take().filter(|_| !other && auth.auth_provider.is_none()) else {
        return Ok(None);
    };
    let (plugin, identity) = CredentialPlugin::start(exec, interaction).await?;
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

fn prepare(connection: &Connection, env: &Environment) -> Result<Prepared, ClusterError> {
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
    let server = cluster.server.clone().unwrap_or_default();
    let url: Uri = server
        .parse()
        .ok()
        .filter(|url: &Uri| url.host().is_some() && matches!(url.scheme_str(), Some("http" | "https")))
        .ok_or_else(|| {
            ClusterError::new(
                ErrorKind::Config,
                format!("host must be a URL or a host:port pair: \"{server}\""),
            )
        })?;
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
    })?;
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
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
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

fn load_failure(error: &kube::config::KubeconfigError) -> String {
    use kube::config::KubeconfigError;
    match error {
        KubeconfigError::LoadCertificateAuthority(cause) => match super::failure::chain(cause)
            .into_iter()
            .find_map(|cause| cause.downcast_ref::<std::io::Error>())
        {
            Some(io) => super::failure::plain_io(io),
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

fn host_of(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    let port = url
        .port_u16()
        .unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
    format!("{host}:{port}")
}

fn trimmed(url: &Uri) -> String {
    url.to_string().trim_end_matches('/').to_owned()
}
