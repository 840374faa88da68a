use serde_json::{Value, json};

use super::{Abilities, Hook, Tables};

/// A node with all there is.
const ALL: Abilities = Abilities {
    egress: true,
    reject: true,
};

/// One command of nft, as the transcripts have it.
fn run(tables: &mut Tables, line: &str, kernel: Abilities) -> Result<(), &'static str> {
    let words: Vec<&str> = line.split(' ').collect();
    let missing = "Error: No such file or directory";
    match words.as_slice() {
        ["create", "table", "netdev", name] => tables.create(name).map(|_| ()),
        ["delete", "table", "netdev", name] => tables.delete(name),
        // Of a lock, whose chain says whose it is.
        ["delete", "chain", "netdev", table, chain] => {
            let there = tables.get(table).is_some_and(|table| table.has_chain(chain));
            if there { Ok(()) } else { Err(missing) }
        }
        ["add", "set", "netdev", table, name, ..] => {
            let (_, elements) = line.split_once("elements = { ").unwrap();
            let (elements, _) = elements.split_once(" }").unwrap();
            tables.get_mut(table).ok_or(missing)?.add_set(name, elements)
        }
        ["add", "chain", "netdev", table, name, rest @ ..] => {
            let hook = match rest {
                [] => None,
                [
                    _,
                    "type",
                    "filter",
                    "hook",
                    hook,
                    "device",
                    device,
                    "priority",
                    priority,
                    ..,
                ] => {
                    let priority = priority.trim_end_matches(';').parse().unwrap();
                    Some((Hook::named(hook).unwrap(), device.trim_matches('"'), priority))
                }
                _ => panic!("no such chain: {line}"),
            };
            tables.get_mut(table).ok_or(missing)?.add_chain(name, hook, kernel)
        }
        ["add", "rule", "netdev", table, chain, body @ ..] => {
            let table = tables.get_mut(table).ok_or(missing)?;
            table.add_rule(chain, &body.join(" "), kernel)
        }
        _ => panic!("no such command: {line}"),
    }
}

fn element(elements: &str) -> Value {
    let mut tables = Tables::default();
    tables.create("t").unwrap().add_set("s", elements).unwrap();
    tables.get("t").unwrap().json()["nftables"][2]["set"]["elem"].clone()
}

#[test]
fn sets_are_sorted_and_merged() {
    for (written, read) in [
        (
            "8000-8100,53,54,8050-8200,1-1",
            r#"[1,{"range":[53,54]},{"range":[8000,8200]}]"#,
        ),
        (
            "10.128.0.0/9,10.0.0.0/9,1.2.3.4,1.2.3.5,1.2.3.6,1.2.3.4/30",
            r#"[{"prefix":{"addr":"1.2.3.4","len":30}},{"prefix":{"addr":"10.0.0.0","len":8}}]"#,
        ),
        ("0.0.0.0/0,1.2.3.4", r#"[{"prefix":{"addr":"0.0.0.0","len":0}}]"#),
        ("1.2.3.4,1.2.3.5,1.2.3.6", r#"[{"range":["1.2.3.4","1.2.3.6"]}]"#),
        (
            "fd00::/9,fd80::/9,2001:db8::1",
            r#"["2001:db8::1",{"prefix":{"addr":"fd00::","len":8}}]"#,
        ),
    ] {
        assert_eq!(
            element(written),
            serde_json::from_str::<Value>(read).unwrap(),
            "{written}"
        );
    }
}

#[test]
fn what_the_kernel_refuses() {
    let mut tables = Tables::default();
    for line in [
        "create table netdev a",
        "add chain netdev a c { type filter hook egress device \"tap0\" priority -500; policy accept; }",
    ] {
        run(&mut tables, line, ALL).unwrap();
    }
    for line in [
        "create table netdev a",
        "delete table netdev b",
        "add chain netdev b c",
        "add rule netdev a d counter drop",
        "add rule netdev a c tcp dport @ports counter drop",
        "add rule netdev a c meta l4proto tcp counter reject with tcp reset",
    ] {
        run(&mut tables, line, ALL).unwrap_err();
    }
}

/// The recording machine had no names for protocols, and counts the tables of transactions that failed.
fn named(mut value: Value) -> Value {
    if let Some(table) = value.get_mut("table").filter(|table| table.is_object()) {
        table["handle"] = 0.into();
    }
    if value.pointer("/left/meta/key") == Some(&json!("l4proto")) {
        let name = |number: &Value| match number.as_u64() {
            Some(1) => "icmp".into(),
            Some(6) => "tcp".into(),
            Some(17) => "udp".into(),
            Some(132) => "sctp".into(),
            _ => number.clone(),
        };
        value["right"] = match value["right"]["set"].as_array() {
            Some(all) => json!({"set": all.iter().map(name).collect::<Vec<_>>()}),
            None => name(&value["right"]),
        };
    }
    match value {
        Value::Array(items) => items.into_iter().map(named).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, named(value))).collect(),
        other => other,
    }
}

#[test]
fn says_what_the_real_nft_said() {
    let (mut compared, mut refused) = (0, 0);
    for name in ["nft", "nft-rules"] {
        let path = format!(
            "{}/../../tests/agent/transcripts/{name}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(&path).unwrap();
        let kernel = Abilities {
            egress: true,
            reject: name != "nft",
        };
        let mut tables = Tables::default();
        for record in text.split("$ ").filter(|record| !record.is_empty()) {
            let (command, rest) = record.split_once('\n').unwrap();
            let (output, code) = rest.rsplit_once("! ").unwrap();
            let fed: Vec<&str> = output.lines().map_while(|line| line.strip_prefix("< ")).collect();
            // Whether a device is there is looked at before; nobody else's tables are put by this.
            if record.contains("\"nosuch\"") || record.contains("netdev others") {
                continue;
            }
            let words: Vec<&str> = command.split(' ').collect();
            let lines = match words.as_slice() {
                ["nft", "-f", "-"] => fed,
                ["nft", "delete", ..] => vec![command.trim_start_matches("nft ")],
                ["nft", "-j", "list", "table", "netdev", name] if code.trim() == "0" => {
                    let real = serde_json::from_str(output).unwrap();
                    let ours = tables.get(name).unwrap().json();
                    assert_eq!(named(ours), named(real), "{record}");
                    compared += 1;
                    continue;
                }
                _ => continue,
            };
            // All of it or nothing.
            let mut after = tables.clone();
            let said: Result<(), _> = lines.iter().try_for_each(|line| run(&mut after, line, kernel));
            assert_eq!(said.is_ok(), code.trim() == "0", "{name}: {record}: {said:?}");
            if said.is_ok() {
                tables = after;
            } else {
                refused += 1;
            }
        }
    }
    assert!(compared > 25 && refused > 8, "{compared} compared, {refused} refused");
}
