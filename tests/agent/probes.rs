//! Probes of the VMs from their node: what they say before, during and after a fault, and what they leave.

use std::sync::Arc;

use serde_json::Value;
use vmchaos_rehearsal::double::DoubleNode;
use vmchaos_rehearsal::host::{Feature, Node, Presence, Signal};
use vmchaos_rehearsal::script_node::ScriptNode;

use crate::double::{Say, Wait, same, same_on};
use crate::rig::{HANDLE, Operator, Rig, address, container, launcher, plan_of, signal, uid};

crate::under_every_shell! {
    probes_tell_what_the_fault_does
    a_probe_that_is_not_answered_keeps_nothing_waiting
    nothing_is_left_of_the_probes
    the_prober_killed
    a_vm_is_probed_that_has_no_fault
}

/// 100 ms each way, probed in every way.
fn probed_plan(vm: usize, hold: &str) -> String {
    let to = address(vm);
    plan_of(vm, hold, HANDLE)
        + &format!("probe {vm} icmp {to} - 3\nprobe {vm} tcp {to} 8080 3\nprobe {vm} http {to} 80 4 /a?b=c&d=~e%20\n")
}

fn of(events: &[Value], phase: &str, n: u64) -> Vec<Option<f64>> {
    let here = |event: &&Value| event["ev"] == "probe" && event["phase"] == phase && event["n"] == n;
    events.iter().filter(here).map(|event| event["ms"].as_f64()).collect()
}

/// Reads on until there are so many probes of each of the kinds in a phase.
async fn until(operator: &mut Operator, phase: &str, kinds: u64, count: usize) {
    while (0..kinds).any(|n| of(&operator.events, phase, n).len() < count) {
        assert!(operator.next().await.is_some(), "{:#?}", operator.events);
    }
}

async fn probes_tell_what_the_fault_does(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    // The loss of the usual plan is left out: this is about time.
    let plan = probed_plan(0, "60").replace(" loss 5%", "");
    let mut operator = rig.armed(&plan, &[]).await;
    until(&mut operator, "before", 3, 2).await;
    operator.say("go").await;
    until(&mut operator, "during", 3, 2).await;
    operator.say("rollback").await;
    until(&mut operator, "after", 3, 3).await;
    operator.wait("end", 1).await;
    for (n, trips) in [(0, 1.0), (1, 1.0), (2, 2.0)] {
        for ms in of(&operator.events, "during", n) {
            assert!(ms.unwrap() >= 200.0 * trips, "kind {n}: {:#?}", operator.events);
        }
        let quick = |phase| of(&operator.events, phase, n).iter().any(|ms| ms.unwrap() < 200.0);
        assert!(quick("before") && quick("after"), "kind {n}: {:#?}", operator.events);
        assert_eq!(of(&operator.events, "after", n).len(), 3, "and no more");
    }
    let place = |event: &str| operator.events.iter().position(|one| one["ev"] == event).unwrap();
    let last_before = operator
        .events
        .iter()
        .rposition(|one| one["phase"] == "before")
        .unwrap();
    let first_during = operator.events.iter().position(|one| one["phase"] == "during").unwrap();
    assert!(last_before < place("injected") && place("injected") < first_during);
    // No probe is counted as after that began before the end was verified.
    let restored = operator.events[place("restored")]["t"].as_f64().unwrap();
    for after in operator.events.iter().filter(|one| one["phase"] == "after") {
        assert!(after["at"].as_f64().unwrap() >= restored, "{after}");
    }
    assert_eq!(operator.bye().await, 0);
}

/// The deadline passes and the next VM's turn comes while probes hang.
async fn a_probe_that_is_not_answered_keeps_nothing_waiting(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let plan = probed_plan(0, "1").replace("loss 5%", "loss 100%");
    let mut operator = rig.armed(&plan, &[]).await;
    operator.say("go").await;
    let restored = operator.wait("restored", 1).await.remove(0);
    assert_eq!(restored["by"], "deadline");
    assert!(restored["held"].as_f64().unwrap() < 2.5, "{restored}");
    until(&mut operator, "after", 3, 1).await;
    let answered = |n| of(&operator.events, "after", n).iter().all(Option::is_some);
    assert!((0..3).all(answered), "{:#?}", operator.events);
    assert_eq!(operator.bye().await, 0);
}

/// Processes of a node: its directory is in their environment.
fn processes(rig: &Rig) -> Vec<String> {
    let root = rig.node.root().to_str().unwrap().to_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&environ).contains(&root) {
            let text = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            // The script's own text is one of the words.
            let words = text.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let short: Vec<String> = words.filter(|word| word.len() < 200).map(Into::into).collect();
            found.push(short.join(" "));
        }
    }
    found
}

