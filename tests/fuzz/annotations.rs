//! What objects carry: ways back, targets, networks, Events. Whoever may edit an object has written it.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kubectl_vmchaos::testing::cluster::VirtualMachineInstance;
use kubectl_vmchaos::testing::cluster::migration::VirtualMachineInstanceMigration;
use kubectl_vmchaos::testing::cluster::vm::VirtualMachine;
use kubectl_vmchaos::testing::fault::interface::PodNetworks;
use kubectl_vmchaos::testing::fault::undo::{Strategy as OfStrategy, Undo};
use kubectl_vmchaos::testing::fault::{RunField, protects};
use kubectl_vmchaos::testing::name::is_key;
use kubectl_vmchaos::testing::report::Time;
use kubectl_vmchaos::testing::traces::changes::sorted;
use kubectl_vmchaos::testing::traces::debug_pods::{DebugPodSeen, LiveRun};
use kubectl_vmchaos::testing::traces::events::{EventSeen, told};
use kubectl_vmchaos::testing::traces::items::item;
use kubectl_vmchaos::testing::traces::migrations::{MigrationRun, MigrationSeen};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::campaign::holds;
use super::mutate::{changed, changed_text};

fn undo() -> impl Strategy<Value = Undo> {
    let field = || {
        prop_oneof![
            "[A-Za-z]{1,40}".prop_map(RunField::RunStrategy),
            any::<bool>().prop_map(RunField::Running),
            Just(RunField::Neither),
        ]
    };
    let strategy = proptest::option::of((field(), field()));
    let texts = (
        any::<String>(),
        any::<String>(),
        any::<Option<String>>(),
        any::<String>(),
    );
    (
        "[a-z0-9]{6}",
        "[a-z][a-z0-9-]{0,6}[a-z]",
        texts,
        strategy,
        any::<bool>(),
    )
        .prop_map(|(run, vmi, (mode, at, reason, node), strategy, paused)| Undo {
            run,
            mode,
            user: reason.clone(),
            reason,
            at,
            duration: "60s".to_owned(),
            vmi,
            node,
            strategy: strategy.map(|(before, during)| OfStrategy { before, during }),
            paused,
        })
}

#[test]
fn a_way_back_round_trips_on_the_object_it_names_and_on_no_other() {
    holds(256, &(undo(), any::<String>()), |(undo, other)| {
        let again = Undo::parse(&undo.text(), &undo.vmi);
        prop_assert_eq!(again.as_ref(), Some(&undo));
        prop_assert!(other == undo.vmi || Undo::parse(&undo.text(), &other).is_none());
        Ok(())
    });
}

#[test]
fn a_way_back_to_what_is_no_run_strategy_is_not_followed() {
    let words = |text: &String| (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    holds(256, &(undo(), any::<String>()), |(mut undo, odd)| {
        prop_assume!(!words(&odd));
        let (odd, sound) = (RunField::RunStrategy(odd), RunField::Neither);
        for (before, during) in [(odd.clone(), sound.clone()), (sound, odd)] {
            undo.strategy = Some(OfStrategy { before, during });
            prop_assert_eq!(Undo::parse(&undo.text(), &undo.vmi), None);
        }
        Ok(())
    });
}

fn marked(annotation: &str) -> Value {
    json!({"metadata": {"name": "web-1", "namespace": "default", "uid": "u", "labels": {"vmchaos.dev/run": "k3f9ab"}, "annotations": {"vmchaos.dev/undo": annotation}}})
}

#[test]
fn a_way_back_that_was_edited_is_shown_and_followed_nowhere_else() {
    let text = r#"{"run":"k3f9ab","mode":"stop","at":"2026-11-20T12:00:00.000Z","duration":"60s","vmi":"web-1","node":"node-1","strategy":{"before":{"runStrategy":"Once"},"during":{"runStrategy":"Halted"}},"paused":true}"#;
    let whole: Value = serde_json::from_str(text).unwrap();
    let texts = prop_oneof![
        changed(vec![whole]).prop_map(|undo| undo.to_string()),
        changed_text(vec![text.to_owned()])
    ];
    holds(512, &texts, |text| {
        let machine: VirtualMachine = serde_json::from_value(marked(&text)).unwrap();
        let instance: VirtualMachineInstance = serde_json::from_value(marked(&text)).unwrap();
        for change in sorted(&[machine], &[instance]) {
            let ours = |undo: &Undo| undo.vmi == "web-1" && undo.run == "k3f9ab";
            prop_assert!(change.undo.as_ref().is_none_or(ours));
            prop_assert_eq!(&change.run, "k3f9ab");
            let shown = format!("{:?}", change.item(Time::now()));
            prop_assert!(!shown.contains(|c: char| c.is_control()), "{}", shown);
        }
        Ok(())
    });
}

fn debug_pod() -> Value {
    json!({
        "metadata": {"name": "vmchaos-k3f9ab-0", "namespace": "kubevirt", "uid": "1-2", "creationTimestamp": "2026-11-20T12:00:00Z",
            "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem"},
            "annotations": {"vmchaos.dev/targets": "default/web-1,shop/db-0", "vmchaos.dev/user": "jane", "vmchaos.dev/reason": "game day",
                "vmchaos.dev/total-duration": "240s", "vmchaos.dev/detach": "true", "vmchaos.dev/fault": "latency 20ms"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "agent", "image": "x"}]},
        "status": {"phase": "Failed", "reason": "Evicted", "containerStatuses": [{"name": "agent", "ready": false, "restartCount": 0, "image": "x", "imageID": "x",
            "state": {"terminated": {"exitCode": 137, "startedAt": "2026-11-20T12:00:01Z", "message": "{\"run\":\"k3f9ab\",\"vms\":[[0,\"restored\",\"term\",1.0]]}"}}}]},
    })
}

