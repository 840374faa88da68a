//! The pod a VM runs in.

use serde_json::{Value, json};

use super::{devices, whole::IN_BRIEF};
use std::sync::Arc;

use crate::{
    api::{resources::PODS, status_error::ApiResult},
    cluster::Cluster,
    json as fields,
    node::pod_status,
};

/// The launcher's image; tags as upstream releases them.
pub(crate) const IMAGE: &str = "quay.io/kubevirt/virt-launcher:v1.9.0";
/// Its SHA-256: the same in every pod that runs it.
pub(crate) const DIGEST: &str = "4a1d6a9f0f6f2f0f6d4c0c7b2b8f3a55e7c1d2a9b8e7f6a5d4c3b2a190817263";

/// The launcher pod of a VMI, not bound to a node yet. `migration` = the migration object it is the target of.
pub(crate) fn pod(cluster: &Cluster, vmi: &Value, migration: Option<&Value>) -> Value {
    let (name, namespace, uid) = (
        fields::text(vmi, "/metadata/name"),
        fields::text(vmi, "/metadata/namespace"),
        fields::text(vmi, "/metadata/uid"),
    );
    let mut labels = vmi
        .pointer("/metadata/labels")
        .cloned()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    fields::unset(&mut labels, "/kubevirt.io~1migrationTargetNodeName");
    let mut annotations = json!({
        "kubevirt.io/domain": name, "kubevirt.io/migrationTransportUnix": "true", "kubectl.kubernetes.io/default-container": "compute",
        "descheduler.alpha.kubernetes.io/request-evict-only": "",
    });
    let generation = fields::text(vmi, "/metadata/annotations/kubevirt.io~1vm-generation");
    if !generation.is_empty() {
        fields::set(&mut annotations, "/kubevirt.io~1vm-generation", generation);
    }
    for (key, value) in [
        ("kubevirt.io", "virt-launcher"),
        ("kubevirt.io/created-by", uid),
        ("vm.kubevirt.io/name", name),
    ] {
        fields::set(&mut labels, &format!("/{}", fields::escape(key)), value);
    }
    if vmi.pointer("/metadata/annotations/kubevirt.io~1nonroot").is_some() {
        fields::set(&mut annotations, "/kubevirt.io~1nonroot", "true");
    }
    if let Some(migration) = migration {
        fields::set(
            &mut labels,
            "/kubevirt.io~1migrationJobUID",
            fields::text(migration, "/metadata/uid"),
        );
        fields::set(
            &mut annotations,
            "/kubevirt.io~1migrationJobName",
            fields::text(migration, "/metadata/name"),
        );
    }
    networks(vmi, namespace, &mut annotations);
    let generate = format!("virt-launcher-{name}-");
    let grace = vmi
        .pointer("/spec/terminationGracePeriodSeconds")
        .and_then(Value::as_u64)
        .unwrap_or(30);
    let mut pod = json!({
        IN_BRIEF: true,
        "metadata": {
            "generateName": generate, "name": "", "labels": labels, "annotations": annotations,
            "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {
            "hostname": name, "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": grace + 30,
            "securityContext": {"runAsUser": 107, "runAsGroup": 107, "runAsNonRoot": true, "fsGroup": 107},
            "nodeSelector": {"kubernetes.io/arch": "amd64", "kubevirt.io/schedulable": "true", "machine-type.node.kubevirt.io/q35": "true"},
            "readinessGates": [{"conditionType": "kubevirt.io/virtual-machine-unpaused"}],
            "initContainers": init_containers(vmi), "containers": containers(vmi), "volumes": claims(vmi),
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}, {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    });
    if migration.is_some() {
        migrates_to(&mut pod, vmi);
    }
    for field in ["affinity", "nodeSelector"] {
        for (key, value) in vmi["spec"][field].as_object().into_iter().flatten() {
            fields::set(
                &mut pod,
                &format!("/spec/{field}/{}", fields::escape(key)),
                value.clone(),
            );
        }
    }
    // Cannot fail: a VMI's name is a valid prefix of a pod's.
    let _ = cluster.stamp(&PODS, namespace, &mut pod);
    pod
}

/// What only the target of a migration asks for: another node that has the guest's machine, and the very images of the source.
fn migrates_to(pod: &mut Value, vmi: &Value) {
    let apart = json!([{"labelSelector": {"matchLabels": {"kubevirt.io/created-by": vmi["metadata"]["uid"]}}, "topologyKey": "kubernetes.io/hostname"}]);
    fields::set(
        pod,
        "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
        apart,
    );
    fields::unset(pod, "/spec/nodeSelector/machine-type.node.kubevirt.io~1q35");
    let machine = fields::text(vmi, "/status/machine/type");
    fields::set(
        pod,
        &format!("/spec/nodeSelector/machine-type.node.kubevirt.io~1{machine}"),
        "true",
    );
    for list in ["/spec/containers", "/spec/initContainers"] {
        for container in pod
            .pointer_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if fields::text(container, "/name").starts_with("volume") {
                let image = pod_status::image_id(container);
                fields::set(container, "/image", image);
            }
        }
    }
}

