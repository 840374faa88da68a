//! How to reach the cluster: kubectl's connection flags as plain data.
//!
//! kube's `KubeConfigOptions` has three of the twelve (context, cluster, user), and none of what a printed command needs to lead
//! to the same cluster again without a secret in it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What kubectl's connection flags said; a field is `None` where its flag was not given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// `--kubeconfig`: the only file looked at; it must exist.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `-s`, `--server`: `https://HOST:PORT`, or `HOST:PORT`.
    pub server: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--as`, `--as-group`, `--as-uid`
    pub impersonate: Impersonate,
    /// `--certificate-authority`: a file with PEM certificates.
    pub certificate_authority: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: bool,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--request-timeout`; see [`Connection::request_limit`].
    pub request_timeout: Option<Duration>,
}

/// How long one request may take by default.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Whom the API server is asked to treat us as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impersonate {
    /// `--as`
    pub user: Option<String>,
    /// `--as-group`, as often as given
    pub groups: Vec<String>,
    /// `--as-uid`
    pub uid: Option<String>,
}

// === impl Connection ===

impl Connection {
    /// Whether a flag chose a kubeconfig, or something in it.
    ///
    /// A chosen thing that is missing is an error and is never replaced by the in-cluster credentials.
    pub fn is_customised(&self) -> bool {
        self.kubeconfig.is_some()
            || self.context.is_some()
            || self.cluster.is_some()
            || self.user.is_some()
            || self.server.is_some()
            || self.token.is_some()
    }

    /// How long one request may take, from sending it to the last byte of its answer. A watch, a followed log and an attach have to
    /// begin within it; how long they last is their own matter.
    pub fn request_limit(&self) -> Duration {
        self.request_timeout.unwrap_or(REQUEST_LIMIT)
    }

    /// The flags that lead to the same cluster as the same user, and their values, for a command line that is printed to be
    /// run later, perhaps elsewhere; `context` is the one in use. A token or a password is never printed.
    pub fn repeated(&self, context: &str) -> Vec<String> {
        let path = self.kubeconfig.as_ref().map(|path| path.display().to_string());
        let context = self
            .context
            .as_deref()
            .or(Some(context))
            .filter(|context| !context.is_empty());
        let server = self.server.as_deref().map(without_login);
        let impersonate = &self.impersonate;
        let flags = [
            ("--kubeconfig", path.as_deref()),
            ("--context", context),
            ("--cluster", self.cluster.as_deref()),
            ("--user", self.user.as_deref()),
            ("--server", server.as_deref()),
            ("--as", impersonate.user.as_deref()),
            ("--as-uid", impersonate.uid.as_deref()),
        ];
        let groups = impersonate
            .groups
            .iter()
            .map(|group| ("--as-group", Some(group.as_str())));
        flags
            .into_iter()
            .chain(groups)
            .filter_map(|(flag, value)| Some([flag.to_owned(), value?.to_owned()]))
            .flatten()
            .collect()
    }
}

/// A server's URL, or `host:port`, without what may be secret in it: a user and a password (`https://user:password@host`), a query.
pub fn without_login(server: &str) -> String {
    let (scheme, rest) = match server.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), server),
    };
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

impl fmt::Debug for Connection {
    /// Token and password are left out, so that no log can hold them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("kubeconfig", &self.kubeconfig)
            .field("context", &self.context)
            .field("cluster", &self.cluster)
            .field("user", &self.user)
            .field("server", &self.server.as_deref().map(without_login))
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("impersonate", &self.impersonate)
            .field("certificate_authority", &self.certificate_authority)
            .field("insecure_skip_tls_verify", &self.insecure_skip_tls_verify)
            .field("tls_server_name", &self.tls_server_name)
            .field("request_timeout", &self.request_timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_hold_the_token() {
        let connection = Connection {
            token: Some("hunter2".into()),
            ..Connection::default()
        };
        assert!(!format!("{connection:?}").contains("hunter2"));
    }

    #[test]
    fn a_command_for_later_leads_to_the_same_place() {
        let mut connection = Connection {
            token: Some("hunter2".into()),
            ..Connection::default()
        };
        assert_eq!(connection.repeated("prod"), ["--context", "prod"]);
        assert!(connection.repeated("").is_empty());
        connection.kubeconfig = Some("/my files/it's".into());
        connection.impersonate.user = Some("jane".into());
        connection.impersonate.groups = vec!["a".into(), "$(b)".into()];
        assert_eq!(
            connection.repeated("prod").join(" "),
            "--kubeconfig /my files/it's --context prod --as jane --as-group a --as-group $(b)"
        );
    }

    #[test]
    fn a_password_in_the_servers_url_is_left_out() {
        for (server, shown) in [
            ("https://user:p@ss@h:6443/k8s?token=b@c", "https://h:6443/k8s"),
            ("user:pass@h:6443", "h:6443"),
            ("https://h/a@b", "https://h/a@b"),
            ("", ""),
        ] {
            assert_eq!(without_login(server), shown);
        }
        let connection = Connection {
            server: Some("https://user:hunter2@h".into()),
            ..Connection::default()
        };
        assert!(!format!("{connection:?}").contains("hunter2"));
        assert!(format!("{:?}", connection.repeated("")).contains("https://h"));
        assert!(!format!("{:?}", connection.repeated("")).contains("hunter2"));
    }

    #[test]
    fn a_request_takes_at_most_30_s_unless_said_otherwise() {
        let mut connection = Connection::default();
        assert_eq!(connection.request_limit(), Duration::from_secs(30));
        connection.request_timeout = Some(Duration::from_secs(5));
        assert_eq!(connection.request_limit(), Duration::from_secs(5));
    }

    #[test]
    fn a_timeout_alone_chooses_no_cluster() {
        let connection = Connection {
            request_timeout: Some(std::time::Duration::from_secs(5)),
            ..Connection::default()
        };
        assert!(!connection.is_customised());
        assert!(
            Connection {
                context: Some("prod".into()),
                ..Connection::default()
            }
            .is_customised()
        );
    }
}
