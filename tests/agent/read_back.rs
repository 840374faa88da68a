//! What is read back is not as asked, or not as before: it fails, is told, or leaks, and counts as nothing else.

use vmchaos_rehearsal::host::Node;

use crate::rig::{HANDLE, Rig, plan, uid};

crate::under_every_shell! {
    partly_applied
    read_back_wrongly
    something_else_under_our_handle
    left_behind
    changed_by_others
}

async fn partly_applied(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    // Somebody else is faster on the second device.
    let other = rig
        .node
        .tc(
            &uid(0),
            &[
                "qdisc", "add", "dev", "eth0", "root", "handle", "8001:", "tbf", "rate", "1mbit", "burst", "15kb",
                "latency", "50ms",
            ],
        )
        .unwrap();
    assert!(other.status.success());
    operator.say("go").await;
    let failed = operator.wait("failed", 1).await;
    assert_eq!(failed[0]["reason"], "apply");
    assert!(failed[0]["detail"].as_str().unwrap().contains("NLM_F_REPLACE"));
    let ended = operator.wait("restored", 1).await;
    assert_eq!(
        ended[0]["after"],
        serde_json::json!({"tap0": "fq_codel", "eth0": "tbf"})
    );
    assert!(
        ended[0]["changed"]
            .as_str()
            .unwrap()
            .contains("eth0 was noqueue, is tbf 8001:")
    );
    assert!(operator.seen("injected").is_empty());
    assert_eq!(operator.bye().await, 0);
    assert_eq!(operator.seen("end")[0]["failed"], 1);
    let after = rig.node.qdiscs(&uid(0));
    assert!(
        after
            .iter()
            .any(|(device, line)| device == "eth0" && line.starts_with("qdisc tbf 8001:")),
        "{after:?}"
    );
    assert_eq!(rig.netems(0), 0);
}

async fn read_back_wrongly(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    // A tc that reports success and does nothing.
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *'-batch -') grep -v '^qdisc add' | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    operator.say("go").await;
    assert_eq!(operator.wait("failed", 1).await[0]["reason"], "readback");
    operator.wait("restored", 1).await;
    assert!(operator.seen("injected").is_empty());
    assert_eq!(operator.bye().await, 0);
}

async fn something_else_under_our_handle(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *'-batch -') sed '/^qdisc add dev eth0/s/netem.*/tbf rate 1mbit burst 15kb latency 50ms/' | \
         REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    operator.say("go").await;
    assert_eq!(operator.wait("failed|injected", 1).await[0]["reason"], "readback");
    let restored = operator.wait("restored", 1).await;
    assert_eq!(
        restored[0]["after"],
        serde_json::json!({"tap0": "fq_codel", "eth0": "noqueue"})
    );
    assert_eq!(operator.bye().await, 0);
}

async fn left_behind(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    // A tc that reports success and deletes nothing from eth0.
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *-batch*) sed '/^qdisc del dev eth0/d' | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    operator.say("rollback").await;
    let leaked = operator.wait("leaked", 1).await;
    assert_eq!(leaked[0]["left"], format!("eth0:{HANDLE}"));
    assert_eq!(operator.bye().await, 3);
    assert_eq!(operator.seen("end")[0]["leaked"], 1);
    assert_eq!(rig.netems(0), 1);
}

async fn changed_by_others(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    // net.core.default_qdisc has changed meanwhile: the kernel makes another default.
    std::fs::write(
        rig.node.root().join(format!("netns/{}.d/tap0.default", uid(0))),
        "pfifo_fast\n",
    )
    .unwrap();
    operator.say("rollback").await;
    let ended = operator.wait("restored", 1).await;
    assert_eq!(ended[0]["changed"], "tap0 was fq_codel, is pfifo_fast 0:");
    assert_eq!(operator.bye().await, 0);
}
