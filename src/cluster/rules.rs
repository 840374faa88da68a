//! What a permission is, and those that several faults need. Each fault lists its own in its `permissions.rs`; preflight, `check` and
//! the roles are made from these lists.

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
pub(crate) const NAMESPACES: Rule = in_cluster(
    "get",
    "",
    "namespaces",
    "a namespace that does not exist looks like an empty one, and one that is protected like any other",
);
/// Where VMs are looked for in all of them.
pub(crate) const ALL_NAMESPACES: Rule = in_cluster(
    "list",
    "",
    "namespaces",
    "a namespace that is annotated as protected is like any other",
);
/// The same where debug pods are made too: [`super::pod_namespace`] asks for the label of `vmchaos`.
pub(crate) const NAMESPACES_AND_LABEL: Rule = in_cluster(
    "get",
    "",
    "namespaces",
    "namespace vmchaos is not used, for whether it is labelled is not known; and a namespace that does not exist looks like \
     an empty one, and one that is protected like any other",
);
/// What every run looks at before it begins, so that it can say what else goes on.
pub(crate) const OTHER_RUNS: Rule = everywhere(
    pods("list", RuleScope::Cluster),
    Needed::Optional(
        "other live runs are not shown, and a second fault of a kind on a VM is refused by its node alone",
    ),
);
pub(crate) const UNDER_WAY: Rule = everywhere(
    migrations("list", Needed::Required),
    Needed::Optional("migrations under way are not shown"),
);
/// VMs that an outage has changed, found by their label.
pub(crate) const OUTAGES: Rule = everywhere(
    vms("list", Needed::Required),
    Needed::Optional("outages of other VMs are not shown"),
);
pub(crate) const OUTAGES_OF_VMIS: Rule = everywhere(
    vmis("list", Needed::Required),
    Needed::Optional("outages of VMIs without a VM are not shown"),
);
/// Virt-handler and virt-controller name the launcher image.
pub(crate) const LAUNCHER_IMAGE: Rule = kubevirts_pods(
    "KubeVirt's launcher image is not known: --image, or `image` in the config file, has to name one for the debug pods",
);
/// What says of itself that faults are to be kept off.
pub(crate) const PROTECTIONS: Rule = vms(
    "list",
    Needed::Optional("whether one of many VMs is annotated as protected is not known"),
);
/// Whoever looks at a VM in trouble finds that somebody did it on purpose.
pub(crate) const EVENTS: Rule = Rule {
    needed: Needed::Optional("no Event is left on the VMI"),
    ..events("create")
};
/// And of what was named and does not run.
pub(crate) const STOPPED: Rule = vms("get", Needed::Optional("a stopped VM looks like one that is not there"));

pub(crate) const fn migrations(verb: &'static str, needed: Needed) -> Rule {
    Rule {
        resource: "virtualmachineinstancemigrations",
        ..vmis(verb, needed)
    }
}

pub(crate) const fn vmis(verb: &'static str, needed: Needed) -> Rule {
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

pub(crate) const fn vms(verb: &'static str, needed: Needed) -> Rule {
    Rule {
        resource: "virtualmachines",
        ..vmis(verb, needed)
    }
}

pub(crate) const fn events(verb: &'static str) -> Rule {
    Rule {
        group: "events.k8s.io",
        resource: "events",
        ..pods(verb, RuleScope::VmiNamespace)
    }
}

pub(crate) const fn pods(verb: &'static str, scope: RuleScope) -> Rule {
    Rule {
        verb,
        group: "",
        resource: "pods",
        subresource: None,
        scope,
        needed: Needed::Required,
    }
}

/// Attaching to a debug pod is a GET over WebSocket and a create by what it does; servers check the one or the other.
pub(crate) const fn attach(verb: &'static str) -> Rule {
    Rule {
        subresource: Some("attach"),
        ..pods(verb, RuleScope::PodNamespace)
    }
}

/// What is asked about just before debug pods are made; that they may be made is asked by a dry run.
///
/// They are read where the answer to their creation was lost: one that was made all the same must not be forgotten.
pub(crate) const DEBUG_PODS: [Rule; 4] = [
    pods("get", RuleScope::PodNamespace),
    pods("delete", RuleScope::PodNamespace),
    attach("get"),
    attach("create"),
];
/// How debug pods are followed; a fault on packets watches them before it makes any, and need not ask.
pub(crate) const FOLLOWED: [Rule; 2] = [
    pods("list", RuleScope::PodNamespace),
    pods("watch", RuleScope::PodNamespace),
];

/// What a check of a VM's port needs: the VM is found and followed, and probed by a debug pod on its node.
pub(crate) const PROBES: &[Rule] = &[
    vmis("get", Needed::Required),
    vmis("list", Needed::Required),
    vmis("watch", Needed::Required),
    pods("list", RuleScope::VmiNamespace),
    LAUNCHER_IMAGE,
    in_cluster(
        "list",
        "kubevirt.io",
        "kubevirts",
        "KubeVirt's launcher image is not known, and debug pods do not go to KubeVirt's namespace unless it is named",
    ),
    NAMESPACES_AND_LABEL,
    pods("create", RuleScope::PodNamespace),
    DEBUG_PODS[0],
    DEBUG_PODS[1],
    DEBUG_PODS[2],
    DEBUG_PODS[3],
    FOLLOWED[0],
    FOLLOWED[1],
];

pub(crate) const fn kubevirts_pods(without: &'static str) -> Rule {
    Rule {
        needed: Needed::Optional(without),
        ..pods("list", RuleScope::KubeVirtNamespace)
    }
}

pub(crate) const fn in_cluster(
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

pub(crate) const fn everywhere(rule: Rule, needed: Needed) -> Rule {
    Rule {
        scope: RuleScope::Cluster,
        needed,
        ..rule
    }
}

/// A subresource that KubeVirt's own API server has.
pub(crate) const fn virt(resource: &'static str, subresource: &'static str, without: &'static str) -> Rule {
    Rule {
        verb: "update",
        group: "subresources.kubevirt.io",
        resource,
        subresource: Some(subresource),
        scope: RuleScope::VmiNamespace,
        needed: Needed::Optional(without),
    }
}

// === impl Rule ===

impl Rule {
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
    pub(crate) fn in_role(&self) -> String {
        self.subresource
            .map_or_else(|| self.resource.to_owned(), |sub| format!("{}/{sub}", self.resource))
    }
}
