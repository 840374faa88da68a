//! `pods/attach` by WebSocket: the channels of a container's streams, as the API server and the kubelet pass them on.

use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use super::{Container, fitness, launcher_life};
use crate::{
    api::{
        call::{self, Call},
        resources::PODS,
        status_error::{ApiError, ApiResult},
    },
    cluster::Cluster,
    http::reply::Reply,
    json as fields,
};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const ERROR: u8 = 3;
/// Version 5: the channel named in the next byte is closed.
const CLOSE: u8 = 255;

/// What a client wants of an attach.
#[derive(Clone, Copy)]
struct Wants {
    stdin: bool,
    stdout: bool,
    version_5: bool,
}

/// Answers an attach: an error, or a switch to WebSocket with the streams behind it.
pub(crate) fn attach(
    cluster: &Arc<Cluster>,
    call: &Call,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> ApiResult<Reply> {
    let pod = cluster
        .get(&PODS, &call.namespace, &call.name)
        .ok_or_else(|| ApiError::not_found(&PODS, &call.name))?;
    let name = container_name(&pod, call.query.get("container"))?;
    let node = fields::text(&pod, "/spec/nodeName");
    if !node.is_empty() && !fitness::is_ready_by_name(cluster, node) {
        let address = launcher_life::node_address(cluster, node);
        let why = format!("error dialing backend: dial tcp {address}:10250: connect: no route to host");
        return Err(ApiError::new(500, "InternalError", why));
    }
    let container = cluster.nodes.container(fields::text(&pod, "/metadata/uid"));
    let offered = call::text(headers, SEC_WEBSOCKET_PROTOCOL.as_str());
    let protocol = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
        .into_iter()
        .find(|known| offered.split(',').any(|one| one.trim() == *known));
    let key = call::text(headers, "sec-websocket-key");
    let (Some(upgrade), Some(protocol), false) = (upgrade, protocol, key.is_empty()) else {
        return Err(ApiError::bad_request("Upgrade request required"));
    };
    let missing = format!("container {name} not found in pod {}_{}", call.name, call.namespace);
    // Servers that speak version 5 themselves switch first and report inside; older ones pass the kubelet's answer on.
    let inside = cluster.options.translate_attach && protocol.starts_with("v5");
    if container.is_none() && !inside {
        return Err(ApiError::text(500, missing));
    }
    let wants = Wants {
        stdin: call.query.flag("stdin"),
        stdout: call.query.flag("stdout") || !call.query.flag("stdin"),
        version_5: protocol.starts_with("v5"),
    };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        match container {
            Some(container) => {
                Session {
                    container,
                    wants,
                    socket,
                }
                .run()
                .await;
            }
            None => refuse(socket, &missing).await,
        }
    });
    let mut reply = Response::new(Empty::<Bytes>::new().boxed_unsync());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let header =
        |text: &str| HeaderValue::from_str(text).map_err(|_| ApiError::bad_request("Upgrade request required"));
    reply.headers_mut().insert(CONNECTION, header("Upgrade")?);
    reply.headers_mut().insert(UPGRADE, header("websocket")?);
    reply
        .headers_mut()
        .insert(SEC_WEBSOCKET_ACCEPT, header(&derive_accept_key(key.as_bytes()))?);
    reply.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, header(protocol)?);
    Ok(reply)
}

/// The container asked for, or the only one.
pub(crate) fn container_name(pod: &Value, asked: &str) -> ApiResult<String> {
    let names: Vec<&str> = fields::list(pod, "/spec/containers")
        .iter()
        .map(|container| fields::text(container, "/name"))
        .collect();
    let pod_name = fields::text(pod, "/metadata/name");
    match (asked, names.as_slice()) {
        ("", [only]) => Ok((*only).to_owned()),
        ("", _) => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {pod_name}, choose one of: [{}]",
            names.join(" ")
        ))),
        (asked, names) if names.contains(&asked) => Ok(asked.to_owned()),
        (asked, _) => Err(ApiError::bad_request(format!(
            "container {asked} is not valid for pod {pod_name}"
        ))),
    }
}

async fn refuse(mut socket: WebSocketStream<TokioIo<Upgraded>>, message: &str) {
    let status = ApiError::new(
        500,
        "InternalError",
        format!("Internal error occurred: unable to upgrade connection: {message}"),
    )
    .status();
    let _ = socket.send(frame(ERROR, status.to_string().as_bytes())).await;
    let _ = socket.close(Some(goodbye())).await;
}

/// kubectl takes a close without a code for an error.
fn goodbye() -> CloseFrame {
    CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    }
}

fn frame(channel: u8, bytes: &[u8]) -> Message {
    let mut frame = Vec::with_capacity(bytes.len() + 1);
    frame.push(channel);
    frame.extend_from_slice(bytes);
    Message::Binary(frame.into())
}

/// One client at one container.
struct Session {
    container: Arc<Container>,
    wants: Wants,
    socket: WebSocketStream<TokioIo<Upgraded>>,
}

impl Session {
    async fn run(mut self) {
        self.container.attached();
        // Only what is printed from now on is passed: what came before is in the log.
        let mut place = *self.container.log_grows().borrow();
        if self.streams(&mut place).await {
            self.container.close_stdin();
        }
    }

    /// Passes everything on until one side ends; whether the container is to read end of file.
    async fn streams(&mut self, place: &mut usize) -> bool {
        let (mut grows, mut ended, mut wire) = (
            self.container.log_grows(),
            self.container.ended(),
            self.container.wire(),
        );
        let cuts = wire.borrow().cuts;
        // An empty piece tells the client that the streams are there.
        if self.socket.send(frame(STDOUT, &[])).await.is_err() {
            return true;
        }
        loop {
            let now = *wire.borrow_and_update();
            if now.cuts != cuts {
                return !now.stdin_survives;
            }
            if now.frozen {
                if wire.changed().await.is_err() {
                    return true;
                }
                continue;
            }
            if !self.pass(place).await {
                return true;
            }
            if ended.borrow().is_some() {
                self.finish(place).await;
                return true;
            }
            tokio::select! {
                // First: what comes after a freeze must not slip through before it is seen.
                biased;
                _ = wire.changed() => {}
                _ = grows.changed() => {}
                _ = ended.changed() => {}
                message = self.socket.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => self.take(&bytes),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return true,
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    /// Sends what was printed since; false when the client is gone.
    async fn pass(&mut self, place: &mut usize) -> bool {
        let (bytes, end) = self.container.log_from(*place);
        *place = end;
        bytes.is_empty() || !self.wants.stdout || self.socket.send(frame(STDOUT, &bytes)).await.is_ok()
    }

    /// The container has ended: what it printed last, then the verdict of the attach itself, then the close.
    async fn finish(&mut self, place: &mut usize) {
        if self.pass(place).await {
            let status = json!({"metadata": {}, "status": "Success"});
            let _ = self.socket.send(frame(ERROR, status.to_string().as_bytes())).await;
            let _ = self.socket.close(Some(goodbye())).await;
        }
    }

    fn take(&self, bytes: &Bytes) {
        match bytes.split_first() {
            Some((&STDIN, _)) if self.wants.stdin => self.container.write(bytes.slice(1..)),
            Some((&CLOSE, [STDIN])) if self.wants.version_5 => self.container.close_stdin(),
            _ => {}
        }
    }
}
