//! The practice cluster with a guest of its own, asked and watched over HTTP as the real one was.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt as _;
use kube::{Client, api::WatchEvent, client::Body};
use serde_json::{Value, json};
use tokio::sync::watch;
use vmchaos_rehearsal::{Options, Practice};

use super::{
    placeholders::Placeholders,
    recording::{self, Step},
};
use crate::practice_cluster::support::{PATIENCE, client};

/// The guest's name.
pub(super) const GUEST: &str = "recorded";
const KINDS: [&str; 5] = [
    "/apis/kubevirt.io/v1/namespaces/default/virtualmachines",
    "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances",
    "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations",
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/events",
];
pub(super) const VMS: &str = KINDS[0];
pub(super) const VMIS: &str = KINDS[1];
pub(super) const MIGRATIONS: &str = KINDS[2];
pub(super) const PODS: &str = KINDS[3];

/// A guest that is played with.
pub(super) struct Play {
    pub(super) practice: Practice,
    client: Client,
    taken: Arc<Mutex<Taken>>,
    changed: watch::Sender<usize>,
}

/// What has been taken down.
struct Taken {
    placeholders: Placeholders,
    steps: Vec<Step>,
}

impl Play {
    /// The guest of a recording on a new practice cluster, running unless its run strategy says otherwise; what comes from now
    /// on is taken down.
    pub(super) async fn of(recorded: &[Step]) -> Self {
        let practice = Practice::start(Options {
            nodes: 2,
            ..Options::default()
        })
        .await
        .unwrap();
        let client = client(&practice).await;
        let taken = Arc::new(Mutex::new(Taken {
            placeholders: Placeholders::new(GUEST),
            steps: Vec::new(),
        }));
        let play = Self {
            practice,
            client,
            taken,
            changed: watch::Sender::new(0),
        };
        let mut vm = recording::vm(recorded, GUEST);
        // The guest that was recorded has no agent.
        vm["spec"]["template"]["metadata"]["annotations"] = json!({"rehearsal.vmchaos.dev/guest": "no-agent"});
        let (code, answer) = play.send("POST", VMS, Some(&vm)).await;
        assert_eq!(code, 201, "{answer}");
        if vm["spec"]["runStrategy"] == "Always" {
            play.until("VirtualMachine", |vm| vm["status"]["ready"] == true).await;
        } else {
            play.until("VirtualMachine", |vm| vm["status"]["printableStatus"] == "Stopped")
                .await;
        }
        for path in KINDS {
            play.watch(path).await;
        }
        play
    }

