use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tower::BoxError;

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
        SessionEvent::Line(line) => heard.lock().unwrap().push(line.s),
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

/// What the server does with a creation.
#[derive(Clone)]
enum Post {
    /// It makes it or not, and the answer is lost.
    Lost,
    Refuses(u16, &'static str),
    Makes,
}

/// Pods on a server that answers creations with these, one after the other, and has this pod; and what it was asked.
fn server(answers: &[Post], there: &Value) -> (Api<Pod>, Arc<Mutex<Vec<String>>>) {
    let (there, answers) = (there.to_string(), answers.to_vec());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let answer = move |request: Request<Body>| {
        let mut log = log.lock().unwrap();
        let posts = log.iter().filter(|line: &&String| line.starts_with("POST")).count();
        log.push(format!("{} {}", request.method(), request.uri()));
        let text = |code: u16, text: &str| {
            let response = Response::builder().status(code);
            Ok(response.body(Body::from(text.as_bytes().to_vec())).unwrap())
        };
        let answer = match (request.method() == Method::POST).then(|| &answers[posts]) {
            Some(Post::Lost) => Err(BoxError::from("lost")),
            Some(Post::Refuses(code, reason)) => {
                let status = json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason});
                text(*code, &status.to_string())
            }
            Some(Post::Makes) | None => text(200, &there),
        };
        std::future::ready(answer)
    };
    let client = Client::new(tower::service_fn(answer), "vmchaos");
    (Api::namespaced(client, "vmchaos"), asked)
}

fn pod(run: &str) -> Value {
    json!({"metadata": {"name": "vmchaos-k3f9ab-0", "uid": "u", "labels": {LABEL_RUN: run}}})
}

/// Creates a pod of run k3f9ab where a pod of that run is, or of another; gives back the requests, too.
async fn made(answers: &[Post], there: &str) -> (Result<String, kube::Error>, Vec<String>) {
    let (api, asked) = server(answers, &pod(there));
    let ours: Pod = serde_json::from_value(pod("k3f9ab")).unwrap();
    let made = create(&api, &ours).await.map(|made| made.metadata.uid.unwrap());
    let asked = asked.lock().unwrap().clone();
    (made, asked)
}

const POST: &str = "POST /api/v1/namespaces/vmchaos/pods?&fieldManager=kubectl-vmchaos";
const GET: &str = "GET /api/v1/namespaces/vmchaos/pods/vmchaos-k3f9ab-0";

#[tokio::test]
async fn a_pod_that_was_made_is_not_forgotten_when_every_answer_is_lost() {
    let lost = [Post::Lost, Post::Lost, Post::Lost];
    let ((made, asked), (other, _)) = tokio::join!(made(&lost, "k3f9ab"), made(&lost, "zzzzzz"));
    assert_eq!(made.unwrap(), "u");
    assert_eq!(asked, [POST, POST, POST, GET]);
    assert!(other.is_err(), "another run's");
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let busy = [429, 500, 503, 504].map(|code| async move {
        let (made, asked) = made(&[Post::Refuses(code, "Busy"), Post::Makes], "k3f9ab").await;
        assert_eq!(
            (made.unwrap().as_str(), asked),
            ("u", vec![POST.to_owned(); 2]),
            "{code}"
        );
    });
    futures::future::join_all(busy).await;
}

#[tokio::test]
async fn a_refusal_is_the_answer_at_once() {
    for (code, reason) in [(403, "Forbidden"), (422, "Invalid"), (409, "AlreadyExists")] {
        let (made, asked) = made(&[Post::Refuses(code, reason)], "k3f9ab").await;
        assert!(made.is_err(), "{reason}");
        assert_eq!(asked, [POST], "{reason}");
    }
}

#[tokio::test]
async fn a_pod_that_a_lost_answer_was_about_is_found_by_the_next_try_if_it_is_ours() {
    let tries = [Post::Lost, Post::Refuses(409, "AlreadyExists")];
    let ((made, asked), (other, _)) = tokio::join!(made(&tries, "k3f9ab"), made(&tries, "zzzzzz"));
    assert_eq!(
        (made.unwrap().as_str(), asked),
        ("u", vec![POST.into(), POST.into(), GET.into()])
    );
    assert!(other.is_err(), "another run's");
}
