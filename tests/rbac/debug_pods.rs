//! What the debug pods of `outage --mode kill` need: `check` names exactly what is missing of it, and the run says it before
//! anything is changed.

use kubectl_vmchaos::testing::cluster::rules::{Rule, RuleScope};

use super::jobs::quick;
use super::proof::{grants, rules};
use crate::support::Rehearsal;

const KILL: [&str; 8] = [
    "outage",
    "web-1",
    "--yes=vmchaos-rehearsal",
    "--mode",
    "kill",
    // Else whoever may not list KubeVirt's pods is refused for the image.
    "--image",
    "quay.io/kubevirt/virt-launcher:v1.6.0",
    "--duration=1s",
];

fn allow(rehearsal: &Rehearsal, rules: &[Rule]) {
    let grants = rules.iter().flat_map(grants).collect();
    rehearsal.practice.allow_only(grants);
    rehearsal.practice.clear_requests();
}

#[test]
fn each_permission_of_a_kills_pods_is_named_by_check_and_by_the_run() {
    let rehearsal = quick();
    let all = rules("outage");
    allow(&rehearsal, all);
    let whole = rehearsal.run(&["check", "outage"]).expect(0);
    assert!(!whole.err.contains("what is missing"), "{}", whole.err);
    rehearsal.run(&KILL).expect(0);
    for rule in all.iter().filter(|rule| rule.scope == RuleScope::PodNamespace) {
        let name = format!("{} {}", rule.verb, rule.qualified());
        // A permission in the whole cluster would be one there too.
        let same = |other: &Rule| {
            let where_pods_are = other.scope != RuleScope::VmiNamespace;
            where_pods_are && (other.verb, other.qualified()) == (rule.verb, rule.qualified())
        };
        let less: Vec<Rule> = all.iter().copied().filter(|other| !same(other)).collect();
        allow(&rehearsal, &less);
        let checked = rehearsal.run(&["check", "outage"]).expect(0);
        let named: Vec<&str> = (checked.err.lines())
            .filter_map(|line| line.strip_prefix("kubectl auth can-i ")?.split(" -n kubevirt ").next())
            .filter(|asked| !asked.contains("--context"))
            .collect();
        assert_eq!(named, [&name], "{}", checked.err);
        assert!(checked.err.contains("namespace: kubevirt\n"), "{name}: {}", checked.err);
        let lost = format!("{name} in kubevirt");
        let row = checked
            .out
            .lines()
            .find(|line| line.contains(&lost))
            .unwrap_or_default();
        assert!(
            row.contains("without it --mode kill is not possible"),
            "{name}: {}",
            checked.out
        );
        allow(&rehearsal, &less);
        let refused = rehearsal.run(&KILL).expect(4);
        if rule.verb == "create" && rule.subresource.is_none() {
            refused.says(&["cannot create resource \"pods\""]);
        } else {
            refused.says(&[&format!("not permitted in namespace kubevirt: {name}")]);
        }
        assert_eq!(rehearsal.writes(), Vec::<String>::new(), "{name}");
    }
}
