//! A time limit that also holds for the body of an answer: a server can stall in the middle of a list.
//!
//! kube's `read_timeout` and tower-http's `TimeoutBody` begin anew with every piece of a body, so that a server which sends a byte
//! now and then is waited for without end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::time::Sleep;
use tower::BoxError;

/// An answer did not come within the time a request may take.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct TimedOut(pub(crate) Duration);

/// A response body that must have arrived before the request's time is up.
pub(crate) struct Timed<B> {
    body: B,
    limit: Option<(Duration, Pin<Box<Sleep>>)>,
}

// === impl Timed ===

impl<B> Timed<B> {
    /// `limit` is the time a request may take, and the sleep that began when it was sent; `None` is a stream.
    pub(crate) fn new(body: B, limit: Option<(Duration, Pin<Box<Sleep>>)>) -> Self {
        Self { body, limit }
    }
}

impl<B> HttpBody for Timed<B>
where
    B: HttpBody<Data = Bytes, Error = BoxError> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let Some((after, sleep)) = &mut self.limit else {
            return Poll::Pending;
        };
        sleep.as_mut().poll(cx).map(|()| Some(Err(TimedOut(*after).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
