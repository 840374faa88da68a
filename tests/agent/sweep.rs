//! Sweeping: what carries our marks goes, whoever put it there; everything else stays.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use vmchaos_rehearsal::host::Node;

use crate::rig::{HANDLE, Operator, Rig, container, uid};

crate::under_every_shell! {
    marks_of_any_run_go
    what_is_not_ours_stays
    one_run_alone
    a_fault_that_is_live
    nothing_of_ours
    a_root_that_is_swapped_between_look_and_delete
    what_goes_at_the_second_attempt
    what_cannot_be_removed
    a_kernel_that_cannot_be_asked
    only_the_vms_that_are_there
    a_vm_that_went_meanwhile
    a_process_that_went_while_the_vm_stayed
    a_pid_that_was_given_to_somebody_else
    a_pod_in_the_hosts_network_namespace
    a_vm_to_be_swept_is_never_armed
    plans_that_are_not_taken
}

const NETEM: &[&str] = &["netem", "delay", "100ms"];
const TBF: &[&str] = &["tbf", "rate", "1mbit", "burst", "32kb", "latency", "50ms"];
const HTB: &[&str] = &["htb", "default", "1"];

fn vm_line(vm: usize) -> String {
    format!("vm {vm} {} {}\n", uid(vm), container(vm))
}

/// The third device is not there.
fn plan(vm: usize) -> String {
    vm_line(vm) + &format!("sweep {vm} tap0\nsweep {vm} eth0\nsweep {vm} tap9\n")
}

fn tc(rig: &Rig, args: &[&str]) {
    let said = rig.node.tc(&uid(0), args).unwrap();
    assert!(
        said.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
}

fn add(rig: &Rig, device: &str, handle: &str, kind: &[&str]) {
    tc(
        rig,
        &[&["qdisc", "add", "dev", device, "root", "handle", handle], kind].concat(),
    );
}

async fn found(rig: &Rig, plan: &str, vms: usize) -> Operator {
    let mut operator = rig.start(plan, &[]);
    operator.say("hello 0").await;
    operator.wait("found|refused", vms).await;
    operator
}

/// What was swept, and the exit code.
async fn sweep(mut operator: Operator) -> (Operator, i32) {
    operator.say("sweep").await;
    operator.wait("end", 1).await;
    let code = operator.bye().await;
    (operator, code)
}

/// What was removed and what is left of the first VM, when all went well.
async fn clean(rig: &Rig, plan: &str) -> Value {
    let (operator, code) = sweep(found(rig, plan, 1).await).await;
    let swept = &operator.seen("swept")[0];
    assert_eq!((code, &swept["left"]), (0, &json!([])));
    assert_eq!(operator.verdicts(), [json!([0, "restored", "cleanup", 0])]);
    assert_eq!(operator.seen("end")[0]["restored"], 1);
    swept["removed"].clone()
}

async fn marks_of_any_run_go(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let before = rig.node.qdiscs(&uid(0));
    add(&rig, "tap0", "7000:", NETEM);
    add(&rig, "eth0", "7fff:", TBF);
    assert_eq!(
        clean(&rig, &plan(0)).await,
        json!(["eth0 tbf 7fff:", "tap0 netem 7000:"])
    );
    assert_eq!(rig.node.qdiscs(&uid(0)), before);
}

async fn what_is_not_ours_stays(shell: &[&str]) {
    // Another kind under a handle that could be ours, and our kind under handles that cannot, or on a device not named.
    for [(tap, tap_kind), (eth, eth_kind)] in [
        [("1:", HTB), ("8001:", NETEM)],
        [("7a31:", HTB), ("1:", NETEM)],
        [("6fff:", TBF), ("8000:", TBF)],
        [("7:", NETEM), ("7a3:", NETEM)],
    ] {
        let rig = Rig::new(shell, 1);
        tc(&rig, &["qdisc", "add", "dev", "eth0", "clsact"]);
        add(&rig, "tap0", tap, tap_kind);
        add(&rig, "eth0", eth, eth_kind);
        add(&rig, "k6t-eth0", HANDLE, NETEM);
        let all = || rig.node.tc(&uid(0), &["qdisc", "show"]).unwrap().stdout;
        let before = all();
        assert_eq!(clean(&rig, &plan(0)).await, json!([]));
        assert_eq!(all(), before);
    }
}

async fn one_run_alone(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", HANDLE, NETEM);
    add(&rig, "eth0", "7a32:", NETEM);
    let plan = vm_line(0) + &format!("sweep 0 tap0 {HANDLE}\nsweep 0 eth0 {HANDLE}\n");
    assert_eq!(clean(&rig, &plan).await, json!(["tap0 netem 7a31:"]));
    assert_eq!(rig.netems(0), 1, "the other run's stays");
}

async fn a_fault_that_is_live(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut live = rig.injected(&crate::rig::plan(1, "60"), &[]).await;
    assert_eq!(
        clean(&rig, &plan(0)).await,
        json!(["eth0 netem 7a31:", "tap0 netem 7a31:"])
    );
    live.say("rollback").await;
    let restored = live.wait("restored|leaked", 1).await[0].clone();
    // Its own end tells that it was not there any more: what is read is the kernel's default.
    assert_eq!(live.seen("ending")[0]["read"]["tap0"][0]["kind"], "fq_codel");
    assert_eq!(
        (&restored["ev"], &restored["after"]),
        (
            &Value::from("restored"),
            &json!({"tap0": "fq_codel", "eth0": "noqueue"})
        )
    );
    assert_eq!(live.bye().await, 0);
}

async fn nothing_of_ours(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let before = rig.node.qdiscs(&uid(0));
    assert_eq!(clean(&rig, &plan(0)).await, json!([]));
    assert_eq!(rig.node.qdiscs(&uid(0)), before);
}

/// Who looked for its handle and found it deletes that and nothing else.
async fn a_root_that_is_swapped_between_look_and_delete(shell: &[&str]) {
    for (handle, plan) in [(HANDLE, plan(0)), ("7a32:", vm_line(0) + "sweep 0 tap0 7a32:\n")] {
        let rig = Rig::new(shell, 1);
        add(&rig, "tap0", handle, NETEM);
        rig.replace_tool(
            "tc",
            &"#!/bin/sh\ncase $* in *'qdisc del dev tap0 root'*) [ -e REAL.swapped ] || { : >REAL.swapped
             REAL qdisc del dev tap0 root handle HANDLE
             REAL qdisc add dev tap0 root handle 8001: netem delay 100ms; } ;; esac\nexec REAL \"$@\"\n"
                .replace("HANDLE", handle),
        );
        clean(&rig, &plan).await;
        let after = rig.node.qdiscs(&uid(0));
        assert!(
            after
                .iter()
                .any(|(device, line)| device == "tap0" && line.starts_with("qdisc netem 8001:")),
            "somebody else's root is gone: {after:?}"
        );
    }
}

