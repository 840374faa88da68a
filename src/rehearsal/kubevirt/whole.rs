//! KubeVirt's objects as large as real ones. What is the same for all launchers, and who manages which field, is not kept with
//! each object, for there may be thousands: it is added to what is answered, and taken away from what is written.

use serde_json::{Value, json};

use super::launcher_parts;
use crate::{
    api::{
        managed_fields::{self, Manager},
        resources::{PODS, Resource, VMIMS, VMIS, VMS},
    },
    json as fields,
};

/// Marks a launcher pod that KubeVirt made, of which only what differs is kept. No client sees or writes it.
pub(crate) const IN_BRIEF: &str = "inBrief";

const VIRT_CONTROLLER: &str = "virt-controller";

const OF_PODS: &[Manager] = &[
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "",
        writes: &[
            "/metadata/annotations",
            "/metadata/generateName",
            "/metadata/labels",
            "/metadata/ownerReferences",
            "/spec",
        ],
        but: &[
            "/spec/nodeName",
            "/spec/preemptionPolicy",
            "/spec/priority",
            "/spec/serviceAccount",
            "/spec/serviceAccountName",
            "/spec/tolerations",
        ],
    },
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "status",
        writes: &[UNPAUSED],
        but: &[],
    },
    Manager {
        name: "kubelet",
        subresource: "status",
        writes: &["/status/"],
        but: &[UNPAUSED, "/status/qosClass"],
    },
];
const UNPAUSED: &str = "/status/conditions/kubevirt.io~1virtual-machine-unpaused";

const OF_VMIS: &[Manager] = &[
    Manager {
        name: "virt-handler",
        subresource: "",
        writes: &[
            "/status/interfaces",
            "/status/kernelBootStatus",
            "/status/machine",
            "/status/migrationMethod",
            "/status/phase",
            "/status/selinuxContext",
        ],
        but: &[],
    },
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "",
        writes: &[
            "/metadata/annotations",
            "/metadata/finalizers",
            "/metadata/labels",
            "/metadata/ownerReferences",
            "/spec",
            "/status/",
        ],
        but: &[
            "/status/interfaces",
            "/status/kernelBootStatus",
            "/status/machine",
            "/status/migrationMethod",
            "/status/phase",
            "/status/selinuxContext",
            "/status/phaseTransitionTimestamps",
            "/status/memory",
            "/status/currentCPUTopology",
        ],
    },
];

const OF_VMS: &[Manager] = &[
    Manager {
        name: "kubectl-create",
        subresource: "",
        writes: &["/metadata/labels", "/spec"],
        but: &[],
    },
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "",
        writes: &["/metadata/annotations", "/metadata/finalizers"],
        but: &[],
    },
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "status",
        writes: &["/status"],
        but: &[],
    },
];

const OF_MIGRATIONS: &[Manager] = &[
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "",
        writes: &["/metadata/annotations", "/metadata/finalizers", "/metadata/labels"],
        but: &[],
    },
    Manager {
        name: VIRT_CONTROLLER,
        subresource: "status",
        writes: &["/status"],
        but: &[],
    },
];

fn managers(resource: &Resource, object: &Value) -> &'static [Manager] {
    match resource {
        _ if resource.is(&VMIS) => OF_VMIS,
        _ if resource.is(&VMIMS) => OF_MIGRATIONS,
        _ if resource.is(&VMS) => OF_VMS,
        _ if resource.is(&PODS) && object.get(IN_BRIEF).is_some() => OF_PODS,
        _ => &[],
    }
}

/// An object as it is answered.
pub(crate) fn of(resource: &Resource, object: &Value) -> Value {
    let mut whole = object.clone();
    let managers = managers(resource, object);
    if resource.is(&PODS) && !managers.is_empty() {
        launcher_parts::add(&mut whole);
        fields::unset(&mut whole, &format!("/{IN_BRIEF}"));
    }
    managed_fields::add(&mut whole, managers, resource.is(&PODS));
    whole
}

/// What is kept of an object that a client has written over another one.
pub(crate) fn kept(resource: &Resource, before: &Value, mut whole: Value) -> Value {
    let managers = managers(resource, before);
    managed_fields::remove(&mut whole, managers);
    if resource.is(&PODS) && !managers.is_empty() {
        launcher_parts::remove(&mut whole);
        fields::set(&mut whole, &format!("/{IN_BRIEF}"), json!(true));
    }
    whole
}
