//! A pod's status at the stations of its life, as a kubelet reports it.

use serde_json::{Value, json};

use crate::{ids, json as fields, kubevirt::launcher, time};

/// The containers of a pod: where they are, and where their statuses are.
const INIT: (&str, &str) = ("/spec/initContainers", "/status/initContainerStatuses");
const MAIN: (&str, &str) = ("/spec/containers", "/status/containerStatuses");

/// Has a node.
pub(crate) fn scheduled(pod: &mut Value) {
    condition(pod, "PodScheduled", "True", "", "");
}

/// No node takes it.
pub(crate) fn unschedulable(pod: &mut Value) {
    let message = "no nodes available to schedule pods: node(s) didn't match Pod's node affinity/selector or pod anti-affinity rules";
    condition(pod, "PodScheduled", "False", "Unschedulable", message);
}

/// Accepted by the kubelet, nothing runs yet.
pub(crate) fn accepted(pod: &mut Value, host_ip: &str) {
    fields::set(pod, "/status/phase", "Pending");
    fields::set(pod, "/status/hostIP", host_ip);
    fields::set(pod, "/status/hostIPs", json!([{"ip": host_ip}]));
    fields::set(pod, "/status/startTime", time::now());
    let init = names(pod, INIT.0);
    condition(pod, "PodReadyToStartContainers", "False", "", "");
    if init.is_empty() {
        condition(pod, "Initialized", "True", "", "");
    } else {
        let message = format!("containers with incomplete status: [{}]", init.join(" "));
        condition(pod, "Initialized", "False", "ContainersNotInitialized", &message);
    }
    scheduled(pod);
    not_ready(pod, &unready(pod));
    let reason = if init.is_empty() {
        "ContainerCreating"
    } else {
        "PodInitializing"
    };
    let wait = |container: &Value| status(container, "", "", &json!({"waiting": {"reason": reason}}));
    each(pod, INIT, wait);
    each(pod, MAIN, wait);
}

/// Waits for something, such as an image: the first container does, the others wait for it.
pub(crate) fn waiting(pod: &mut Value, reason: &str, message: &str) {
    let state = if message.is_empty() {
        json!({"waiting": {"reason": reason}})
    } else {
        json!({"waiting": {"reason": reason, "message": message}})
    };
    let place = if fields::list(pod, INIT.1).is_empty() {
        MAIN.1
    } else {
        INIT.1
    };
    if let Some(first) = pod.pointer_mut(&format!("{place}/0")) {
        fields::set(first, "/state", state);
    }
}

/// Has its network, and its init containers have ended, but for those that stay. `ids` gives each container its id.
pub(crate) fn initialized(pod: &mut Value, ip: &str, mut ids: impl FnMut() -> String) {
    let now = time::now();
    each(pod, INIT, |container| {
        let id = format!("containerd://{}", ids());
        let stays = fields::text(container, "/restartPolicy") == "Always";
        let state = if stays {
            json!({"running": {"startedAt": now}})
        } else {
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now, "containerID": id}})
        };
        let mut status = status(container, &id, &image_id(container), &state);
        fields::set(&mut status, "/ready", true);
        fields::set(&mut status, "/started", stays);
        status
    });
    fields::set(pod, "/status/podIP", ip);
    fields::set(pod, "/status/podIPs", json!([{"ip": ip}]));
    condition(pod, "PodReadyToStartContainers", "True", "", "");
    condition(pod, "Initialized", "True", "", "");
    not_ready(pod, &unready(pod));
}

/// Runs, and is ready unless something else than its containers says no.
pub(crate) fn running(pod: &mut Value, mut ids: impl FnMut() -> String) {
    let now = time::now();
    each(pod, MAIN, |container| {
        let mut status = status(
            container,
            &format!("containerd://{}", ids()),
            &image_id(container),
            &json!({"running": {"startedAt": now}}),
        );
        fields::set(&mut status, "/ready", true);
        fields::set(&mut status, "/started", true);
        status
    });
    fields::set(pod, "/status/phase", "Running");
    condition(pod, "ContainersReady", "True", "", "");
    ready(pod);
}

/// A pod of a world that has been there for a while.
pub(crate) fn has_started(pod: &mut Value, host_ip: &str, ip: &str, mut ids: impl FnMut() -> String) {
    accepted(pod, host_ip);
    gate(pod, true);
    initialized(pod, ip, &mut ids);
    running(pod, ids);
}

/// The containers end one after the other: the first ones are over.
pub(crate) fn ends(pod: &mut Value) {
    not_ready(pod, &unready(pod));
}

