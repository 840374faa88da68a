//! What `migrate` needs permission for.

use crate::cluster::rules::{
    EVENTS, NAMESPACES, Needed, OTHER_RUNS, OUTAGES, OUTAGES_OF_VMIS, PROTECTIONS, Rule, RuleScope, STOPPED, UNDER_WAY,
    in_cluster, migrations, pods, vmis,
};

/// What `migrate` needs. KubeVirt 1.5 and later keep the migrations' verbs in a role of their own,
/// `kubevirt.io:migrate`, which `admin` and `edit` do not contain.
pub(crate) const MIGRATE: &[Rule] = {
    use Needed::{Optional, Required};
    use RuleScope::VmiNamespace;
    &[
        vmis("list", Required),
        vmis("get", Required),
        vmis("watch", Required),
        migrations("create", Required),
        migrations("get", Required),
        migrations("list", Required),
        migrations("watch", Required),
        migrations("delete", Required),
        migrations(
            "patch",
            Optional("`halt` cancels what is in flight, and cannot tell the run to end"),
        ),
        STOPPED,
        PROTECTIONS,
        OTHER_RUNS,
        UNDER_WAY,
        OUTAGES,
        OUTAGES_OF_VMIS,
        Rule {
            needed: Optional("why a target pod does not start is not told"),
            ..pods("list", VmiNamespace)
        },
        EVENTS,
        NAMESPACES,
        in_cluster(
            "list",
            "",
            "nodes",
            "a VM that no other node can take is found out when its migration fails",
        ),
        in_cluster(
            "list",
            "kubevirt.io",
            "kubevirts",
            "KubeVirt's version and its limits on migrations are not known",
        ),
    ]
};
