use serde_json::Value;

use super::Root;

/// What a running kernel counts is no part of what is held to.
fn without_counters(mut roots: Value) -> Value {
    for root in roots.as_array_mut().unwrap() {
        for name in ["bytes", "packets", "drops", "overlimits", "requeues", "backlog", "qlen"] {
            root[name] = 0.into();
        }
    }
    roots
}

#[test]
fn says_what_the_real_tc_said() {
    let (mut compared, mut refused) = (0, 0);
    for name in ["netem", "netem-options", "tbf"] {
        let path = format!(
            "{}/../../tests/agent/transcripts/{name}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(&path).unwrap();
        let (mut tap, mut uplink) = (Root::new("fq_codel", 1), Root::new("noqueue", 1));
        for record in text.split("$ ").filter(|record| !record.is_empty()) {
            let (command, rest) = record.split_once('\n').unwrap();
            let (output, code) = rest.rsplit_once("! ").unwrap();
            let words: Vec<&str> = command.split(' ').collect();
            if words.contains(&"nosuch") {
                continue;
            }
            let root = if words.contains(&"eth0") { &mut uplink } else { &mut tap };
            match words.as_slice() {
                ["tc", "qdisc", "replace", _, _, _, _, handle, options @ ..] => {
                    let mut fresh = Root::new(&root.standard, 1);
                    fresh.command("add", handle, options).unwrap();
                    *root = fresh;
                }
                [
                    "tc",
                    "qdisc",
                    verb @ ("add" | "change" | "del"),
                    "dev",
                    _,
                    "root",
                    "handle",
                    handle,
                    options @ ..,
                ] => {
                    let said = root.command(verb, handle, options);
                    assert_eq!(said.is_ok(), code.trim() == "0", "{name}: {command}: {said:?}");
                    if let Err(said) = said
                        && said.starts_with("Error:")
                    {
                        assert_eq!(said, output.trim_end(), "{name}: {command}");
                        refused += 1;
                    }
                }
                ["tc", "-s", "-j", "qdisc", "show", "dev", _, ..] => {
                    let real: Value = serde_json::from_str(output).unwrap();
                    let mut real = without_counters(real);
                    // fq_codel counts more.
                    for own in [
                        "maxpacket",
                        "drop_overlimit",
                        "new_flow_count",
                        "ecn_mark",
                        "new_flows_len",
                        "old_flows_len",
                    ] {
                        real[0].as_object_mut().unwrap().remove(own);
                    }
                    assert_eq!(root.json(), real, "{name}: {command}");
                    compared += 1;
                }
                ["tc", "qdisc", "show", "dev", _, "root"] => {
                    assert_eq!(root.text(), output.trim_end(), "{name}: {command}");
                    compared += 1;
                }
                _ => {}
            }
        }
    }
    assert!(compared > 50 && refused > 5, "{compared} compared, {refused} refused");
}
