use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

/// Lines of an agent.
fn lines(numbers: &[u64]) -> String {
    let line = |s: &u64| format!("{{\"s\":{s},\"t\":1.0,\"ev\":\"injected\",\"vm\":0}}\n");
    numbers.iter().map(line).collect()
}

/// An input that can no longer be written to, and says when that was tried.
struct Broken(Option<oneshot::Sender<()>>);

impl AsyncWrite for Broken {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        self.0.take().map(|tell| tell.send(()));
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_comes_in_after_the_words_no_longer_go_out_is_heard_once() {
    let (tell, tried) = oneshot::channel();
    let (mut agent, stdout) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        tried.await.unwrap();
        agent.write_all(lines(&[1, 2, 2, 3]).as_bytes()).await.unwrap();
    });
    let (_words, mut receiver) = mpsc::unbounded_channel();
    let (_state, states) = watch::channel(PodState::Running);
    let heard = Mutex::new(Vec::new());
    let hear = |what| match what {
        Heard::Line(line) => heard.lock().unwrap().push(line.s),
        other => panic!("{other:?}"),
    };
    converse(
        Incoming::of(stdout),
        Outgoing::of(Broken(Some(tell))),
        &mut receiver,
        &states,
        &hear,
    )
    .await;
    // The first one began the dialogue.
    assert_eq!(*heard.lock().unwrap(), [2, 3]);
}
