//! Tells others what happens: webhooks, Grafana, programs. Nobody is waited for while faults are in place.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::cluster::Web;
use crate::gameday::engine::Turn;
use crate::gameday::file::game_day::Occasion;
use crate::gameday::look::headers;
use crate::gameday::notify::{How, Notify};
use crate::gameday::secret::Secret;
use crate::report::{API_VERSION, Time};

/// Longer than that nobody is waited for, one by one and at the end.
const LIMIT: Duration = Duration::from_secs(10);

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub(super) on: Occasion,
    pub(super) at: Time,
    /// Which run of a step.
    pub(super) turn: Option<Turn>,
    /// What else there is to say of it.
    pub(super) more: Value,
}

/// Those who are told: a task each, so that what happens is told in its order.
pub(super) struct Telling {
    to: Vec<UnboundedSender<Happening>>,
    tasks: JoinSet<Vec<String>>,
}

/// Somebody who is told, and what is known of them.
struct Listener {
    notify: Notify,
    /// What every message says.
    head: Value,
    /// Grafana's ids of annotations that have no end yet.
    open: BTreeMap<Turn, u64>,
}

// === impl Telling ===

impl Telling {
    /// `head` is what every message says: which game day it is.
    pub(super) fn new(notify: &[Notify], head: &Value) -> Self {
        let (mut to, mut tasks) = (Vec::new(), JoinSet::new());
        for notify in notify {
            let (sender, mut happenings) = unbounded_channel();
            let mut listener = Listener {
                notify: notify.clone(),
                head: head.clone(),
                open: BTreeMap::new(),
            };
            to.push(sender);
            tasks.spawn(async move {
                let mut failed = Vec::new();
                while let Some(happening) = happenings.recv().await {
                    if let Err(why) = listener.hears(&happening).await {
                        failed.push(why);
                    }
                }
                failed
            });
        }
        Self { to, tasks }
    }

    pub(super) fn tell(&self, on: Occasion, turn: Option<Turn>, more: Value) {
        let happening = Happening {
            on,
            at: Time::now(),
            turn,
            more,
        };
        for listener in &self.to {
            let _ = listener.send(happening.clone());
        }
    }

    /// Waits until all have been told, for a limited time; what could not be told, a sentence each.
    pub(super) async fn finish(self) -> Vec<String> {
        let Self { to, mut tasks } = self;
        drop(to);
        let mut failed = Vec::new();
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                failed.extend(ended.unwrap_or_default());
            }
        };
        if tokio::time::timeout(LIMIT, all).await.is_err() {
            failed.push(format!("somebody was not told everything within {LIMIT:?}"));
        }
        failed
    }
}

// === impl Listener ===

impl Listener {
    async fn hears(&mut self, happening: &Happening) -> Result<(), String> {
        let wanted = self.notify.on.contains(&happening.on);
        match self.notify.how.clone() {
            How::Webhook { url, headers } if wanted => {
                let to = url.origin();
                self.post(url.uri(), &headers, &self.message(happening))
                    .await
                    .map_err(|why| format!("{to}: {why}"))?;
            }
            How::Grafana { url, token, tags } => {
                let to = url.origin();
                let told = self.annotate(happening, wanted, &url.to_string(), &token, &tags).await;
                told.map_err(|why| format!("{to}: {why}"))?;
            }
            How::Command(words) if wanted => run(&words, &self.message(happening)).await?,
            How::Webhook { .. } | How::Command(_) => {}
        }
        Ok(())
    }

    fn message(&self, happening: &Happening) -> Value {
        let mut message = json!({
            "apiVersion": API_VERSION, "kind": "GameDayEvent", "on": happening.on, "at": happening.at,
        });
        if let Some(message) = message.as_object_mut() {
            for part in [&self.head, &happening.more] {
                message.extend(part.as_object().cloned().unwrap_or_default());
            }
        }
        message
    }

    async fn post(&self, url: &http::Uri, said: &[(String, Secret)], body: &Value) -> Result<Value, String> {
        self.send(Method::POST, url, headers(said)?, body).await
    }

    async fn send(
        &self,
        method: Method,
        url: &http::Uri,
        mut headers: HeaderMap,
        body: &Value,
    ) -> Result<Value, String> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let web = Web::new(url)?;
        let answer = web.send(method, headers, body.to_string().into_bytes(), LIMIT).await?;
        if !answer.status.is_success() {
            return Err(format!("status {}", answer.status));
        }
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// An annotation (Grafana's HTTP API, `POST` and `PATCH /api/annotations`). That of a step begins with its fault, and gets
    /// its end when everything is back.
    async fn annotate(
        &mut self,
        happening: &Happening,
        wanted: bool,
        url: &str,
        token: &Secret,
        tags: &[String],
    ) -> Result<(), String> {
        let at = happening.at.0.as_millisecond();
        let begun = happening.turn.filter(|_| happening.on == Occasion::Restored);
        let begun = begun.and_then(|turn| self.open.remove(&turn));
        if !wanted && begun.is_none() {
            return Ok(());
        }
        let base = format!("{}/api/annotations", url.trim_end_matches('/'));
        let mut headers = headers(&[])?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", token.read()?));
        let mut bearer = bearer.map_err(|_| "the token is not a value of a header".to_owned())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let uri = |text: String| text.parse::<http::Uri>().map_err(|error| error.to_string());
        if let Some(id) = begun {
            self.send(
                Method::PATCH,
                &uri(format!("{base}/{id}"))?,
                headers,
                &json!({"timeEnd": at}),
            )
            .await?;
            return Ok(());
        }
        let text = self.message(happening);
        let of = |key: &str| text[key].as_str().unwrap_or_default().to_owned();
        let words = format!("{} {} {}", of("gameDay"), of("step"), of("on"));
        let body = json!({"time": at, "tags": tags, "text": words});
        let answer = self.send(Method::POST, &uri(base)?, headers, &body).await?;
        if let (Occasion::Injected, Some(turn), Some(id)) = (happening.on, happening.turn, answer["id"].as_u64()) {
            self.open.insert(turn, id);
        }
        Ok(())
    }
}

/// Runs a program with the message on its stdin.
async fn run(words: &[String], message: &Value) -> Result<(), String> {
    let Some((program, args)) = words.split_first() else {
        return Ok(());
    };
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command
        .spawn()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    let input = child.stdin.take();
    let text = format!("{message}\n");
    let ended = async {
        if let Some(mut input) = input {
            // One that does not read is no failure.
            let _ = input.write_all(text.as_bytes()).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(LIMIT, ended).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program} ended with {status}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err(format!("{program} did not end within {LIMIT:?}")),
    }
}
