//! What keeps a filter from being put in place, before anything is changed; and which engine it gets.

use serde_json::{Value, json};
use vmchaos_rehearsal::host::{Feature, Foreign, Node, Presence};

use crate::filter_rig::{ENGINES, injected, node_lines, plan, tc, vm_lines};
use crate::rig::{self, Rig, uid};

crate::under_every_shell! {
    the_engine_that_a_node_can
    modules_that_are_on_disk
    a_node_that_is_only_looked_at
    what_somebody_else_has_there
    another_run_of_this_program
    something_put_there_after_it_was_found
    a_root_qdisc_of_somebody_else
    netem_beside_filters
    more_filters_than_can_be_read_back
}

/// The refusal of a run of one VM, which has changed nothing.
async fn refusal(rig: &Rig, plan: &str, env: &[(&str, &str)]) -> Value {
    let before = (rig.node.filters(&uid(0)), rig.node.qdiscs(&uid(0)));
    let mut operator = rig.start(plan, env);
    operator.say("hello 0").await;
    operator.say("arm").await;
    let refused = operator.wait("refused|ready", 1).await[0].clone();
    operator.say("go").await;
    assert_eq!(operator.bye().await, 0);
    assert!(operator.seen("injected").is_empty());
    assert_eq!((rig.node.filters(&uid(0)), rig.node.qdiscs(&uid(0))), before);
    refused
}

async fn the_engine_that_a_node_can(shell: &[&str]) {
    // Engine asked for; whether the node has nft's egress hook, its reject, and flower; engine or reason; what hello says.
    let (yes, no, not) = (json!(true), json!(false), Value::Null);
    for (asked, has, result, said) in [
        ("auto", [true, true, true], "nft", [&yes, &not, &not]),
        ("auto", [false, true, true], "tc", [&no, &not, &yes]),
        ("auto", [false, true, false], "no-engine", [&no, &not, &no]),
        ("nft", [true, false, false], "nft", [&yes, &not, &not]),
        ("nft", [false, true, true], "no-engine", [&no, &not, &not]),
        ("tc", [true, true, true], "tc", [&not, &not, &yes]),
        ("tc", [true, true, false], "no-engine", [&not, &not, &no]),
        ("auto reject", [true, true, false], "nft", [&yes, &yes, &not]),
        ("auto reject", [true, false, true], "no-reject", [&yes, &no, &not]),
        ("auto reject", [false, false, true], "no-reject", [&no, &no, &not]),
        ("nft reject", [true, false, true], "no-reject", [&yes, &no, &not]),
        ("nft reject", [false, false, true], "no-engine", [&no, &no, &not]),
    ] {
        let rig = Rig::new(shell, 1);
        for (feature, there) in [Feature::NftEgress, Feature::NftReject, Feature::Flower]
            .into_iter()
            .zip(has)
        {
            let presence = if there { Presence::Loaded } else { Presence::Absent };
            rig.node.set_feature(feature, presence).unwrap();
        }
        let mut operator = rig.start(&plan(1, "60", asked), &[]);
        operator.say("hello 0").await;
        let event = operator.wait("found|refused", 1).await[0].clone();
        let hello = operator.seen("hello")[0].clone();
        if event["ev"] == "found" {
            assert_eq!(hello["engine"], result, "{asked} {has:?}");
        } else {
            assert_eq!(
                (&event["reason"], &hello["engine"]),
                (&json!(result), &not),
                "{asked} {has:?}"
            );
        }
        assert_eq!(
            [&hello["nft"], &hello["reject"], &hello["flower"]],
            said,
            "{asked} {has:?}"
        );
        assert_eq!(operator.bye().await, 0);
    }
}

async fn modules_that_are_on_disk(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.node.set_feature(Feature::Flower, Presence::Module).unwrap();
    let mut operator = injected(&rig, &plan(1, "60", "tc"), &[]).await;
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
}

async fn a_node_that_is_only_looked_at(shell: &[&str]) {
    let rig = Rig::new(shell, 0);
    let mut operator = rig.start("engine any\nvm 0 00000000-0000-0000-0000-000000000000 -\n", &[]);
    operator.say("hello 0").await;
    assert_eq!(operator.wait("refused", 1).await[0]["reason"], "no-process");
    let hello = &operator.seen("hello")[0];
    assert_eq!(
        (&hello["engine"], &hello["nft"], &hello["reject"], &hello["flower"]),
        (&json!("nft"), &json!(true), &json!(true), &json!(true))
    );
    assert_eq!(operator.bye().await, 0);
}

