//! Watches: the changes since a version, as long as the client stays.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    call::Call,
    faults::Answer,
    read,
    represent::{self, Form},
    selectors::Selector,
    status_error::{ApiError, ApiResult},
};
use crate::{
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
    store::{Change, What},
};

/// How often a watch that asked for bookmarks is told how far it is.
const BOOKMARK: Duration = Duration::from_secs(30);
/// A watch without a time limit of its own.
const LONGEST: Duration = Duration::from_secs(1800);

/// A watch under way.
struct Watch {
    cluster: Arc<Cluster>,
    call: Arc<Call>,
    form: Form,
    selector: Selector,
    changed: watch::Receiver<u64>,
    seen: u64,
    ready: VecDeque<Bytes>,
    header_sent: bool,
    bookmarks: bool,
    end: Instant,
    bookmark: Instant,
    over: bool,
    late: Duration,
}

/// `GET` of a collection with `watch=true`.
pub(crate) fn watch(cluster: &Arc<Cluster>, call: Call, fault: Option<&Answer>) -> ApiResult<Reply> {
    let form = Form::of(&call.accept)?;
    let selector = read::selector(&call)?;
    let limit = call
        .query
        .get("timeoutSeconds")
        .parse()
        .map_or(LONGEST, Duration::from_secs);
    let limit = if let Some(Answer::Cut(time)) = fault {
        limit.min(*time)
    } else {
        limit
    };
    let asked = call.query.get("resourceVersion").to_owned();
    let initial = call.query.flag("sendInitialEvents");
    let changed = cluster.store().subscribe();
    let mut watch = Watch {
        cluster: Arc::clone(cluster),
        form,
        selector,
        changed,
        seen: 0,
        ready: VecDeque::new(),
        header_sent: false,
        // A cut comes without a last bookmark.
        bookmarks: call.query.flag("allowWatchBookmarks") && !matches!(fault, Some(Answer::Cut(_))),
        end: Instant::now() + limit,
        bookmark: Instant::now() + BOOKMARK,
        over: false,
        late: match fault {
            Some(Answer::LateEvents(late)) => *late,
            _ => Duration::ZERO,
        },
        call: Arc::new(call),
    };
    if matches!(fault, Some(Answer::Gone)) {
        let version = cluster.store().version();
        watch.refuse(&ApiError::expired(asked.parse().unwrap_or_default(), version));
    } else if initial || asked.is_empty() || asked == "0" {
        watch.begin(initial);
    } else {
        watch.seen = asked.parse().map_err(|_| {
            ApiError::bad_request(format!(
                "Invalid value: \"{asked}\": strconv.ParseUint: parsing \"{asked}\": invalid syntax"
            ))
        })?;
    }
    Ok(reply::stream(
        "application/json",
        futures::stream::unfold(watch, |mut watch| async move {
            let piece = watch.next().await?;
            Some((piece, watch))
        }),
    ))
}

impl Watch {
    /// Everything that is there, as if it had just been added.
    fn begin(&mut self, mark_the_end: bool) {
        let (version, objects) = {
            let store = self.cluster.store();
            (
                store.version(),
                store.list(self.call.resource.stored(), &self.call.namespace),
            )
        };
        self.seen = version;
        for object in objects {
            if self.selector.matches(&object) {
                self.push("ADDED", &object);
            }
        }
        if mark_the_end && self.bookmarks {
            self.mark(true);
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            if self.over {
                return None;
            }
            self.collect();
            if !self.ready.is_empty() {
                sleep(self.late).await;
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => self.over = changed.is_err(),
                () = sleep_until(self.end) => {
                    self.over = true;
                    if self.bookmarks {
                        self.mark(false);
                    }
                }
                () = sleep_until(self.bookmark) => {
                    self.bookmark = Instant::now() + BOOKMARK;
                    if self.bookmarks {
                        self.mark(false);
                    }
                }
            }
        }
    }

    /// Takes up what has changed since the last look.
    fn collect(&mut self) {
        self.changed.mark_unchanged();
        let resource = self.call.resource.stored();
        let changes: Result<Vec<Change>, u64> = {
            let store = self.cluster.store();
            let changes = store
                .since(self.seen)
                .map(|changes| changes.filter(|change| change.is_of(resource)).cloned().collect());
            if changes.is_ok() {
                self.seen = store.version().max(self.seen);
            }
            changes
        };
        match changes {
            Ok(changes) => changes.iter().for_each(|change| self.show(change)),
            Err(oldest) => self.refuse(&ApiError::expired(self.seen, oldest)),
        }
    }

    /// Shows a change as it looks through the selector: an object that leaves the view is deleted as far as this watch
    /// goes.
    fn show(&mut self, change: &Change) {
        if !self.call.namespace.is_empty() && fields::text(&change.object, "/metadata/namespace") != self.call.namespace
        {
            return;
        }
        let before = change
            .before
            .as_ref()
            .is_some_and(|before| self.selector.matches(before));
        let now = change.what != What::Deleted && self.selector.matches(&change.object);
        match (before, now) {
            (false, true) => self.push("ADDED", &change.object),
            (true, true) => self.push("MODIFIED", &change.object),
            (true, false) => self.push("DELETED", &change.object),
            (false, false) => {}
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let shown = represent::one(&self.call, self.form, object, !self.header_sent);
        self.header_sent = true;
        self.line(&json!({"type": kind, "object": shown}));
    }

    fn mark(&mut self, initial_end: bool) {
        let mut object = json!({"kind": self.call.resource.kind, "apiVersion": self.call.resource.api_version(), "metadata": {"resourceVersion": self.seen.to_string()}});
        if self.form == Form::Metadata {
            fields::set(&mut object, "/kind", "PartialObjectMetadata");
            fields::set(&mut object, "/apiVersion", "meta.k8s.io/v1");
        }
        if initial_end {
            fields::set(&mut object, "/metadata/annotations/k8s.io~1initial-events-end", "true");
        }
        // A real server's bookmarks of built-in kinds carry the empty fields of the kind, which typed clients insist
        // on.
        match self.call.resource.plural {
            "pods" => fields::set(&mut object, "/spec", json!({"containers": null})),
            "virtualmachineinstances" => fields::set(&mut object, "/spec", json!({"domain": {"devices": {}}})),
            _ => {}
        }
        if self.form == Form::Table {
            object = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"], "columnDefinitions": [], "rows": []});
        }
        self.line(&json!({"type": "BOOKMARK", "object": object}));
    }

    /// A watch that cannot be served is told so inside the stream.
    fn refuse(&mut self, error: &ApiError) {
        self.line(&json!({"type": "ERROR", "object": error.status()}));
        self.over = true;
    }

    fn line(&mut self, event: &Value) {
        self.ready.push_back(Bytes::from(format!("{event}\n")));
    }
}
