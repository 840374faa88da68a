//! Refuses what a web page sends: a browser on the same machine reaches loopback, and a page can name it anything.

use hyper::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

use crate::api::status_error::{ApiError, ApiResult};

/// Whether a request is for this machine by its `Host`, and from no page of another by its `Origin`.
pub(crate) fn check(headers: &HeaderMap) -> ApiResult<()> {
    let foreign = |name: &str| {
        let value = headers.get(name)?.to_str().unwrap_or_default();
        let authority = value.split_once("://").map_or(value, |(_, rest)| rest);
        (!is_loopback(authority)).then(|| format!("{name} \"{}\"", value.escape_debug()))
    };
    match foreign(HOST.as_str()).or_else(|| foreign(ORIGIN.as_str())) {
        None => Ok(()),
        Some(what) => Err(ApiError::new(
            403,
            "Forbidden",
            format!("the practice cluster answers programs of this machine only, and no web page: {what}"),
        )),
    }
}

/// `127.0.0.1`, `localhost` or `[::1]`, with a port or without.
fn is_loopback(authority: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        authority.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        check(&headers).is_err()
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for good in ["127.0.0.1:6443", "localhost:1", "127.0.0.1", "[::1]:6443"] {
            assert!(!refused("host", good), "{good}");
            assert!(!refused("origin", &format!("https://{good}")), "{good}");
        }
        for bad in [
            "evil.example",
            "127.0.0.1.evil.example:6443",
            "localhost:80@evil.example",
            "localhost.evil.example",
            "null",
            "",
        ] {
            assert!(refused("host", bad) && refused("origin", bad), "{bad}");
            assert!(refused("origin", &format!("https://{bad}")), "{bad}");
        }
    }
}
