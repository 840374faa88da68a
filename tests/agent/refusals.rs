//! What the agent refuses, before anything is changed.

use std::os::unix::fs::symlink;

use serde_json::Value;
use vmchaos_rehearsal::host::{Feature, Node, Presence};

use crate::rig::{Rig, container, launcher, plan, uid};

crate::under_every_shell! {
    a_foreign_root
    a_foreign_classifier
    a_root_set_after_it_was_found
    a_device_that_is_not_there
    a_device_that_is_down
    a_device_that_went_down_since_it_was_found
    a_device_that_is_no_tap
    a_tap_on_another_bridge
    a_second_uplink
    no_process
    found_by_pod_uid
    a_pid_that_was_given_to_somebody_else
    the_hosts_network_namespace
    a_host_whose_network_namespace_is_not_known
    the_hosts_network_namespace_since_it_was_found
    a_plan_with_shell_text
    a_plan_for_what_is_not_its_own
    a_device_that_is_not_the_vms
    a_kernel_without_netem
    a_kernel_with_netem_on_disk
    a_cgroup_that_cannot_be_entered
    a_sentinel_that_never_gets_ready
}

/// Starts a run of one VM and returns its refusal.
async fn refusal(rig: &Rig, plan: &str) -> Value {
    let mut operator = rig.start(plan, &[]);
    operator.say("hello 0").await;
    operator.say("arm").await;
    let refused = operator.wait("refused", 1).await[0].clone();
    operator.say("go").await;
    assert_eq!(operator.bye().await, 0);
    assert!(operator.seen("injected").is_empty());
    assert_eq!(operator.seen("end")[0]["refused"], 1);
    assert_eq!(
        operator.verdicts(),
        [serde_json::json!([0, "refused", refused["reason"], 0])]
    );
    refused
}

async fn refused_on(rig: &Rig, device: &str, reason: &str) {
    let refused = refusal(rig, &plan(1, "60")).await;
    assert_eq!(
        (&refused["device"], &refused["reason"]),
        (&device.into(), &reason.into())
    );
}

fn one(shell: &[&str], change: impl FnOnce(&mut vmchaos_rehearsal::host::VmOnNode)) -> Rig {
    let rig = Rig::new(shell, 0);
    let mut vm = launcher(0);
    change(&mut vm);
    rig.node.add_pod(vm);
    rig
}

/// A qdisc that no run has put there.
fn somebody_elses(rig: &Rig, words: &str) {
    let words: Vec<&str> = words.split(' ').collect();
    assert!(rig.node.tc(&uid(0), &words).unwrap().status.success());
}

async fn a_foreign_root(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    somebody_elses(&rig, "qdisc add dev tap0 root handle 1: htb default 1");
    let before = rig.node.qdiscs(&uid(0));
    refused_on(&rig, "tap0", "foreign-qdisc").await;
    assert_eq!(rig.node.qdiscs(&uid(0)), before);
}

async fn a_foreign_classifier(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    somebody_elses(&rig, "qdisc add dev eth0 clsact");
    refused_on(&rig, "eth0", "foreign-qdisc").await;
}

async fn a_root_set_after_it_was_found(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    somebody_elses(&rig, "qdisc add dev tap0 root handle 1: htb default 1");
    operator.say("arm").await;
    assert_eq!(operator.wait("refused", 1).await[0]["reason"], "foreign-qdisc");
    assert_eq!(operator.bye().await, 0);
}

async fn a_device_that_is_not_there(shell: &[&str]) {
    let rig = one(shell, |vm| {
        vm.devices.retain(|device| device.name != "tap0");
    });
    refused_on(&rig, "tap0", "no-device").await;
}

async fn a_device_that_is_down(shell: &[&str]) {
    let rig = one(shell, |vm| vm.devices[0].up = false);
    refused_on(&rig, "eth0", "device-down").await;
}

async fn a_device_that_went_down_since_it_was_found(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    std::fs::write(
        rig.node.root().join(format!("netns/{}.d/eth0", uid(0))),
        "default noop\n",
    )
    .unwrap();
    operator.say("arm").await;
    let refused = operator.wait("refused|ready", 1).await;
    assert_eq!(refused[0]["reason"], "device-down", "{refused:?}");
    assert_eq!(operator.bye().await, 0);
}

async fn a_device_that_is_no_tap(shell: &[&str]) {
    let rig = one(shell, |vm| {
        vm.devices[2].kind = vmchaos_rehearsal::host::DeviceKind::Veth;
    });
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "not-a-tap");
}

async fn a_tap_on_another_bridge(shell: &[&str]) {
    let rig = one(shell, |vm| vm.devices[2].master = Some("k6t-net1".into()));
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "wrong-bridge");
}

async fn a_second_uplink(shell: &[&str]) {
    use vmchaos_rehearsal::host::{Device, DeviceKind};
    let rig = one(shell, |vm| {
        vm.devices[0].master = Some("k6t-eth0".into());
        vm.devices
            .push(Device::new("eth9", DeviceKind::Veth, "noqueue").on("k6t-eth0"));
    });
    let refused = refusal(
        &rig,
        &plan(1, "60").replace("uplink 0 eth0 -", "uplink 0 eth0 k6t-eth0"),
    )
    .await;
    assert_eq!(refused["reason"], "wrong-bridge");
    assert!(refused["detail"].as_str().unwrap().contains("eth9"));
}

async fn no_process(shell: &[&str]) {
    let rig = Rig::new(shell, 0);
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "no-process");
}

