//! Following objects as they change, for as long as somebody listens.
//!
//! ```text
//! list ──▶ watch from its resourceVersion ──▶ connection ends: watch again from the last one seen
//!   ▲                                    └──▶ 410 Gone: too old, list again ──┐
//!   └──────────────────────────────────────────────────────────────────────────┘
//! ```
//! Between changes nothing is sent; the server ends a watch after some minutes and it is taken up again.
//!
//! By hand, for kube-runtime's `watcher` (5.0) asks again and again for a version that was refused as too old when the watch began,
//! and opens a watch that ended at once without a pause; its `await_condition` gives up at the first lost connection.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt as _};
use rand::RngExt as _;
use serde::de::DeserializeOwned;

use super::Cluster;
use super::error::{Ask, ClusterError, ErrorKind};
use super::objects::{sound, sound_one};
use super::vmi::VirtualMachineInstance;

/// A server ends a watch after 290 s (asked for below); a connection silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(300);
/// Pause after the first failure in a row; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A watch that ends sooner than this without an event counts as failed, so that it is not reopened in a tight loop.
const TOO_SHORT: Duration = Duration::from_secs(1);

/// What happened to the objects watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<K> {
    /// All there are now; what was known before and is not in it is gone. Comes first, and whenever changes may
    /// have been missed.
    Listed(Vec<K>),
    /// Added or changed.
    Applied(K),
    /// As it was last.
    Deleted(K),
}

/// Which objects of a kind are watched.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub labels: Option<String>,
    pub fields: Option<String>,
}

/// Changes; an error is final, for it would come again: not permitted, not served, not understood.
pub type Changes<K> = BoxStream<'static, Result<Change<K>, ClusterError>>;

/// What the API server sends on one watch.
type Events<K> = BoxStream<'static, Result<WatchEvent<K>, kube::Error>>;

struct Watch<K> {
    cluster: Cluster,
    api: Api<K>,
    ask: Ask,
    filter: Filter,
    /// The last state seen; `None` when the next step is a list.
    version: Option<String>,
    /// The watch that is open, and since when.
    open: Option<(Events<K>, Instant)>,
    /// In a row.
    failures: u32,
    ended: bool,
}

/// What one step led to.
enum Step<K> {
    Change(Change<K>),
    Again,
    Pause,
}

/// The VMIs of a namespace, or one of them.
pub fn vmis(cluster: &Cluster, namespace: &str, name: Option<&str>) -> Changes<VirtualMachineInstance> {
    let filter = Filter {
        labels: None,
        fields: name.map(|name| format!("metadata.name={name}")),
    };
    let ask = Ask::new("watch", "kubevirt.io", "virtualmachineinstances").namespace(namespace);
    watch(cluster, Api::namespaced(cluster.client.clone(), namespace), ask, filter)
}

/// The pods of a namespace that carry these labels.
pub fn pods(cluster: &Cluster, namespace: &str, labels: &str) -> Changes<Pod> {
    let filter = Filter {
        labels: Some(labels.to_owned()),
        fields: None,
    };
    let ask = Ask::new("watch", "", "pods").namespace(namespace);
    watch(cluster, Api::namespaced(cluster.client.clone(), namespace), ask, filter)
}

/// Objects of any namespaced kind; `ask` names them in errors.
pub fn watch<K>(cluster: &Cluster, api: Api<K>, ask: Ask, filter: Filter) -> Changes<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let watch = Watch {
        cluster: cluster.clone(),
        api,
        ask,
        filter,
        version: None,
        open: None,
        failures: 0,
        ended: false,
    };
    stream::unfold(watch, Watch::next).boxed()
}

// === impl Watch ===

impl<K> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    async fn next(mut self) -> Option<(Result<Change<K>, ClusterError>, Self)> {
        while !self.ended {
            let step = if self.version.is_none() {
                self.list().await
            } else if self.open.is_none() {
                self.connect().await
            } else {
                self.receive().await
            };
            match step {
                Ok(Step::Change(change)) => return Some((Ok(change), self)),
                Ok(Step::Again) => {}
                Ok(Step::Pause) => self.pause().await,
                Err(error) => {
                    self.ended = true;
                    return Some((Err(error), self));
                }
            }
        }
        None
    }

    async fn list(&mut self) -> Result<Step<K>, ClusterError> {
        let params = ListParams {
            label_selector: self.filter.labels.clone(),
            field_selector: self.filter.fields.clone(),
            ..ListParams::default()
        };
        match self.api.list(&params).await {
            Ok(list) => {
                self.failures = 0;
                self.version = Some(list.metadata.resource_version.unwrap_or_default());
                Ok(Step::Change(Change::Listed(sound(list.items)?)))
            }
            Err(error) => self.failed(&error),
        }
    }

    async fn connect(&mut self) -> Result<Step<K>, ClusterError> {
        let params = WatchParams {
            label_selector: self.filter.labels.clone(),
            field_selector: self.filter.fields.clone(),
            ..WatchParams::default().timeout(290)
        };
        let version = self.version.clone().unwrap_or_default();
        match self.api.watch(&params, &version).await {
            Ok(events) => {
                self.open = Some((events.boxed(), Instant::now()));
                Ok(Step::Again)
            }
            Err(error) => self.failed(&error),
        }
    }

    async fn receive(&mut self) -> Result<Step<K>, ClusterError> {
        let Some((events, since)) = &mut self.open else {
            return Ok(Step::Again);
        };
        let Ok(Some(event)) = tokio::time::timeout(SILENCE, events.next()).await else {
            let short = since.elapsed() < TOO_SHORT;
            self.open = None;
            return Ok(if short { Step::Pause } else { Step::Again });
        };
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                self.saw(object.resource_version());
                Ok(Step::Change(Change::Applied(sound_one(object)?)))
            }
            Ok(WatchEvent::Deleted(object)) => {
                self.saw(object.resource_version());
                Ok(Step::Change(Change::Deleted(sound_one(object)?)))
            }
            Ok(WatchEvent::Bookmark(bookmark)) => {
                self.saw(Some(bookmark.metadata.resource_version));
                Ok(Step::Again)
            }
            Ok(WatchEvent::Error(status)) => self.failed(&kube::Error::Api(status)),
            Err(error) => self.failed(&error),
        }
    }

    fn saw(&mut self, version: Option<String>) {
        self.failures = 0;
        if let Some(version) = version {
            self.version = Some(version);
        }
    }

    /// Too old: list again. Refused: the end. Anything else passes.
    fn failed(&mut self, error: &kube::Error) -> Result<Step<K>, ClusterError> {
        self.open = None;
        let told = self.cluster.explain(error, &self.ask);
        match told.kind {
            ErrorKind::Gone => {
                self.version = None;
                // A server that answers every list with 410 is not asked in a tight loop.
                Ok(if self.failures == 0 { self.count() } else { Step::Pause })
            }
            ErrorKind::Forbidden | ErrorKind::Unauthorized | ErrorKind::NotFound | ErrorKind::Invalid => Err(told),
            // An answer that cannot be read will not be read the next time either.
            _ if matches!(error, kube::Error::SerdeError(_)) => Err(told),
            _ => Ok(Step::Pause),
        }
    }

    fn count(&mut self) -> Step<K> {
        self.failures += 1;
        Step::Again
    }

    async fn pause(&mut self) {
        let pause = (FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(10))).min(LONGEST_PAUSE);
        self.failures += 1;
        let jitter = pause.mul_f64(rand::rng().random_range(0.0..0.5));
        tokio::time::sleep(pause + jitter).await;
    }
}
