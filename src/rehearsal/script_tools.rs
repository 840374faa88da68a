//! The tools on a [`ScriptNode`](super::script_node::ScriptNode): fakes of the few that need privileges, and what they print of
//! a launcher's links.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::host::{DeviceKind, VmOnNode};

/// The fakes, by the name they are found under.
const FAKES: [(&str, &str); 15] = [
    ("bash", include_str!("fakes/bash")),
    ("dial", include_str!("fakes/dial")),
    ("ip", include_str!("fakes/ip")),
    ("modprobe", include_str!("fakes/modprobe")),
    ("nft", include_str!("fakes/nft")),
    ("nft-show.awk", include_str!("fakes/nft-show.awk")),
    ("nft.awk", include_str!("fakes/nft.awk")),
    ("nsenter", include_str!("fakes/nsenter")),
    ("ping", include_str!("fakes/ping")),
    ("probe.awk", include_str!("fakes/probe.awk")),
    ("tc", include_str!("fakes/tc")),
    ("tc-filter.awk", include_str!("fakes/tc-filter.awk")),
    ("tc-show.awk", include_str!("fakes/tc-show.awk")),
    ("tc.awk", include_str!("fakes/tc.awk")),
    ("unshare", include_str!("fakes/unshare")),
];

/// Writes the fakes, by a shell: a file that this process had open for writing could not be executed while some other
/// thread's child, forked meanwhile, still holds it open.
pub(super) fn write_tools(dir: &Path) -> io::Result<()> {
    let mut script = String::from("set -e\n");
    for (name, text) in FAKES {
        let _ = writeln!(
            script,
            "cat >{name} <<'END OF FAKE'\n{text}END OF FAKE\nchmod 755 {name}"
        );
    }
    let mut shell = Command::new("sh")
        .arg("-s")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = shell.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    if shell.wait()?.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "the fake tools could not be written to {}",
            dir.display()
        )))
    }
}

/// What `ip -o -d link show` prints in a launcher's network namespace.
pub(super) fn links(vm: &VmOnNode) -> String {
    let mut text = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0 \n".to_owned();
    for (index, device) in vm.devices.iter().enumerate() {
        let number = index + 2;
        let peer = if device.kind == DeviceKind::Veth { "@if7" } else { "" };
        let (flags, state) = if device.up {
            ("BROADCAST,MULTICAST,UP,LOWER_UP", "UP")
        } else {
            ("BROADCAST,MULTICAST", "DOWN")
        };
        let master = device
            .master
            .as_ref()
            .map(|bridge| format!(" master {bridge}"))
            .unwrap_or_default();
        let kind = match device.kind {
            DeviceKind::Tap => "tun type tap pi off vnet_hdr on persist on user 107 group 107",
            DeviceKind::Veth => "veth",
            DeviceKind::Bridge => "bridge forward_delay 1500 hello_time 200 max_age 2000",
            DeviceKind::Dummy => "dummy",
            DeviceKind::Macvtap => "macvtap mode bridge bcqueuelen 1000",
        };
        let _ = writeln!(
            text,
            "{number}: {}{peer}: <{flags}> mtu 1500 qdisc {}{master} state {state} mode DEFAULT group default qlen 1000\\    link/ether 02:00:00:00:00:{number:02x} brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535 \\    {kind} numtxqueues 1 numrxqueues 1 ",
            device.name, device.root,
        );
    }
    text
}
