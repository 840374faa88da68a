//! What every request goes through, so that none can do without: a time limit, a small retry for reads, and the server's warnings.
//!
//! kube's default client retries a 429, 503 or 504 on every verb, up to fifteen times with pauses of many minutes.
//! A create that is sent twice can inject a fault twice, and an eviction that was refused would look hung; so
//! its retry is off, writes are sent once, and reads at most [`TRIES`] times.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as HttpBody, Bytes};
use kube::client::Body;
use rand::RngExt as _;
use tower::{BoxError, Layer, Service, ServiceExt as _};

use super::credential_plugin::CredentialPlugin;
use super::timed::{Timed, TimedOut};
use crate::cluster::path;
use crate::problem::chain;

/// How often a read is sent before its failure is shown.
const TRIES: u32 = 3;
/// Pause before the second try; doubled before the third, each with up to half more by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A server that asks for a longer pause than this is answered with its error instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Receives each different `Warning:` of the API server once.
pub type WarningSink = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct TransportLayer {
    /// For one request; see [`super::connection::Connection::request_limit`].
    limit: Duration,
    warnings: WarningSink,
    told: Arc<Mutex<HashSet<String>>>,
    plugin: Option<Arc<CredentialPlugin>>,
}

pub(crate) struct Transport<S> {
    /// kube's own stack cannot be cloned for a retry; the lock is held only while a request is handed over.
    inner: Arc<tokio::sync::Mutex<S>>,
    layer: TransportLayer,
}

/// What kind of exchange a request is, by what may be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    /// Get or list: may be repeated, limited in time.
    Read,
    /// Create, patch, delete …: sent once, limited in time.
    Write,
    /// Watch, followed log, attach: has to begin in time, and lasts as long as it lasts.
    Stream,
}

// === impl TransportLayer ===

impl TransportLayer {
    pub(crate) fn new(limit: Duration, warnings: WarningSink, plugin: Option<CredentialPlugin>) -> Self {
        Self {
            limit,
            warnings,
            told: Arc::default(),
            plugin: plugin.map(Arc::new),
        }
    }

    fn tell(&self, headers: &HeaderMap) {
        for value in headers.get_all(http::header::WARNING) {
            let Some(text) = value.to_str().ok().and_then(warning_text) else {
                continue;
            };
            let new = self
                .told
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(text.clone());
            if new {
                (self.warnings)(&crate::escape::escape(&text));
            }
        }
    }
}

impl<S> Layer<S> for TransportLayer {
    type Service = Transport<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Transport {
            inner: Arc::new(tokio::sync::Mutex::new(inner)),
            layer: self.clone(),
        }
    }
}

// === impl Transport ===

impl<S, B> Service<Request<Body>> for Transport<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    type Response = Response<Timed<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        let layer = self.layer.clone();
        Box::pin(async move {
            path::check(request.uri())?;
            let credential = match &layer.plugin {
                Some(plugin) => plugin.credential(layer.limit).await?,
                None => None,
            };
            if let Some(credential) = &credential {
                request
                    .headers_mut()
                    .insert(http::header::AUTHORIZATION, credential.header.clone());
            }
            let response = match Exchange::of(&request) {
                Exchange::Read => read(&inner, request, layer.limit).await,
                exchange => send(&inner, request, exchange, layer.limit).await,
            }?;
            if response.status() == StatusCode::UNAUTHORIZED
                && let (Some(plugin), Some(credential)) = (&layer.plugin, &credential)
            {
                plugin.refused(credential).await;
            }
            layer.tell(response.headers());
            Ok(response)
        })
    }
}

async fn send<S, B>(
    inner: &tokio::sync::Mutex<S>,
    request: Request<Body>,
    exchange: Exchange,
    limit: Duration,
) -> Result<Response<Timed<B>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    let mut sleep = Box::pin(tokio::time::sleep(limit));
    // From connecting and the handshake of TLS to the answer's headers.
    let answer = async {
        let answer = inner.lock().await.ready().await?.call(request);
        answer.await
    };
    let answer = tokio::select! {
        answer = answer => answer?,
        () = &mut sleep => return Err(TimedOut(limit).into()),
    };
    let rest = (exchange != Exchange::Stream).then_some((limit, sleep));
    Ok(answer.map(|body| Timed::new(body, rest)))
}