async fn what_somebody_else_has_there(shell: &[&str]) {
    for engine in ENGINES {
        for what in [Foreign::NftTable, Foreign::Flower] {
            let rig = Rig::new(shell, 1);
            rig.node.put_foreign(&uid(0), "tap0", what).unwrap();
            let refused = refusal(&rig, &plan(1, "60", engine), &[]).await;
            assert_eq!(
                (&refused["reason"], &refused["device"]),
                (&json!("foreign-filter"), &json!("tap0")),
                "{engine} {what:?}"
            );
            assert!(refused["detail"].as_str().unwrap().contains("not of this run"));
        }
        // On a device that the fault does not touch, it is nobody's business.
        let rig = Rig::new(shell, 1);
        rig.node.put_foreign(&uid(0), "eth0", Foreign::NftTable).unwrap();
        let mut operator = injected(&rig, &plan(1, "60", engine), &[]).await;
        operator.say("rollback").await;
        assert!(operator.wait("restored", 1).await[0].get("changed").is_none());
        assert_eq!(rig.node.filters(&uid(0)), ["nft foreign"]);
        assert_eq!(operator.bye().await, 0);
    }
}

async fn another_run_of_this_program(shell: &[&str]) {
    for first in ENGINES {
        for second in ENGINES {
            let rig = Rig::new(shell, 1);
            // The first operator says nothing while the second run is refused, however long that takes.
            let mut operator = injected(&rig, &plan(1, "60", first), &[("VMCHAOS_SILENCE", "60")]).await;
            let plan = node_lines(second, "7b02:") + &vm_lines(0, "60");
            let refused = refusal(&rig, &plan, &[("VMCHAOS_RUN", "z9z9z9")]).await;
            assert_eq!(
                (&refused["reason"], &refused["device"]),
                (&json!("foreign-filter"), &json!("tap0")),
                "{first} {second}"
            );
            let detail = refused["detail"].as_str().unwrap();
            assert!(detail.contains("another run of this program"), "{detail}");
            operator.say("rollback").await;
            assert!(operator.wait("restored", 1).await[0].get("changed").is_none());
            assert_eq!(operator.bye().await, 0);
        }
    }
}

async fn something_put_there_after_it_was_found(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 1);
        let mut operator = rig.start(&plan(1, "60", engine), &[]);
        operator.say("hello 0").await;
        operator.wait("found", 1).await;
        rig.node.put_foreign(&uid(0), "tap0", Foreign::NftTable).unwrap();
        operator.say("arm").await;
        assert_eq!(operator.wait("refused|ready", 1).await[0]["reason"], "foreign-filter");
        assert_eq!(operator.bye().await, 0);
    }
}

async fn a_root_qdisc_of_somebody_else(shell: &[&str]) {
    for engine in ENGINES {
        let rig = Rig::new(shell, 1);
        rig.node.put_foreign(&uid(0), "tap0", Foreign::Qdisc).unwrap();
        let refused = refusal(&rig, &plan(1, "60", engine), &[]).await;
        assert_eq!(refused["reason"], "foreign-qdisc");
        let rig = Rig::new(shell, 1);
        tc(&rig, "qdisc add dev tap0 ingress");
        let refused = refusal(&rig, &plan(1, "60", engine), &[]).await;
        assert_eq!(refused["reason"], "foreign-qdisc");
    }
}

async fn netem_beside_filters(shell: &[&str]) {
    let foreign =
        "filter add dev tap0 ingress protocol ip pref 1 handle 0x1 flower ip_proto tcp dst_port 25 action drop";
    // A handle of ours under a preference that is not.
    let unlike =
        "filter add dev tap0 ingress protocol ip pref 1 handle 0x7a310001 flower ip_proto tcp dst_port 25 action drop";
    let ours = "filter add dev tap0 ingress protocol ip pref 31281 handle 0x7a310001 flower ip_proto tcp dst_port 25 action drop";
    for (filters, taken) in [
        (vec![ours], true),
        (vec![], false),
        (vec![foreign], false),
        (vec![unlike], false),
        (vec![ours, foreign], false),
    ] {
        let rig = Rig::new(shell, 1);
        tc(&rig, "qdisc add dev tap0 clsact");
        for one in &filters {
            tc(&rig, one);
        }
        if taken {
            let mut operator = rig.injected(&rig::plan(1, "60"), &[]).await;
            operator.say("rollback").await;
            assert!(operator.wait("restored", 1).await[0].get("changed").is_none());
            assert_eq!(operator.bye().await, 0);
        } else {
            let refused = refusal(&rig, &rig::plan(1, "60"), &[]).await;
            assert_eq!(refused["reason"], "foreign-qdisc", "{filters:?}");
        }
    }
}

async fn more_filters_than_can_be_read_back(shell: &[&str]) {
    let ports: Vec<String> = (0..8001).map(|n| (1 + 2 * n).to_string()).collect();
    let rig = Rig::new(shell, 1);
    let plan = plan(1, "60", "tc").replace("ports 53,8000-8100", &format!("ports {}", ports.join(",")));
    let refused = refusal(&rig, &plan, &[]).await;
    assert_eq!(refused["reason"], "no-engine");
    // Five rules of ports and peers for each port into the guest, and four without ports out of it.
    assert!(
        refused["detail"].as_str().unwrap().contains("40009 flower filters"),
        "{refused}"
    );
}
