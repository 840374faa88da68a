//! What each fault needs permission for: one table, from which the preflight asks and the missing RBAC is written.

use super::looking_permissions::everywhere;

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub verb: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    pub resource: &'static str,
    pub subresource: Option<&'static str>,
    pub scope: RuleScope,
    pub needed: Needed,
}

/// Where a permission must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleScope {
    /// In the namespace of each VMI.
    VmiNamespace,
    /// In the namespace the debug pods are created in.
    PodNamespace,
    /// In the namespace KubeVirt is installed in.
    KubeVirtNamespace,
    /// In the whole cluster.
    Cluster,
}

/// Whether the fault can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Required,
    /// What is lost without it.
    Optional(&'static str),
}

/// What most commands look at when nothing is found.
pub(super) const NAMESPACES: Rule = in_cluster(
    "get",
    "",
    "namespaces",
    "a namespace that does not exist looks like an empty one, and one that is protected like any other",
);
/// The same where debug pods are made too: [`super::pod_namespace`] asks for the label of `vmchaos`.
pub(super) const NAMESPACES_AND_LABEL: Rule = in_cluster(
    "get",
    "",
    "namespaces",
    "namespace vmchaos is not used, for whether it is labelled is not known; and a namespace that does not exist looks like \
     an empty one, and one that is protected like any other",
);
/// What every run looks at before it begins, so that it can say what else goes on.
pub(super) const OTHER_RUNS: Rule = everywhere(
    pods("list", RuleScope::Cluster),
    Needed::Optional(
        "other live runs are not shown, and a second fault of a kind on a VM is refused by its node alone",
    ),
);
pub(super) const UNDER_WAY: Rule = everywhere(
    migrations("list", Needed::Required),
    Needed::Optional("migrations under way are not shown"),
);
/// VMs that an outage has changed, found by their label.
pub(super) const OUTAGES: Rule = everywhere(
    vms("list", Needed::Required),
    Needed::Optional("outages of other VMs are not shown"),
);
pub(super) const OUTAGES_OF_VMIS: Rule = everywhere(
    vmis("list", Needed::Required),
    Needed::Optional("outages of VMIs without a VM are not shown"),
);
/// Virt-handler and virt-controller name the launcher image.
pub(super) const LAUNCHER_IMAGE: Rule = kubevirts_pods(
    "KubeVirt's launcher image is not known: --image, or `image` in the config file, has to name one for the debug pods",
);
/// What says of itself that faults are to be kept off.
pub(super) const PROTECTIONS: Rule = vms(
    "list",
    Needed::Optional("whether one of many VMs is annotated as protected is not known"),
);
/// Whoever looks at a VM in trouble finds that somebody did it on purpose.
pub(super) const EVENTS: Rule = Rule {
    needed: Needed::Optional("no Event is left on the VMI"),
    ..events("create")
};
/// And of what was named and does not run.
pub(super) const STOPPED: Rule = vms("get", Needed::Optional("a stopped VM looks like one that is not there"));

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
        // Attaching is a GET over WebSocket and a create by what it does; servers check the one or the other.
        Rule {
            subresource: Some("attach"),
            ..pods("get", PodNamespace)
        },
        Rule {
            subresource: Some("attach"),
            ..pods("create", PodNamespace)
        },
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

/// What `migrate` needs. KubeVirt 1.5 and later keep the migrations' verbs in a role of their own,
/// `kubevirt.io:migrate`, which `admin` and `edit` do not contain.
pub const MIGRATE: &[Rule] = {
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

pub(super) const fn migrations(verb: &'static str, needed: Needed) -> Rule {
    Rule {
        resource: "virtualmachineinstancemigrations",
        ..vmis(verb, needed)
    }
}

pub(super) const fn vmis(verb: &'static str, needed: Needed) -> Rule {
    let (group, resource) = ("kubevirt.io", "virtualmachineinstances");
    Rule {
        verb,
        group,
        resource,
        subresource: None,
        scope: RuleScope::VmiNamespace,
        needed,
    }
}

pub(super) const fn vms(verb: &'static str, needed: Needed) -> Rule {
    Rule {
        resource: "virtualmachines",
        ..vmis(verb, needed)
    }
}

pub(super) const fn events(verb: &'static str) -> Rule {
    Rule {
        group: "events.k8s.io",
        resource: "events",
        ..pods(verb, RuleScope::VmiNamespace)
    }
}

pub(super) const fn pods(verb: &'static str, scope: RuleScope) -> Rule {
    Rule {
        verb,
        group: "",
        resource: "pods",
        subresource: None,
        scope,
        needed: Needed::Required,
    }
}

pub(super) const fn kubevirts_pods(without: &'static str) -> Rule {
    Rule {
        needed: Needed::Optional(without),
        ..pods("list", RuleScope::KubeVirtNamespace)
    }
}

pub(super) const fn in_cluster(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    without: &'static str,
) -> Rule {
    Rule {
        verb,
        group,
        resource,
        subresource: None,
        scope: RuleScope::Cluster,
        needed: Needed::Optional(without),
    }
}

// === impl Rule ===

impl Rule {
    /// What a run asks about just before it begins; the rest of what it needs it has used by then, or asked for by a dry run.
    pub fn is_for_debug_pods(&self) -> bool {
        self.scope == RuleScope::PodNamespace
            && self.needed == Needed::Required
            && (self.subresource.is_some() || self.verb == "delete")
    }

    /// `pods/attach`, `virtualmachineinstances.kubevirt.io`
    pub fn qualified(&self) -> String {
        let resource = match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.to_owned(),
        };
        // kubectl takes the group between resource and subresource.
        match (self.group, self.subresource) {
            ("", _) => resource,
            (group, None) => format!("{resource}.{group}"),
            (group, Some(subresource)) => format!("{}.{group}/{subresource}", self.resource),
        }
    }

    /// As it stands in a Role's `resources`.
    pub(super) fn in_role(&self) -> String {
        self.subresource
            .map_or_else(|| self.resource.to_owned(), |sub| format!("{}/{sub}", self.resource))
    }
}
