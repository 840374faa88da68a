//! The same for `filter`: `filter-lines.txt` holds its flags, `nft-1.0.6.txt` what `nft -j list table` of nftables 1.0.6
//! said after the commands that are compiled from them, `flower-6.1.txt` what `tc -s -j filter show` of iproute2 6.1 did.
//! Both are `$ FLAGS`, then a line for each answer.

use std::collections::BTreeMap;

use kubectl_vmchaos::testing::faults::packets::compile::{Expected, NodeVm};
use serde_json::Value;

use crate::support::compiled as support;

const LINES: &str = include_str!("filter-lines.txt");
const NFT: &str = include_str!("nft-1.0.6.txt");

fn compiled(flags: &str) -> NodeVm {
    let (vm, _) = support::compiled(&format!("filter web-1 {flags}")).unwrap();
    vm
}

fn rules(vm: &NodeVm) -> String {
    match &vm.expected {
        Expected::Filter(filter) => format!(
            "{:?} {:?}",
            filter.ruleset.rules,
            (filter.ruleset.sets(), &filter.hooks)
        ),
        Expected::Qdiscs(_) => panic!("not a filter"),
    }
}

/// What was read after the commands of each line.
fn answers(transcript: &str) -> BTreeMap<&str, BTreeMap<String, Value>> {
    let mut answers = BTreeMap::new();
    let mut flags = "";
    for line in transcript.lines() {
        if let Some(next) = line.strip_prefix("$ ") {
            flags = next;
        } else {
            let (key, json) = line.split_once('\t').unwrap_or_else(|| panic!("{line}: no key"));
            let json = serde_json::from_str(json).unwrap_or_else(|error| panic!("{flags}: {error}"));
            answers
                .entry(flags)
                .or_insert_with(BTreeMap::new)
                .insert(key.to_owned(), json);
        }
    }
    answers
}

#[test]
fn what_nft_has_reads_back_as_asked() {
    let answers = answers(NFT);
    let missing: Vec<_> = LINES
        .lines()
        .filter(|flags| !answers.contains_key(flags))
        .flat_map(|flags| {
            let commands = compiled(flags).commands_for_people;
            let run = commands.into_iter().take_while(|command| !command.starts_with("sleep"));
            std::iter::once(format!("# {flags}")).chain(run)
        })
        .collect();
    assert!(missing.is_empty(), "not recorded:\n{}", missing.join("\n"));
    for flags in LINES.lines() {
        let vm = compiled(flags);
        let readings = vm
            .expected
            .verify(&answers[flags])
            .unwrap_or_else(|mismatch| panic!("{flags}: {mismatch}"));
        for reading in readings {
            assert_eq!((reading.engine, reading.packets), ("nft", None), "{flags}");
            assert!(!reading.read.is_empty(), "{flags}");
        }
    }
}

/// No answer passes for another: what reads back as asked is not taken for any other line's.
#[test]
fn no_table_passes_for_another() {
    let answers = answers(NFT);
    let all: Vec<_> = LINES.lines().map(|flags| (flags, compiled(flags))).collect();
    for (flags, vm) in &all {
        for (other, wanted) in &all {
            assert_eq!(
                wanted.expected.verify(&answers[flags]).is_ok(),
                rules(vm) == rules(wanted),
                "{flags} read as {other}"
            );
        }
    }
}
