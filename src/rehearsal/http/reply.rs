//! Answers: JSON, errors, and streams that go on until the client leaves.

use std::convert::Infallible;

use futures::{Stream, StreamExt as _};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING},
};
use serde_json::Value;

use crate::api::status_error::ApiError;

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
pub(crate) type Reply = Response<Body>;

/// A JSON document.
pub(crate) fn json(code: u16, document: &Value) -> Reply {
    typed(code, "application/json", document.to_string())
}

/// A document of some type.
pub(crate) fn typed(code: u16, content_type: &'static str, content: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(content.into()).boxed_unsync());
    *reply.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// An error, with the headers that belong to it.
pub(crate) fn error(error: &ApiError) -> Reply {
    let (body, content_type) = error.body();
    let mut reply = typed(error.code, content_type, body);
    if let Some(seconds) = error.retry_after {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// A stream of pieces, chunked.
pub(crate) fn stream(content_type: &'static str, pieces: impl Stream<Item = Bytes> + Send + 'static) -> Reply {
    let mut reply =
        Response::new(StreamBody::new(pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)))).boxed_unsync());
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// Adds a `Warning` header, which kubectl shows to its user.
pub(crate) fn warn(reply: &mut Reply, text: &str) {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
        reply.headers_mut().append(WARNING, value);
    }
}
