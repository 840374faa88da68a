//! Every way a fault can end: it is gone afterwards, the verdict says by whom, and nothing of anybody else was touched.

use serde_json::Value;

use crate::kills::verdict;
use crate::rig::{HANDLE, Rig, plan, plan_of, uid};
use vmchaos_rehearsal::host::{Node, Signal};

crate::under_every_shell! {
    the_deadline_is_kept_with_the_operator_still_there
    rollback_of_all
    rollback_of_one_leaves_the_other
    end_of_file
    silence
    silence_of_the_usual_length
    sigterm
    end_of_file_before_go
    no_go
    the_launcher_gone
    detached
    two_runs_on_one_device
    one_after_the_other
    armed_after_a_rollback_of_all
}

pub(crate) fn by(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["by"].as_str().unwrap()).collect()
}

async fn the_deadline_is_kept_with_the_operator_still_there(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "1.5"), &[]).await;
    operator.say("hb").await;
    let ended = operator.wait("restored", 2).await;
    for event in &ended {
        assert_eq!(event["by"], "deadline");
        let held = event["held"].as_f64().unwrap();
        assert!((1.48..4.0).contains(&held), "held for {held} s");
        assert_eq!(
            event["after"],
            serde_json::json!({"tap0": "fq_codel", "eth0": "noqueue"})
        );
        assert!(event.get("changed").is_none());
    }
    // Read once more before it was undone: it was there for the whole hold.
    for event in operator.seen("ending") {
        assert_eq!(event["read"]["tap0"][0]["handle"], HANDLE);
        assert_eq!(event["read"]["eth0"][0]["options"]["loss-random"]["loss"], 0.05);
    }
    assert_eq!(operator.bye().await, 0);
    assert_eq!(operator.seen("end")[0]["restored"], 2);
    rig.clean(&operator, 2).await;
}

async fn rollback_of_all(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "60"), &[]).await;
    operator.say("rollback").await;
    assert_eq!(by(&operator.wait("restored", 2).await), ["rollback", "rollback"]);
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 2).await;
    let left = std::fs::read_dir(rig.node.root().join("shm")).unwrap().count();
    assert_eq!(left, 0, "the scratch directory is gone");
}

async fn rollback_of_one_leaves_the_other(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "60"), &[]).await;
    operator.say("rollback 1").await;
    assert_eq!(operator.wait("restored", 1).await[0]["vm"], 1);
    assert_eq!((rig.netems(0), rig.netems(1)), (2, 0));
    operator.say("rollback").await;
    operator.wait("restored", 2).await;
    assert_eq!(operator.bye().await, 0);
}

async fn end_of_file(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "60"), &[]).await;
    operator.close();
    assert_eq!(operator.end().await, 0);
    assert_eq!(by(&operator.seen("restored")), ["lost-operator", "lost-operator"]);
    rig.clean(&operator, 2).await;
}

async fn silence(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[("VMCHAOS_SILENCE", "1")]).await;
    assert_eq!(operator.end().await, 0);
    assert_eq!(by(&operator.seen("restored")), ["silence"]);
    rig.clean(&operator, 1).await;
}

/// 7 s by the node's clock; more only as far as the machine is busy.
async fn silence_of_the_usual_length(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    operator.say("hb").await;
    operator.wait("hb", 1).await;
    assert_eq!(operator.end().await, 0);
    assert_eq!(by(&operator.seen("restored")), ["silence"]);
    let time = |kind: &str| operator.seen(kind)[0]["t"].as_f64().unwrap();
    let silent = time("ending") - time("hb");
    assert!((6.9..20.0).contains(&silent), "{silent} s");
}

async fn sigterm(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    operator.agent.kill(Signal::Term);
    assert_eq!(operator.end().await, 0);
    assert_eq!(by(&operator.seen("restored")), ["term"]);
    rig.clean(&operator, 1).await;
}

async fn end_of_file_before_go(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.armed(&plan(2, "60"), &[]).await;
    operator.close();
    assert_eq!(operator.end().await, 0);
    for event in operator.seen("restored") {
        assert_eq!(
            (&event["by"], &event["held"]),
            (&Value::from("lost-operator"), &Value::from(0))
        );
    }
    assert_eq!(operator.seen("restored").len(), 2);
    assert!(operator.seen("injected").is_empty());
}

async fn no_go(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60"), &[("VMCHAOS_GO_LIMIT", "0.5")]).await;
    let ended = operator.wait("restored", 1).await;
    assert_eq!((by(&ended), &ended[0]["held"]), (vec!["silence"], &Value::from(0)));
    assert_eq!(operator.bye().await, 0);
}

async fn the_launcher_gone(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "60"), &[]).await;
    rig.node.remove_pod(&uid(0));
    let gone = operator.wait("gone", 1).await;
    assert_eq!(
        (&gone[0]["vm"], &gone[0]["by"]),
        (&Value::from(0), &Value::from("gone"))
    );
    assert_eq!(rig.netems(1), 2);
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
    assert_eq!(operator.seen("end")[0]["gone"], 1);
}

async fn detached(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "3"), &[("VMCHAOS_SILENCE", "1")]).await;
    // Not before the fault is in place.
    operator.say("detach").await;
    operator.say("go").await;
    operator.wait("injected", 1).await;
    assert!(operator.seen("detached").is_empty());
    operator.say("detach").await;
    operator.wait("detached", 1).await;
    operator.close();
    assert_eq!(operator.end().await, 0);
    let ended = operator.seen("restored");
    assert_eq!(by(&ended), ["deadline"]);
    assert!(ended[0]["held"].as_f64().unwrap() >= 2.98);
    assert_eq!(verdict(&operator, 0), ("restored".into(), "deadline".into()));
}

async fn two_runs_on_one_device(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut winner = rig.armed(&plan(1, "60"), &[]).await;
    let mut loser = rig.armed(&plan_of(0, "60", "7b02:"), &[]).await;
    winner.say("go").await;
    winner.wait("injected", 1).await;
    let before = rig.node.qdiscs(&uid(0));
    loser.say("go").await;
    loser.wait("failed", 1).await;
    let ended = loser.wait("restored|leaked", 1).await;
    assert_eq!(ended[0]["ev"], "restored");
    assert_eq!(loser.bye().await, 0);
    assert_eq!(rig.node.qdiscs(&uid(0)), before, "the winner's fault is untouched");
    winner.say("rollback").await;
    let ended = winner.wait("restored", 1).await;
    assert!(ended[0].get("changed").is_none());
    assert_eq!(winner.bye().await, 0);
    assert_eq!(rig.netems(0), 0);
}

async fn one_after_the_other(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.start(&plan(2, "1"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 2).await;
    for vm in 0..2 {
        operator.say(&format!("arm {vm}")).await;
        operator.wait("ready", vm + 1).await;
        operator.say(&format!("go {vm}")).await;
        operator.wait("injected", vm + 1).await;
        assert_eq!((rig.netems(vm), rig.netems(1 - vm)), (2, 0));
        operator.wait("restored", vm + 1).await;
    }
    assert_eq!(by(&operator.seen("restored")), ["deadline", "deadline"]);
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 2).await;
}

async fn armed_after_a_rollback_of_all(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.start(&plan(2, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 2).await;
    for vm in 0..2 {
        operator.say(&format!("arm {vm}")).await;
        operator.wait("ready", vm + 1).await;
        operator.say("go").await;
        operator.wait("injected", vm + 1).await;
        operator.say("rollback").await;
        operator.wait("restored", vm + 1).await;
    }
    assert_eq!(by(&operator.seen("restored")), ["rollback", "rollback"]);
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 2).await;
}
