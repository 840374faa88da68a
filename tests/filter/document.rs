//! What a run of a filter reports.

use serde_json::json;

use super::{LONG, SHORT, with};
use crate::support::Rehearsal;

#[test]
fn the_document_has_the_flags_and_what_was_read_of_each_direction() {
    let rehearsal = Rehearsal::new();
    let document = rehearsal
        .run(&with(
            &SHORT,
            &["--protocols", "udp", "--peer", "10.0.0.0/8", "-o", "json"],
        ))
        .expect(0)
        .json();
    assert_eq!(
        document["fault"],
        json!({"type": "filter", "ports": "53", "protocols": ["udp"], "peer": ["10.0.0.0/8"], "action": "drop", "engine": "auto",
            "ingress": true, "egress": true, "duration": "1s", "execution": "serial", "onMigration": "follow", "detach": false})
    );
    let verified = document["targets"][0]["verified"].as_array().unwrap();
    for (one, rules) in verified.iter().zip([
        "ingress (hook egress): ip saddr @peers4 udp dport @ports counter drop; ports 53; peers4 10.0.0.0/8",
        "egress (hook ingress): ip daddr @peers4 udp dport @ports counter drop; ports 53; peers4 10.0.0.0/8",
    ]) {
        assert_eq!((&one["asked"], &one["read"]), (&rules.into(), &rules.into()));
        assert!(one["dropped"].as_u64().is_some(), "{one}");
    }
    assert_eq!((verified.len(), &document["summary"]["ok"]), (2, &json!(1)));
    let interfaces = &document["targets"][0]["interfaces"];
    assert_eq!(
        interfaces[0],
        json!({"network": "default", "device": "tap0", "binding": "masquerade"})
    );
}

#[test]
fn the_table_counts_what_was_dropped() {
    let rehearsal = Rehearsal::new();
    let table = rehearsal.run(&SHORT).expect(0).out;
    let header = table.lines().next().unwrap();
    assert!(header.contains("DROPPED") && !header.contains("PACKETS"), "{table}");
}

#[test]
fn the_vmis_events_and_the_pod_tell_what_is_cut() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&LONG);
    run.wait_for("injected on node-1");
    let metadata = &rehearsal.debug_pod()["metadata"];
    assert_eq!(metadata["labels"]["vmchaos.dev/fault"], "filter");
    assert_eq!(metadata["annotations"]["vmchaos.dev/what"], "drop tcp,udp port 53");
    let plan = metadata["annotations"]["vmchaos.dev/plan"].as_str().unwrap();
    assert!(
        plan.starts_with("# default/web-1\n") && plan.contains("nft add rule netdev"),
        "{plan}"
    );
    run.signal("INT");
    run.end().expect(130);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    let notes: Vec<_> = rehearsal
        .practice
        .list("Event", "")
        .into_iter()
        .map(|event| event["message"].to_string())
        .collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("filter: drop tcp,udp port 53, for 600s")),
        "{notes:?}"
    );
}

#[test]
fn list_names_filter_among_the_faults() {
    let rehearsal = Rehearsal::new();
    let list = rehearsal.run(&["list", "-A", "-o", "json"]).expect(0).json();
    let of = |name: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap()["faults"].clone()
    };
    assert_eq!(of("web-1")["filter"], json!({"able": true}));
    assert_eq!(of("vf-1")["filter"], of("vf-1")["netem"]);
}
