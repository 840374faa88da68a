//! A launcher on a [`ScriptNode`](super::script_node::ScriptNode) as the script sees it: its process in `/proc`, its namespaces and
//! its devices as files.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::host::VmOnNode;
use super::script_tools::links;

/// Lays it out below the node's `root`; the directory of its process.
pub(super) fn lay_out(root: &Path, netns: &Path, vm: &VmOnNode, pid: u32) -> io::Result<PathBuf> {
    let devices = netns.with_extension("d");
    fs::create_dir_all(&devices)?;
    fs::write(devices.join("lo"), "default noqueue\n")?;
    for device in &vm.devices {
        fs::write(devices.join(&device.name), format!("default {}\n", device.root))?;
    }
    fs::write(netns.with_extension("links"), links(vm))?;
    let mut addresses = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(root.join("addresses"))?;
    writeln!(addresses, "{} {}", vm.address, vm.pod_uid)?;
    fs::write(netns, "")?;
    let pidns = root.join("pidns").join(&vm.pod_uid);
    fs::write(&pidns, "")?;
    let process = root.join("proc").join(pid.to_string());
    fs::create_dir_all(process.join("ns"))?;
    symlink(netns, process.join("ns/net"))?;
    symlink(&pidns, process.join("ns/pid"))?;
    symlink(root.join("userns/host"), process.join("ns/user"))?;
    fs::write(
        process.join("status"),
        format!("Name:\tvirt-launcher-m\nPid:\t{pid}\nNSpid:\t{pid}\t1\n"),
    )?;
    let slice = vm.pod_uid.replace('-', "_");
    fs::write(
        process.join("cgroup"),
        format!(
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{slice}.slice/cri-containerd-{}.scope\n",
            vm.container_id
        ),
    )?;
    Ok(process)
}

/// Everything in the launcher's PID namespace ends: the sentinels, which lead sessions of their own.
pub(super) fn end_members(root: &Path, pod_uid: &str) {
    let members = root.join("pidns").join(format!("{pod_uid}.members"));
    let text = fs::read_to_string(&members).unwrap_or_default();
    for pid in text.lines() {
        let _ = Command::new("kill")
            .args(["-9", "--", &format!("-{pid}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
