//! Plans of filters, and what the practice kernel has of them.

use vmchaos_rehearsal::host::Node;

use crate::rig::{Operator, Rig, container, uid};

/// Both engines of a filter; a test that is about the fault and not about its engine runs with each.
pub(crate) const ENGINES: [&str; 2] = ["nft", "tc"];

/// The lines of the whole node.
pub(crate) fn node_lines(engine: &str, mark: &str) -> String {
    format!(
        "engine {engine}\nmark {mark}\nports 53,8000-8100\npeers4 10.0.0.0/8,192.168.1.7\npeers6 fd00::/8\n\
         nft in ip saddr @peers4 tcp dport @ports counter drop\nnft in ip6 saddr @peers6 tcp dport @ports counter drop\n\
         nft out meta l4proto {{ tcp, udp }} counter drop\n\
         tc in ip src_ip @peers4 ip_proto tcp dst_port @ports\ntc in ipv6 src_ip @peers6 ip_proto tcp dst_port @ports\n\
         tc in 802.1Q vlan_ethtype ip src_ip @peers4 ip_proto tcp dst_port @ports\n\
         tc out ip ip_proto tcp\ntc out ip ip_proto udp\ntc out ipv6 ip_proto tcp\ntc out ipv6 ip_proto udp\n"
    )
}

/// The lines of one VM that is cut off in both directions.
pub(crate) fn vm_lines(vm: usize, hold: &str) -> String {
    format!(
        "vm {vm} {} {}\nhold {vm} {hold}\ntap {vm} tap0 k6t-eth0\nuplink {vm} eth0 -\n\
         own {vm} cut tap0 in egress\nown {vm} cut tap0 out ingress\n",
        uid(vm),
        container(vm)
    )
}

pub(crate) fn plan(vms: usize, hold: &str, engine: &str) -> String {
    let lines: String = (0..vms).map(|vm| vm_lines(vm, hold)).collect();
    node_lines(engine, "7a31:") + &lines
}

/// What a VM has when it is cut off by the plan above.
pub(crate) fn in_place(engine: &str) -> Vec<String> {
    let mut all = Vec::new();
    if engine == "nft" {
        all.push("nft vmchaos_k3f9ab".to_owned());
        all.push("nft vmchaos_lock_tap0".to_owned());
        return all;
    }
    all.push("tap0 clsact".to_owned());
    for (pref, numbers) in [(31281, 1..=4), (35377, 5..=6), (39473, 7..=10)] {
        all.extend(numbers.map(|n| format!("tap0 egress flower {pref} 0x7a31{n:04x}")));
    }
    for (pref, numbers) in [(31281, 1..=2), (35377, 3..=4)] {
        all.extend(numbers.map(|n| format!("tap0 ingress flower {pref} 0x7a31{n:04x}")));
    }
    all.sort();
    all
}

/// A run whose filter is in place, which the kernel confirms.
pub(crate) async fn injected(rig: &Rig, plan: &str, env: &[(&str, &str)]) -> Operator {
    let mut operator = rig.armed(plan, env).await;
    let vms = plan.lines().filter(|line| line.starts_with("vm ")).count();
    operator.say("go").await;
    operator.wait("injected|failed", vms).await;
    assert_eq!(operator.seen("injected").len(), vms, "{:#?}", operator.events);
    let engine = operator.seen("hello")[0]["engine"].as_str().unwrap().to_owned();
    for vm in 0..vms {
        let found = rig.node.filters(&uid(vm));
        for one in in_place(&engine) {
            assert!(found.contains(&one), "{one} is not in {found:?}");
        }
    }
    operator
}

pub(crate) fn tc(rig: &Rig, args: &str) {
    let said = rig.node.tc(&uid(0), &args.split(' ').collect::<Vec<_>>()).unwrap();
    assert!(
        said.status.success(),
        "{args}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
}
