//! Every way a filter can end, by either engine: nothing of it is left, and nothing of anybody else was touched.

use serde_json::{Value, json};
use vmchaos_rehearsal::host::{Foreign, Node, Signal};

use crate::endings::by;
use crate::filter_rig::{ENGINES, in_place, injected, node_lines, plan, tc, vm_lines};
use crate::kills::verdict;
use crate::rig::{self, Operator, Rig, signal, uid};

crate::under_every_shell! {
    a_filter_until_its_deadline
    a_filter_rolled_back
    a_filter_whose_operator_left
    a_filter_never_put_in_place
    a_filter_whose_launcher_went
    a_filter_whose_container_was_killed
    a_filter_whose_sentinel_was_killed
    a_filter_killed_while_it_is_applied
    a_clsact_that_was_there_before
    a_clsact_that_somebody_made_meanwhile
    a_clsact_that_somebody_made_on_the_second_device
    a_filter_that_somebody_put_beside_ours
    netem_and_a_filter_at_once
    tc_that_adds_too_little
    tc_that_deletes_nothing
}

/// Waits until nothing of a filter is there, and every VM has its verdict.
async fn clean(rig: &Rig, operator: &Operator, vms: usize) {
    while operator.verdicts().len() < vms {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for vm in 0..vms {
        assert_eq!(rig.node.filters(&uid(vm)), Vec::<String>::new(), "VM {vm}");
    }
}

/// What an event has read of the kernel.
fn what(event: &Value) -> Vec<&String> {
    event["read"].as_object().unwrap().keys().collect()
}

async fn a_filter_until_its_deadline(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 2);
        // The kernel is not looked at here: the deadline may be over by then.
        let mut operator = rig.armed(&plan(2, "1.5", engine), &[]).await;
        operator.say("go").await;
        operator.wait("injected", 2).await;
        for event in operator.wait("restored", 2).await {
            assert_eq!(event["by"], "deadline");
            let held = event["held"].as_f64().unwrap();
            assert!((1.48..10.0).contains(&held), "held for {held} s");
            assert_eq!(
                (&event["after"], event.get("changed")),
                (&json!({"tap0": "none"}), None)
            );
        }
        // Read once more before it was undone: it was there for the whole hold.
        for (ending, start) in operator.seen("ending").iter().zip(operator.seen("injected")) {
            assert_eq!(what(ending), what(&start));
            let expected: &[&str] = if engine == "nft" {
                &["nft"]
            } else {
                &["tap0 egress", "tap0 ingress"]
            };
            assert_eq!(what(ending), expected);
        }
        assert_eq!(operator.bye().await, 0);
        clean(&rig, &operator, 2).await;
    }
}

async fn a_filter_rolled_back(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 2);
        let qdiscs = rig.node.qdiscs(&uid(0));
        let mut operator = injected(&rig, &plan(2, "60", engine), &[]).await;
        assert_eq!(rig.node.filters(&uid(0)), in_place(engine));
        operator.say("rollback 1").await;
        assert_eq!(operator.wait("restored", 1).await[0]["vm"], 1);
        assert_eq!(rig.node.filters(&uid(1)), Vec::<String>::new());
        assert_eq!(rig.node.filters(&uid(0)), in_place(engine));
        operator.say("rollback").await;
        assert_eq!(by(&operator.wait("restored", 2).await), ["rollback", "rollback"]);
        assert_eq!(operator.bye().await, 0);
        clean(&rig, &operator, 2).await;
        assert_eq!(rig.node.qdiscs(&uid(0)), qdiscs);
        let left = std::fs::read_dir(rig.node.root().join("shm")).unwrap().count();
        assert_eq!(left, 0, "the scratch directory is gone");
    }
}

async fn a_filter_whose_operator_left(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 1);
        let mut operator = injected(&rig, &plan(1, "60", engine), &[]).await;
        operator.close();
        assert_eq!(operator.end().await, 0);
        assert_eq!(by(&operator.seen("restored")), ["lost-operator"]);
        clean(&rig, &operator, 1).await;
    }
}

