//! The VMs by name: each stands for something a real cluster has.

/// How a VM's interface is bound to its network.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Binding {
    Masquerade,
    Bridge,
    ManagedTap,
    Macvtap,
    Passt,
    Sriov,
}

/// An interface: the network's name, the network attachment (empty = the pod's own network), the binding.
pub(crate) type Interface = (&'static str, &'static str, Binding);

/// What is out of the ordinary about a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Nothing,
    /// As many queues as virtual CPUs.
    MultiQueue,
    Paused,
    /// Has a disk of its node: cannot be migrated.
    HostDisk,
    /// Readiness and liveness probes.
    Probes,
    /// Never gets past scheduling.
    Scheduling,
    /// No VM behind the VMI.
    Standalone,
}

/// A VM of the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    /// Value of the label `app`.
    pub(crate) app: &'static str,
    pub(crate) strategy: &'static str,
    pub(crate) interfaces: &'static [Interface],
    pub(crate) special: Special,
}

const POD: &[Interface] = &[("default", "", Binding::Masquerade)];
const POD_BRIDGE: &[Interface] = &[("default", "", Binding::Bridge)];
const TWO: &[Interface] = &[
    ("default", "", Binding::Masquerade),
    ("storage", "storage-net", Binding::Bridge),
];

const fn entry(
    namespace: &'static str,
    name: &'static str,
    app: &'static str,
    strategy: &'static str,
    interfaces: &'static [Interface],
    special: Special,
) -> Entry {
    Entry {
        namespace,
        name,
        app,
        strategy,
        interfaces,
        special,
    }
}

/// All of them; the first ones are plain, and `web-1` is the one every example uses.
pub(crate) const ENTRIES: &[Entry] = &[
    entry("default", "web-1", "web", "Always", POD, Special::Nothing),
    entry("default", "web-2", "web", "Always", POD, Special::Nothing),
    entry("default", "web-3", "web", "Always", POD, Special::Nothing),
    entry("default", "db-1", "db", "RerunOnFailure", POD_BRIDGE, Special::Nothing),
    entry("default", "cache-1", "cache", "Manual", POD, Special::MultiQueue),
    entry(
        "default",
        "queue-1",
        "queue",
        "Always",
        &[("default", "", Binding::ManagedTap)],
        Special::Nothing,
    ),
    entry("default", "mail-1", "mail", "Always", POD, Special::Probes),
    entry("shop", "shop-web-1", "web", "Always", POD, Special::Nothing),
    entry("shop", "shop-web-2", "web", "Always", POD, Special::Nothing),
    entry("shop", "shop-db-1", "db", "Always", TWO, Special::Nothing),
    entry("shop", "report-1", "report", "Once", POD, Special::Nothing),
    entry("payments", "pay-1", "pay", "Always", POD, Special::Nothing),
    entry("payments", "pay-2", "pay", "Always", TWO, Special::MultiQueue),
    entry(
        "lab",
        "router-1",
        "router",
        "Always",
        &[
            ("default", "", Binding::Masquerade),
            ("uplink", "sriov-net", Binding::Sriov),
        ],
        Special::Nothing,
    ),
    entry(
        "lab",
        "probe-1",
        "probe",
        "Always",
        &[
            ("default", "", Binding::Masquerade),
            ("lan", "macvtap-net", Binding::Macvtap),
        ],
        Special::Nothing,
    ),
    entry(
        "lab",
        "vf-1",
        "vf",
        "Always",
        &[("uplink", "sriov-net", Binding::Sriov)],
        Special::Nothing,
    ),
    entry(
        "lab",
        "passt-1",
        "passt",
        "Always",
        &[("default", "", Binding::Passt)],
        Special::Nothing,
    ),
    entry("lab", "paused-1", "lab", "Always", POD, Special::Paused),
    entry("lab", "pinned-1", "lab", "Always", POD, Special::HostDisk),
    entry("lab", "lone-1", "lab", "", POD, Special::Standalone),
    entry("lab", "starting-1", "lab", "Always", POD, Special::Scheduling),
    entry("lab", "stopped-1", "lab", "Halted", POD, Special::Nothing),
];

/// What the further VMs of a big world are like.
pub(crate) const PLAIN: Entry = entry("load", "", "load", "Always", POD, Special::Nothing);