/// What else runs beside the guest for its disks: the volume's name and its image.
fn disks(vmi: &Value) -> Vec<(String, &str)> {
    let volumes = fields::list(vmi, "/spec/volumes").iter();
    let mut disks: Vec<_> = volumes
        .filter_map(|volume| {
            Some((
                format!("volume{}", fields::text(volume, "/name")),
                volume.pointer("/containerDisk/image")?.as_str()?,
            ))
        })
        .collect();
    let kernel = fields::text(vmi, "/spec/domain/firmware/kernelBoot/container/image");
    if !kernel.is_empty() {
        disks.push(("volumekernel-boot-volume".to_owned(), kernel));
    }
    disks
}

fn containers(vmi: &Value) -> Vec<Value> {
    let (guest, cpus) = (size(fields::text(vmi, "/spec/domain/memory/guest")), cpus(vmi));
    let tun = json!({"devices.kubevirt.io/tun": "1"});
    // As KubeVirt adds up what QEMU, libvirt and its own processes take beside the guest (`GetMemoryOverhead`).
    let memory = guest + guest / 512 + (260 + 8 * cpus) * 1024 * 1024 + 1;
    let requests = json!({"cpu": format!("{}m", 100 * cpus), "devices.kubevirt.io/tun": "1", "ephemeral-storage": "50M", "memory": memory.to_string()});
    let compute = json!({"name": "compute", "image": IMAGE, "resources": {"limits": tun, "requests": requests}});
    let disks = disks(vmi)
        .into_iter()
        .map(|(name, image)| json!({"name": name, "image": image}));
    std::iter::once(compute).chain(disks).collect()
}

/// Disks that are claimed.
fn claims(vmi: &Value) -> Vec<Value> {
    let volumes = fields::list(vmi, "/spec/volumes").iter();
    volumes
        .filter(|volume| volume.get("persistentVolumeClaim").is_some())
        .cloned()
        .collect()
}

fn init_containers(vmi: &Value) -> Vec<Value> {
    let mut all = vec![json!({"name": "guest-console-log", "image": IMAGE, "restartPolicy": "Always"})];
    let disks = disks(vmi);
    if !disks.is_empty() {
        all.push(json!({"name": "container-disk-binary", "image": IMAGE}));
    }
    all.extend(
        disks
            .into_iter()
            .map(|(name, image)| json!({"name": format!("{name}-init"), "image": image})),
    );
    all
}

/// Virtual CPUs.
fn cpus(vmi: &Value) -> u64 {
    let part = |part: &str| {
        vmi.pointer(&format!("/spec/domain/cpu/{part}"))
            .and_then(Value::as_u64)
            .unwrap_or(1)
    };
    part("cores") * part("sockets") * part("threads")
}

