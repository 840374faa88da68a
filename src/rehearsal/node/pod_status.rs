//! A pod's status at the stations of its life, as a kubelet reports it.

use serde_json::{Value, json};

use crate::{json as fields, time};

/// Accepted by the kubelet, nothing runs yet.
pub(crate) fn accepted(pod: &mut Value, host_ip: &str) {
    fields::set(pod, "/status/phase", "Pending");
    fields::set(pod, "/status/hostIP", host_ip);
    fields::set(pod, "/status/startTime", time::now());
    set_conditions(pod, false, "ContainersNotReady");
    waiting(pod, "ContainerCreating", "");
}

/// Waits for something, such as an image.
pub(crate) fn waiting(pod: &mut Value, reason: &str, message: &str) {
    let state = if message.is_empty() {
        json!({"waiting": {"reason": reason}})
    } else {
        json!({"waiting": {"reason": reason, "message": message}})
    };
    let statuses: Vec<Value> = fields::list(pod, "/spec/containers")
        .iter()
        .map(|container| json!({"name": container["name"], "image": container["image"], "imageID": "", "ready": false, "started": false, "restartCount": 0, "lastState": {}, "state": state}))
        .collect();
    fields::set(pod, "/status/containerStatuses", statuses);
}

/// Runs. `ids` gives each container its id and image digest.
pub(crate) fn running(pod: &mut Value, ip: &str, mut ids: impl FnMut() -> (String, String)) {
    let now = time::now();
    let statuses: Vec<Value> = fields::list(pod, "/spec/containers")
        .iter()
        .map(|container| {
            let (id, digest) = ids();
            let image = fields::text(container, "/image");
            let repository = image.split('@').next().unwrap_or(image);
            let repository = repository.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(repository, |(repository, _)| repository);
            let image_id = if image.contains('@') { image.to_owned() } else { format!("{repository}@sha256:{digest}") };
            json!({"name": container["name"], "image": image, "imageID": image_id, "containerID": format!("containerd://{id}"), "ready": true, "started": true,
                "restartCount": 0, "lastState": {}, "state": {"running": {"startedAt": now}}})
        })
        .collect();
    fields::set(pod, "/status/containerStatuses", statuses);
    fields::set(pod, "/status/phase", "Running");
    fields::set(pod, "/status/podIP", ip);
    fields::set(pod, "/status/podIPs", json!([{"ip": ip}]));
    set_conditions(pod, true, "");
}

/// Has ended, with an exit code and what the container left in its termination log.
pub(crate) fn ended(pod: &mut Value, exit_code: i32, message: &str) {
    let now = time::now();
    let reason = if exit_code == 0 { "Completed" } else { "Error" };
    for status in pod
        .pointer_mut("/status/containerStatuses")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let started = match fields::text(status, "/state/running/startedAt") {
            "" => now.clone(),
            started => started.to_owned(),
        };
        let mut state = json!({"exitCode": exit_code, "reason": reason, "startedAt": started, "finishedAt": now, "containerID": status["containerID"]});
        if !message.is_empty() {
            fields::set(&mut state, "/message", message);
        }
        fields::set(status, "/state", json!({"terminated": state}));
        fields::set(status, "/ready", false);
        fields::set(status, "/started", false);
    }
    fields::set(
        pod,
        "/status/phase",
        if exit_code == 0 { "Succeeded" } else { "Failed" },
    );
    set_conditions(pod, false, if exit_code == 0 { "PodCompleted" } else { "PodFailed" });
}

/// Refused or ended by the kubelet itself.
pub(crate) fn failed(pod: &mut Value, reason: &str, message: &str) {
    fields::set(pod, "/status/phase", "Failed");
    fields::set(pod, "/status/reason", reason);
    fields::set(pod, "/status/message", message);
}

/// The conditions of readiness; a launcher's also says whether its VM is paused.
pub(crate) fn set_conditions(pod: &mut Value, ready: bool, reason: &str) {
    let now = time::now();
    let condition = |kind: &str, holds: bool| {
        let mut condition = json!({"type": kind, "status": if holds { "True" } else { "False" }, "lastProbeTime": null, "lastTransitionTime": now});
        if !holds && !reason.is_empty() {
            fields::set(&mut condition, "/reason", reason);
        }
        condition
    };
    let mut conditions = Vec::new();
    if fields::present(pod, "/spec/readinessGates") {
        conditions.push(json!({"type": "kubevirt.io/virtual-machine-unpaused", "status": "True", "reason": "NotPaused", "lastProbeTime": now, "lastTransitionTime": now}));
    }
    conditions.extend([
        condition("PodReadyToStartContainers", true),
        condition("Initialized", true),
        condition("Ready", ready),
        condition("ContainersReady", ready),
        condition("PodScheduled", true),
    ]);
    fields::set(pod, "/status/conditions", conditions);
}