async fn what_goes_at_the_second_attempt(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", HANDLE, NETEM);
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $2 in del) [ -e REAL.tried ] || { : >REAL.tried; exit 2; } ;; esac\nexec REAL \"$@\"\n",
    );
    assert_eq!(clean(&rig, &plan(0)).await, json!(["tap0 netem 7a31:"]));
    assert_eq!(rig.netems(0), 0);
}

async fn what_cannot_be_removed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", "7fff:", TBF);
    add(&rig, "eth0", "7fff:", TBF);
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *'del dev tap0 '*) exit 2 ;; esac\nexec REAL \"$@\"\n",
    );
    let (operator, code) = sweep(found(&rig, &plan(0), 1).await).await;
    let swept = &operator.seen("swept")[0];
    assert_eq!(
        (&swept["removed"], &swept["left"]),
        (&json!(["eth0 tbf 7fff:"]), &json!(["tap0 tbf 7fff:"]))
    );
    assert_eq!((code, &operator.seen("end")[0]["leaked"]), (3, &Value::from(1)));
    assert_eq!(operator.verdicts(), [json!([0, "leaked", "cleanup", 0])]);
}

async fn a_kernel_that_cannot_be_asked(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", "7000:", NETEM);
    let operator = found(&rig, &plan(0), 1).await;
    rig.replace_tool("tc", "#!/bin/sh\nexit 1\n");
    let (operator, code) = sweep(operator).await;
    let unknown = ["tap0", "eth0", "tap9"].map(|device| format!("{device}: the kernel could not be asked"));
    let swept = &operator.seen("swept")[0];
    assert_eq!((&swept["removed"], &swept["left"]), (&json!([]), &json!(unknown)));
    assert_eq!(code, 3, "not looked is not clean");
}

