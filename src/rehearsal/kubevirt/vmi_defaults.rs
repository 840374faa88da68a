//! What KubeVirt's webhooks fill in of a new VM and a new VMI (`pkg/virt-api/webhooks/mutating-webhook`).

use serde_json::{Value, json};

use crate::{ids, json as fields};

/// Fills a new VM's template in.
pub(crate) fn of_vm(vm: &mut Value) {
    let uuid = uuid(&[
        fields::text(vm, "/metadata/namespace"),
        fields::text(vm, "/metadata/name"),
    ]);
    let template = "/spec/template/spec";
    for (field, value) in [
        ("architecture", json!("amd64")),
        ("domain/machine/type", json!("q35")),
        ("domain/resources", json!({})),
        ("domain/firmware/uuid", json!(uuid)),
    ] {
        default(vm, &format!("{template}/{field}"), value);
    }
    // Its schema has the field, empty or not.
    default(vm, "/spec/template/metadata/creationTimestamp", Value::Null);
}

/// Fills a new VMI in, and its status before anybody has looked at it.
pub(crate) fn of_vmi(vmi: &mut Value) {
    let uuid = uuid(&[
        fields::text(vmi, "/metadata/namespace"),
        fields::text(vmi, "/metadata/name"),
    ]);
    let memory = vmi
        .pointer("/spec/domain/memory/guest")
        .cloned()
        .unwrap_or_else(|| json!("1Gi"));
    for (field, value) in [
        ("architecture", json!("amd64")),
        ("evictionStrategy", json!("None")),
        ("domain/machine/type", json!("q35")),
        ("domain/cpu/cores", json!(1)),
        ("domain/cpu/sockets", json!(1)),
        ("domain/cpu/threads", json!(1)),
        ("domain/cpu/model", json!("host-model")),
        ("domain/features/acpi/enabled", json!(true)),
        ("domain/firmware/uuid", json!(uuid)),
        ("domain/resources/requests/memory", memory.clone()),
    ] {
        default(vmi, &format!("/spec/{field}"), value);
    }
    let sockets = vmi
        .pointer("/spec/domain/cpu/sockets")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    default(vmi, "/spec/domain/cpu/maxSockets", json!(4 * sockets));
    let cpu = &vmi["spec"]["domain"]["cpu"];
    let topology = json!({"cores": cpu["cores"], "sockets": cpu["sockets"], "threads": cpu["threads"]});
    for (field, value) in [
        ("currentCPUTopology", topology),
        ("guestOSInfo", json!({})),
        (
            "memory",
            json!({"guestAtBoot": memory, "guestCurrent": memory, "guestRequested": memory}),
        ),
        ("runtimeUser", json!(107)),
    ] {
        fields::set(vmi, &format!("/status/{field}"), value);
    }
    super::vmi::phase(vmi, "Pending");
}

fn default(object: &mut Value, pointer: &str, value: Value) {
    if object.pointer(pointer).is_none() {
        fields::set(object, pointer, value);
    }
}

/// The firmware's UUID: the same whenever the same world is made.
fn uuid(words: &[&str]) -> String {
    let digest = ids::digest(&words.join("/"));
    format!(
        "{}-{}-{}-{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[12..16],
        &digest[16..20],
        &digest[20..32]
    )
}
