//! In what the practice cluster differs from the recordings, and is to.

/// The scenario (empty = all), how the fact begins, how it ends, and why it differs.
pub(super) const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    ("", "Pod", "k8s.v1.cni.cncf.io~1network-status", "here is Multus, which says of every pod which networks it has"),
    ("", "Pod", ": /status/podIPs", "here pods have no IPv6"),
    ("", "VirtualMachineInstance", "/ipAddresses", "here pods have no IPv6"),
    ("", "VirtualMachine", "~1guest", "guests here have an agent unless this annotation says no; the one that was recorded has none"),
    ("", "VirtualMachineInstance", "/checksum", "of the image that the guest was booted from"),
];

/// Which of the differences is meant, if any.
pub(super) fn is_meant(scenario: &str, fact: &str) -> Option<usize> {
    DIFFERENCES.iter().position(|(of, start, end, _)| {
        (of.is_empty() || *of == scenario) && fact.starts_with(start) && fact.ends_with(end)
    })
}
