use serde_json::json;

use super::*;
use crate::report::InterfaceReport;

fn now() -> Time {
    Time("2026-11-20T12:00:00Z".parse().unwrap())
}

fn vmi() -> VmiTargetItem {
    VmiTargetItem {
        namespace: "default".into(),
        name: "web-1".into(),
        uid: "u-1".into(),
        phase: "Running".into(),
        node: Some("node-1".into()),
        ip: Some("10.0.0.5".into()),
        pod: Some("virt-launcher-web-1-x7k2p".into()),
        created_at: Some(Time("2026-11-18T09:00:00Z".parse().unwrap())),
        interfaces: [("default", "tap0", "masquerade"), ("fast", "", "sriov")]
            .map(|(network, device, binding)| InterfaceReport {
                network: network.into(),
                device: device.into(),
                binding: binding.into(),
            })
            .into(),
        faults: [
            ("filter".to_owned(), FaultAbility::able()),
            (
                "migrate".to_owned(),
                FaultAbility::unable("not live-migratable: local disk"),
            ),
            ("netem".to_owned(), FaultAbility::able()),
        ]
        .into(),
    }
}

fn paused() -> VmiTargetItem {
    let unable = || FaultAbility::unable("is paused");
    VmiTargetItem {
        namespace: "shop".into(),
        name: "db-0".into(),
        phase: "Paused".into(),
        faults: [("filter".to_owned(), unable()), ("netem".to_owned(), unable())].into(),
        ..VmiTargetItem::default()
    }
}

fn run() -> RunItem {
    RunItem {
        id: "k3f9ab".into(),
        fault: "netem".into(),
        effect: Some("latency 100ms".into()),
        state: RunState::Running,
        user: Some("jane\u{1b}[2J".into()),
        reason: Some("game day".into()),
        started_at: Some(Time("2026-11-20T11:58:30Z".parse().unwrap())),
        duration_seconds: Some(Duration::from_secs(120).into()),
        left_seconds: Some(Duration::from_millis(30_400).into()),
        targets: (1..=5).map(|i| format!("default/web-{i}")).collect(),
        nodes: vec!["node-1".into(), "node-2".into()],
        pods: vec![],
        detail: None,
    }
}

#[test]
fn vmis_and_why_not() {
    let list = ListReport::new(vec![vmi(), paused()]);
    insta::assert_snapshot!(list.print_at(Format::Table, now(), &mut Vec::new()).unwrap(), @r"
    NAMESPACE   NAME    PHASE     NODE     IP         AGE      BINDINGS           FAULTS         WHY-NOT
    default     web-1   Running   node-1   10.0.0.5   2d3h     masquerade,sriov   filter,netem   migrate: not live-migratable: local disk
    shop        db-0    Paused    <none>   <none>     <none>   <none>             <none>         is paused
    ");
    insta::assert_snapshot!(list.print_at(Format::Wide, now(), &mut Vec::new()).unwrap(), @r"
    NAMESPACE   NAME    PHASE     NODE     IP         AGE      POD                         INTERFACES                                FAULTS         WHY-NOT
    default     web-1   Running   node-1   10.0.0.5   2d3h     virt-launcher-web-1-x7k2p   default=tap0 (masquerade), fast (sriov)   filter,netem   migrate: not live-migratable: local disk
    shop        db-0    Paused    <none>   <none>     <none>   <none>                      <none>                                    <none>         is paused
    ");
    assert_eq!(
        list.print_at(Format::Name, now(), &mut Vec::new()).unwrap(),
        "virtualmachineinstance.kubevirt.io/web-1/default\nvirtualmachineinstance.kubevirt.io/db-0/shop\n"
    );
}

#[test]
fn runs_are_short_in_a_table_and_whole_when_wide() {
    let list = ListReport::new(vec![run()]);
    insta::assert_snapshot!(list.print_at(Format::Table, now(), &mut Vec::new()).unwrap(), @r"
    RUN      FAULT   EFFECT          STATE     OWNER           REASON     AGE   LEFT   TARGETS                                  NODES           DETAIL
    k3f9ab   netem   latency 100ms   running   jane\u{1b}[2J   game day   90s   30s    default/web-1,default/web-2 and 3 more   node-1,node-2   <none>
    ");
    assert!(
        list.print_at(Format::Wide, now(), &mut Vec::new())
            .unwrap()
            .contains("default/web-3,default/web-4,default/web-5")
    );
    assert_eq!(list.print_at(Format::Name, now(), &mut Vec::new()).unwrap(), "k3f9ab\n");
}

#[test]
fn checks_with_the_fix_when_wide() {
    let list = ListReport::new(vec![CheckItem {
        check: Check::Permission,
        subject: "create pods/attach in vmchaos".into(),
        result: CheckResult::Failed,
        detail: Some("denied".into()),
        fix: Some("kubectl auth can-i create pods/attach -n vmchaos".into()),
    }]);
    insta::assert_snapshot!(list.print_at(Format::Wide, now(), &mut Vec::new()).unwrap(), @r"
    CHECK        SUBJECT                         RESULT   DETAIL   FIX
    permission   create pods/attach in vmchaos   failed   denied   kubectl auth can-i create pods/attach -n vmchaos
    ");
}

#[test]
fn the_documents() {
    let document: serde_json::Value =
        serde_json::from_str(&ListReport::new(vec![vmi()]).print(Format::Json).unwrap()).unwrap();
    assert_eq!(document["apiVersion"], "vmchaos.dev/v1alpha1");
    assert_eq!(document["kind"], "VMITargetList");
    assert_eq!(
        document["items"][0]["faults"]["migrate"],
        json!({"able": false, "reason": "not live-migratable: local disk"})
    );
    assert_eq!(document["items"][0]["createdAt"], "2026-11-18T09:00:00.000Z");
    let runs = serde_json::to_value(ListReport::new(vec![run()])).unwrap();
    assert_eq!(
        (&runs["kind"], &runs["items"][0]["leftSeconds"]),
        (&json!("RunList"), &json!(30.4))
    );
    let checks = serde_json::to_value(ListReport::<CheckItem>::new(vec![])).unwrap();
    assert_eq!(
        checks,
        json!({"apiVersion": "vmchaos.dev/v1alpha1", "kind": "CheckList", "items": []})
    );
}

#[test]
fn an_empty_list_is_an_empty_text_but_a_whole_document() {
    let list = ListReport::<VmiTargetItem>::new(vec![]);
    assert_eq!(list.print(Format::Table).unwrap(), "");
    assert_eq!(list.print(Format::Name).unwrap(), "");
    assert!(list.print(Format::Yaml).unwrap().contains("VMITargetList"));
}