async fn a_filter_never_put_in_place(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 1);
        let mut operator = rig.armed(&plan(1, "60", engine), &[]).await;
        assert_eq!(operator.seen("ready")[0]["before"], json!({"tap0": "none"}));
        operator.close();
        assert_eq!(operator.end().await, 0);
        let restored = &operator.seen("restored")[0];
        assert_eq!(
            (&restored["held"], &restored["after"]),
            (&json!(0), &json!({"tap0": "none"}))
        );
        clean(&rig, &operator, 1).await;
    }
}

async fn a_filter_whose_launcher_went(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 1);
        let mut operator = injected(&rig, &plan(1, "60", engine), &[]).await;
        rig.node.remove_pod(&uid(0));
        assert_eq!(operator.wait("gone|restored|leaked", 1).await[0]["ev"], "gone");
        assert_eq!(operator.bye().await, 0);
    }
}

async fn a_filter_whose_container_was_killed(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 2);
        let operator = injected(&rig, &plan(2, "60", engine), &[]).await;
        operator.agent.kill(Signal::Kill);
        assert_eq!(operator.ended().await, 137);
        clean(&rig, &operator, 2).await;
        for vm in 0..2 {
            assert_eq!(verdict(&operator, vm), ("restored".into(), "lost-operator".into()));
        }
    }
}

async fn a_filter_whose_sentinel_was_killed(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 1);
        let mut operator = injected(&rig, &plan(1, "60", engine), &[]).await;
        signal(&rig.pid_of("sentinel.0"), "-KILL");
        assert_eq!(by(&operator.wait("restored|leaked", 1).await), ["sentinel"]);
        // The keeper has read it once more.
        assert_eq!(what(&operator.seen("ending")[0]), what(&operator.seen("injected")[0]));
        assert_eq!(operator.bye().await, 0);
        clean(&rig, &operator, 1).await;
    }
}

async fn a_filter_killed_while_it_is_applied(shell: &[&str]) {
    for engine in ENGINES {
        for moment in [0, 3, 8, 15, 25] {
            let rig = Rig::new(shell, 2);
            let mut operator = rig.armed(&plan(2, "60", engine), &[]).await;
            operator.say("go").await;
            tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
            operator.agent.kill(Signal::Kill);
            operator.ended().await;
            clean(&rig, &operator, 2).await;
        }
    }
}

async fn a_clsact_that_was_there_before(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.node.put_foreign(&uid(0), "tap0", Foreign::Clsact).unwrap();
    let mut operator = injected(&rig, &plan(1, "60", "tc"), &[]).await;
    assert_eq!(operator.seen("ready")[0]["before"], json!({"tap0": "clsact"}));
    operator.say("rollback").await;
    let restored = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!(
        (&restored["ev"], &restored["after"], restored.get("changed")),
        (&json!("restored"), &json!({"tap0": "clsact"}), None)
    );
    assert_eq!(rig.node.filters(&uid(0)), ["tap0 clsact"]);
    assert_eq!(operator.bye().await, 0);
}

async fn a_clsact_that_somebody_made_meanwhile(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60", "tc"), &[]).await;
    tc(&rig, "qdisc add dev tap0 clsact");
    operator.say("go").await;
    assert_eq!(operator.wait("failed|injected", 1).await[0]["reason"], "apply");
    let restored = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!(
        (&restored["ev"], &restored["changed"]),
        (&json!("restored"), &json!("tap0 was none, is clsact"))
    );
    assert_eq!(rig.node.filters(&uid(0)), ["tap0 clsact"], "it is theirs, and stays");
    assert_eq!(operator.bye().await, 0);
}

