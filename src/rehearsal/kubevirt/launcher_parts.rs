//! What all launcher pods have in common: the parts of their containers, their volumes, their affinity, as KubeVirt 1.6 writes
//! them (`pkg/virt-controller/services`).

use serde_json::{Value, json};

use super::launcher::IMAGE;
use crate::json as fields;

const DISKS: &str = "/var/run/kubevirt-ephemeral-disks/container-disk-data";

/// Where compute has which volume, and whether what the host mounts there later is seen inside.
const MOUNTS: &[(&str, &str, bool)] = &[
    ("/var/run/kubevirt-private", "private", false),
    ("/var/run/kubevirt", "public", false),
    ("/var/run/kubevirt-ephemeral-disks", "ephemeral-disks", false),
    ("/var/run/libvirt", "libvirt-runtime", false),
    ("/var/run/kubevirt/sockets", "sockets", false),
    ("/var/run/kubevirt/container-disks", "container-disks", true),
    ("/var/run/kubevirt/hotplug-disks", "hotplug-disks", true),
];

/// Adds them to a pod of which the rest is there.
pub(super) fn add(pod: &mut Value) {
    for list in ["containers", "initContainers"] {
        let parts: Vec<Value> = fields::list(pod, &format!("/spec/{list}"))
            .iter()
            .map(|one| container(pod, one))
            .collect();
        let statuses = format!(
            "/status/{}",
            if list == "containers" {
                "containerStatuses"
            } else {
                "initContainerStatuses"
            }
        );
        if let Some(statuses) = pod.pointer_mut(&statuses).and_then(Value::as_array_mut) {
            for (status, part) in statuses.iter_mut().zip(&parts) {
                // Of a container that has not started yet they are not known.
                if status.get("containerID").is_some() {
                    fields::set(status, "/allocatedResources", part["resources"]["requests"].clone());
                    fields::set(status, "/resources", part["resources"].clone());
                }
                fields::set(status, "/volumeMounts", mounted(part));
            }
        }
        fields::set(pod, &format!("/spec/{list}"), parts);
    }
    let own = json!([{"matchExpressions": [{"key": "node-labeller.kubevirt.io/obsolete-host-model", "operator": "DoesNotExist"}]}]);
    let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    fields::set(pod, required, own);
    let volumes: Vec<Value> = [
        "private",
        "public",
        "sockets",
        "virt-bin-share-dir",
        "libvirt-runtime",
        "ephemeral-disks",
        "container-disks",
        "hotplug-disks",
    ]
    .iter()
    .map(|name| json!({"emptyDir": {}, "name": name}))
    .chain(fields::list(pod, "/spec/volumes").iter().cloned())
    .collect();
    fields::set(pod, "/spec/volumes", volumes);
    for (field, value) in [
        ("dnsPolicy", "ClusterFirst"),
        ("preemptionPolicy", "PreemptLowerPriority"),
        ("schedulerName", "default-scheduler"),
        ("serviceAccount", "default"),
        ("serviceAccountName", "default"),
    ] {
        fields::set(pod, &format!("/spec/{field}"), value);
    }
    fields::set(pod, "/spec/priority", 0);
    let name = fields::text(pod, "/metadata/annotations/kubevirt.io~1domain").to_owned();
    let namespace = fields::text(pod, "/metadata/namespace").to_owned();
    for (when, verb) in [("pre", "--freeze"), ("post", "--unfreeze")] {
        let command = json!(["/usr/bin/virt-freezer", verb, "--name", name, "--namespace", namespace])
            .to_string()
            .replace("\",\"", "\", \"");
        fields::set(
            pod,
            &format!("/metadata/annotations/{when}.hook.backup.velero.io~1command"),
            command,
        );
        fields::set(
            pod,
            &format!("/metadata/annotations/{when}.hook.backup.velero.io~1container"),
            "compute",
        );
    }
}

/// A container's mounts as its status has them.
fn mounted(container: &Value) -> Vec<Value> {
    let mut mounts = fields::list(container, "/volumeMounts").to_vec();
    for mount in &mut mounts {
        fields::unset(mount, "/mountPropagation");
        if mount["readOnly"] == true {
            fields::set(mount, "/recursiveReadOnly", "Disabled");
        }
    }
    mounts
}

/// Takes them away again.
pub(super) fn remove(pod: &mut Value) {
    for list in ["/spec/containers", "/spec/initContainers"] {
        each(pod, list, |container| {
            if let Some(fields) = container.as_object_mut() {
                let compute = fields.get("name").is_some_and(|name| name == "compute");
                fields.retain(|field, _| {
                    matches!(field.as_str(), "name" | "image" | "restartPolicy") || compute && field == "resources"
                });
            }
        });
    }
    for list in ["/status/containerStatuses", "/status/initContainerStatuses"] {
        each(pod, list, |status| {
            for field in ["allocatedResources", "resources", "volumeMounts"] {
                fields::unset(status, &format!("/{field}"));
            }
        });
    }
    fields::unset(
        pod,
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution",
    );
    if !fields::present(pod, "/spec/affinity/nodeAffinity") {
        fields::unset(pod, "/spec/affinity/nodeAffinity");
    }
    if !fields::present(pod, "/spec/affinity") {
        fields::unset(pod, "/spec/affinity");
    }
    let mut volumes = fields::list(pod, "/spec/volumes").to_vec();
    volumes.retain(|volume| volume.get("emptyDir").is_none());
    fields::set(pod, "/spec/volumes", volumes);
    for field in [
        "dnsPolicy",
        "preemptionPolicy",
        "schedulerName",
        "serviceAccount",
        "serviceAccountName",
        "priority",
    ] {
        fields::unset(pod, &format!("/spec/{field}"));
    }
    for when in ["pre", "post"] {
        for what in ["command", "container"] {
            fields::unset(
                pod,
                &format!("/metadata/annotations/{when}.hook.backup.velero.io~1{what}"),
            );
        }
    }
}

