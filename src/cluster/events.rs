//! Events on the VMI, so that whoever looks at a VM in trouble finds that somebody did it on purpose.
//!
//! Recording is a courtesy: when it fails, the run goes on and says so once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};

use super::WarningSink;
use super::error::Ask;
use super::{Cluster, MANAGER};

/// The most an Event's note may hold, in bytes (`events.k8s.io/v1` validation).
const NOTE_LIMIT: usize = 1024;
/// The most `reportingInstance` may hold, in bytes.
const INSTANCE_LIMIT: usize = 128;

/// What happened to the VMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    Injected,
    Restored,
    Failed,
}

/// The VMI an Event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regarding {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

/// Writes Events in the name of one run.
pub struct Recorder {
    cluster: Cluster,
    run: String,
    fault: String,
    /// `user@host` of the operator.
    instance: String,
    warnings: WarningSink,
    warned: AtomicBool,
}

// === impl Happened ===

impl Happened {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Injected => "VMChaosInjected",
            Self::Restored => "VMChaosRestored",
            Self::Failed => "VMChaosFailed",
        }
    }

    /// What was being done, in CamelCase as Events have it.
    fn action(self) -> &'static str {
        match self {
            Self::Injected => "Inject",
            Self::Restored | Self::Failed => "Restore",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Restored => "Normal",
            Self::Injected | Self::Failed => "Warning",
        }
    }
}

// === impl Regarding ===

impl Regarding {
    pub fn new(namespace: &str, name: &str, uid: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
        }
    }
}

// === impl Recorder ===

impl Recorder {
    /// `run` is the run's id, `fault` its fault's command; `warnings` hears, once, that Events cannot be recorded.
    pub fn new(cluster: Cluster, run: &str, fault: &str, warnings: WarningSink) -> Self {
        Self {
            cluster,
            run: run.to_owned(),
            fault: fault.to_owned(),
            instance: truncated(&format!("{}@{}", local_user(), host()), INSTANCE_LIMIT),
            warnings,
            warned: AtomicBool::new(false),
        }
    }

    /// Leaves an Event on a VMI; `note` is one sentence, cut at 1 kB.
    pub async fn record(&self, target: &Regarding, happened: Happened, note: &str) {
        self.create(target, happened, note, false).await;
    }

    /// Asks whether Events could be left on these VMIs, with `dryRun=All`.
    pub async fn rehearse(&self, targets: &[Regarding]) {
        let asked = targets.iter().map(|target| async {
            self.create(target, Happened::Injected, "a dry run", true).await;
        });
        join_all(asked).await;
    }

    async fn create(&self, target: &Regarding, happened: Happened, note: &str, dry_run: bool) {
        let event = self.event(target, happened, note, Timestamp::now());
        let api = Api::<Event>::namespaced(self.cluster.client.clone(), &target.namespace);
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            dry_run,
        };
        let Err(error) = api.create(&params, &event).await else {
            return;
        };
        if !self.warned.swap(true, Ordering::Relaxed) {
            let ask = Ask::new("create", "events.k8s.io", "events").namespace(&target.namespace);
            let told = self.cluster.explain(&error, &ask);
            (self.warnings)(&format!("no Event is left on the VMIs: {}", told.message));
        }
    }

    fn event(&self, target: &Regarding, happened: Happened, note: &str, now: Timestamp) -> Event {
        Event {
            metadata: ObjectMeta {
                generate_name: Some(prefix(&target.name)),
                namespace: Some(target.namespace.clone()),
                labels: Some(BTreeMap::from([
                    ("app.kubernetes.io/managed-by".to_owned(), MANAGER.to_owned()),
                    ("vmchaos.dev/run".to_owned(), self.run.clone()),
                    ("vmchaos.dev/fault".to_owned(), self.fault.clone()),
                ])),
                ..ObjectMeta::default()
            },
            action: Some(happened.action().to_owned()),
            event_time: Some(MicroTime(now)),
            note: Some(truncated(note, NOTE_LIMIT)),
            reason: Some(happened.reason().to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some("kubevirt.io/v1".to_owned()),
                kind: Some("VirtualMachineInstance".to_owned()),
                name: Some(target.name.clone()),
                namespace: Some(target.namespace.clone()),
                uid: Some(target.uid.clone()),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(happened.kind().to_owned()),
            ..Event::default()
        }
    }
}

/// What an Event's name begins with. Of a `generateName`'s last characters the API server allows a dash only, no dot.
fn prefix(name: &str) -> String {
    let kept: String = name.chars().take(200).collect();
    format!("{}-", kept.trim_end_matches(['.', '-']))
}

/// At most `limit` bytes, cut between characters and marked with `…`.
fn truncated(text: &str, limit: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit - MARK.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}", &text[..end])
}

/// Who runs the command on this machine; whom the API server takes them for stands in its audit log.
pub fn local_user() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|user| !user.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Name of this machine.
pub fn host() -> String {
    let of_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let of_shell = || {
        ["HOSTNAME", "COMPUTERNAME"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok())
    };
    of_kernel
        .or_else(of_shell)
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::truncated;

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let note = "ä".repeat(600);
        let cut = truncated(&note, 1024);
        assert!(cut.len() <= 1024 && cut.ends_with('…'));
        assert_eq!(truncated("short", 1024), "short");
    }
}