async fn a_clsact_that_somebody_made_on_the_second_device(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let plan = plan(1, "60", "tc") + "own 0 cut eth0 in egress\n";
    let mut operator = rig.armed(&plan, &[]).await;
    tc(&rig, "qdisc add dev eth0 clsact");
    operator.say("go").await;
    assert_eq!(operator.wait("failed|injected", 1).await[0]["reason"], "apply");
    assert_eq!(operator.wait("restored|leaked", 1).await[0]["ev"], "restored");
    assert_eq!(rig.node.filters(&uid(0)), ["eth0 clsact"], "the first one was ours");
    assert_eq!(operator.bye().await, 0);
}

async fn a_filter_that_somebody_put_beside_ours(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = injected(&rig, &plan(1, "60", "tc"), &[]).await;
    tc(
        &rig,
        "filter add dev tap0 ingress protocol ip pref 1 handle 0x1 flower ip_proto tcp dst_port 25 action drop",
    );
    operator.say("rollback").await;
    let restored = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!(restored["ev"], "restored");
    let changed = restored["changed"].as_str().unwrap();
    assert!(changed.contains("tap0 has a flower filter"), "{changed}");
    assert!(changed.contains("tap0 was none, is clsact"), "{changed}");
    assert_eq!(rig.node.filters(&uid(0)), ["tap0 clsact", "tap0 ingress flower 1 0x1"]);
    assert_eq!(operator.bye().await, 0);
}

async fn netem_and_a_filter_at_once(shell: &[&str]) {
    for engine in ENGINES {
        for netem_first in [true, false] {
            let rig = Rig::new(shell, 1);
            let qdiscs = rig.node.qdiscs(&uid(0));
            let netem_plan = rig::plan_of(0, "60", "7b02:");
            let env = [("VMCHAOS_RUN", "z9z9z9")];
            let (mut netem, mut filter);
            if netem_first {
                netem = rig.injected(&netem_plan, &env).await;
                filter = injected(&rig, &plan(1, "60", engine), &[]).await;
                netem.say("rollback").await;
                assert!(netem.wait("restored", 1).await[0].get("changed").is_none());
                assert_eq!(rig.node.filters(&uid(0)), in_place(engine));
                filter.say("rollback").await;
                assert!(filter.wait("restored", 1).await[0].get("changed").is_none());
            } else {
                filter = injected(&rig, &plan(1, "60", engine), &[]).await;
                netem = rig.injected(&netem_plan, &env).await;
                filter.say("rollback").await;
                assert!(filter.wait("restored", 1).await[0].get("changed").is_none());
                assert_eq!(rig.netems(0), 2);
                netem.say("rollback").await;
                assert!(netem.wait("restored", 1).await[0].get("changed").is_none());
            }
            assert_eq!(rig.node.filters(&uid(0)), Vec::<String>::new());
            assert_eq!(rig.node.qdiscs(&uid(0)), qdiscs);
            assert_eq!((netem.bye().await, filter.bye().await), (0, 0));
        }
    }
}

async fn tc_that_adds_too_little(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    // It reports success.
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *'-batch -') grep -v 'ingress.*0x7a310004' | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    let mut operator = rig.armed(&plan(1, "60", "tc"), &[]).await;
    operator.say("go").await;
    assert_eq!(operator.wait("failed|injected", 1).await[0]["reason"], "readback");
    assert_eq!(operator.wait("restored|leaked", 1).await[0]["ev"], "restored");
    assert_eq!(operator.bye().await, 0);
    clean(&rig, &operator, 1).await;
}

async fn tc_that_deletes_nothing(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = injected(&rig, &(node_lines("tc", "7a31:") + &vm_lines(0, "60")), &[]).await;
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *-batch*) sed '/ del /d' | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    operator.say("rollback").await;
    let leaked = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!(
        (&leaked["ev"], &leaked["left"]),
        (&json!("leaked"), &json!("tap0 flower 7a31:"))
    );
    assert_eq!(operator.bye().await, 3);
    assert_eq!(rig.node.filters(&uid(0)), in_place("tc"));
}
