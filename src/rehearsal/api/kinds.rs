//! The table of kinds.

use super::resources::{Resource, Sub};

/// What can be done with a kind, as discovery lists it.
const ALL: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
const REVIEW: &[&str] = &["create"];

const fn sub(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Sub {
    Sub {
        name,
        group: "",
        version: "v1",
        kind,
        verbs,
    }
}

const fn virt(name: &'static str, kind: &'static str) -> Sub {
    Sub {
        name,
        group: "subresources.kubevirt.io",
        version: "v1",
        kind,
        verbs: &["update"],
    }
}

const fn status(group: &'static str, version: &'static str, kind: &'static str) -> Sub {
    Sub {
        name: "status",
        group,
        version,
        kind,
        verbs: &["get", "patch", "update"],
    }
}

const fn core(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
    subs: &'static [Sub],
) -> Resource {
    Resource {
        group: "",
        version: "v1",
        plural,
        singular,
        kind,
        short,
        namespaced,
        verbs: ALL,
        subs,
        custom: false,
    }
}

const fn virt_kind(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    subs: &'static [Sub],
) -> Resource {
    Resource {
        group: "kubevirt.io",
        version: "v1",
        plural,
        singular,
        kind,
        short,
        namespaced: true,
        verbs: ALL,
        subs,
        custom: true,
    }
}

const fn review(group: &'static str, plural: &'static str, singular: &'static str, kind: &'static str) -> Resource {
    Resource {
        group,
        version: "v1",
        plural,
        singular,
        kind,
        short: &[],
        namespaced: false,
        verbs: REVIEW,
        subs: &[],
        custom: false,
    }
}

const fn builtin(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
) -> Resource {
    Resource {
        group,
        version: "v1",
        plural,
        singular,
        kind,
        short,
        namespaced: true,
        verbs: ALL,
        subs: &[],
        custom: false,
    }
}

const fn holder(plural: &'static str, singular: &'static str, kind: &'static str, subs: &'static [Sub]) -> Resource {
    Resource {
        group: "subresources.kubevirt.io",
        version: "v1",
        plural,
        singular,
        kind,
        short: &[],
        namespaced: true,
        verbs: &[],
        subs,
        custom: false,
    }
}

pub(crate) static NAMESPACES: Resource = core(
    "namespaces",
    "namespace",
    "Namespace",
    &["ns"],
    false,
    &[status("", "v1", "Namespace")],
);
pub(crate) static NODES: Resource = core("nodes", "node", "Node", &["no"], false, &[status("", "v1", "Node")]);
pub(crate) static PODS: Resource = core(
    "pods",
    "pod",
    "Pod",
    &["po"],
    true,
    &[
        sub("attach", "PodAttachOptions", &["create", "get"]),
        Sub {
            name: "eviction",
            group: "policy",
            version: "v1",
            kind: "Eviction",
            verbs: &["create"],
        },
        sub("log", "Pod", &["get"]),
        status("", "v1", "Pod"),
    ],
);
pub(crate) static EVENTS: Resource = core("events", "event", "Event", &["ev"], true, &[]);
/// The same objects as [`EVENTS`], written in the newer group's words.
pub(crate) static NEW_EVENTS: Resource = builtin("events.k8s.io", "events", "event", "Event", &["ev"]);
pub(crate) static SERVICES: Resource = core("services", "service", "Service", &["svc"], true, &[]);
pub(crate) static VMS: Resource = virt_kind(
    "virtualmachines",
    "virtualmachine",
    "VirtualMachine",
    &["vm", "vms"],
    &[status("kubevirt.io", "v1", "VirtualMachine")],
);
/// Has no status subresource: the real CRD has none, and a write to it is answered with 404.
pub(crate) static VMIS: Resource = virt_kind(
    "virtualmachineinstances",
    "virtualmachineinstance",
    "VirtualMachineInstance",
    &["vmi", "vmis"],
    &[],
);
pub(crate) static VMIMS: Resource = virt_kind(
    "virtualmachineinstancemigrations",
    "virtualmachineinstancemigration",
    "VirtualMachineInstanceMigration",
    &["vmim", "vmims"],
    &[status("kubevirt.io", "v1", "VirtualMachineInstanceMigration")],
);
pub(crate) static KUBEVIRTS: Resource = virt_kind(
    "kubevirts",
    "kubevirt",
    "KubeVirt",
    &["kv", "kvs"],
    &[status("kubevirt.io", "v1", "KubeVirt")],
);

static CONFIGMAPS: Resource = core("configmaps", "configmap", "ConfigMap", &["cm"], true, &[]);
static SECRETS: Resource = core("secrets", "secret", "Secret", &[], true, &[]);
static SERVICE_ACCOUNTS: Resource = core(
    "serviceaccounts",
    "serviceaccount",
    "ServiceAccount",
    &["sa"],
    true,
    &[],
);
static LEASES: Resource = builtin("coordination.k8s.io", "leases", "lease", "Lease", &[]);
static BUDGETS: Resource = builtin(
    "policy",
    "poddisruptionbudgets",
    "poddisruptionbudget",
    "PodDisruptionBudget",
    &["pdb"],
);
static ACCESS_REVIEWS: Resource = review(
    "authorization.k8s.io",
    "selfsubjectaccessreviews",
    "selfsubjectaccessreview",
    "SelfSubjectAccessReview",
);
static RULES_REVIEWS: Resource = review(
    "authorization.k8s.io",
    "selfsubjectrulesreviews",
    "selfsubjectrulesreview",
    "SelfSubjectRulesReview",
);
static SUBJECT_REVIEWS: Resource = review(
    "authentication.k8s.io",
    "selfsubjectreviews",
    "selfsubjectreview",
    "SelfSubjectReview",
);
pub(crate) static REPLICA_SETS: Resource = virt_kind(
    "virtualmachineinstancereplicasets",
    "virtualmachineinstancereplicaset",
    "VirtualMachineInstanceReplicaSet",
    &["vmirs", "vmirss"],
    &[status("kubevirt.io", "v1", "VirtualMachineInstanceReplicaSet")],
);
static VM_SUBRESOURCES: Resource = holder(
    "virtualmachines",
    "virtualmachine",
    "VirtualMachine",
    &[
        virt("migrate", "MigrateOptions"),
        virt("restart", "RestartOptions"),
        virt("start", "StartOptions"),
        virt("stop", "StopOptions"),
    ],
);
static VMI_SUBRESOURCES: Resource = holder(
    "virtualmachineinstances",
    "virtualmachineinstance",
    "VirtualMachineInstance",
    &[
        virt("pause", "PauseOptions"),
        virt("reset", "ResetOptions"),
        virt("softreboot", "SoftRebootOptions"),
        virt("unpause", "UnpauseOptions"),
    ],
);

pub(crate) static TABLE: &[&Resource] = &[
    &CONFIGMAPS,
    &EVENTS,
    &NAMESPACES,
    &NODES,
    &PODS,
    &SECRETS,
    &SERVICE_ACCOUNTS,
    &SERVICES,
    &NEW_EVENTS,
    &LEASES,
    &BUDGETS,
    &ACCESS_REVIEWS,
    &RULES_REVIEWS,
    &SUBJECT_REVIEWS,
    &KUBEVIRTS,
    &VMIMS,
    &REPLICA_SETS,
    &VMIS,
    &VMS,
    &VM_SUBRESOURCES,
    &VMI_SUBRESOURCES,
];
