//! Sweeping what is left of filters: what carries our marks goes, whoever put it there; everything else stays.

use serde_json::{Value, json};
use vmchaos_rehearsal::host::{Foreign, Node};

use crate::filter_rig::{injected, plan, tc};
use crate::rig::{Rig, container, helpers, signal, uid};

crate::under_every_shell! {
    filters_of_every_run
    filters_of_one_run
    filters_of_somebody_else
    a_table_whose_name_no_run_can_have
    a_filter_that_is_live
    what_a_killed_run_has_left
}

const FLOWER: &str = "flower ip_proto tcp dst_port 25 action drop";

fn add(rig: &Rig, device: &str, hook: &str, pref: u32, handle: &str) {
    tc(
        rig,
        &format!("filter add dev {device} {hook} protocol ip pref {pref} handle {handle} {FLOWER}"),
    );
}

/// Filters of two runs, on two devices.
fn leftovers(rig: &Rig) {
    for device in ["tap0", "eth0"] {
        tc(rig, &format!("qdisc add dev {device} clsact"));
    }
    add(rig, "tap0", "ingress", 0x7a31, "0x7a310001");
    add(rig, "tap0", "egress", 0x7a31, "0x7a310001");
    add(rig, "eth0", "egress", 0x7b02, "0x7b020001");
}

fn sweep_plan(handle: &str) -> String {
    format!(
        "vm 0 {} {}\nsweep 0 tap0{handle}\nsweep 0 eth0{handle}\n",
        uid(0),
        container(0)
    )
}

async fn sweep(rig: &Rig, handle: &str) -> (Value, Value) {
    let mut operator = rig.start(&sweep_plan(handle), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    operator.say("sweep").await;
    let swept = operator.wait("swept|refused", 1).await[0].clone();
    assert_eq!(operator.bye().await, 0);
    (swept["removed"].clone(), swept["left"].clone())
}

async fn filters_of_every_run(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    leftovers(&rig);
    assert_eq!(
        sweep(&rig, "").await,
        (json!(["eth0 flower 7b02:", "tap0 flower 7a31:"]), json!([]))
    );
    assert_eq!(rig.node.filters(&uid(0)), Vec::<String>::new());
    assert_eq!(sweep(&rig, "").await, (json!([]), json!([])), "again, to no effect");
}

async fn filters_of_one_run(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    leftovers(&rig);
    assert_eq!(sweep(&rig, " 7a31:").await, (json!(["tap0 flower 7a31:"]), json!([])));
    assert_eq!(
        rig.node.filters(&uid(0)),
        ["eth0 clsact", "eth0 egress flower 31490 0x7b020001"]
    );
}

async fn a_table_whose_name_no_run_can_have(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let made = rig
        .node
        .nft(&uid(0), &["create", "table", "netdev", "vmchaos_a/b"])
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let before = rig.node.filters(&uid(0));
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(sweep(&rig, "").await, (json!([]), json!([])));
    assert_eq!(rig.node.filters(&uid(0)), before);
}

async fn filters_of_somebody_else(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.node.put_foreign(&uid(0), "tap0", Foreign::Flower).unwrap();
    rig.node.put_foreign(&uid(0), "eth0", Foreign::Clsact).unwrap();
    rig.node.put_foreign(&uid(0), "tap0", Foreign::NftTable).unwrap();
    // A handle like ours under a preference that is not.
    add(&rig, "tap0", "egress", 2, "0x7a310001");
    let before = rig.node.filters(&uid(0));
    assert_eq!(sweep(&rig, "").await, (json!([]), json!([])));
    assert_eq!(rig.node.filters(&uid(0)), before);
    // Ours beside theirs goes alone.
    add(&rig, "tap0", "ingress", 0x7a31, "0x7a310001");
    assert_eq!(sweep(&rig, "").await, (json!(["tap0 flower 7a31:"]), json!([])));
    assert_eq!(rig.node.filters(&uid(0)), before);
}

async fn a_filter_that_is_live(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut live = injected(&rig, &plan(1, "60", "nft"), &[]).await;
    let (removed, left) = sweep(&rig, "").await;
    assert_eq!(
        (removed, left),
        (json!(["nft vmchaos_k3f9ab", "nft vmchaos_lock_tap0"]), json!([]))
    );
    live.say("rollback").await;
    assert_eq!(live.wait("restored|leaked", 1).await[0]["ev"], "restored");
    // What was read back at the end tells that it was not there to the end.
    assert_eq!(live.seen("ending")[0]["read"], json!({"nft": {"nftables": []}}));
    assert_eq!(live.bye().await, 0);
}

async fn what_a_killed_run_has_left(shell: &[&str]) {
    for engine in ["nft", "tc"] {
        let rig = Rig::new(shell, 1);
        let operator = injected(&rig, &plan(1, "60", engine), &[]).await;
        // Everything at once: nobody is left who could undo it.
        let mut pids: Vec<String> = ["keeper.0", "nsenter.0", "sentinel.0"]
            .map(|what| rig.pid_of(what))
            .to_vec();
        // The warden.
        pids.push(helpers(&rig.pid_of("agent")).remove(2));
        pids.push(rig.pid_of("agent"));
        for pid in &pids {
            signal(pid, "-STOP");
        }
        // By one command: whoever outlives the others is woken by the kernel, as its process group is orphaned, and undoes it.
        let _ = std::process::Command::new("kill").arg("-KILL").args(&pids).status();
        operator.agent.kill(vmchaos_rehearsal::host::Signal::Kill);
        operator.ended().await;
        assert_ne!(rig.node.filters(&uid(0)), Vec::<String>::new());
        let (removed, left) = sweep(&rig, " 7a31:").await;
        assert_eq!((removed.as_array().unwrap().is_empty(), left), (false, json!([])));
        assert_eq!(rig.node.filters(&uid(0)), Vec::<String>::new());
    }
}
