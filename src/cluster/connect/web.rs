//! Requests to servers other than the API server: what a game day's file names.
//!
//! kube's client carries them, as it does those to a cluster: its TLS, with the system's certificates, and our rules of proxies.

use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use kube::client::{Body, ClientBuilder};

use super::proxy::ProxyEnv;
use crate::problem::chain;

/// No answer that a check reads is larger, in bytes.
const MOST: usize = 1024 * 1024;

/// A server.
#[derive(Clone)]
pub(crate) struct Web {
    client: kube::Client,
    /// Path and query of requests.
    path: String,
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: String,
}

// === impl Web ===

impl Web {
    /// Prepares requests to `url`; sends none. No redirect is followed.
    ///
    /// # Errors
    /// When the proxy of the environment, or the system's certificates, cannot be used.
    pub(crate) fn new(url: &Uri) -> Result<Self, String> {
        let origin = Uri::builder()
            .scheme(url.scheme_str().unwrap_or("http"))
            .authority(url.authority().map_or("", http::uri::Authority::as_str))
            .path_and_query("/")
            .build()
            .map_err(|error| error.to_string())?;
        let mut config = kube::Config::new(origin.clone());
        config.default_retry = false;
        if let Some(proxy) = ProxyEnv::from_process().for_server(&origin) {
            config.proxy_url = Some(
                proxy
                    .parse()
                    .map_err(|error| format!("the proxy {proxy} is no URL: {error}"))?,
            );
        }
        let builder = ClientBuilder::try_from(config).map_err(|error| last(&error))?;
        Ok(Self {
            client: builder.build(),
            path: url
                .path_and_query()
                .map_or("/", http::uri::PathAndQuery::as_str)
                .to_owned(),
        })
    }

    /// Sends one request and reads the answer, at most 1 MiB of it.
    ///
    /// # Errors
    /// Why there is no answer, as a sentence ends.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Answer, String> {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.parse().map_err(|error| format!("{}: {error}", self.path))?;
        *request.headers_mut() = headers;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| last(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MOST).collect().await;
            let body = body.map_err(|error| last(error.as_ref()))?.to_bytes();
            Ok(Answer {
                status: head.status,
                body: String::from_utf8_lossy(&body).into_owned(),
            })
        };
        tokio::time::timeout(within, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {within:?}")))
    }
}

/// The innermost cause, which says what happened.
fn last(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}
