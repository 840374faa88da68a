//! A limit in time and in size that also holds for the body of an answer: a server can stall in the middle of a list, or never
//! end it.
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

/// Bytes of an answer as it is after decompression, of a stream those without an end of line. 100,000 pods are listed in less.
const LARGEST: usize = 1024 * 1024 * 1024;

/// After so many pieces others have their turn. tokio's budget of a task (128) is used up by it only when nothing else of that task
/// could be asked any more, a signal among it.
const IN_A_ROW: u32 = 16;

/// An answer is larger than any that could be meant.
#[derive(Debug, thiserror::Error)]
#[error("the answer is larger than {} MiB", LARGEST / 1024 / 1024)]
pub(crate) struct TooLarge;

/// A response body that must have arrived before the request's time is up.
pub(crate) struct Timed<B> {
    body: B,
    /// Bytes that have arrived; of a stream, since the last end of line.
    size: usize,
    largest: usize,
    in_a_row: u32,
    limit: Option<(Duration, Pin<Box<Sleep>>)>,
}

// === impl Timed ===

impl<B> Timed<B> {
    /// `limit` is the time a request may take, and the sleep that began when it was sent; `None` is a stream.
    pub(crate) fn new(body: B, limit: Option<(Duration, Pin<Box<Sleep>>)>) -> Self {
        Self {
            body,
            size: 0,
            largest: LARGEST,
            in_a_row: 0,
            limit,
        }
    }
}

impl<B> HttpBody for Timed<B>
where
    B: HttpBody<Data = Bytes, Error = BoxError> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some((after, sleep)) = &mut self.limit
            && sleep.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(TimedOut(*after).into())));
        }
        // A body that is always there, as one that is decompressed from little, must not keep signals waiting.
        self.in_a_row = (self.in_a_row + 1) % IN_A_ROW;
        if self.in_a_row == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let is_stream = self.limit.is_none();
            let line_end = is_stream
                .then(|| data.iter().rposition(|byte| *byte == b'\n'))
                .flatten();
            self.size = match line_end {
                Some(at) => data.len() - at - 1,
                None => self.size.saturating_add(data.len()),
            };
            if self.size > self.largest {
                return Poll::Ready(Some(Err(TooLarge.into())));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// Has the same piece of data at any time, and no end.
    struct Endless(Bytes);

    impl HttpBody for Endless {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(Some(Ok(Frame::data(self.0.clone()))))
        }
    }

    /// Reads so many pieces, or to the first error.
    async fn read(body: &mut Timed<Endless>, pieces: usize) -> Result<(), BoxError> {
        for _ in 0..pieces {
            poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await.transpose()?;
        }
        Ok(())
    }

    fn endless(piece: Vec<u8>, limit: Option<Duration>) -> Timed<Endless> {
        let limit = limit.map(|limit| (limit, Box::pin(tokio::time::sleep(limit))));
        Timed::new(Endless(piece.into()), limit)
    }

    #[tokio::test]
    async fn a_body_that_is_always_there_ends_in_time() {
        let mut body = endless(vec![b' '], Some(Duration::from_millis(20)));
        let error = read(&mut body, usize::MAX).await.unwrap_err();
        assert!(error.is::<TimedOut>(), "{error}");
    }

    #[tokio::test]
    async fn a_body_that_is_always_there_keeps_nothing_waiting() {
        let mut stream = endless(vec![b'\n'], None);
        tokio::select! {
            biased;
            _ = read(&mut stream, usize::MAX) => panic!("it has no end"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }

    #[tokio::test]
    async fn an_answer_or_a_line_has_a_largest_size() {
        let piece = 1024;
        let small = |piece, limit| Timed {
            largest: 4096,
            ..endless(piece, limit)
        };
        let hour = Some(Duration::from_secs(3600));
        for limit in [hour, None] {
            let mut body = small(vec![b' '; piece], limit);
            read(&mut body, 4).await.unwrap();
            let error = read(&mut body, 1).await.unwrap_err();
            assert!(error.is::<TooLarge>(), "{error}");
        }
        let mut line = vec![b' '; piece];
        line[piece / 2] = b'\n';
        let mut lines = small(line, None);
        read(&mut lines, 9).await.unwrap();
    }
}
