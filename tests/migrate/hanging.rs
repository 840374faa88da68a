//! Why a phase does not end, said while it lasts.

use serde_json::json;

use super::cluster;

#[test]
fn a_quota_without_room() {
    let rehearsal = cluster();
    rehearsal.practice.over_quota("default", "web-1", true);
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y"]);
    run.wait_for("Pending (+");
    run.wait_for("the namespace's resource quota leaves no room for the target pod");
    rehearsal.practice.over_quota("default", "web-1", false);
    run.end().expect(0);
}

#[test]
fn a_target_pod_that_no_node_takes() {
    let rehearsal = cluster();
    // The nodes close only after the preflight has seen them open.
    rehearsal.practice.stick_migrations("default", "web-1", Some("Pending"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "-y", "--timeout", "20s", "-o", "json"]);
    run.wait_for("Pending (+");
    for node in ["node-2", "node-3"] {
        rehearsal
            .practice
            .edit("Node", "", node, |node| node["spec"]["unschedulable"] = json!(true));
    }
    rehearsal.practice.stick_migrations("default", "web-1", None);
    run.wait_for("its target pod cannot be scheduled: no nodes available to schedule pods");
    run.signal("INT");
    run.end().expect(130);
}

#[test]
fn the_clusters_limit_on_migrations() {
    let rehearsal = cluster();
    rehearsal.practice.edit("KubeVirt", "kubevirt", "kubevirt", |object| {
        object["spec"]["configuration"]["migrations"] = json!({"parallelMigrationsPerCluster": 1});
    });
    rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
    rehearsal.practice.stick_migrations("default", "web-2", Some("Running"));
    let mut run = rehearsal.spawn(&["migrate", "web-1", "web-2", "--parallel", "2", "-y"]);
    run.wait_for("warning: KubeVirt lets 1 migrations be under way at once");
    run.wait_for("throttled: 1 migrations are under way in the cluster (parallelMigrationsPerCluster is 1)");
    rehearsal.practice.stick_migrations("default", "web-1", None);
    rehearsal.practice.stick_migrations("default", "web-2", None);
    run.end().expect(0);
}

#[test]
fn the_limit_on_migrations_from_one_node() {
    let rehearsal = cluster();
    rehearsal.practice.edit("KubeVirt", "kubevirt", "kubevirt", |object| {
        object["spec"]["configuration"]["migrations"] = json!({"parallelOutboundMigrationsPerNode": 1});
    });
    // Both are on node-1.
    for name in ["web-1", "mail-1"] {
        rehearsal.practice.stick_migrations("default", name, Some("Running"));
    }
    let mut run = rehearsal.spawn(&["migrate", "web-1", "mail-1", "--parallel", "2", "-y"]);
    run.wait_for("throttled: 1 migrations are leaving node-1 (parallelOutboundMigrationsPerNode is 1)");
    for name in ["web-1", "mail-1"] {
        rehearsal.practice.stick_migrations("default", name, None);
    }
    run.end().expect(0);
}

#[test]
fn a_timeout_says_what_it_was_waiting_for() {
    let rehearsal = cluster();
    rehearsal.practice.over_quota("default", "web-1", true);
    let ended = rehearsal
        .run(&["migrate", "web-1", "-y", "--timeout", "1s", "-o", "json"])
        .expect(5);
    let why = "not over within 1 s and cancelled in phase Pending: the namespace's resource quota leaves no room for the target pod";
    assert_eq!(ended.json()["migrations"][0]["failureReason"], why);
}
