//! Plans of filters that are not taken: neither tool can be made to do anything but what a filter needs.

use serde_json::Value;

use crate::filter_rig::plan;
use crate::rig::Rig;

crate::under_every_shell! {
    rules_with_anything_else_in_them
    node_lines_that_are_not_taken
    cuts_that_are_not_taken
}

/// The refusal of a plan, or what else happened.
async fn outcome(shell: &[&str], plan: &str, env: &[(&str, &str)]) -> Value {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(plan, env);
    operator.say("hello 0").await;
    let event = operator.wait("found|refused", 1).await[0].clone();
    assert_eq!(operator.bye().await, 0);
    event
}

/// Every change of one line makes the plan one that is refused.
async fn refused(shell: &[&str], good: &str, changes: &[(&str, &str)]) {
    assert_eq!(outcome(shell, good, &[]).await["ev"], "found");
    for (from, to) in changes {
        assert!(good.contains(from), "{from}");
        let event = outcome(shell, &good.replacen(from, to, 1), &[]).await;
        assert_eq!(
            (&event["ev"], &event["reason"]),
            (&"refused".into(), &"plan".into()),
            "{to}"
        );
    }
}

async fn rules_with_anything_else_in_them(shell: &[&str]) {
    let nft = "nft out meta l4proto { tcp, udp } counter drop";
    let tc = "tc out ip ip_proto udp";
    let nft_bad = [
        "nft out counter jump elsewhere",
        "nft out counter accept",
        "nft out counter",
        "nft out drop",
        "nft out meta l4proto tcp drop",
        "nft out meta l4proto tcp counter drop drop",
        "nft out meta l4proto tcp counter drop meta l4proto udp counter drop",
        "nft out meta l4proto tcp counter reject",
        "nft out meta l4proto tcp counter reject with icmp type admin-prohibited",
        "nft out meta l4proto { tcp, udp }; flush ruleset; add rule counter drop",
        "nft out include \"/etc/passwd\" counter drop",
        "nft out include /etc/passwd counter drop",
        "nft out tcp dport 22 counter drop",
        "nft out log counter drop",
        "nft out meta mark set 1 counter drop",
        "nft out ip daddr @elsewhere counter drop",
        "nft out ip daddr 10.0.0.1 counter drop",
        "nft sideways meta l4proto tcp counter drop",
        "nft out",
        "nft",
    ];
    let tc_bad = [
        "tc out all ip_proto udp",
        "tc out ip action mirred",
        "tc out ip ip_proto udp action ok",
        "tc out ip ip_proto 17",
        "tc out ip dst_port 22",
        "tc out ip dst_port @elsewhere",
        "tc out ip ip_proto",
        "tc out ip ip_proto udp dst_port",
        "tc out ip type 0/128/1",
        "tc out ip classid 1:1",
        "tc out ip skip_sw yes",
        "tc out",
        "tc sideways ip ip_proto udp",
    ];
    let changes: Vec<(&str, &str)> = nft_bad
        .iter()
        .map(|bad| (nft, *bad))
        .chain(tc_bad.iter().map(|bad| (tc, *bad)))
        .collect();
    refused(shell, &plan(1, "60", "auto"), &changes).await;
}

async fn node_lines_that_are_not_taken(shell: &[&str]) {
    let good = plan(1, "60", "auto");
    refused(
        shell,
        &good,
        &[
            ("engine auto", "engine ebtables"),
            ("engine auto", "engine auto accept"),
            ("engine auto", "engine tc reject"),
            ("engine auto", "engine auto\nengine nft"),
            ("engine auto\n", ""),
            ("engine auto", "engine any"),
            ("mark 7a31:", "mark 8001:"),
            ("mark 7a31:", "mark 7a31:\nmark 7a32:"),
            ("mark 7a31:\n", ""),
            ("ports 53,8000-8100", "ports dns"),
            ("ports 53,8000-8100", "ports 53,"),
            ("ports 53,8000-8100", "ports ,53"),
            ("ports 53,8000-8100", "ports 53,,54"),
            ("ports 53,8000-8100", "ports 53 54"),
            ("ports 53,8000-8100", "ports 53\nports 54"),
            ("ports 53,8000-8100", "ports { 53 }"),
            // Sets that a rule names have to be there.
            ("ports 53,8000-8100\n", ""),
            ("peers4 10.0.0.0/8,192.168.1.7\n", ""),
            ("peers6 fd00::/8\n", ""),
            ("peers4 10.0.0.0/8", "peers4 fd00::/8"),
            ("peers4 10.0.0.0/8", "peers4 example.org"),
            ("peers6 fd00::/8", "peers6 fd00::/8;"),
            ("peers6 fd00::/8", "peers6"),
            ("vm 0", "vm 0 0a1b2c3d-0000-4000-8000-000000000000 -\nports 1\nvm 1"),
        ],
    )
    .await;
    for run in ["k3;9ab", "k3 9ab", ""] {
        assert_eq!(
            outcome(shell, &good, &[("VMCHAOS_RUN", run)]).await["reason"],
            "plan",
            "{run}"
        );
    }
}

async fn cuts_that_are_not_taken(shell: &[&str]) {
    let good = plan(1, "60", "auto");
    let cut = "own 0 cut tap0 in egress";
    refused(
        shell,
        &good,
        &[
            (cut, "own 0 cut lo in egress"),
            (cut, "own 0 cut tap0 in"),
            (cut, "own 0 cut tap0 in prerouting"),
            (cut, "own 0 cut tap0 sideways egress"),
            (cut, "own 0 cut tap0 in ingress"),
            (cut, "own 0 cut tap0 in egress\nown 0 cut tap0 in egress"),
            (cut, "own 0 cut tap0 out egress"),
            (cut, "own 0 cut tap0 in egress twice"),
            (cut, "own 0 cut tap0 in egress\nown 0 qdisc eth0 7a31:"),
            (cut, "own 0 qdisc eth0 7a31:\nown 0 cut tap0 in egress"),
            (
                cut,
                "own 0 cut tap0 in egress\napply 0 tc qdisc add dev tap0 root handle 7a31: netem",
            ),
            (
                "tap 0 tap0 k6t-eth0\nuplink 0 eth0 -\nown 0 cut tap0 in",
                "tap 0 tap0 k6t-eth0\nuplink 0 e@h0 -\nown 0 cut e@h0 in",
            ),
        ],
    )
    .await;
    // A direction needs rules, of each engine that it may get.
    let without = |what: &str| -> String {
        let kept: Vec<&str> = good.lines().filter(|line| !line.starts_with(what)).collect();
        kept.join("\n")
    };
    for (engine, what, event) in [
        ("auto", "nft in", "refused"),
        ("auto", "tc out", "refused"),
        ("nft", "nft out", "refused"),
        ("nft", "tc", "found"),
        ("tc", "tc in", "refused"),
        ("tc", "nft", "found"),
        ("auto reject", "tc", "found"),
    ] {
        let plan = without(what).replace("engine auto", &format!("engine {engine}"));
        assert_eq!(outcome(shell, &plan, &[]).await["ev"], event, "{engine} without {what}");
    }
}
