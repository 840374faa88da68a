//! What a fault on VMs' packets needs permission for.

use crate::cluster::rules::{
    EVENTS, LAUNCHER_IMAGE, NAMESPACES_AND_LABEL, Needed, OTHER_RUNS, OUTAGES, OUTAGES_OF_VMIS, PROTECTIONS, Rule,
    RuleScope, STOPPED, UNDER_WAY, attach, in_cluster, pods, vmis,
};

/// What a fault on VMs' packets needs, `netem` and `filter` alike.
pub const VM_PACKETS: &[Rule] = {
    use Needed::{Optional, Required};
    use RuleScope::{PodNamespace, VmiNamespace};
    &[
        vmis("list", Required),
        vmis("get", Required),
        vmis(
            "watch",
            Optional("a VM that moves or restarts during the fault is noticed late"),
        ),
        STOPPED,
        PROTECTIONS,
        OTHER_RUNS,
        UNDER_WAY,
        OUTAGES,
        OUTAGES_OF_VMIS,
        pods("list", VmiNamespace),
        Rule {
            needed: Optional("a launcher that is deleted keeps its fault until its VMI or its node tells"),
            ..pods("watch", VmiNamespace)
        },
        LAUNCHER_IMAGE,
        pods("create", PodNamespace),
        pods("get", PodNamespace),
        pods("list", PodNamespace),
        pods("watch", PodNamespace),
        pods("delete", PodNamespace),
        attach("get"),
        attach("create"),
        EVENTS,
        NAMESPACES_AND_LABEL,
        in_cluster(
            "list",
            "",
            "nodes",
            "a node that is not Ready is noticed only when its pod does not start",
        ),
        in_cluster(
            "list",
            "kubevirt.io",
            "kubevirts",
            "binding plugins cannot be told apart, KubeVirt's launcher image is not known, and debug pods do not go to KubeVirt's \
             namespace unless it is named",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::VM_PACKETS;

    #[test]
    fn attaching_needs_both_verbs() {
        let attach = VM_PACKETS.iter().filter(|rule| rule.subresource == Some("attach"));
        let attach: Vec<&str> = attach.map(|rule| rule.verb).collect();
        assert_eq!(attach, ["get", "create"]);
    }
}