    /// Takes down what there is and what changes.
    async fn watch(&self, path: &str) {
        let (_, list) = self.send("GET", path, None).await;
        let kind = list["kind"].as_str().unwrap().trim_end_matches("List").to_owned();
        for object in list["items"].as_array().unwrap() {
            let mut object = object.clone();
            object["kind"] = json!(kind);
            if kind != "Event" {
                told(&self.taken, &object, false);
            }
        }
        let version = list["metadata"]["resourceVersion"].as_str().unwrap();
        let request = http::Request::get(format!("{path}?watch=1&resourceVersion={version}"))
            .body(Vec::new())
            .unwrap();
        let mut events = Box::pin(self.client.request_events::<Value>(request).await.unwrap());
        let (taken, changed) = (Arc::clone(&self.taken), self.changed.clone());
        tokio::spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => told(&taken, &object, false),
                    WatchEvent::Deleted(object) => told(&taken, &object, true),
                    _ => {}
                }
                changed.send_modify(|count| *count += 1);
            }
        });
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let content = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content)
            .body(Body::from(body))
            .unwrap();
        let answer = self.client.send(request).await.unwrap();
        let code = answer.status().as_u16();
        let said = answer.into_body().collect_bytes().await.unwrap();
        (
            code,
            serde_json::from_slice(&said).unwrap_or_else(|_| json!(String::from_utf8_lossy(&said))),
        )
    }

    /// Makes a request and takes its answer down; of an answered object only its kind.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) {
        let (code, answer) = self.send(method, path, body).await;
        let reply = match answer["kind"].as_str() {
            Some(kind) if kind != "Status" => json!({"kind": kind}),
            _ => answer,
        };
        let mut taken = self.taken.lock().unwrap();
        let request = format!("{method} {}", taken.placeholders.text(path));
        let reply = taken.placeholders.value(&reply);
        taken.steps.push(Step::Asked { request, code, reply });
    }

    /// A subresource of the guest's VM.
    pub(super) async fn of_vm(&self, verb: &str) {
        self.ask("PUT", &subresource("virtualmachines", GUEST, verb), Some(&json!({})))
            .await;
    }

    /// A subresource of its VMI.
    pub(super) async fn of_vmi(&self, verb: &str) {
        self.ask(
            "PUT",
            &subresource("virtualmachineinstances", GUEST, verb),
            Some(&json!({})),
        )
        .await;
    }

    /// Asks for a migration of a VMI.
    pub(super) async fn migration(&self, name: &str, vmi: &str) {
        let migration = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": {"name": name}, "spec": {"vmiName": vmi}});
        self.ask("POST", MIGRATIONS, Some(&migration)).await;
    }

    /// Waits until the guest's object of a kind is as asked.
    pub(super) async fn until(&self, kind: &str, done: impl Fn(&Value) -> bool) {
        self.practice.until(kind, "default", GUEST, done).await.unwrap();
    }

    /// Waits until a migration has succeeded.
    pub(super) async fn ended(&self, migration: &str) {
        let succeeded = |object: &Value| object["status"]["phase"] == "Succeeded";
        self.practice
            .until("VirtualMachineInstanceMigration", "default", migration, succeeded)
            .await
            .unwrap();
    }

    /// How many bytes an object is answered in.
    pub(super) async fn size(&self, path: &str) -> usize {
        self.send("GET", path, None).await.1.to_string().len()
    }

    pub(super) fn vmi(&self) -> Value {
        self.practice.get("VirtualMachineInstance", "default", GUEST).unwrap()
    }

    pub(super) fn launcher(&self) -> String {
        self.practice.launcher("default", GUEST).unwrap()["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until nothing has come for a moment and what was taken down is as asked; after the patience of a test it returns
    /// what there is.
    pub(super) async fn end(&self, done: impl Fn(&[Step]) -> bool) -> Vec<Step> {
        let mut changed = self.changed.subscribe();
        let limit = tokio::time::Instant::now() + PATIENCE / 2;
        loop {
            // That nothing comes any more can only be seen by waiting.
            let quiet = tokio::time::timeout(Duration::from_millis(400), changed.changed())
                .await
                .is_err();
            let over = tokio::time::Instant::now() > limit;
            let steps = || self.taken.lock().unwrap().steps.clone();
            if over || quiet && done(&steps()) {
                return steps();
            }
        }
    }
}

pub(super) fn subresource(plural: &str, name: &str, verb: &str) -> String {
    format!("/apis/subresources.kubevirt.io/v1/namespaces/default/{plural}/{name}/{verb}")
}

/// Whether an object is the guest's.
fn is_the_guests(object: &Value) -> bool {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let launcher = format!("virt-launcher-{GUEST}-");
    match text("/kind") {
        "VirtualMachineInstanceMigration" => text("/spec/vmiName") == GUEST,
        "Pod" => text("/metadata/name").starts_with(&launcher),
        "Event" => {
            let about = text("/involvedObject/name");
            about == GUEST
                || ["kubevirt-evacuation-", &format!("{GUEST}-m"), &launcher]
                    .iter()
                    .any(|start| about.starts_with(start))
        }
        _ => text("/metadata/name") == GUEST,
    }
}

fn told(taken: &Mutex<Taken>, object: &Value, deleted: bool) {
    if !is_the_guests(object) {
        return;
    }
    let mut taken = taken.lock().unwrap();
    let bytes = object.to_string().len();
    let object = taken.placeholders.value(object);
    taken.steps.push(Step::Told { deleted, object, bytes });
}
