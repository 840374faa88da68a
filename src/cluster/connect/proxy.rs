//! Which proxy, if any, stands between us and the API server, by the rules of Go's `net/http`.
//!
//! kube-rs asks whether the *proxy* is named in `NO_PROXY` instead of the server, so that an exception for
//! the API server has no effect; and one empty entry in `NO_PROXY` makes it refuse to start.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

/// The environment's proxy settings; the upper-case name wins over the lower-case one.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyEnv {
    pub(crate) https: Option<String>,
    pub(crate) http: Option<String>,
    pub(crate) except: String,
}

impl ProxyEnv {
    pub(crate) fn from_process() -> Self {
        let read = |upper: &str, lower: &str| {
            [upper, lower]
                .into_iter()
                .filter_map(|name| std::env::var(name).ok())
                .find(|value| !value.is_empty())
        };
        Self {
            https: read("HTTPS_PROXY", "https_proxy"),
            http: read("HTTP_PROXY", "http_proxy"),
            except: read("NO_PROXY", "no_proxy").unwrap_or_default(),
        }
    }

    /// The URL of the proxy for `server`; `None` is a direct connection.
    pub(crate) fn for_server(&self, server: &Uri) -> Option<String> {
        let tls = server.scheme_str() == Some("https");
        let proxy = if tls { &self.https } else { &self.http }.as_ref()?;
        let host = server
            .host()?
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        let port = server.port_u16().unwrap_or(if tls { 443 } else { 80 });
        if is_local(&host) || self.except.split(',').any(|entry| excepts(entry.trim(), &host, port)) {
            return None;
        }
        // Go reads a proxy without a scheme as an HTTP proxy.
        Some(if proxy.contains("://") {
            proxy.clone()
        } else {
            format!("http://{proxy}")
        })
    }
}

/// The machine itself is never reached through a proxy of the environment.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether one entry of `NO_PROXY` covers `host`: `*`, an address, a CIDR, a name with its subdomains
/// (`corp.example`), or only subdomains (`.corp.example`, `*.corp.example`); all but the CIDR with an optional port.
fn excepts(entry: &str, host: &str, port: u16) -> bool {
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if entry.contains('/') {
        return match (entry.parse::<IpNet>(), host.parse::<IpAddr>()) {
            (Ok(network), Ok(ip)) => network.contains(&ip),
            _ => false,
        };
    }
    let (name, only) = split_port(entry);
    if only.is_some_and(|only| only != port) {
        return false;
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        return host.parse::<IpAddr>().is_ok_and(|ip| ip == address);
    }
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix('*').unwrap_or(&name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

/// `host:6443`, `[::1]:6443`; a bare IPv6 address has no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[')
        && let Some((address, tail)) = rest.split_once(']')
    {
        return (address, tail.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::ProxyEnv;

    fn env(except: &str) -> ProxyEnv {
        ProxyEnv {
            https: Some("http://proxy:3128".into()),
            http: None,
            except: except.into(),
        }
    }

    fn direct(except: &str, server: &str) -> bool {
        env(except).for_server(&server.parse().unwrap()).is_none()
    }

    #[test]
    fn an_exception_is_about_the_server_and_not_about_the_proxy() {
        assert!(direct("10.0.0.1", "https://10.0.0.1:6443"));
        assert!(!direct("proxy", "https://10.0.0.1:6443"));
    }

    #[test]
    fn networks_and_ports() {
        assert!(direct("10.0.0.0/8", "https://10.200.3.4:6443"));
        assert!(!direct("10.0.0.0/8", "https://11.0.0.1:6443"));
        assert!(direct("fd00::/8", "https://[fd00::1]:6443"));
        assert!(!direct("0.0.0.0/0", "https://api.example:6443"));
        assert!(direct("10.0.0.1:6443", "https://10.0.0.1:6443"));
        assert!(!direct("10.0.0.1:443", "https://10.0.0.1:6443"));
        assert!(direct("[fd00::1]:443", "https://[fd00::1]"));
        assert!(!direct("10.0.0.0/99", "https://10.0.0.1:6443"));
    }

    #[test]
    fn names_cover_their_subdomains() {
        assert!(direct("corp.example", "https://corp.example"));
        assert!(direct("corp.example", "https://api.Corp.example"));
        assert!(!direct("corp.example", "https://notcorp.example"));
        assert!(!direct(".corp.example", "https://corp.example"));
        assert!(direct(".corp.example", "https://api.corp.example"));
        assert!(direct("*.corp.example", "https://api.corp.example"));
        assert!(direct("*", "https://api.corp.example"));
    }

    #[test]
    fn empty_entries_are_skipped() {
        assert!(direct("a,, 10.0.0.1 ,", "https://10.0.0.1"));
        assert!(!direct(",,", "https://10.0.0.1"));
    }

    #[test]
    fn the_machine_itself_needs_no_proxy() {
        assert!(direct("", "https://127.0.0.1:6443"));
        assert!(direct("", "https://[::1]:6443"));
        assert!(direct("", "https://localhost:6443"));
    }

    #[test]
    fn the_proxy_for_http_is_another_one() {
        let env = ProxyEnv {
            https: Some("a:1".into()),
            http: Some("b:2".into()),
            except: String::new(),
        };
        assert_eq!(
            env.for_server(&"https://x".parse().unwrap()).as_deref(),
            Some("http://a:1")
        );
        assert_eq!(
            env.for_server(&"http://x".parse().unwrap()).as_deref(),
            Some("http://b:2")
        );
    }
}