async fn read<S, B>(
    inner: &tokio::sync::Mutex<S>,
    request: Request<Body>,
    limit: Duration,
) -> Result<Response<Timed<B>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    let (parts, _) = request.into_parts();
    let mut pause = FIRST_PAUSE;
    let mut tried = 1;
    loop {
        let again = Request::from_parts(parts.clone(), Body::empty());
        let answer = send(inner, again, Exchange::Read, limit).await;
        let asked = match &answer {
            Ok(response) if is_passing(response.status()) => retry_after(response.headers()),
            Err(error) if is_reset(error.as_ref()) => None,
            _ => return answer,
        };
        if tried == TRIES || asked.is_some_and(|asked| asked > LONGEST_PAUSE) {
            return answer;
        }
        drop(answer);
        let jitter = pause.mul_f64(rand::rng().random_range(0.0..0.5));
        tokio::time::sleep(asked.unwrap_or(pause) + jitter).await;
        pause *= 2;
        tried += 1;
    }
}

impl Exchange {
    fn of(request: &Request<Body>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let streams = query
            .split('&')
            .any(|pair| matches!(pair, "watch=true" | "watch=1" | "follow=true"));
        if streams || request.headers().contains_key(http::header::UPGRADE) {
            Self::Stream
        } else if request.method() == Method::GET {
            Self::Read
        } else {
            Self::Write
        }
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Seconds of a `Retry-After`; the form with a date is not used by Kubernetes.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(http::header::RETRY_AFTER)
        .map(HeaderValue::to_str)?
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// Whether an established connection broke, as when an API server restarts; a refused one is not tried again.
fn is_reset(error: &(dyn StdError + 'static)) -> bool {
    chain(error).into_iter().any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message)
            || cause.downcast_ref::<io::Error>().is_some_and(|io| {
                matches!(
                    io.kind(),
                    io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
                )
            })
    })
}

/// The text of `299 - "text"` (RFC 7234 section 5.5), with its escapes undone.
fn warning_text(header: &str) -> Option<String> {
    let quoted = header.split_once('"')?.1;
    let mut text = String::new();
    let mut rest = quoted.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => return (!text.is_empty()).then_some(text),
            '\\' => text.extend(rest.next()),
            c => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_warning() {
        assert_eq!(
            warning_text(r#"299 - "would violate \"restricted\" at 50%""#).as_deref(),
            Some("would violate \"restricted\" at 50%")
        );
        assert_eq!(warning_text("299 - no quotes"), None);
        assert_eq!(warning_text(r#"299 - """#), None);
    }

    #[test]
    fn only_plain_reads_are_repeated() {
        let of = |method: &str, uri: &str| {
            Exchange::of(&Request::builder().method(method).uri(uri).body(Body::empty()).unwrap())
        };
        assert_eq!(of("GET", "/api/v1/pods?labelSelector=a"), Exchange::Read);
        assert_eq!(
            of("GET", "/api/v1/pods?&watch=true&resourceVersion=1"),
            Exchange::Stream
        );
        assert_eq!(
            of("GET", "/api/v1/namespaces/a/pods/b/log?follow=true"),
            Exchange::Stream
        );
        assert_eq!(of("POST", "/api/v1/pods"), Exchange::Write);
        assert_eq!(of("DELETE", "/api/v1/pods/x"), Exchange::Write);
    }

    #[test]
    fn an_upgrade_is_a_stream() {
        let request = Request::get("/attach")
            .header("upgrade", "websocket")
            .body(Body::empty())
            .unwrap();
        assert_eq!(Exchange::of(&request), Exchange::Stream);
    }
}
