//! What nodes say: the agent's lines, what it read back from the kernel, termination messages.

use std::collections::BTreeMap;

use kubectl_vmchaos::testing::node::verdict::{EndState, Verdict};
use kubectl_vmchaos::testing::node::wire::{Event, Line};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use vmchaos_rehearsal::double::read_plan;

use super::campaign::holds;
use super::mutate::{changed, changed_text, changes};
use crate::support::compiled::compiled;

fn events() -> Vec<Value> {
    vec![
        json!({"s":1,"t":812.03,"ev":"hello","kernel":"6.1","tc":"6.1","shell":"dash","netem":true,"engine":"nft"}),
        json!({"s":2,"t":812.04,"ev":"found","vm":0}),
        json!({"s":3,"t":812.1,"ev":"refused","vm":0,"reason":"foreign-qdisc","device":"tap0","detail":"prio"}),
        json!({"s":4,"t":812.1,"ev":"ready","vm":0,"before":{"tap0":"fq_codel"}}),
        json!({"s":5,"t":813.0,"ev":"injected","vm":0,"read":{"tap0":[{"kind":"netem","options":{"delay":{"delay":0.1}}}]}}),
        json!({"s":6,"t":823.0,"ev":"restored","vm":0,"by":"lost-operator","held":10.003,"after":{"tap0":"fq_codel"}}),
        json!({"s":7,"t":823.0,"ev":"leaked","vm":0,"by":"term","left":"tap0"}),
        json!({"s":8,"t":823.0,"ev":"swept","vm":0,"removed":["tap0"],"left":[]}),
        json!({"s":9,"t":823.0,"ev":"probe","vm":0,"n":0,"phase":"during","at":814.0,"ms":100.2}),
        json!({"s":10,"t":824.0,"ev":"end","leaked":1}),
    ]
}

#[test]
fn a_line_of_the_agent_is_an_event_or_an_error() {
    let lines = prop_oneof![
        3 => changed(events()).prop_map(|event| event.to_string()),
        1 => changed_text(events().iter().map(Value::to_string).collect()),
    ];
    holds(768, &lines, |line| {
        match serde_json::from_str::<Line>(&line) {
            // Numbers that nothing can be counted with are no events.
            Ok(line) => prop_assert!(line.t.is_finite()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        Ok(())
    });
}

#[test]
fn every_event_as_it_is_said_is_understood() {
    for event in events() {
        let line: Line = serde_json::from_value(event.clone()).unwrap();
        assert_ne!(line.event, Event::Unknown, "{event}");
    }
}

#[test]
fn a_termination_message_is_a_verdict_or_none() {
    let said = r#"{"run":"abc123","vms":[[0,"restored","sentinel",1.5],[1,"leaked","term",0]],"more":2}"#.to_owned();
    let messages = prop_oneof![
        changed_text(vec![said.clone(), format!("{said}\n{said}\n")]),
        any::<String>()
    ];
    holds(512, &messages, |message| {
        if let Some(verdict) = Verdict::parse(&message) {
            // Whoever calls it clean has seen nothing that is not.
            prop_assert!(!verdict.is_clean() || verdict.vms.iter().all(|(_, state, ..)| *state != EndState::Leaked));
        }
        Ok(())
    });
}

/// Recorded answers of the real tools, each with the flags that led to it.
fn answers() -> Vec<(String, BTreeMap<String, Value>)> {
    let netem = include_str!("../read_back/linux-6.1.txt")
        .lines()
        .find(|line| line.starts_with('['))
        .unwrap();
    let mut all = vec![(
        "netem web-1 --latency 100ms --egress false".to_owned(),
        BTreeMap::from([("tap0".to_owned(), serde_json::from_str(netem).unwrap())]),
    )];
    for line in include_str!("../read_back/nft-1.0.6.txt").lines() {
        if let Some(flags) = line.strip_prefix("$ ") {
            all.push((format!("filter web-1 --engine nft {flags}"), BTreeMap::new()));
        } else if let Some((key, json)) = line.split_once('\t') {
            all.last_mut()
                .unwrap()
                .1
                .insert(key.to_owned(), serde_json::from_str(json).unwrap());
        }
    }
    let flower = json!([
        {"protocol": "ip", "pref": 0x7a31, "kind": "flower", "chain": 0},
        {"protocol": "ip", "pref": 0x7a31, "kind": "flower", "chain": 0, "options": {"handle": 0x7a31_0001_u32,
            "keys": {"eth_type": "ipv4", "ip_proto": "tcp", "dst_port": 53}, "not_in_hw": true,
            "actions": [{"order": 1, "kind": "gact", "control_action": {"type": "drop"}, "stats": {"bytes": 98, "packets": 2, "drops": 2}}]}},
    ]);
    all.push((
        "filter web-1 --engine tc --ports 53 --protocols tcp".to_owned(),
        [
            ("tap0 egress".to_owned(), flower.clone()),
            ("tap0 ingress".to_owned(), flower),
        ]
        .into(),
    ));
    all
}

#[test]
fn what_is_read_back_is_what_was_asked_or_a_mismatch() {
    let inputs = (select(answers()), changes(3));
    holds(512, &inputs, |((flags, read), changes)| {
        let (vm, _) = compiled(&flags).unwrap();
        let mut read = serde_json::to_value(read).unwrap();
        changes.make(&mut read);
        let Ok(read) = serde_json::from_value::<BTreeMap<String, Value>>(read) else {
            return Ok(());
        };
        match vm.expected.verify(&read) {
            Ok(readings) => prop_assert!(!readings.is_empty()),
            Err(mismatch) => prop_assert!(!mismatch.device.is_empty() && !mismatch.problem.is_empty()),
        }
        Ok(())
    });
}

#[test]
fn a_plan_is_read_or_its_line_is_named() {
    let lines = [
        "netem web-1 --latency 100ms --jitter 10ms --loss 10%",
        "netem web-1 --bandwidth 1mbit --egress false",
        "filter web-1 --engine nft --ports 53,8000-8100 --peer 10.0.0.0/8",
        "filter web-1 --engine tc --ports 53 --protocols tcp",
    ];
    let plans: Vec<String> = lines.iter().map(|line| compiled(line).unwrap().1).collect();
    for plan in &plans {
        assert_eq!(read_plan(plan), Ok(1), "{plan}");
    }
    holds(
        512,
        &prop_oneof![4 => changed_text(plans), 1 => any::<String>()],
        |plan| {
            match read_plan(&plan) {
                Ok(vms) => prop_assert!(vms > 0),
                Err(why) => prop_assert!(why.starts_with("line ") || why == "the plan names no VM", "{why}"),
            }
            Ok(())
        },
    );
}
