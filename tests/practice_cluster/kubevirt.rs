//! `KubeVirt`'s behaviour: what becomes of a VM that is moved, deleted, crashed or paused.

use kube::{
    ResourceExt as _,
    api::{DeleteParams, PostParams},
};
use serde_json::{Value, json};
use vmchaos_rehearsal::{Practice, host::Signal};

use super::support::{cluster, object, status, virt, vmis};

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn vmi(practice: &Practice, name: &str) -> Value {
    practice.get("VirtualMachineInstance", "default", name).unwrap()
}

#[tokio::test]
async fn a_migrated_vmi_runs_elsewhere_in_another_pod() {
    let (practice, _client) = cluster().await;
    let (before, old) = (vmi(&practice, "web-1"), practice.launcher("default", "web-1").unwrap());
    practice.migrate("default", "web-1", Some("node-3")).await.unwrap();
    let (after, new) = (vmi(&practice, "web-1"), practice.launcher("default", "web-1").unwrap());
    assert_eq!(
        (text(&before, "/status/nodeName"), text(&after, "/status/nodeName")),
        ("node-1", "node-3")
    );
    assert_eq!(text(&before, "/metadata/uid"), text(&after, "/metadata/uid"));
    assert_ne!(text(&old, "/metadata/uid"), text(&new, "/metadata/uid"));
    let state = &after["status"]["migrationState"];
    assert_eq!(
        (
            text(state, "/sourceNode"),
            text(state, "/targetNode"),
            &state["completed"]
        ),
        ("node-1", "node-3", &json!(true))
    );
    // The old launcher stays, also here.
    assert_eq!(
        after["status"]["activePods"],
        json!({text(&old, "/metadata/uid"): "node-1", text(&new, "/metadata/uid"): "node-3"})
    );
    practice
        .until("Pod", "default", text(&old, "/metadata/name"), |pod| {
            text(pod, "/status/phase") == "Succeeded"
        })
        .await
        .unwrap();
    assert!(
        practice
            .qdiscs("default", "web-1")
            .iter()
            .any(|(device, _)| device == "tap0")
    );
}

