//! A small HTTP server that answers as a test tells it to and records what it was asked.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kubectl_vmchaos::testing::cluster::{Cluster, ClusterError, Connection, WarningSink};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// What to do with a request.
pub(crate) enum Answer {
    Json(u16, Value),
    /// Status, one header, body.
    With(u16, &'static str, String, Value),
    /// Close the connection without a word.
    Drop,
    /// Never answer.
    Hang,
    /// A watch: these lines, then the end of the body.
    Lines(Vec<Value>),
    /// A watch: these lines, then silence.
    Open(Vec<Value>),
    /// A watch: these lines once the receiver is told, then silence.
    After(tokio::sync::oneshot::Receiver<()>, Vec<Value>),
}

type Handler = dyn Fn(&Recorded) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Recorded>>>,
    files: TempDir,
    warnings: Arc<Mutex<Vec<String>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Recorded {
    /// `GET /api/v1/pods`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn has(&self, pair: &str) -> bool {
        self.query.split('&').any(|one| one == pair)
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.has("watch=true")
    }
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Recorded>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let recorder = requests.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (handler, recorder) = (handler.clone(), recorder.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| serve(request, handler.clone(), recorder.clone()));
                    // A dropped connection is an error of the service; the test sees it at the client.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            url,
            requests,
            files: TempDir::new().unwrap(),
            warnings: Arc::default(),
            accepting,
        }
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }

    /// `METHOD path` of every request, in the order they came.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Recorded::line).collect()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|one| *one == line).count()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }

    pub(crate) fn sink(&self) -> WarningSink {
        let warnings = self.warnings.clone();
        Arc::new(move |text| warnings.lock().unwrap().push(text.to_owned()))
    }

    /// A kubeconfig whose context `test` points here, in namespace `shop`.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        kubeconfig(&self.files, &json!({ "server": self.url }))
    }

    pub(crate) async fn cluster(&self) -> Cluster {
        self.connect(Connection::default()).await.unwrap()
    }

    /// Connects here with these flags.
    pub(crate) async fn connect(&self, flags: Connection) -> Result<Cluster, ClusterError> {
        let connection = Connection {
            kubeconfig: Some(self.kubeconfig()),
            ..flags
        };
        Cluster::connect(&connection, self.sink()).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A kubeconfig with one context `test`, user `jane`, namespace `shop` and this cluster entry.
pub(crate) fn kubeconfig(files: &TempDir, cluster: &Value) -> PathBuf {
    let path = files.path().join("config");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{ "name": "test", "context": { "cluster": "c", "user": "jane", "namespace": "shop" } }],
        "clusters": [{ "name": "c", "cluster": cluster }],
        "users": [{ "name": "jane", "user": { "token": "secret" } }]
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// A `Status` as the API server sends it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Answer {
    Answer::Json(code, status_body(code, reason, message))
}

pub(crate) fn status_body(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code })
}

/// A 404 for one object, with the details that tell it from a missing resource type.
pub(crate) fn not_found(resource: &str, name: &str) -> Answer {
    let mut body = status_body(404, "NotFound", &format!("{resource} \"{name}\" not found"));
    body["details"] = json!({ "name": name, "kind": resource });
    Answer::Json(404, body)
}

pub(crate) fn list(kind: &str, items: &[Value]) -> Answer {
    Answer::Json(
        200,
        json!({ "kind": format!("{kind}List"), "apiVersion": "v1", "metadata": { "resourceVersion": "100" }, "items": items }),
    )
}

async fn serve(
    request: Request<Incoming>,
    handler: Arc<Handler>,
    recorder: Arc<Mutex<Vec<Recorded>>>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, io::Error> {
    let (parts, body) = request.into_parts();
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let asked = Recorded {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    let answer = handler(&asked);
    recorder.lock().unwrap().push(asked);
    match answer {
        Answer::Json(code, body) => Ok(json_response(code, None, &body)),
        Answer::With(code, name, value, body) => Ok(json_response(code, Some((name, value)), &body)),
        Answer::Drop => Err(io::Error::other("dropped on purpose")),
        Answer::Hang => std::future::pending().await,
        Answer::Lines(lines) => Ok(streamed(stream::iter(lines).boxed())),
        Answer::Open(lines) => Ok(streamed(stream::iter(lines).chain(stream::pending()).boxed())),
        Answer::After(told, lines) => {
            let wait = stream::once(told).flat_map(move |_| stream::iter(lines.clone()));
            Ok(streamed(wait.chain(stream::pending()).boxed()))
        }
    }
}

fn json_response(code: u16, header: Option<(&str, String)>, body: &Value) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .header("content-type", "application/json");
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(body.to_string())).boxed()).unwrap()
}

fn streamed(lines: stream::BoxStream<'static, Value>) -> Response<BoxBody<Bytes, Infallible>> {
    // A stream is not Sync, which a boxed body wants; nobody polls it from two threads.
    let frames = lines.map(|line| Ok(Frame::data(Bytes::from(format!("{line}\n")))));
    Response::builder()
        .header("content-type", "application/json")
        .body(BoxBody::new(StreamBody::new(SyncStream(Mutex::new(frames.boxed())))))
        .unwrap()
}

struct SyncStream<T>(Mutex<stream::BoxStream<'static, T>>);

impl<T> futures::Stream for SyncStream<T> {
    type Item = T;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<T>> {
        self.0.get_mut().unwrap().poll_next_unpin(cx)
    }
}