async fn found_by_pod_uid(shell: &[&str]) {
    // systemd's cgroup driver writes the UID with underscores; the container is not known yet.
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60").replace(&container(0), "-"), &[]).await;
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
}

async fn a_pid_that_was_given_to_somebody_else(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    std::fs::write(
        rig.node.process_dir(&uid(0)).unwrap().join("cgroup"),
        "0::/system.slice/cron.service\n",
    )
    .unwrap();
    operator.say("arm").await;
    let refused = operator.wait("refused|ready", 1).await;
    assert_eq!(
        (&refused[0]["ev"], &refused[0]["reason"]),
        (&Value::from("refused"), &Value::from("no-process"))
    );
    assert_eq!(operator.bye().await, 0);
    assert_eq!(rig.netems(0), 0);
}

async fn the_hosts_network_namespace(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let link = rig.node.process_dir(&uid(0)).unwrap().join("ns/net");
    std::fs::remove_file(&link).unwrap();
    symlink(rig.node.root().join("netns/host"), link).unwrap();
    // The guest's process would lead to the pod's own.
    rig.node.end_guest(&uid(0));
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "host-netns");
}

/// No pod's can be told from it then.
async fn a_host_whose_network_namespace_is_not_known(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    std::fs::remove_file(rig.node.root().join("proc/1/ns/net")).unwrap();
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "host-netns");
}

/// The keeper looks once more, at the namespace that it holds.
async fn the_hosts_network_namespace_since_it_was_found(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    let link = rig.node.process_dir(&uid(0)).unwrap().join("ns/net");
    std::fs::remove_file(&link).unwrap();
    symlink(rig.node.root().join("netns/host"), link).unwrap();
    operator.say("arm").await;
    let refused = operator.wait("refused|ready", 1).await;
    assert_eq!(refused[0]["reason"], "host-netns");
    assert_eq!(operator.bye().await, 0);
}

async fn a_plan_with_shell_text(shell: &[&str]) {
    for text in [
        "$(touch MARK)",
        "`touch MARK`",
        ";touch MARK",
        "|touch",
        "&",
        ">MARK",
        "'",
        "\"",
        "\\",
        "*",
        "?",
        "[a]",
        "{a,b}",
        "~",
        "!",
        "#",
        "\t",
    ] {
        let rig = Rig::new(shell, 1);
        let mark = rig.node.root().join("mark");
        let text = text.replace("MARK", mark.to_str().unwrap());
        let refused = refusal(
            &rig,
            &plan(1, "60").replace("delay 100ms", &format!("delay 100ms{text}")),
        )
        .await;
        assert_eq!(refused["reason"], "plan", "{text}");
        assert!(!mark.exists());
    }
}

async fn a_plan_for_what_is_not_its_own(shell: &[&str]) {
    let good = plan(1, "60");
    for (from, to) in [
        ("own 0 qdisc tap0 7a31:", "own 0 qdisc tap0 8001:"),
        ("own 0 qdisc tap0", "own 0 qdisc lo"),
        (
            "undo 0 tc qdisc del dev tap0 root handle 7a31:",
            "undo 0 tc qdisc del dev tap0 root handle 7a32:",
        ),
        ("undo 0 tc qdisc del dev tap0 root", "undo 0 tc qdisc del dev lo root"),
        ("undo 0 tc qdisc del", "undo 0 tc qdisc add"),
        ("apply 0 tc qdisc", "apply 0 sh qdisc"),
        ("hold 0 60", "hold 0 sixty"),
        ("need 0 sch_netem", "need 0 nonsense"),
        ("vm 0 ", "vm 1 "),
    ] {
        assert!(good.contains(from));
        let rig = Rig::new(shell, 1);
        let mut operator = rig.start(&good.replace(from, to), &[]);
        operator.say("hello 0").await;
        assert_eq!(operator.bye().await, 0);
        assert!(operator.seen("found").is_empty(), "{to}");
    }
}

async fn a_device_that_is_not_the_vms(shell: &[&str]) {
    let plan = plan(1, "60")
        .replace("qdisc eth0", "qdisc lo")
        .replace("dev eth0", "dev lo");
    let refused = refusal(&Rig::new(shell, 1), &plan).await;
    assert_eq!(refused["reason"], "plan", "{refused:?}");
}

async fn a_kernel_without_netem(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.node.set_feature(Feature::Netem, Presence::Absent).unwrap();
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "no-netem");
}

async fn a_kernel_with_netem_on_disk(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.node.set_feature(Feature::Netem, Presence::Module).unwrap();
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    assert_eq!(operator.seen("hello")[0]["netem"], true);
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
}

async fn a_cgroup_that_cannot_be_entered(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    // As the root of a nested node: there, but it takes no process.
    let procs = rig
        .node
        .root()
        .join("proc/1/root/sys/fs/cgroup/init.scope/cgroup.procs");
    std::fs::remove_file(&procs).unwrap();
    std::fs::create_dir(&procs).unwrap();
    assert_eq!(refusal(&rig, &plan(1, "60")).await["reason"], "cgroup");
}

async fn a_sentinel_that_never_gets_ready(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.replace_tool(
        "nsenter",
        "#!/bin/sh\ncase $* in *--pid=*) exec sleep 60 ;; esac\nexec REAL \"$@\"\n",
    );
    let mut operator = rig.start(&plan(1, "60"), &[("VMCHAOS_ARM_LIMIT", "1")]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    operator.say("arm").await;
    assert_eq!(operator.wait("refused", 1).await[0]["reason"], "arm-timeout");
    assert_eq!(operator.bye().await, 0);
    assert_eq!(rig.netems(0), 0);
}
