//! The fakes are held to transcripts of the real tools, and all shell text to shellcheck.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use kubectl_vmchaos::testing::node::script::SCRIPT;
use regex::{Captures, Regex};
use vmchaos_rehearsal::host::{Device, DeviceKind, Feature, Node, Presence, VmOnNode};
use vmchaos_rehearsal::script_node::ScriptNode;

use crate::rig::{container, skip, uid};

/// What is made alike before two outputs are compared: numbers that a running kernel counts, and where nft points in its
/// errors.
static ALIKE: LazyLock<[(Regex, &str); 5]> = LazyLock::new(|| {
    [
        (
            r#""(bytes|packets|drops|overlimits|requeues|backlog|qlen|installed|last_used)": ?\d+"#,
            "\"$1\":0",
        ),
        (r#","maxpacket".*?"old_flows_len":\d+"#, ""),
        (r"Sent \d+ bytes \d+ pkt \(dropped \d+|backlog \S+ \d+p", ""),
        // Also counts transactions that failed.
        (
            r#"("table": \{"family": "netdev", "name": "\w+", "handle": )\d+"#,
            "${1}0",
        ),
        (r"\S+:\d+:\d+-\d+: Error:", "Error:"),
    ]
    .map(|(pattern, alike)| (Regex::new(pattern).unwrap(), alike))
});

/// Protocols in a rule; recorded where nothing gives them names.
static PROTOCOLS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"("l4proto"\}\}, "right": )(\d+|\{"set": \[[^]]*\]\})"#).unwrap());
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+").unwrap());

fn with_names(found: &Captures<'_>) -> String {
    let name = |number: &Captures<'_>| match &number[0] {
        "1" => "\"icmp\"".to_owned(),
        "6" => "\"tcp\"".to_owned(),
        "17" => "\"udp\"".to_owned(),
        "132" => "\"sctp\"".to_owned(),
        other => other.to_owned(),
    };
    format!("{}{}", &found[1], NUMBER.replace_all(&found[2], name))
}

/// The lines of an output that are held to, sorted; no help texts.
fn essence(text: &str) -> Vec<String> {
    let mut text = PROTOCOLS.replace_all(text, with_names).into_owned();
    for (pattern, alike) in ALIKE.iter() {
        text = pattern.replace_all(&text, *alike).into_owned();
    }
    // The kernel names each command of a transaction that it refuses; the first is what matters.
    if let Some((_, refused)) = text.split_once("Error: Could not process rule: ") {
        return vec![refused.lines().next().unwrap_or_default().to_owned()];
    }
    let told = |line: &&str| {
        let indented = line.starts_with("  ") || line.starts_with('\t');
        let of_a_chain = ["\tchain ", "\t\ttype ", "\t}"]
            .iter()
            .any(|start| line.starts_with(start));
        !line.trim().is_empty() && !line.starts_with("Usage") && (!indented || of_a_chain)
    };
    let mut lines: Vec<String> = text
        .lines()
        .filter(told)
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_fakes_say_what_the_real_ones_said() {
    let device = |name: &str, kind, root: &str| Device::new(name, kind, root);
    let mut compared = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agent/transcripts")).unwrap() {
        let path = entry.unwrap().path();
        let node = ScriptNode::new().unwrap();
        node.add_pod(VmOnNode {
            pod_uid: uid(0),
            container_id: container(0),
            devices: vec![
                device("eth0", DeviceKind::Veth, "noqueue"),
                device("k6t-eth0", DeviceKind::Bridge, "noqueue"),
                device("tap0", DeviceKind::Tap, "fq_codel"),
                device("k6t-net1", DeviceKind::Bridge, "noqueue"),
                device("tap1", DeviceKind::Tap, "mq"),
                device("tap2", DeviceKind::Tap, "none"),
            ],
            address: String::new(),
        });
        // What the recorded kernel has not.
        match path.file_stem().unwrap().to_str().unwrap() {
            "no-module" => node.set_feature(Feature::Netem, Presence::Absent).unwrap(),
            "nft" => node.set_feature(Feature::NftReject, Presence::Absent).unwrap(),
            _ => {}
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for record in text.split("$ ").filter(|record| !record.is_empty()) {
            let (command, rest) = record.split_once('\n').unwrap();
            let (output, code) = rest.rsplit_once("! ").unwrap();
            let words: Vec<&str> = command.split(' ').collect();
            let ["tc" | "nft", args @ ..] = words.as_slice() else {
                continue;
            };
            // Recorded without any module; a node of the practice cluster always has tbf.
            if path.ends_with("no-module.txt") && args.contains(&"tbf") {
                continue;
            }
            // What was fed to it stands before what it said.
            let fed = output.lines().map_while(|line| line.strip_prefix("< "));
            let input = fed.flat_map(|line| [line, "\n"]).collect::<String>();
            let output = output
                .lines()
                .filter(|line| !line.starts_with("< "))
                .collect::<Vec<_>>()
                .join("\n");
            let said = node.feed(words[0], &uid(0), args, &input).unwrap();
            if said.status.code() == Some(64) {
                // It has no such command, and says so.
                assert!(String::from_utf8_lossy(&said.stderr).contains("no transcript of"));
                continue;
            }
            let all = format!(
                "{}{}",
                String::from_utf8_lossy(&said.stdout),
                String::from_utf8_lossy(&said.stderr)
            );
            assert_eq!(
                (essence(&all), said.status.code()),
                (essence(&output), code.trim().parse().ok()),
                "{}: {command}\n{input}",
                path.display()
            );
            compared += 1;
        }
    }
    assert!(compared > 350, "only {compared} commands were compared");
}

#[tokio::test]
async fn the_fake_tc_fails_on_what_it_does_not_know() {
    let node = ScriptNode::new().unwrap();
    node.add_pod(crate::rig::launcher(0));
    for command in [
        "filter show dev tap0",
        "filter add dev tap0 ingress protocol ip pref 1 handle 0x1 u32 match u32 0 0 action drop",
        "qdisc add dev tap0 root sfq",
        "qdisc add dev tap0 root handle 7a31: sfq",
        "class show dev tap0",
    ] {
        let said = node.tc(&uid(0), &command.split(' ').collect::<Vec<_>>()).unwrap();
        assert_eq!(said.status.code(), Some(64), "{command}");
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let fakes = ["ip", "modprobe", "nft", "nsenter", "tc", "unshare"]
        .map(|name| format!("{}/src/rehearsal/fakes/{name}", env!("CARGO_MANIFEST_DIR")));
    let Ok(mut child) = Command::new("shellcheck")
        .args(["-s", "sh", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    else {
        skip("shellcheck is not installed");
        return;
    };
    child.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let said = Command::new("shellcheck").args(fakes).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}