fn each(pod: &mut Value, list: &str, change: impl Fn(&mut Value)) {
    pod.pointer_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .for_each(change);
}

/// A container with all its parts.
fn container(pod: &Value, brief: &Value) -> Value {
    let name = fields::text(brief, "/name");
    let uid = fields::text(pod, "/metadata/labels/kubevirt.io~1created-by");
    let mut whole = match name {
        "compute" => compute(pod, uid),
        "guest-console-log" => json!({
            "command": ["/usr/bin/virt-tail"], "args": ["--logfile", format!("/var/run/kubevirt-private/{uid}/virt-serial0-log")],
            "env": [{"name": "VIRT_LAUNCHER_LOG_VERBOSITY", "value": "2"}],
            "resources": {"limits": {"cpu": "15m", "memory": "60M"}, "requests": {"cpu": "5m", "memory": "35M"}},
            "volumeMounts": [{"mountPath": "/var/run/kubevirt-private", "name": "private", "readOnly": true}],
        }),
        "container-disk-binary" => json!({
            "command": ["/usr/bin/cp", "/usr/bin/container-disk", "/init/usr/bin/container-disk"], "env": environment(),
            "resources": {"limits": {"cpu": "100m", "memory": "40M"}, "requests": {"cpu": "10m", "memory": "1M"}},
            "securityContext": {"privileged": false, "runAsGroup": 107},
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{"mountPath": "/init/usr/bin", "name": "virt-bin-share-dir"}],
        }),
        disk => json!({
            "command": ["/usr/bin/container-disk"],
            "args": if disk.ends_with("-init") { json!(["--no-op"]) } else {
                let copy = if disk.ends_with("kernel-boot-volume") { "kernel-boot" } else { "disk_0" };
                json!(["--copy-path", format!("{DISKS}/{uid}/{copy}")])
            },
            "resources": {"limits": {"cpu": "10m", "memory": "40M"}, "requests": {"cpu": "1m", "ephemeral-storage": "50M", "memory": "1M"}},
            "volumeMounts": [{"mountPath": format!("{DISKS}/{uid}"), "name": "container-disks"}, {"mountPath": "/usr/bin", "name": "virt-bin-share-dir"}],
        }),
    };
    for (field, value) in [
        ("allowPrivilegeEscalation", json!(false)),
        ("runAsNonRoot", json!(true)),
        ("runAsUser", json!(107)),
    ] {
        fields::set(&mut whole, &format!("/securityContext/{field}"), value);
    }
    if !fields::present(&whole, "/securityContext/capabilities") {
        fields::set(&mut whole, "/securityContext/capabilities/drop", json!(["ALL"]));
    }
    fields::set(&mut whole, "/imagePullPolicy", "IfNotPresent");
    fields::set(&mut whole, "/terminationMessagePath", "/dev/termination-log");
    if whole.get("terminationMessagePolicy").is_none() {
        fields::set(&mut whole, "/terminationMessagePolicy", "File");
    }
    for (field, value) in brief.as_object().into_iter().flatten() {
        fields::set(&mut whole, &format!("/{field}"), value.clone());
    }
    whole
}

fn environment() -> Value {
    json!([
        {"name": "XDG_CACHE_HOME", "value": "/var/run/kubevirt-private"}, {"name": "XDG_CONFIG_HOME", "value": "/var/run/kubevirt-private"},
        {"name": "XDG_RUNTIME_DIR", "value": "/var/run"},
    ])
}

fn compute(pod: &Value, uid: &str) -> Value {
    let grace = pod
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_u64)
        .unwrap_or(60);
    // KubeVirt draws it, so that not all time out at once.
    let timeout = 240 + uid.bytes().map(u64::from).sum::<u64>() % 120;
    let mut env = fields::list(&json!({"env": environment()}), "/env").to_vec();
    env.push(
        json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}),
    );
    let mut mounts: Vec<Value> = MOUNTS
        .iter()
        .map(|(path, name, from_host)| {
            let mut mount = json!({"mountPath": path, "name": name});
            if *from_host {
                fields::set(&mut mount, "/mountPropagation", "HostToContainer");
            }
            mount
        })
        .collect();
    for disk in fields::list(pod, "/spec/volumes") {
        let name = fields::text(disk, "/name");
        mounts.push(json!({"mountPath": format!("/var/run/kubevirt-private/vmi-disks/{name}"), "name": name}));
    }
    json!({
        "command": [
            "/usr/bin/virt-launcher-monitor", "--qemu-timeout", format!("{timeout}s"), "--name", fields::text(pod, "/metadata/annotations/kubevirt.io~1domain"),
            "--uid", uid, "--namespace", fields::text(pod, "/metadata/namespace"), "--kubevirt-share-dir", "/var/run/kubevirt",
            "--ephemeral-disk-dir", "/var/run/kubevirt-ephemeral-disks", "--container-disk-dir", "/var/run/kubevirt/container-disks",
            "--grace-period-seconds", grace.saturating_sub(15).to_string(), "--hook-sidecars", "0", "--ovmf-path", "/usr/share/OVMF",
            "--disk-memory-limit", "2097152000", "--run-as-nonroot", "--allow-emulation",
        ],
        "env": env, "image": IMAGE,
        "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}, "privileged": false, "runAsGroup": 107},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    })
}