/// A quantity of memory in bytes; zero where it is none.
fn size(quantity: &str) -> u64 {
    let digits = quantity.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let factor = match &quantity[digits.len()..] {
        "" => 1,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => 0,
    };
    digits.parse::<u64>().unwrap_or_default() * factor
}

/// Makes a VMI's launcher and binds it to a node, unless that is empty: then no node takes it.
pub(crate) fn create(cluster: &Cluster, vmi: &Value, node: &str, migration: Option<&Value>) -> ApiResult<Arc<Value>> {
    let namespace = fields::text(vmi, "/metadata/namespace");
    let pod = cluster.create(&PODS, namespace, pod(cluster, vmi, migration))?;
    let name = fields::text(&pod, "/metadata/name").to_owned();
    let message = format!("Created virtual machine pod {name}");
    let message = if migration.is_some() {
        message.replace("virtual machine pod", "migration target pod")
    } else {
        message
    };
    cluster.event(
        migration.unwrap_or(vmi),
        "Normal",
        "SuccessfulCreate",
        &message,
        "virtualmachine-controller",
    );
    let bound = cluster.edit(&PODS, namespace, &name, |pod| {
        if node.is_empty() {
            pod_status::unschedulable(pod);
        } else {
            fields::set(pod, "/spec/nodeName", node);
            pod_status::scheduled(pod);
        }
    });
    // Of a migration's target only when the guest is there.
    let open = migration
        .is_none()
        .then(|| cluster.edit(&PODS, namespace, &name, |pod| pod_status::gate(pod, true)));
    Ok(open.flatten().or(bound).unwrap_or(pod))
}

/// virt-controller notes on a launcher that runs where it is.
pub(crate) fn on_node(cluster: &Cluster, pod: &Value) {
    let (namespace, name) = (
        fields::text(pod, "/metadata/namespace"),
        fields::text(pod, "/metadata/name"),
    );
    cluster.edit(&PODS, namespace, name, |pod| {
        let node = fields::text(pod, "/spec/nodeName").to_owned();
        fields::set(pod, "/metadata/labels/kubevirt.io~1nodeName", node);
    });
}

/// The annotations by which Multus says which interfaces it made.
fn networks(vmi: &Value, namespace: &str, annotations: &mut Value) {
    let mut asked = Vec::new();
    let mut status = vec![json!({"name": "cbr0", "interface": "eth0", "default": true, "dns": {}})];
    for interface in fields::list(vmi, "/spec/domain/devices/interfaces") {
        let Some(network) = devices::network_of(vmi, interface) else {
            continue;
        };
        let attachment = fields::text(network, "/multus/networkName");
        if attachment.is_empty() {
            continue;
        }
        let pod = devices::pod_interface(network);
        asked.push(json!({"name": attachment, "namespace": namespace, "interface": pod}));
        status.push(json!({"name": format!("{namespace}/{attachment}"), "interface": pod, "dns": {}}));
    }
    if !asked.is_empty() {
        fields::set(
            annotations,
            "/k8s.v1.cni.cncf.io~1networks",
            Value::from(asked).to_string(),
        );
    }
    fields::set(
        annotations,
        "/k8s.v1.cni.cncf.io~1network-status",
        Value::from(status).to_string(),
    );
    if vmi.pointer("/spec/domain/devices/interfaces/0/masquerade").is_some() {
        fields::set(annotations, "/traffic.sidecar.istio.io~1kubevirtInterfaces", "k6t-eth0");
    }
}

/// The launcher pods of a VMI, finished ones too.
pub(crate) fn of(cluster: &Cluster, vmi: &Value) -> Vec<std::sync::Arc<Value>> {
    let uid = fields::text(vmi, "/metadata/uid");
    let mut pods = cluster.list(&PODS, fields::text(vmi, "/metadata/namespace"));
    pods.retain(|pod| fields::text(pod, "/metadata/labels/kubevirt.io~1created-by") == uid);
    pods
}
