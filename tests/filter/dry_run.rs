//! What a dry run of a filter shows.

use crate::support::Rehearsal;

#[test]
fn a_dry_run_tells_what_is_cut_and_what_is_not_and_writes_nothing() {
    let rehearsal = Rehearsal::new();
    let args = [
        "filter",
        "web-1",
        "--preset",
        "isolate",
        "--peer",
        "10.0.0.0/8",
        "--duration",
        "1m",
        "--dry-run",
    ];
    let ended = rehearsal.run(&args).expect(0);
    assert_eq!(ended.out, "", "the plan is for people");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    // Names and addresses that differ from run to run.
    let shown: Vec<String> = ended
        .err
        .lines()
        .filter(|line| !line.starts_with("  context") && !line.starts_with("  by   "))
        .map(|line| {
            let words = line.split(' ').map(|word| match word.strip_prefix("vmchaos_") {
                Some(run) if !run.starts_with("lock_") => "vmchaos_RUN",
                _ => word,
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    filter: drop tcp,udp with peer 10.0.0.0/8
      VMs        1 of 1 match
      duration   60s
      image      quay.io/kubevirt/virt-launcher@sha256:4a1d6a9f0f6f2f0f6d4c0c7b2b8f3a55e7c1d2a9b8e7f6a5d4c3b2a190817263 (from KubeVirt's virt-handler in namespace kubevirt)

      NAMESPACE   VM      NODE     NETWORK   BINDING      INGRESS   EGRESS
      default     web-1   node-1   default   masquerade   tap0      tap0

      both ways: into the guest (ingress) and out of it (egress)
      into the guest: drops TCP and UDP from 10.0.0.0/8
      out of the guest: drops TCP and UDP to 10.0.0.0/8
      round trips time out; connections that are open already stall, and go on afterwards if neither end has given up
      not cut: IPv6 (only IPv4 peers are named), ICMP (ping still passes), SCTP, ARP
      not seen: frames with two VLAN tags, which pass
      a Service is its cluster IP and port on the way out, and its target port on the way in
      by nft, where the node's kernel has netdev ingress and egress hooks (Linux 5.16); else by tc flower filters

      on node-1 for default/web-1:
        nsenter --net=/proc/PID/ns/net nft create table netdev vmchaos_RUN
        nsenter --net=/proc/PID/ns/net nft add set netdev vmchaos_RUN peers4 '{ type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/8 }; }'
        nsenter --net=/proc/PID/ns/net nft create table netdev vmchaos_lock_tap0
        nsenter --net=/proc/PID/ns/net nft add chain netdev vmchaos_lock_tap0 vmchaos_RUN
        nsenter --net=/proc/PID/ns/net nft add chain netdev vmchaos_RUN in_tap0 '{ type filter hook egress device "tap0" priority -500; policy accept; }'
        nsenter --net=/proc/PID/ns/net nft add rule netdev vmchaos_RUN in_tap0 'ip saddr @peers4 meta l4proto { tcp, udp } counter drop'
        nsenter --net=/proc/PID/ns/net nft add chain netdev vmchaos_RUN out_tap0 '{ type filter hook ingress device "tap0" priority -500; policy accept; }'
        nsenter --net=/proc/PID/ns/net nft add rule netdev vmchaos_RUN out_tap0 'ip daddr @peers4 meta l4proto { tcp, udp } counter drop'
        sleep 60
        nsenter --net=/proc/PID/ns/net nft delete table netdev vmchaos_RUN
        nsenter --net=/proc/PID/ns/net nft delete table netdev vmchaos_lock_tap0

    nothing was changed (dry run)
    "#);
}

#[test]
fn a_dry_run_as_json_has_every_port() {
    let rehearsal = Rehearsal::new();
    let ports: Vec<_> = (0..1_000).map(|i| (1_001 + i * 2).to_string()).collect();
    let ports = ports.join(",");
    let document = rehearsal
        .run(&["filter", "web-1", "--ports", &ports, "--dry-run", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(document["fault"]["ports"], ports);
    let commands = document["plan"][0]["commands"].to_string();
    assert!(
        commands.contains("{ 1001, 1003, ") && commands.contains(", 2999 }"),
        "{commands}"
    );
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_made() {
    let rehearsal = Rehearsal::new();
    let ports: Vec<_> = (0..20_000).map(|i| (10_001 + i * 2).to_string()).collect();
    let peers: Vec<_> = (0..1_000)
        .map(|i| format!("10.200.{}.{}", i / 100, 100 + i % 100))
        .collect();
    rehearsal
        .run(&[
            "filter",
            "web-1",
            "--ports",
            &ports.join(","),
            "--peer",
            &peers.join(","),
            "-y",
        ])
        .expect(4)
        .says(&["is too long for a pod", "fewer VMs with --count"]);
    rehearsal
        .run(&[
            "filter",
            "web-1",
            "--engine",
            "tc",
            "--ports",
            &ports[..80].join(","),
            "-y",
        ])
        .expect(4)
        .says(&["tc would need 640 filters", "--engine nft"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}
