//! A GET request, and what must come back.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Seen;
use crate::cluster::Web;
use crate::gameday::check::Http;
use crate::gameday::secret::Secret;

/// What it is asked as.
const AGENT: &str = concat!("kubectl-vmchaos/", env!("CARGO_PKG_VERSION"));

pub(super) async fn look(web: &Web, asked: &Http, within: Duration) -> Seen {
    let headers = headers(&asked.headers)?;
    let answer = web.send(Method::GET, headers, Vec::new(), within).await?;
    let is_right = match asked.status {
        Some(status) => answer.status == status,
        None => answer.status.is_success(),
    };
    if !is_right {
        return Err(format!("status {}", answer.status));
    }
    match &asked.contains {
        Some(text) if !answer.body.contains(text) => Err(format!("the answer does not contain {text:?}")),
        _ => Ok(None),
    }
}

/// Headers with their values, read from where they are.
///
/// # Errors
/// Which has no value, or one that no header can have.
pub(crate) fn headers(said: &[(String, Secret)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, secret) in said {
        let value = secret.read().map_err(|why| format!("header {name}: {why}"))?;
        let mut value = HeaderValue::try_from(value).map_err(|_| format!("header {name}: not a value of a header"))?;
        value.set_sensitive(!matches!(secret, Secret::Plain(_)));
        let name = HeaderName::try_from(name).map_err(|_| format!("{name} is no name of a header"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}
