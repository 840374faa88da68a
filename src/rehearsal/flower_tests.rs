use serde_json::{Value, json};

use super::{Clsact, Filter};
use crate::nft::Hook;

/// The age of a filter is no part of what is held to.
fn without_ages(mut filters: Value) -> Value {
    for filter in filters.as_array_mut().unwrap() {
        if let Some(action) = filter.pointer_mut("/options/actions/0") {
            (action["installed"], action["last_used"]) = (0.into(), 0.into());
            action["stats"].take();
        }
    }
    filters
}

/// `filter add …` of a flower filter that drops; none for any other.
fn filter(words: &[&str]) -> Option<Filter> {
    let [
        "filter",
        "add",
        "dev",
        _,
        hook,
        "protocol",
        protocol,
        "pref",
        pref,
        "handle",
        handle,
        "flower",
        matches @ ..,
        "action",
        "drop",
    ] = words
    else {
        return None;
    };
    let handle = u32::from_str_radix(handle.trim_start_matches("0x"), 16).unwrap();
    Filter::new(
        Hook::named(hook).unwrap(),
        protocol,
        pref.parse().unwrap(),
        handle,
        matches,
    )
}

#[test]
fn says_what_the_real_tc_said() {
    let path = format!(
        "{}/../../tests/agent/transcripts/flower.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap();
    // Behind it there are filters that this program never puts.
    let (text, _) = text
        .split_once("$ tc filter add dev tap0 ingress protocol all")
        .unwrap();
    let (mut compared, mut refused) = (0, 0);
    let mut clsact = None;
    for record in text.split("$ tc ").filter(|record| !record.is_empty()) {
        let (command, rest) = record.split_once('\n').unwrap();
        let Some((output, code)) = rest.rsplit_once("! ") else {
            break;
        };
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["qdisc", "add", "dev", "tap0", "clsact"] => _ = clsact.get_or_insert_with(Clsact::default),
            ["qdisc", "del", "dev", "tap0", "clsact"] => clsact = None,
            ["filter", "add", "dev", "tap0", ..] => {
                // Words that no plan holds are refused with the plan.
                let Some(filter) = filter(&words).filter(|_| !output.starts_with("Illegal")) else {
                    continue;
                };
                let said = match &mut clsact {
                    Some(clsact) => clsact.add(filter),
                    None => Err("Error: Parent Qdisc doesn't exists."),
                };
                assert_eq!(said.is_ok(), code.trim() == "0", "{record}: {said:?}");
                if let Err(said) = said {
                    assert_eq!(Some(said), output.lines().next(), "{command}");
                    refused += 1;
                }
            }
            ["filter", "del", "dev", "tap0", hook, "pref", pref] => {
                let (hook, pref) = (Hook::named(hook).unwrap(), pref.parse::<u32>().unwrap());
                if let Some(clsact) = &mut clsact {
                    clsact.remove(|filter| filter.hook == hook && filter.pref == pref);
                }
            }
            ["-s", "-j", "filter", "show", "dev", "tap0", hook] => {
                let hook = Hook::named(hook).unwrap();
                let ours = clsact.as_ref().map_or_else(|| json!([]), |clsact| clsact.json(hook));
                let real = serde_json::from_str(output).unwrap();
                assert_eq!(without_ages(ours), without_ages(real), "{command}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(compared > 5 && refused > 3, "{compared} compared, {refused} refused");
}
