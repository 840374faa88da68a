//! What the commands that look at runs and VMs, and end runs, need permission for.

use crate::cluster::rules::{
    NAMESPACES, Needed, PROTECTIONS, Rule, RuleScope, STOPPED, events, everywhere, in_cluster, kubevirts_pods,
    migrations, pods, virt, vmis, vms,
};

/// What `list` needs.
pub(super) const LIST: &[Rule] = {
    use Needed::{Optional, Required};
    use RuleScope::VmiNamespace;
    &[
        vmis("list", Required),
        vmis("get", Optional("VMIs cannot be asked for by name")),
        STOPPED,
        PROTECTIONS,
        pods("list", VmiNamespace),
        kubevirts_pods("a pod that only looks like a VM's launcher is not told by the image it runs"),
        NAMESPACES,
        in_cluster("list", "", "nodes", "where a VM could move to is not known"),
        in_cluster(
            "list",
            "kubevirt.io",
            "kubevirts",
            "interfaces of binding plugins cannot be told apart",
        ),
    ]
};

/// What `status` needs: it looks into every namespace.
pub(super) const STATUS: &[Rule] = {
    use Needed::{Optional, Required};
    const WATCH: Needed = Optional("`--watch` is not possible");
    &[
        everywhere(pods("list", RuleScope::Cluster), Required),
        everywhere(pods("watch", RuleScope::Cluster), WATCH),
        everywhere(
            migrations("list", Required),
            Optional("runs of migrations are not seen"),
        ),
        everywhere(migrations("watch", Required), WATCH),
        everywhere(vms("list", Required), Optional("outages are not seen")),
        everywhere(vms("watch", Required), WATCH),
        everywhere(
            vmis("list", Required),
            Optional("outages of VMIs without a VM are not seen"),
        ),
        everywhere(vmis("watch", Required), WATCH),
        everywhere(
            events("list"),
            Optional("which faults are in place is not known: their runs are shown as running"),
        ),
        everywhere(events("watch"), WATCH),
        OWN_LABEL,
        HOME,
    ]
};

/// What `halt` needs: it looks into every namespace, and acts in those of the debug pods and of the VMs.
pub(super) const HALT: &[Rule] = {
    use Needed::{Optional, Required};
    use RuleScope::PodNamespace;
    const LOOK: Needed = Optional("a VM cannot be looked into: `halt vmi/NAME`, and runs that ended without a word");
    const FLIGHTS: Needed = Optional("runs of migrations cannot be ended");
    const OUTAGES: Needed = Optional("outages cannot be put right");
    &[
        everywhere(pods("list", RuleScope::Cluster), Required),
        everywhere(migrations("list", Required), FLIGHTS),
        everywhere(vms("list", Required), OUTAGES),
        everywhere(vmis("list", Required), OUTAGES),
        everywhere(
            events("list"),
            Optional("a run whose pods are gone is not looked for on the VMs it was on"),
        ),
        Rule {
            needed: Optional(
                "that a run is over is not told on its VMIs, so that it is looked into again when it is named again",
            ),
            ..events("create")
        },
        pods("watch", PodNamespace),
        pods("delete", PodNamespace),
        Rule {
            needed: LOOK,
            ..pods("create", PodNamespace)
        },
        Rule {
            needed: LOOK,
            ..pods("get", PodNamespace)
        },
        Rule {
            needed: LOOK,
            subresource: Some("attach"),
            ..pods("get", PodNamespace)
        },
        Rule {
            needed: LOOK,
            subresource: Some("attach"),
            ..pods("create", PodNamespace)
        },
        vmis("get", FLIGHTS),
        vmis(
            "watch",
            Optional(
                "a VM whose guest is still shutting down is not started, and that a guest goes on after a pause is not seen",
            ),
        ),
        migrations("watch", FLIGHTS),
        migrations("delete", FLIGHTS),
        migrations(
            "patch",
            Optional("the command that migrates is not told, and may go on"),
        ),
        vms("get", OUTAGES),
        vms("patch", OUTAGES),
        vmis("patch", Optional("a pause of a VMI without a VM cannot be put right")),
        virt("virtualmachines", "start", "a VM that was stopped is not started"),
        virt("virtualmachineinstances", "unpause", "a VM that was paused stays so"),
        OWN_LABEL,
        HOME,
    ]
};

/// Where pods count as those of a run, and where `halt` makes its own.
const OWN_LABEL: Rule = in_cluster(
    "get",
    "",
    "namespaces",
    "namespace vmchaos is not used, for whether it is labelled is not known: runs there are told apart and left alone, unless it \
     is named",
);
const HOME: Rule = in_cluster(
    "list",
    "kubevirt.io",
    "kubevirts",
    "KubeVirt's namespace is not known: runs there are told apart and left alone, unless it is named",
);
