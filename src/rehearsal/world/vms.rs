//! Makes the VMs of the catalogue, running from the start.

use serde_json::{Value, json};

use super::{
    base::{node_names, put},
    catalogue::{Binding, ENTRIES, Entry, PLAIN, Special},
};
use crate::{
    api::resources::{PODS, VMIS, VMS},
    cluster::Cluster,
    json as fields,
    kubevirt::{devices, launcher, vmi, vmi_defaults},
    node::{node_address, pod_address, pod_status},
};

pub(crate) fn build(cluster: &Cluster) {
    let nodes = node_names(cluster.options.nodes);
    let named = ENTRIES.iter().map(|entry| (*entry, entry.name.to_owned()));
    let further = (1..=cluster.options.vms).map(|number| (PLAIN, format!("load-{number:04}")));
    for (place, (entry, name)) in named.chain(further).enumerate() {
        make(cluster, &entry, &name, &nodes[place % nodes.len()]);
    }
}

fn make(cluster: &Cluster, entry: &Entry, name: &str, node: &str) {
    let vm = vm(entry, name);
    let mut vmi = if entry.special == Special::Standalone {
        let labels = vm
            .pointer("/spec/template/metadata/labels")
            .cloned()
            .unwrap_or_default();
        json!({"metadata": {"name": name, "labels": labels, "finalizers": ["foregroundDeleteVirtualMachine"]}, "spec": vm["spec"]["template"]["spec"]})
    } else {
        let vm = put(cluster, &VMS, entry.namespace, vm);
        if entry.strategy == "Halted" {
            return;
        }
        vmi::from_vm(&vm)
    };
    vmi_defaults::of_vmi(&mut vmi);
    vmi::observed(&mut vmi);
    if entry.special == Special::Scheduling {
        vmi::phase(&mut vmi, "Scheduling");
        vmi::condition(
            &mut vmi,
            "Ready",
            "False",
            "GuestNotRunning",
            "Guest VM is not reported as running",
        );
        vmi::condition(
            &mut vmi,
            "PodScheduled",
            "False",
            "Unschedulable",
            "0/3 nodes are available: 3 Insufficient memory.",
        );
        put(cluster, &VMIS, entry.namespace, vmi);
        return;
    }
    let mut vmi = put(cluster, &VMIS, entry.namespace, vmi);
    let mut pod = launcher::pod(cluster, &vmi, None);
    fields::set(&mut pod, "/spec/nodeName", node);
    fields::set(&mut pod, "/metadata/labels/kubevirt.io~1nodeName", node);
    pod_status::has_started(
        &mut pod,
        &node_address(cluster, node),
        &pod_address(cluster, node),
        || cluster.ids().hex(64),
    );
    vmi::scheduling(&mut vmi, &pod);
    vmi::scheduled(&mut vmi, &pod);
    vmi::defined(&mut vmi);
    vmi::runs(cluster, &mut vmi, &pod);
    vmi::agent(&mut vmi, true);
    if entry.special == Special::Paused {
        vmi::condition(&mut vmi, "Paused", "True", "PausedByUser", "VMI was paused by user");
        pod_status::gate(&mut pod, false);
        pod_status::ready(&mut pod);
    }
    vmi::ready(&mut vmi, Some(&pod));
    fields::set(
        &mut pod,
        "/metadata/creationTimestamp",
        vmi["metadata"]["creationTimestamp"].clone(),
    );
    let mut store = cluster.store();
    store.put(&PODS, pod);
    store.put(&VMIS, vmi);
}

fn vm(entry: &Entry, name: &str) -> Value {
    let mut interfaces = Vec::new();
    let mut networks = Vec::new();
    for (network, attachment, binding) in entry.interfaces {
        let mut interface = json!({"name": network});
        let (field, value) = match binding {
            Binding::Masquerade => ("masquerade", json!({})),
            Binding::Bridge => ("bridge", json!({})),
            Binding::Sriov => ("sriov", json!({})),
            Binding::ManagedTap => ("binding", json!({"name": devices::MANAGED_TAP})),
            Binding::Macvtap => ("binding", json!({"name": devices::MACVTAP})),
            Binding::Passt => ("binding", json!({"name": devices::PASST})),
        };
        fields::set(&mut interface, &format!("/{field}"), value);
        interfaces.push(interface);
        networks.push(if attachment.is_empty() {
            json!({"name": network, "pod": {}})
        } else {
            json!({"name": network, "multus": {"networkName": attachment}})
        });
    }
    let mut spec = json!({
        "architecture": "amd64", "evictionStrategy": "LiveMigrate", "terminationGracePeriodSeconds": 30,
        "domain": {
            "cpu": {"cores": 2}, "memory": {"guest": "1Gi"}, "machine": {"type": "q35"}, "resources": {},
            "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}], "interfaces": interfaces, "rng": {}},
        },
        "networks": networks,
        "volumes": [{"name": "root", "containerDisk": {"image": "quay.io/containerdisks/debian:13"}}],
    });
    match entry.special {
        Special::MultiQueue => fields::set(&mut spec, "/domain/devices/networkInterfaceMultiqueue", true),
        Special::HostDisk => fields::set(
            &mut spec,
            "/volumes",
            json!([{"name": "root", "hostDisk": {"path": "/var/lib/disks/root.img", "type": "Disk"}}]),
        ),
        Special::Probes => {
            fields::set(
                &mut spec,
                "/readinessProbe",
                json!({"tcpSocket": {"port": 25}, "initialDelaySeconds": 10, "periodSeconds": 5, "timeoutSeconds": 1, "failureThreshold": 3}),
            );
            fields::set(
                &mut spec,
                "/livenessProbe",
                json!({"tcpSocket": {"port": 25}, "initialDelaySeconds": 120, "periodSeconds": 20, "timeoutSeconds": 10, "failureThreshold": 3}),
            );
        }
        _ => {}
    }
    let mut vm = json!({
        "metadata": {
            "namespace": entry.namespace, "name": name, "labels": {"app": entry.app}, "finalizers": ["kubevirt.io/virtualMachineControllerFinalize"],
            "annotations": {"kubevirt.io/latest-observed-api-version": "v1", "kubevirt.io/storage-observed-api-version": "v1"},
        },
        "spec": {"runStrategy": entry.strategy, "template": {"metadata": {"labels": {"app": entry.app, "kubevirt.io/domain": name}}, "spec": spec}},
        "status": {"created": entry.strategy != "Halted"},
    });
    vmi_defaults::of_vm(&mut vm);
    vm
}