async fn only_the_vms_that_are_there(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "eth0", "7123:", NETEM);
    let plan = plan(0) + &plan(1);
    let (operator, code) = sweep(found(&rig, &plan, 2).await).await;
    assert_eq!(operator.seen("refused")[0]["reason"], "no-process");
    assert_eq!(operator.seen("swept")[0]["removed"], json!(["eth0 netem 7123:"]));
    assert_eq!((code, rig.netems(0)), (0, 0));
}

async fn a_vm_that_went_meanwhile(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    add(&rig, "tap0", HANDLE, NETEM);
    let operator = found(&rig, &(plan(0) + &plan(1)), 2).await;
    rig.node.remove_pod(&uid(0));
    let (operator, code) = sweep(operator).await;
    let gone = &operator.seen("gone")[0];
    assert_eq!((&gone["vm"], &gone["by"]), (&Value::from(0), &Value::from("gone")));
    assert_eq!(operator.seen("swept")[0]["vm"], 1, "the other VM is swept all the same");
    assert_eq!(code, 0);
    assert_eq!(
        operator.verdicts(),
        [json!([0, "gone", "gone", 0]), json!([1, "restored", "cleanup", 0])]
    );
}

async fn a_process_that_went_while_the_vm_stayed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", HANDLE, NETEM);
    let operator = found(&rig, &plan(0), 1).await;
    let process = rig.node.process_dir(&uid(0)).unwrap();
    std::fs::rename(&process, process.with_file_name("99")).unwrap();
    let (operator, code) = sweep(operator).await;
    assert_eq!(operator.seen("swept")[0]["removed"], json!(["tap0 netem 7a31:"]));
    assert_eq!((code, rig.netems(0)), (0, 0));
}

async fn a_pid_that_was_given_to_somebody_else(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    add(&rig, "tap0", HANDLE, NETEM);
    let operator = found(&rig, &plan(0), 1).await;
    let cgroup = rig.node.process_dir(&uid(0)).unwrap().join("cgroup");
    std::fs::write(cgroup, "0::/system.slice/cron.service\n").unwrap();
    // The guest has ended, too.
    rig.node.end_guest(&uid(0));
    let (operator, code) = sweep(operator).await;
    assert_eq!((operator.seen("gone").len(), code), (1, 0));
    assert_eq!(rig.netems(0), 1, "it may be of somebody else's network namespace");
}

async fn a_pod_in_the_hosts_network_namespace(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let operator = found(&rig, &plan(0), 1).await;
    let link = rig.node.process_dir(&uid(0)).unwrap().join("ns/net");
    std::fs::remove_file(&link).unwrap();
    symlink(rig.node.root().join("netns/host"), link).unwrap();
    let (operator, code) = sweep(operator).await;
    assert_eq!(operator.seen("refused")[0]["reason"], "host-netns");
    assert_eq!((operator.seen("swept|gone").len(), code), (0, 0));
}

async fn a_vm_to_be_swept_is_never_armed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = found(&rig, &plan(0), 1).await;
    for word in ["arm", "arm 0", "go", "rollback", "hb"] {
        operator.say(word).await;
    }
    operator.wait("hb", 1).await;
    assert!(operator.seen("ready|refused|restored").is_empty());
    let (operator, code) = sweep(operator).await;
    assert_eq!((operator.seen("swept").len(), code), (1, 0));
}

async fn plans_that_are_not_taken(shell: &[&str]) {
    for lines in [
        "sweep 0\n",
        "sweep 0 tap0 8001:\n",
        "sweep 0 tap0 7A31:\n",
        "sweep 0 tap0 7a31: eth0\n",
        "sweep 0 tap0;\n",
        "sweep 0 tap0\nhold 0 60\n",
        "tap 0 tap0 k6t-eth0\nsweep 0 tap0\n",
        "sweep 1 tap0\n",
    ] {
        let rig = Rig::new(shell, 1);
        add(&rig, "tap0", HANDLE, NETEM);
        let operator = found(&rig, &(vm_line(0) + lines), 1).await;
        assert_eq!(operator.seen("refused")[0]["reason"], "plan", "{lines}");
        let (operator, code) = sweep(operator).await;
        assert_eq!((operator.seen("swept").len(), code), (0, 0));
        assert_eq!(rig.netems(0), 1);
    }
}