async fn none_left(rig: &Rig) {
    for _ in 0..3_000 {
        if processes(rig).is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("still there: {:#?}", processes(rig));
}

/// Also of a ping and a connection that nobody answers.
async fn nothing_is_left_of_the_probes(shell: &[&str]) {
    for ending in ["bye", "kill", "agent alone"] {
        let rig = Rig::new(shell, 1);
        let plan = probed_plan(0, "60")
            .replace("loss 5%", "loss 100%")
            .replace(" - 3", " - 100");
        let mut operator = rig.armed(&plan, &[]).await;
        operator.say("go").await;
        until(&mut operator, "during", 0, 0).await;
        operator.wait("injected", 1).await;
        until_hanging(&rig).await;
        match ending {
            "bye" => assert_eq!(operator.bye().await, 0),
            "kill" => operator.agent.kill(Signal::Kill),
            _ => signal(&agent_pid(&rig), "-KILL"),
        }
        rig.clean(&operator, 1).await;
        none_left(&rig).await;
    }
}

/// Until a ping and a connection wait for an answer.
async fn until_hanging(rig: &Rig) {
    for _ in 0..3_000 {
        let all = processes(rig);
        let waits = |text: &str| all.iter().any(|command| command.starts_with(text));
        if waits("sleep 100") && waits("sleep 150") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no probe hangs: {:#?}", processes(rig));
}

fn agent_pid(rig: &Rig) -> String {
    let keeper = rig.pid_of("keeper.0");
    let stat = std::fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().to_owned()
}

/// The child of the agent that runs the script's text as the prober.
fn prober_pid(agent: &str) -> String {
    let children = std::process::Command::new("pgrep")
        .args(["-P", agent])
        .output()
        .unwrap()
        .stdout;
    let is_prober = |pid: &&str| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == b"vmchaos-prober")
    };
    String::from_utf8_lossy(&children)
        .lines()
        .find(is_prober)
        .unwrap()
        .to_owned()
}

/// The fault does not rest on it, nor the agent's end.
async fn the_prober_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&probed_plan(0, "3"), &[]).await;
    until(&mut operator, "before", 3, 1).await;
    signal(&prober_pid(&agent_pid(&rig)), "-KILL");
    operator.say("go").await;
    assert_eq!(operator.wait("restored", 1).await[0]["by"], "deadline");
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 1).await;
}

/// A VM and how it is probed, and nothing that could be put on it.
fn only_probed(vm: usize) -> String {
    format!(
        "vm {vm} {} {}\nprobe {vm} tcp {} 8080 3\n",
        uid(vm),
        container(vm),
        address(vm)
    )
}

async fn a_vm_is_probed_that_has_no_fault(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.start(&(only_probed(0) + &only_probed(1)), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 2).await;
    // Said twice, it is probed once.
    operator.say("probe").await;
    operator.say("probe 1").await;
    let count = |operator: &Operator, vm: u64| operator.seen("probe").iter().filter(|probe| probe["vm"] == vm).count();
    while count(&operator, 0) < 3 {
        assert!(operator.next().await.is_some(), "{:#?}", operator.events);
    }
    assert!(
        of(&operator.events, "before", 0).iter().all(Option::is_some),
        "{:#?}",
        operator.events
    );
    assert!((2..=4).contains(&count(&operator, 1)), "{:#?}", operator.events);
    assert!(operator.seen("refused|ready|injected").is_empty());
    assert_eq!(operator.bye().await, 0);
    none_left(&rig).await;
}

#[tokio::test]
async fn the_double_probes_a_vm_that_has_no_fault_as_the_script_does() {
    let nodes: [Arc<dyn Node>; 2] = [Arc::new(ScriptNode::new().unwrap()), Arc::new(DoubleNode::new())];
    for node in nodes {
        node.add_pod(launcher(0));
        let mut operator = Operator::start(&*node, &only_probed(0), &[]);
        operator.say("probe").await;
        operator.say("hello 0").await;
        operator.wait("found", 1).await;
        operator.say("probe").await;
        until(&mut operator, "before", 1, 2).await;
        assert!(
            of(&operator.events, "before", 0).iter().all(Option::is_some),
            "{:#?}",
            operator.events
        );
        assert_eq!(operator.bye().await, 0);
    }
}

/// Whether each kind of probe is answered under a fault, on both kinds of node.
async fn answered(plan: &str) -> Vec<bool> {
    let mut all = Vec::new();
    let nodes: [Arc<dyn Node>; 2] = [Arc::new(ScriptNode::new().unwrap()), Arc::new(DoubleNode::new())];
    for node in nodes {
        node.add_pod(launcher(0));
        let mut operator = Operator::start(&*node, plan, &[]);
        operator.say("hello 0").await;
        operator.wait("found", 1).await;
        operator.say("arm").await;
        operator.wait("ready", 1).await;
        until(&mut operator, "before", 3, 1).await;
        operator.say("go").await;
        until(&mut operator, "during", 3, 1).await;
        operator.say("rollback").await;
        until(&mut operator, "after", 3, 3).await;
        operator.wait("end", 1).await;
        assert_eq!(operator.bye().await, 0);
        for phase in ["before", "after"] {
            for n in 0..3 {
                let times = of(&operator.events, phase, n);
                assert!(times.iter().all(Option::is_some), "{phase} {n}: {:#?}", operator.events);
            }
        }
        let during = (0..3).map(|n| of(&operator.events, "during", n)[0].is_some());
        all.push(during.collect::<Vec<_>>());
    }
    assert_eq!(all[0], all[1], "the double says what the script says: {plan}");
    all.remove(0)
}