#[test]
fn a_debug_pod_that_anybody_wrote_names_only_what_can_be_a_vm() {
    holds(768, &changed(vec![debug_pod()]), |pod| {
        let Some(seen) = serde_json::from_value::<Pod>(pod)
            .ok()
            .and_then(|pod| DebugPodSeen::of(&pod))
        else {
            return Ok(());
        };
        prop_assert!(seen.targets.iter().all(|target| is_key(target)), "{:?}", seen.targets);
        let _ = (seen.life(), seen.ends_at(), seen.may_change());
        for run in LiveRun::group([seen]) {
            let _ = told(item(&run, Time::now()), &[], Time::now());
        }
        Ok(())
    });
}

#[test]
fn targets_of_any_text_are_keys() {
    holds(256, &changed_text(vec!["default/web-1,shop/db-0".to_owned()]), |text| {
        let mut pod = debug_pod();
        pod["metadata"]["annotations"]["vmchaos.dev/targets"] = json!(text);
        let seen = DebugPodSeen::of(&serde_json::from_value(pod).unwrap()).unwrap();
        prop_assert!(seen.targets.iter().all(|target| is_key(target)), "{:?}", seen.targets);
        let named = text.split(',').filter(|key| !key.is_empty()).count();
        prop_assert_eq!(seen.targets.len() + seen.odd_targets, named);
        Ok(())
    });
}

#[test]
fn a_migration_and_an_event_that_anybody_wrote_are_read_or_passed_over() {
    let mut migration: Value =
        serde_json::from_str(include_str!("../fixtures/kubevirt-1.9/vmim-succeeded.json")).unwrap();
    migration["metadata"]["labels"] = json!({"vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "migrate", "app.kubernetes.io/managed-by": "kubectl-vmchaos"});
    migration["metadata"]["annotations"] = json!({"vmchaos.dev/next-within": "60", "vmchaos.dev/user": "jane"});
    let event = json!({"reason": "VMChaosInjected", "eventTime": "2026-11-20T12:00:00.000000Z", "note": "x",
        "metadata": {"name": "web-1.1", "namespace": "default", "labels": {"vmchaos.dev/run": "k3f9ab"}},
        "regarding": {"kind": "VirtualMachineInstance", "name": "web-1", "namespace": "default"}});
    holds(
        512,
        &(changed(vec![migration]), changed(vec![event])),
        |(migration, event)| {
            if let Ok(migration) = serde_json::from_value::<VirtualMachineInstanceMigration>(migration) {
                for run in MigrationRun::group(MigrationSeen::of(&migration)) {
                    let _ = (run.is_live(Time::now()), run.item(Time::now()));
                }
            }
            let heard: Vec<EventSeen> = serde_json::from_value::<Event>(event)
                .iter()
                .filter_map(EventSeen::of)
                .collect();
            let pod = DebugPodSeen::of(&serde_json::from_value(debug_pod()).unwrap());
            for run in LiveRun::group(pod) {
                let _ = told(item(&run, Time::now()), &heard, Time::now());
            }
            Ok(())
        },
    );
}

#[test]
fn networks_of_a_pod_and_protection_are_read_from_any_text() {
    let text = r#"[{"name":"k8s-pod-network","interface":"eth0","ips":["10.0.0.1"],"default":true},{"name":"shop/blue","interface":"net1"}]"#;
    holds(256, &changed_text(vec![text.to_owned(), "true".to_owned()]), |text| {
        let _ = (PodNetworks::parse(&text), protects(&text));
        Ok(())
    });
}
