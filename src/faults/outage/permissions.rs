//! What `outage` needs permission for; each mode needs a part of it.

use crate::cluster::rules::{
    EVENTS, LAUNCHER_IMAGE, NAMESPACES_AND_LABEL, Needed, OTHER_RUNS, OUTAGES, OUTAGES_OF_VMIS, Rule, RuleScope,
    UNDER_WAY, attach, in_cluster, pods, virt, vmis, vms,
};
use crate::fault::RunField;
use crate::faults::Choice;
use crate::faults::outage::spec::{Mode, OutageSpec, Owner};

/// Everything that any outage needs; what an outage of a VM without further flags does not need is optional, and says for what it
/// is.
pub(crate) const OUTAGE: &[Rule] = {
    use Needed::{Optional, Required};
    &[
        vmis("list", Required),
        vmis("get", Required),
        vmis("watch", Required),
        vmis("delete", Required),
        vmis("create", Optional("a VMI without a VM cannot be made again")),
        vmis("patch", Optional("a VMI without a VM cannot be paused")),
        vms("get", Optional("VMIs that belong to a VM cannot be taken")),
        vms(
            "list",
            Optional("several VMIs that belong to VMs cannot be taken at once"),
        ),
        vms(
            "patch",
            Optional("--mode pause and stop, and --disable-auto-restart, are not possible"),
        ),
        Rule {
            needed: Required,
            ..virt("virtualmachines", "start", "")
        },
        virt("virtualmachines", "stop", "--mode stop is not possible"),
        virt("virtualmachineinstances", "pause", "--mode pause is not possible"),
        virt("virtualmachineinstances", "unpause", "--mode pause is not possible"),
        virt("virtualmachineinstances", "reset", "--mode reset is not possible"),
        Rule {
            needed: Optional("--mode pod and kill are not possible"),
            ..pods("list", RuleScope::VmiNamespace)
        },
        Rule {
            needed: Optional("--mode pod is not possible"),
            ..pods("delete", RuleScope::VmiNamespace)
        },
        for_kill(pods("create", RuleScope::PodNamespace)),
        for_kill(pods("get", RuleScope::PodNamespace)),
        for_kill(pods("list", RuleScope::PodNamespace)),
        for_kill(pods("watch", RuleScope::PodNamespace)),
        for_kill(pods("delete", RuleScope::PodNamespace)),
        for_kill(attach("get")),
        for_kill(attach("create")),
        // Behind those of the pods: where these go to KubeVirt's namespace, what is lost is more than the image's name.
        LAUNCHER_IMAGE,
        EVENTS,
        OTHER_RUNS,
        UNDER_WAY,
        OUTAGES,
        OUTAGES_OF_VMIS,
        NAMESPACES_AND_LABEL,
        in_cluster("list", "", "nodes", "cordoned nodes are not shown"),
        in_cluster(
            "list",
            "kubevirt.io",
            "kubevirts",
            "KubeVirt's version and launcher image are not known, and whether RerunOnFailure starts a deleted guest again",
        ),
    ]
};

const fn for_kill(rule: Rule) -> Rule {
    Rule {
        needed: Needed::Optional("--mode kill is not possible"),
        ..rule
    }
}

/// What an outage so asked for needs, whoever owns its VMIs: that is not in what was asked for.
pub(crate) fn of_mode(spec: &OutageSpec, choice: Choice) -> Vec<Rule> {
    let of_vm = Owner::Vm(RunField::RunStrategy("Once".to_owned()));
    let owners = [&of_vm, &Owner::Nobody];
    // Without a VM there is nothing to stop.
    let beyond = needed(spec, if spec.mode == Mode::Stop { &owners[..1] } else { &owners });
    let enters = matches!(spec.mode, Mode::Kill | Mode::Pod);
    let is_needed = |rule: &Rule| {
        let is_of_mode = |other: &Rule| {
            (other.verb, other.resource, other.subresource, other.scope)
                == (rule.verb, rule.resource, rule.subresource, rule.scope)
        };
        match rule.scope {
            _ if beyond.iter().any(is_of_mode) => true,
            RuleScope::PodNamespace => spec.mode == Mode::Kill,
            RuleScope::KubeVirtNamespace => enters,
            RuleScope::VmiNamespace => match (rule.resource, rule.verb) {
                ("pods", verb) => enters && verb == "list",
                ("events", _) => true,
                (_, verb) => matches!(verb, "get" | "list" | "watch"),
            },
            RuleScope::Cluster => true,
        }
    };
    let rules: Vec<Rule> = OUTAGE.iter().filter(|rule| is_needed(rule)).copied().collect();
    choice.of(&rules)
}

/// What this outage needs, for VMIs of these owners, beyond what it has used by the time it asks.
pub(crate) fn needed(spec: &OutageSpec, owners: &[&Owner]) -> Vec<Rule> {
    let any = |is: fn(&Owner) -> bool| owners.iter().any(|owner| is(owner));
    let of_vm = any(|owner| matches!(owner, Owner::Vm(_)));
    let alone = any(|owner| !matches!(owner, Owner::Vm(_)));
    let unowned = any(|owner| matches!(owner, Owner::Nobody));
    // Once leaves a guest that has ended alone, and its finished VMI in the way.
    let once = any(|owner| matches!(owner, Owner::Vm(field) if field.in_force() == "Once"));
    let finishes = matches!(spec.mode, Mode::Kill | Mode::Pod);
    let helps = spec.mode.ends_guest() && !spec.no_recover;
    let is_needed = |rule: &Rule| match (rule.resource, rule.subresource, rule.verb) {
        ("virtualmachineinstances", None, "watch") => true,
        ("virtualmachineinstances", None, "delete") => {
            spec.mode == Mode::Delete || (helps && (unowned || once && finishes))
        }
        ("virtualmachineinstances", None, "create") => helps && unowned,
        ("virtualmachineinstances", None, "patch") => spec.is_held() && alone,
        ("virtualmachines", None, "patch") => spec.is_held() && of_vm,
        ("virtualmachines", Some("start"), _) => helps && of_vm,
        ("virtualmachines", Some("stop"), _) => spec.mode == Mode::Stop,
        (_, Some("pause" | "unpause"), _) => spec.mode == Mode::Pause,
        (_, Some("reset"), _) => spec.mode == Mode::Reset,
        ("pods", None, "delete") if rule.scope == RuleScope::VmiNamespace => spec.mode == Mode::Pod,
        _ => false,
    };
    let all = OUTAGE.iter().filter(|rule| is_needed(rule));
    all.map(|rule| Rule {
        needed: Needed::Required,
        ..*rule
    })
    .collect()
}
