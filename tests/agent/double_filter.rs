//! The double cuts packets as the script does, with either engine.

use serde_json::{Value, json};
use vmchaos_rehearsal::host::{Feature, Foreign, Node, Presence, Signal};

use crate::double::{Close, Kill, Put, Remove, Say, Step, Wait, same, same_beside, same_on};
use crate::rig::{container, plan, uid};

/// A filter of both directions: TCP and UDP to some ports, for some peers of either family.
fn filter(engine: &str, hold: &str) -> String {
    let (uid, container) = (uid(0), container(0));
    let (into, out) = (rules("in", "saddr", "src_ip"), rules("out", "daddr", "dst_ip"));
    format!(
        "engine {engine}\nmark 7a31:\nports 53,8000-8100\npeers4 10.0.0.0/8,192.168.1.7\npeers6 2001:db8::1,fd00::/8\n\
         {into}{out}vm 0 {uid} {container}\nhold 0 {hold}\ntap 0 tap0 k6t-eth0\nuplink 0 eth0 -\n\
         own 0 cut tap0 in egress\nown 0 cut tap0 out ingress\n"
    )
}

fn rules(way: &str, end: &str, address: &str) -> String {
    let of_family = |protocol: &str, peers: &str| {
        format!(
            "tc {way} {protocol} {address} {peers} ip_proto tcp dst_port @ports\n\
             tc {way} {protocol} {address} {peers} ip_proto udp dst_port @ports\n\
             tc {way} 802.1Q vlan_ethtype {protocol} {address} {peers} ip_proto tcp dst_port @ports\n"
        )
    };
    let (v4, v6) = (of_family("ip", "@peers4"), of_family("ipv6", "@peers6"));
    format!(
        "nft {way} ip {end} @peers4 meta l4proto {{ tcp, udp }} th dport @ports counter drop\n\
         nft {way} ip6 {end} @peers6 meta l4proto {{ tcp, udp }} th dport @ports counter drop\n\
         nft {way} icmpv6 type != 133-137 counter drop\n\
         {v4}{v6}tc {way} ipv6 ip_proto icmpv6 type 0/128\ntc {way} ipv6 ip_proto icmpv6 type 132/255\n"
    )
}

/// A plan without the lines that start so.
fn less(plan: &str, start: &str) -> String {
    let lines: Vec<&str> = plan.lines().filter(|line| !line.starts_with(start)).collect();
    lines.join("\n") + "\n"
}

/// The same with `reject`, which needs nft, and another hook into the guest.
fn reject() -> String {
    let plan = filter("auto reject", "60").replace("counter drop", "counter reject with icmpx port-unreachable");
    less(&plan, "tc ").replace("own 0 cut tap0 in egress", "own 0 cut eth0 in ingress")
}

/// Where nft has no hooks for both directions.
fn old_kernel(node: &dyn Node) {
    node.set_feature(Feature::NftEgress, Presence::Absent).unwrap();
}

fn without(feature: Feature) -> impl Fn(&dyn Node) {
    move |node: &dyn Node| node.set_feature(feature, Presence::Absent).unwrap()
}

const TO_INJECTED: [Step; 5] = [Say("hello 0"), Say("arm"), Wait("ready"), Say("go"), Wait("injected")];

fn injected_then(more: impl IntoIterator<Item = Step>) -> Vec<Step> {
    TO_INJECTED.into_iter().chain(more).collect()
}