fn cut_plan(engine: &str, rules: &str) -> String {
    let to = address(0);
    format!(
        "engine {engine}\nmark 7a31:\nports 8000-8100\npeers4 10.99.0.0/16\n{rules}vm 0 {} {}\nhold 0 60\ntap 0 tap0 k6t-eth0\n\
         uplink 0 eth0 -\nprobe 0 icmp {to} - 1\nprobe 0 tcp {to} 8080 1\nprobe 0 http {to} 80 1 /\n",
        uid(0),
        container(0)
    )
}

#[tokio::test]
async fn a_filter_hits_what_its_rules_match() {
    let inward = "own 0 cut tap0 in egress\n";
    let outward = "own 0 cut tap0 out ingress\n";
    let [all, port, others] = [[false; 3], [true, false, true], [true; 3]];
    for (engine, rules, cut, expected) in [
        ("nft", "nft in tcp dport @ports counter drop\n", inward, port),
        ("tc", "tc in ip ip_proto tcp dst_port @ports\n", inward, port),
        (
            "nft reject",
            "nft in tcp dport @ports counter reject with tcp reset\n",
            inward,
            port,
        ),
        ("nft", "nft out meta protocol { ip, ip6 } counter drop\n", outward, all),
        ("tc", "tc out ip ip_proto tcp\n", outward, [true, false, false]),
        (
            "nft",
            "nft in meta l4proto icmp counter drop\n",
            inward,
            [false, true, true],
        ),
        // Answers go to some other port; the node is no peer of these.
        ("nft", "nft out tcp dport @ports counter drop\n", outward, others),
        (
            "nft",
            "nft in ip saddr @peers4 tcp dport @ports counter drop\n",
            inward,
            others,
        ),
        ("tc", "tc in ip src_ip @peers4 ip_proto tcp\n", inward, others),
    ] {
        // A rejecting chain is on the way of the packets that come.
        let cut = if engine == "nft reject" {
            "own 0 cut eth0 in ingress\n"
        } else {
            cut
        };
        let plan = cut_plan(engine, rules) + cut;
        assert_eq!(answered(&plan).await, expected, "{engine} {rules}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_none() {
    let to = address(0);
    let plan = plan_of(0, "60", HANDLE)
        .replace("delay 100ms", "delay 700ms")
        .replace(" loss 5%", "");
    let probes = format!("probe 0 icmp {to} - 1\nprobe 0 tcp {to} 8080 1\nprobe 0 http {to} 80 4 /\n");
    assert_eq!(answered(&(plan + &probes)).await, [false, false, true]);
}

#[tokio::test]
async fn a_node_that_cannot_probe_refuses_before_any_change() {
    let icmp = plan_of(0, "60", HANDLE) + "probe 0 icmp 10.42.0.10 - 2\n";
    let tcp = plan_of(0, "60", HANDLE) + "probe 0 tcp 10.42.0.10 22 2\n";
    for (feature, plan, refused) in [
        (Feature::Ping, &icmp, true),
        (Feature::Ping, &tcp, false),
        (Feature::Bash, &icmp, true),
        (Feature::Bash, &tcp, true),
    ] {
        let lacking = |node: &dyn Node| node.set_feature(feature, Presence::Absent).unwrap();
        let answer = if refused { "refused" } else { "found" };
        let events = same_on(lacking, None, plan, &[Say("hello 0"), Wait(answer), Say("bye")]).await;
        let reason = events
            .iter()
            .find(|event| event["ev"] == "refused")
            .map(|event| event["reason"].clone());
        assert_eq!(reason, refused.then(|| "no-probe".into()), "{feature:?}");
    }
}

#[tokio::test]
async fn what_is_no_probe_is_no_plan() {
    for (line, why) in [
        ("probe 0 icmp 10.42.0.10 22 2", "not a probe"),
        ("probe 0 udp 10.42.0.10 22 2", "not a probe"),
        ("probe 0 tcp 10.42.0.10 - 2", "not a probe"),
        ("probe 0 http 10.42.0.10 80 2 x", "not a path"),
        ("probe 0 tcp $(id) 22 2", "a character that no plan holds"),
        ("probe 0 http 10.42.0.10 80 2 /`id`", "a character that no plan holds"),
    ] {
        let plan = plan_of(0, "60", HANDLE) + line + "\n";
        let events = same(&plan, &[Say("hello 0"), Wait("refused"), Say("bye")]).await;
        let refused = events.iter().find(|event| event["ev"] == "refused").unwrap();
        assert!(refused["detail"].as_str().unwrap().ends_with(why), "{line}: {refused}");
    }
}