#[tokio::test]
async fn a_migration_goes_through_its_phases_and_fails_when_told_to() {
    let (practice, client) = cluster().await;
    practice.fail_migration(
        "default",
        "web-1",
        "operation failed: migration out job: unexpectedly failed",
    );
    let refused = practice.migrate("default", "web-1", None).await.unwrap_err();
    assert!(refused.to_string().contains("ended as \"Failed\""), "{refused}");
    let failed = practice.list("VirtualMachineInstanceMigration", "default").remove(0);
    let phases: Vec<&str> = failed["status"]["phaseTransitionTimestamps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stamp| text(stamp, "/phase"))
        .collect();
    assert_eq!(
        phases,
        [
            "Pending",
            "Scheduling",
            "Scheduled",
            "PreparingTarget",
            "TargetReady",
            "Running",
            "Failed"
        ]
    );
    assert_eq!(
        text(&failed, "/status/migrationState/failureReason"),
        "operation failed: migration out job: unexpectedly failed"
    );
    assert_eq!(text(&vmi(&practice, "web-1"), "/status/nodeName"), "node-1");
    let migrations = virt(&client, "VirtualMachineInstanceMigration");
    let migration = |name: &str| {
        object(
            json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": {"generateName": "m-"}, "spec": {"vmiName": name}}),
        )
    };
    let refused = status(
        migrations
            .create(&PostParams::default(), &migration("db-1"))
            .await
            .unwrap_err(),
    );
    assert!(
        refused
            .message
            .contains("Cannot migrate VMI, Reason: InterfaceNotLiveMigratable"),
        "{}",
        refused.message
    );
    let refused = status(
        migrations
            .create(&PostParams::default(), &migration("nobody"))
            .await
            .unwrap_err(),
    );
    assert!(
        refused.message.ends_with("the VMI \"default/nobody\" does not exist"),
        "{}",
        refused.message
    );
}

#[tokio::test]
async fn a_deleted_migration_is_aborted_and_the_vmi_stays() {
    let (practice, client) = cluster().await;
    let migrations = virt(&client, "VirtualMachineInstanceMigration");
    let migration = object(
        json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": {"name": "m"}, "spec": {"vmiName": "web-1"}}),
    );
    migrations.create(&PostParams::default(), &migration).await.unwrap();
    practice
        .until("VirtualMachineInstanceMigration", "default", "m", |migration| {
            text(migration, "/status/phase") == "PreparingTarget"
        })
        .await
        .unwrap();
    migrations.delete("m", &DeleteParams::default()).await.unwrap();
    practice
        .until("VirtualMachineInstance", "default", "web-1", |vmi| {
            text(vmi, "/status/migrationState/abortStatus") == "Succeeded"
        })
        .await
        .unwrap();
    assert_eq!(text(&vmi(&practice, "web-1"), "/status/nodeName"), "node-1");
}

#[tokio::test]
async fn what_a_deleted_vmi_leaves_is_its_run_strategys_affair() {
    let (practice, client) = cluster().await;
    let old = vmis(&client).get("web-1").await.unwrap().uid().unwrap();
    for name in ["web-1", "db-1", "cache-1"] {
        vmis(&client).delete(name, &DeleteParams::default()).await.unwrap();
    }
    // Always: comes back as another one.
    practice
        .until("VirtualMachineInstance", "default", "web-1", |vmi| {
            text(vmi, "/metadata/uid") != old && text(vmi, "/status/phase") == "Running"
        })
        .await
        .unwrap();
    // RerunOnFailure and Manual: stay away until started.
    for name in ["db-1", "cache-1"] {
        practice
            .until("VirtualMachine", "default", name, |vm| {
                text(vm, "/status/printableStatus") == "Stopped" && vm["status"]["created"].is_null()
            })
            .await
            .unwrap();
    }
    let start = http::Request::put("/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/db-1/start")
        .body(b"{}".to_vec())
        .unwrap();
    assert_eq!(client.request_text(start).await.unwrap(), "");
    practice
        .until("VirtualMachine", "default", "db-1", |vm| {
            text(vm, "/status/printableStatus") == "Running"
        })
        .await
        .unwrap();
    // Nobody asked for this one.
    assert_eq!(
        text(
            &practice.get("VirtualMachine", "default", "cache-1").unwrap(),
            "/status/printableStatus"
        ),
        "Stopped"
    );
}

#[tokio::test]
async fn a_crashed_guest_is_started_again_where_its_run_strategy_says_so() {
    let (practice, _client) = cluster().await;
    let (old, launcher) = (vmi(&practice, "db-1"), practice.launcher("default", "db-1").unwrap());
    practice.kill_container("default", text(&launcher, "/metadata/name"), Signal::Kill);
    practice
        .until("VirtualMachineInstance", "default", "db-1", |vmi| {
            vmi["metadata"]["uid"] != old["metadata"]["uid"] && text(vmi, "/status/phase") == "Running"
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_paused_vmi_still_runs_and_is_not_ready() {
    let (practice, client) = cluster().await;
    let put = |verb: &str| {
        http::Request::put(format!(
            "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/web-1/{verb}"
        ))
        .body(b"{}".to_vec())
        .unwrap()
    };
    client.request_text(put("pause")).await.unwrap();
    practice
        .until("VirtualMachine", "default", "web-1", |vm| {
            text(vm, "/status/printableStatus") == "Paused"
        })
        .await
        .unwrap();
    assert_eq!(text(&vmi(&practice, "web-1"), "/status/phase"), "Running");
    assert_eq!(status(client.request_text(put("pause")).await.unwrap_err()).code, 409);
    client.request_text(put("unpause")).await.unwrap();
    practice
        .until("VirtualMachine", "default", "web-1", |vm| {
            text(vm, "/status/printableStatus") == "Running"
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_lone_vmi_is_gone_for_good() {
    let (practice, _client) = cluster().await;
    practice.delete_vmi("lab", "lone-1");
    practice.restart_vmi("lab", "passt-1").await.unwrap();
    let mut left = practice.get("VirtualMachineInstance", "lab", "lone-1");
    while left.is_some() {
        tokio::task::yield_now().await;
        left = practice.get("VirtualMachineInstance", "lab", "lone-1");
    }
    assert!(
        practice
            .list("Pod", "lab")
            .iter()
            .all(|pod| text(pod, "/metadata/annotations/kubevirt.io~1domain") != "lone-1")
    );
}
