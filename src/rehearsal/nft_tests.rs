use serde_json::Value;

use super::{Abilities, Hook, Tables};

/// A node with all there is.
const ALL: Abilities = Abilities {
    egress: true,
    reject: true,
};

/// One command of nft, as the transcripts have it.
fn run(tables: &mut Tables, line: &str) -> Result<(), &'static str> {
    let words: Vec<&str> = line.split(' ').collect();
    let missing = "Error: No such file or directory";
    match words.as_slice() {
        ["create", "table", "netdev", name] => tables.create(name).map(|_| ()),
        ["delete", "table", "netdev", name] => tables.delete(name),
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
            tables.get_mut(table).ok_or(missing)?.add_chain(name, hook, ALL)
        }
        ["add", "rule", "netdev", table, chain, body @ ..] => {
            let table = tables.get_mut(table).ok_or(missing)?;
            table.add_rule(chain, &body.join(" "), ALL)
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
        run(&mut tables, line).unwrap();
    }
    for line in [
        "create table netdev a",
        "delete table netdev b",
        "add chain netdev b c",
        "add rule netdev a d counter drop",
        "add rule netdev a c tcp dport @ports counter drop",
        "add rule netdev a c meta l4proto tcp counter reject with tcp reset",
    ] {
        run(&mut tables, line).unwrap_err();
    }
}
