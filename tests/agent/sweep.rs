//! Sweeping: what carries our marks goes, whoever made it; everything else stays.

use kubectl_vmchaos::rehearsal::host::Node;
use serde_json::{Value, json};

use crate::rig::{Operator, Rig, container, uid};

crate::under_every_shell! {
    marks_of_any_run_go_and_nothing_else
    nothing_of_ours
    what_cannot_be_removed
    a_kernel_that_cannot_be_asked
    only_the_vms_that_are_there
}

fn plan(vm: usize) -> String {
    format!(
        "vm {vm} {} {}\nsweep {vm} tap0\nsweep {vm} eth0\nsweep {vm} tap9\n",
        uid(vm),
        container(vm)
    )
}

fn add(rig: &Rig, device: &str, handle: &str, kind: &[&str]) {
    let args = [&["qdisc", "add", "dev", device, "root", "handle", handle], kind].concat();
    assert!(rig.node.tc(&uid(0), &args).unwrap().status.success());
}

/// What was swept, and the exit code.
async fn sweep(rig: &Rig, plan: &str, vms: usize) -> (Operator, i32) {
    let mut operator = rig.start(plan, &[]);
    operator.say("hello 0").await;
    operator.wait("found|refused", vms).await;
    operator.say("sweep").await;
    operator.wait("end", 1).await;
    let code = operator.bye().await;
    (operator, code)
}

async fn marks_of_any_run_go_and_nothing_else(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", "7a31:", &["netem", "delay", "100ms"]);
    add(&rig, "eth0", "1:", &["netem", "delay", "5ms"]);
    let (operator, code) = sweep(&rig, &plan(0), 1).await;
    let swept = &operator.seen("swept")[0];
    assert_eq!(
        (&swept["removed"], &swept["left"]),
        (&json!(["tap0 netem 7a31:"]), &json!([]))
    );
    assert_eq!(code, 0);
    assert_eq!(operator.verdicts(), [json!([0, "restored", "rollback", 0])]);
    assert_eq!(rig.netems(0), 1, "what somebody else made stays");
}

async fn nothing_of_ours(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let before = rig.node.qdiscs(&uid(0));
    let (operator, code) = sweep(&rig, &plan(0), 1).await;
    let swept = &operator.seen("swept")[0];
    assert_eq!((&swept["removed"], &swept["left"], code), (&json!([]), &json!([]), 0));
    assert_eq!(rig.node.qdiscs(&uid(0)), before);
}

async fn what_cannot_be_removed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(
        &rig,
        "tap0",
        "7fff:",
        &["tbf", "rate", "1mbit", "burst", "32kb", "latency", "50ms"],
    );
    rig.replace_tool("tc", "#!/bin/sh\ncase $2 in del) exit 2 ;; esac\nexec REAL \"$@\"\n");
    let (operator, code) = sweep(&rig, &plan(0), 1).await;
    let swept = &operator.seen("swept")[0];
    assert_eq!(
        (&swept["removed"], &swept["left"]),
        (&json!([]), &json!(["tap0 tbf 7fff:"]))
    );
    assert_eq!((code, &operator.seen("end")[0]["leaked"]), (3, &Value::from(1)));
}

async fn a_kernel_that_cannot_be_asked(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", "7000:", &["netem", "delay", "100ms"]);
    let mut operator = rig.start(&plan(0), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    rig.replace_tool("tc", "#!/bin/sh\nexit 1\n");
    operator.say("sweep").await;
    let swept = operator.wait("swept", 1).await[0].clone();
    assert_eq!(swept["left"], json!(["the kernel could not be asked what is there"]));
    assert_eq!(operator.bye().await, 3, "not looked is not clean");
}

async fn only_the_vms_that_are_there(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "eth0", "7123:", &["netem", "loss", "5%"]);
    let plan = plan(0) + &plan(1);
    let (operator, code) = sweep(&rig, &plan, 2).await;
    assert_eq!(operator.seen("refused")[0]["reason"], "no-process");
    assert_eq!(operator.seen("swept")[0]["removed"], json!(["eth0 netem 7123:"]));
    assert_eq!((code, rig.netems(0)), (0, 0));
}