/// Has ended, with the exit code of its first container and what that left in its termination log. The others end well.
pub(crate) fn ended(pod: &mut Value, exit_code: i32, message: &str) {
    let now = time::now();
    for (_, statuses) in [INIT, MAIN] {
        let all = pod
            .pointer_mut(statuses)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        for (place, status) in all
            .enumerate()
            .filter(|(_, status)| status.pointer("/state/terminated").is_none())
        {
            let code = if statuses == MAIN.1 && place == 0 { exit_code } else { 0 };
            let started = match fields::text(status, "/state/running/startedAt") {
                "" => now.clone(),
                started => started.to_owned(),
            };
            let reason = if code == 0 { "Completed" } else { "Error" };
            let mut state = json!({"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now, "containerID": status["containerID"]});
            if !message.is_empty() && statuses == MAIN.1 && place == 0 {
                fields::set(&mut state, "/message", message);
            }
            fields::set(status, "/state", json!({"terminated": state}));
            fields::set(status, "/ready", false);
            fields::set(status, "/started", false);
        }
    }
    let (phase, reason) = if exit_code == 0 {
        ("Succeeded", "PodCompleted")
    } else {
        ("Failed", "PodFailed")
    };
    fields::set(pod, "/status/phase", phase);
    condition(pod, "PodReadyToStartContainers", "False", "", "");
    if exit_code == 0 {
        condition(pod, "Initialized", "True", reason, "");
    }
    for kind in ["Ready", "ContainersReady"] {
        condition(pod, kind, "False", reason, "");
    }
}

/// Was told to end before its first container had started.
pub(crate) fn never_started(pod: &mut Value) {
    let message = "The container could not be located when the pod was terminated";
    let state = json!({"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message, "startedAt": null, "finishedAt": null}});
    if let Some(first) = pod.pointer_mut(&format!("{}/0", INIT.1)) {
        fields::set(first, "/state", state);
    }
    fields::set(pod, "/status/phase", "Failed");
}

/// Refused or ended by the kubelet itself.
pub(crate) fn failed(pod: &mut Value, reason: &str, message: &str) {
    fields::set(pod, "/status/phase", "Failed");
    fields::set(pod, "/status/reason", reason);
    fields::set(pod, "/status/message", message);
}

/// What virt-controller says of a launcher: whether its VM is paused. Nothing of other pods.
pub(crate) fn gate(pod: &mut Value, open: bool) {
    if !fields::present(pod, "/spec/readinessGates") {
        return;
    }
    let (status, reason, message) = if open {
        ("True", "NotPaused", "the virtual machine is not paused")
    } else {
        ("False", "Paused", "the virtual machine is paused")
    };
    condition(pod, GATE, status, reason, message);
}

const GATE: &str = "kubevirt.io/virtual-machine-unpaused";

/// Ready, where its containers are and its gate is open.
pub(crate) fn ready(pod: &mut Value) {
    let is = |kind: &str, status: &str| {
        fields::list(pod, "/status/conditions")
            .iter()
            .any(|one| one["type"] == kind && one["status"] == status)
    };
    if !is("ContainersReady", "True") {
        return;
    }
    let gated = fields::present(pod, "/spec/readinessGates");
    let message = if is(GATE, "False") {
        format!("the status of pod readiness gate \"{GATE}\" is not \"True\", but False")
    } else if gated && !is(GATE, "True") {
        format!("corresponding condition of pod readiness gate \"{GATE}\" does not exist.")
    } else {
        return condition(pod, "Ready", "True", "", "");
    };
    condition(pod, "Ready", "False", "ReadinessGatesNotReady", &message);
}

fn not_ready(pod: &mut Value, message: &str) {
    for kind in ["Ready", "ContainersReady"] {
        condition(pod, kind, "False", "ContainersNotReady", message);
    }
}

fn unready(pod: &Value) -> String {
    format!("containers with unready status: [{}]", names(pod, MAIN.0).join(" "))
}

fn names(pod: &Value, list: &str) -> Vec<String> {
    fields::list(pod, list)
        .iter()
        .map(|container| fields::text(container, "/name").to_owned())
        .collect()
}

/// Writes the status of every container of a kind.
fn each(pod: &mut Value, (containers, statuses): (&str, &str), status: impl FnMut(&Value) -> Value) {
    let all: Vec<Value> = fields::list(pod, containers).iter().map(status).collect();
    if !all.is_empty() {
        fields::set(pod, statuses, all);
    }
}

fn status(container: &Value, id: &str, image_id: &str, state: &Value) -> Value {
    let mut status = json!({"name": container["name"], "image": container["image"], "imageID": image_id, "ready": false, "started": false, "restartCount": 0, "lastState": {}, "state": state});
    if !id.is_empty() {
        fields::set(&mut status, "/containerID", id);
    }
    status
}

/// The image by its digest, which is the same wherever it runs.
pub(crate) fn image_id(container: &Value) -> String {
    let image = fields::text(container, "/image");
    if image.contains('@') {
        return image.to_owned();
    }
    let repository = image
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))
        .map_or(image, |(repository, _)| repository);
    let digest = if image == launcher::IMAGE {
        launcher::DIGEST.to_owned()
    } else {
        ids::digest(image)
    };
    format!("{repository}@sha256:{digest}")
}

/// Sets a condition.
fn condition(pod: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    let now = time::now();
    let mut conditions = fields::list(pod, "/status/conditions").to_vec();
    let old = conditions.iter().position(|one| fields::text(one, "/type") == kind);
    let probed = if kind == GATE { json!(now) } else { Value::Null };
    let mut new = json!({"type": kind, "status": status, "lastProbeTime": probed, "lastTransitionTime": now});
    for (field, text) in [("reason", reason), ("message", message)] {
        if !text.is_empty() {
            fields::set(&mut new, &format!("/{field}"), text);
        }
    }
    match old {
        Some(place) => conditions[place] = new,
        None => conditions.push(new),
    }
    fields::set(pod, "/status/conditions", conditions);
}
