//! In what the practice cluster differs from the recordings, and is to.

use std::sync::LazyLock;

use regex::Regex;

/// The scenario (empty = all), the facts, and why they differ.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "",
        r"^Pod \d+: /spec/nodeSelector/cpu-",
        "a migrated guest needs what the processor had that it was started on; here all nodes have the same one",
    ),
    (
        "",
        r"^Pod \d+: /status/\w+Statuses/volume[a-z-]+/image$",
        "here a node does not know by which tag an image was asked for before",
    ),
    (
        "",
        r"^Pod \d+: /metadata/annotations/k8s.v1.cni.cncf.io~1network-status$",
        "here is Multus, which says of every pod which networks it has",
    ),
    (
        "",
        r"^Pod \d+: /status/podIPs$|^VirtualMachineInstance \d+: /status/interfaces/default/ipAddresses$",
        "here pods have no IPv6",
    ),
    (
        "",
        r"^VirtualMachine(Instance)? \d+: .*/annotations/rehearsal.vmchaos.dev~1guest$",
        "guests here have an agent unless this annotation says no; the one that was recorded has none",
    ),
    (
        "",
        r"^VirtualMachineInstance \d+: /status/kernelBootStatus/\w+/checksum$",
        "of the image that the guest was booted from",
    ),
    (
        "refusals",
        r"^VirtualMachineInstance \d+: /status/volumeStatus$",
        "here are no PersistentVolumeClaims, of which KubeVirt says what they are",
    ),
];

/// Whether a difference is meant.
pub(super) fn is_meant(scenario: &str, fact: &str) -> bool {
    static FACTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        DIFFERENCES
            .iter()
            .map(|(_, facts, _)| Regex::new(facts).unwrap())
            .collect()
    });
    DIFFERENCES
        .iter()
        .zip(FACTS.iter())
        .any(|((of, ..), facts)| (of.is_empty() || *of == scenario) && facts.is_match(fact))
}
