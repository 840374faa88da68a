//! Addresses that a game day talks to.

use std::fmt;

/// An `http` or `https` address without a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(http::Uri);

// === impl Url ===

impl Url {
    /// # Errors
    /// What it lacks, or has too much.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: http::Uri = text.parse().map_err(|error| format!("is no URL: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("is no URL that begins with http:// or https://".to_owned());
        }
        match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => Err(
                "a login does not stand in a URL; write it as a header from \"env:NAME\" or \"file:PATH\"".to_owned(),
            ),
            Some(authority) if !authority.host().is_empty() => Ok(Self(uri)),
            _ => Err("is a URL without a host".to_owned()),
        }
    }

    pub fn uri(&self) -> &http::Uri {
        &self.0
    }

    /// Scheme, host and port: whom it is talked to.
    pub fn origin(&self) -> String {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.0.authority().map_or("", http::uri::Authority::as_str);
        format!("{scheme}://{authority}")
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_without_a_login() {
        assert_eq!(
            Url::parse("https://pay.example:8443/healthz?x=1").unwrap().origin(),
            "https://pay.example:8443"
        );
        for bad in [
            "pay.example",
            "ftp://a/b",
            "http://",
            "https://me:pw@pay.example",
            "/healthz",
            "http://a b",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