fn event<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let found = events.iter().find(|event| event["ev"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {events:#?}"))
}

#[tokio::test]
async fn nft_from_start_to_end() {
    let steps = injected_then([Say("rollback"), Wait("end"), Say("bye")]);
    let events = same(&filter("auto", "60"), &steps).await;
    assert_eq!(event(&events, "hello")["engine"], "nft");
    assert_eq!(event(&events, "ready")["before"], json!({"tap0": "none"}));
    let read = &event(&events, "injected")["read"];
    // What nft says of itself and of the table, three sets, two chains and three rules in each.
    assert_eq!(
        read["nft"]["nftables"].as_array().map(Vec::len),
        Some(2 + 3 + 2 + 6),
        "{read:#}"
    );
    assert_eq!(event(&events, "restored")["after"], json!({"tap0": "none"}));
}

#[tokio::test]
async fn flower_from_start_to_end() {
    for engine in ["auto", "tc"] {
        let steps = injected_then([Say("rollback"), Wait("end"), Say("bye")]);
        let events = same_on(old_kernel, None, &filter(engine, "60"), &steps).await;
        assert_eq!(event(&events, "hello")["engine"], "tc");
        let read = &event(&events, "injected")["read"];
        // Two addresses and two ranges of ports for each of six lines, two of ICMPv6, and three preferences.
        assert_eq!(
            read["tap0 ingress"].as_array().map(Vec::len),
            Some(6 * 4 + 2 + 3),
            "{read:#}"
        );
        assert_eq!(event(&events, "restored")["after"], json!({"tap0": "none"}));
    }
}

#[tokio::test]
async fn reject_on_the_uplink() {
    let steps = injected_then([Say("rollback"), Wait("end"), Say("bye")]);
    let events = same(&reject(), &steps).await;
    assert_eq!(event(&events, "hello")["reject"], true);
    let read = event(&events, "injected")["read"].to_string();
    assert!(read.contains("port-unreachable"), "{read}");
}

#[tokio::test]
async fn every_end() {
    for prepare in [|_: &dyn Node| {}, old_kernel as fn(&dyn Node)] {
        for (hold, more) in [
            ("1", vec![Wait("end"), Say("bye")]),
            ("60", vec![Close]),
            ("60", vec![Kill(Signal::Term)]),
            ("60", vec![Kill(Signal::Kill)]),
            ("60", vec![Remove, Wait("end"), Say("bye")]),
        ] {
            same_on(prepare, None, &filter("auto", hold), &injected_then(more)).await;
        }
        let armed = [Say("hello 0"), Say("arm"), Wait("ready"), Close];
        same_on(prepare, None, &filter("auto", "60"), &armed).await;
    }
}

#[tokio::test]
async fn what_a_node_lacks() {
    let asked = [Say("hello 0"), Wait("refused"), Say("bye")];
    let neither = |node: &dyn Node| {
        old_kernel(node);
        without(Feature::Flower)(node);
    };
    for (engine, reason) in [("auto", "no-engine"), ("nft", "no-engine"), ("tc", "no-engine")] {
        let events = same_on(neither, None, &filter(engine, "60"), &asked).await;
        assert_eq!(event(&events, "refused")["reason"], reason);
    }
    for lacking in [Feature::NftReject, Feature::NftEgress] {
        let events = same_on(without(lacking), None, &reject(), &asked).await;
        assert_eq!(event(&events, "refused")["reason"], "no-reject");
    }
    // What can be loaded is no lack.
    let module = |node: &dyn Node| {
        old_kernel(node);
        node.set_feature(Feature::Flower, Presence::Module).unwrap();
    };
    let events = same_on(
        module,
        None,
        &filter("auto", "60"),
        &[Say("hello 0"), Wait("found"), Say("bye")],
    )
    .await;
    assert_eq!(event(&events, "hello")["flower"], true);
}

#[tokio::test]
async fn a_look_at_all_engines() {
    let plan = format!(
        "engine any\nvm 0 {} {}\nhold 0 1\ntap 0 tap0 k6t-eth0\n",
        uid(0),
        container(0)
    );
    for lacking in Feature::ALL {
        let events = same_on(
            without(lacking),
            None,
            &plan,
            &[Say("hello 0"), Wait("found"), Say("bye")],
        )
        .await;
        let hello = event(&events, "hello");
        assert_eq!(hello["flower"], lacking != Feature::Flower);
        assert_eq!(hello["nft"], lacking != Feature::NftEgress);
        assert_eq!(
            hello["reject"],
            ![Feature::NftEgress, Feature::NftReject].contains(&lacking)
        );
    }
}

#[tokio::test]
async fn what_others_have_on_the_device() {
    let asked = [Say("hello 0"), Wait("refused"), Say("bye")];
    for engine in ["nft", "tc"] {
        for (what, reason) in [
            (Foreign::NftTable, "foreign-filter"),
            (Foreign::Flower, "foreign-filter"),
            (Foreign::Qdisc, "foreign-qdisc"),
        ] {
            let put = move |node: &dyn Node| node.put_foreign(&uid(0), "tap0", what).unwrap();
            let events = same_on(put, None, &filter(engine, "60"), &asked).await;
            let refused = event(&events, "refused");
            assert_eq!(
                (&refused["reason"], &refused["device"]),
                (&reason.into(), &"tap0".into())
            );
        }
        // A clsact that nothing is on is used, and stays.
        let put = |node: &dyn Node| node.put_foreign(&uid(0), "tap0", Foreign::Clsact).unwrap();
        let steps = injected_then([Say("rollback"), Wait("end"), Say("bye")]);
        let events = same_on(put, None, &filter(engine, "60"), &steps).await;
        assert_eq!(event(&events, "ready")["before"], json!({"tap0": "clsact"}));
        assert_eq!(event(&events, "restored")["after"], json!({"tap0": "clsact"}));
    }
    // What is put there while this is at it, stays and is said.
    for (engine, what) in [
        ("nft", Foreign::NftTable),
        ("tc", Foreign::NftTable),
        ("nft", Foreign::Flower),
    ] {
        let steps = injected_then([Put(what), Say("rollback"), Wait("end"), Say("bye")]);
        let events = same(&filter(engine, "60"), &steps).await;
        let changed = event(&events, "restored")["changed"].to_string();
        assert!(changed.contains("tap0"), "{changed}");
    }
}

#[tokio::test]
async fn another_filter_on_the_device() {
    let asked = [Say("hello 0"), Wait("refused"), Say("bye")];
    for other in ["nft", "tc"] {
        for engine in ["nft", "tc"] {
            let live = filter(other, "60").replace("7a31:", "7b02:");
            let events = same_beside(Some(&live), &filter(engine, "60"), &asked).await;
            assert_eq!(event(&events, "refused")["reason"], "foreign-filter");
        }
    }
}

#[tokio::test]
async fn a_netem_beside_a_filter() {
    for engine in ["nft", "tc"] {
        let steps = injected_then([Say("rollback"), Wait("end"), Say("bye")]);
        same_beside(Some(&plan(1, "60")), &filter(engine, "60"), &steps).await;
        same_beside(Some(&filter(engine, "60")), &plan(1, "60"), &steps).await;
    }
}

#[tokio::test]
async fn a_sweep() {
    for engine in ["nft", "tc"] {
        for handle in ["", " 7a31:", " 7a32:"] {
            let sweep = format!("vm 0 {} -\nsweep 0 tap0{handle}\nsweep 0 eth0{handle}\n", uid(0));
            let steps = [Say("hello 0"), Wait("found"), Say("sweep"), Wait("end"), Say("bye")];
            let events = same_beside(Some(&filter(engine, "60")), &sweep, &steps).await;
            let removed = &event(&events, "swept")["removed"];
            match (engine, handle) {
                ("tc", " 7a32:") => assert_eq!(*removed, json!([])),
                ("tc", _) => assert_eq!(*removed, json!(["tap0 flower 7a31:"])),
                // All runs of these tests are of one name.
                _ => assert_eq!(*removed, json!(["nft vmchaos_k3f9ab", "nft vmchaos_lock_tap0"])),
            }
        }
    }
}

#[tokio::test]
async fn plans_that_are_not_taken() {
    let good = filter("auto", "60");
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for bad in [
        change("engine auto", "engine fast"),
        change("engine auto", "engine tc reject"),
        change("engine auto\n", "engine auto\nengine auto\n"),
        change("engine auto\n", ""),
        change("engine auto", "engine any"),
        change("mark 7a31:", "mark 8a31:"),
        change("mark 7a31:\n", ""),
        change("ports 53,", "ports 53,,"),
        change("ports 53,", "ports domain,"),
        change("ports 53,8000-8100\n", ""),
        change("peers4 10.0.0.0/8,", "peers4 fd00::/8,"),
        change("nft in ip saddr", "nft up ip saddr"),
        change("@ports counter drop", "@ports jump elsewhere counter drop"),
        change("@ports counter drop", "@ports drop"),
        change("@ports counter drop", "@nobody counter drop"),
        change("tc in ip src_ip", "tc in arp src_ip"),
        change("ip_proto tcp dst_port @ports", "ip_proto tcp indev eth0"),
        change("own 0 cut tap0 in egress", "own 0 cut tap9 in egress"),
        change("own 0 cut tap0 in egress", "own 0 cut tap0 in"),
        change("own 0 cut tap0 in egress", "own 0 cut tap0 in ingress"),
        change("own 0 cut tap0 in egress", "own 0 qdisc tap0 7a31:"),
        good.clone() + "engine auto\n",
        less(&good, "nft in"),
    ] {
        let events = same(&bad, &[Say("hello 0"), Wait("refused"), Say("bye")]).await;
        assert_eq!(event(&events, "refused")["reason"], "plan", "{bad}");
    }
}
