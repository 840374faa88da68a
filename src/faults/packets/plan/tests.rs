use super::*;
use crate::fault::{Directions, OnMigration, Ports, Time, testing};
use crate::faults::packets::filter::{Engine, FilterSettings};
use crate::faults::packets::spec::PacketEffect;

fn target(number: usize) -> Target {
    let mut target = testing::target(vec![testing::masquerade()]);
    target.name = format!("web-{number}");
    target.launcher.uid = format!("0c8d4f1e-8f5e-4c57-9d7c-{number:012}");
    target.launcher.container_id = Some("a".repeat(64));
    target
}

/// A filter of so many single ports on so many VMs of one node.
fn planned(ports: u16, vms: usize, engine: Engine) -> Result<Plan, CompileError> {
    let ports: Vec<_> = (0..ports).map(|i| (10_001 + i * 2).to_string()).collect();
    let settings = FilterSettings {
        ports: Some(Ports::parse(&ports.join(",")).unwrap()),
        engine: Some(engine),
        ..FilterSettings::default()
    };
    let spec = PacketSpec {
        fault: PacketEffect::Filter(settings.resolve().unwrap()),
        preset: None,
        directions: Directions::BOTH,
        interfaces: Vec::new(),
        duration: Time::from_millis(120_000),
        execution: Execution::Parallel,
        on_migration: OnMigration::Follow,
        detach: false,
        probes: Vec::new(),
    };
    let pod = PodOptions {
        images: crate::fault::AgentImages::flag("tools:v1"),
        namespace: None,
        service_account: None,
        tolerations: None,
        start_limit: Duration::from_secs(60),
        annotations: BTreeMap::new(),
    };
    Plan::new("abc123".into(), spec, (0..vms).map(target).collect(), pod)
}

fn annotated(plan: &Plan) -> BTreeMap<String, String> {
    let vms: Vec<_> = plan.vms.iter().map(|vm| (&vm.target, &vm.compiled)).collect();
    plan.annotations(&vms)
}

/// The ports are in the node's plan once, and in the annotations never whole.
#[test]
fn a_thousand_ports_on_thirty_vms_fit_into_a_pod() {
    let plan = planned(1_000, 30, Engine::Auto).unwrap();
    let text = plan.node_text(0);
    assert_eq!(text.matches("10001,10003").count(), 1);
    assert!(text.len() < 24 * 1024, "{}", text.len());
    let annotations = annotated(&plan);
    let bytes: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(bytes < 128 * 1024, "{bytes}");
    assert!(annotations[PLAN].contains(" …\n") && annotations[PLAN].contains("# shop/web-29"));
    let commands = plan.vms[29].compiled.commands_for_people.join("\n");
    assert!(commands.contains(", 11999 }"), "{commands}");
}

#[test]
fn annotations_of_many_vms_end_with_how_many_more() {
    let plan = planned(30, 110, Engine::Tc).unwrap();
    let text = &annotated(&plan)[PLAN];
    assert!(text.len() < 100 * 1024, "{}", text.len());
    assert!(text.lines().last().unwrap().starts_with("# and on "), "{text}");
}

#[test]
fn a_plan_too_long_for_a_pod_is_refused() {
    let refused = planned(22_000, 1, Engine::Auto).map(|_| ()).unwrap_err();
    assert!(matches!(refused, CompileError::TooLong { vms: 1, .. }), "{refused}");
    assert!(refused.hint().unwrap().contains("fewer --ports"));
    assert_eq!(
        planned(1, 700, Engine::Auto)
            .map(|_| ())
            .unwrap_err()
            .to_string()
            .split(':')
            .next()
            .unwrap(),
        "the plan for 700 VMs on node node-1 is too long for a pod"
    );
}

#[test]
fn one_after_the_other_takes_as_long_as_all_together() {
    let seconds = |execution| {
        let mut plan = planned(1, 3, Engine::Auto).unwrap();
        plan.spec.execution = execution;
        (plan.hold().as_secs(), plan.total_hold().as_secs())
    };
    assert_eq!(seconds(Execution::Parallel), (120, 120));
    assert_eq!(seconds(Execution::Serial), (120, 360));
}

#[test]
fn commands_that_are_short_are_annotated_as_they_are() {
    let plan = planned(1, 1, Engine::Tc).unwrap();
    let text = &annotated(&plan)[PLAN];
    assert!(!text.contains('…'), "{text}");
    for command in &plan.vms[0].compiled.commands_for_people {
        assert!(text.lines().any(|line| line == command), "{command}: {text}");
    }
}
