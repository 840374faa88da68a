//! Who can take which outage, judged without asking anybody.

use serde_json::{Value, json};

use super::*;
use crate::fault::RunField;

fn vmi(owners: &Value) -> VirtualMachineInstance {
    serde_json::from_value(json!({
        "metadata": {"name": "a", "namespace": "shop", "uid": "u", "ownerReferences": owners},
        "spec": {"volumes": [{"name": "root", "containerDisk": {"image": "x"}}]},
        "status": {"phase": "Running", "nodeName": "node-1", "conditions": [{"type": "AgentConnected", "status": "True"}]},
    }))
    .unwrap()
}

fn owned() -> VirtualMachineInstance {
    vmi(
        &json!([{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "a", "uid": "v", "controller": true}]),
    )
}

fn vm(strategy: &str) -> VirtualMachine {
    serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": {"runStrategy": strategy}})).unwrap()
}

fn reason(vmi: &VirtualMachineInstance, vm: Option<&VirtualMachine>, mode: Mode) -> String {
    eligibility(vmi, vm, &OutageSpec::plain(mode), &[]).unwrap_err().reason
}

#[test]
fn what_keeps_it_running_is_known() {
    let found = eligibility(&owned(), Some(&vm("Once")), &OutageSpec::plain(Mode::Delete), &[]).unwrap();
    assert_eq!(found.owner, Owner::Vm(RunField::RunStrategy("Once".into())));
    assert_eq!(
        (found.agent, found.shutdown.as_secs(), found.volatile.len()),
        (true, 180, 1)
    );
    let alone = eligibility(&vmi(&json!([])), None, &OutageSpec::plain(Mode::Delete), &[]).unwrap();
    assert_eq!(alone.owner, Owner::Nobody);
    let set = json!([{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceReplicaSet", "name": "farm", "uid": "r", "controller": true}]);
    let of_a_set = eligibility(&vmi(&set), None, &OutageSpec::plain(Mode::Delete), &[]).unwrap();
    assert!(matches!(of_a_set.owner, Owner::ReplicaSet { .. }));
}

#[test]
fn a_vm_that_halts_or_receives_is_no_target() {
    assert!(reason(&owned(), Some(&vm("Halted")), Mode::Stop).contains("Halted"));
    assert!(reason(&owned(), Some(&vm("WaitAsReceiver")), Mode::Delete).contains("WaitAsReceiver"));
    assert!(
        eligibility(
            &owned(),
            Some(&vm("WaitAsReceiver")),
            &OutageSpec::plain(Mode::Pause),
            &[]
        )
        .is_ok()
    );
    assert!(reason(&owned(), None, Mode::Delete).contains("its VM a is gone"));
}

#[test]
fn what_already_has_an_outage_names_its_run_and_the_way_out() {
    let mut marked = vm("Always");
    let undo = r#"{"run":"abc123","mode":"stop","at":"x","duration":"1s","vmi":"a"}"#;
    marked.metadata.annotations = Some([(UNDO.to_owned(), undo.to_owned())].into());
    let mut paused = owned();
    paused.status.conditions = serde_json::from_value(json!([{"type": "Paused", "status": "True"}])).unwrap();
    for vmi in [owned(), paused] {
        let unfit = eligibility(
            &vmi,
            Some(&marked),
            &OutageSpec::plain(Mode::Delete),
            &["--context".to_owned(), "c".to_owned()],
        )
        .unwrap_err();
        assert!(unfit.reason.contains("run abc123"), "{}", unfit.reason);
        assert_eq!(
            unfit.hint.as_deref(),
            Some("to end it: kubectl vmchaos halt abc123 --context c")
        );
    }
}

#[test]
fn the_owner_that_controls_it_is_the_one_that_counts() {
    let owner = |kind: &str, controls: bool| json!({"apiVersion": "x/v1", "kind": kind, "name": "a", "uid": "v", "controller": controls});
    let both = vmi(&json!([owner("Operator", false), owner("VirtualMachine", true)]));
    assert!(is_of_a_vm(&both));
    let none_controls = vmi(&json!([owner("Operator", false), owner("VirtualMachine", false)]));
    assert!(!is_of_a_vm(&none_controls), "the first, then");
}

#[test]
fn what_kubevirt_would_refuse_is_refused_before() {
    let mut probed = owned();
    probed.spec.liveness_probe = serde_json::from_value(json!({"tcpSocket": {"port": 22}})).unwrap();
    assert!(reason(&probed, Some(&vm("Always")), Mode::Pause).contains("has a liveness probe"));
    let spec = OutageSpec::plain(Mode::Delete);
    assert!(eligibility(&probed, Some(&vm("Always")), &spec, &[]).is_ok());

    let held = OutageSpec {
        disable_auto_restart: true,
        ..spec
    };
    let alone = eligibility(&vmi(&json!([])), None, &held, &[]).unwrap_err();
    assert!(alone.reason.contains("has no VM whose restart could be disabled"));
    assert!(eligibility(&owned(), Some(&vm("Always")), &held, &[]).is_ok());
    assert!(reason(&vmi(&json!([])), None, Mode::Stop).contains("has no VM that could be stopped"));
}

#[test]
fn what_cannot_take_an_outage_now_is_said_with_its_reason() {
    assert_eq!(unfit_now(&owned(), &[]), None);
    let mut ended = owned();
    ended.status.phase = "Succeeded".into();
    let unfit = unfit_now(&ended, &[]).unwrap();
    assert_eq!((unfit.namespace.as_str(), unfit.name.as_str()), ("shop", "a"));
}
