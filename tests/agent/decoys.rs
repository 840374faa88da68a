//! Processes that whoever is in a launcher can make, to be taken for its first one: none of them is, and none gets the fault.

use std::fs;
use std::os::unix::fs::symlink;

use vmchaos_rehearsal::host::Node;

use crate::rig::{Rig, container, plan, uid};

crate::under_every_shell! {
    decoys_in_the_launchers_own_container
    decoys_in_another_pod
    a_launcher_that_is_only_decoys
    decoys_for_the_guest
    paths_of_control_groups
    a_launcher_in_another_user_namespace
}

/// Another pod's UID and container, on the same node.
const OTHER: (&str, &str) = (
    "ffffffff-0000-4000-8000-00000000000f",
    "00000000000000000000000000000000000000000000000000000000000fffff",
);

/// In the order in which they are found: before the launcher's own, which are 5000001 and up.
const DECOY: &str = "4999990";

fn slice(uid: &str, container: &str) -> String {
    let uid = uid.replace('-', "_");
    format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/cri-containerd-{container}.scope"
    )
}

fn own() -> String {
    slice(&uid(0), &container(0))
}

/// A process in a network namespace of its own, where an injected fault would show.
fn decoy(rig: &Rig, name: &str, nspid: &str, userns: &str, cgroup: &str) {
    let root = rig.node.root();
    let process = root.join("proc").join(DECOY);
    let _ = fs::remove_dir_all(&process);
    fs::create_dir_all(process.join("ns")).unwrap();
    fs::write(root.join("netns/decoy"), "").unwrap();
    fs::write(root.join("userns/decoy"), "").unwrap();
    for (kind, target) in [("net", "netns/decoy"), ("user", userns), ("pid", "netns/decoy")] {
        symlink(root.join(target), process.join("ns").join(kind)).unwrap();
    }
    fs::write(
        process.join("status"),
        format!("Name:\t{name}\nPid:\t{DECOY}\nNSpid:\t{nspid}\n"),
    )
    .unwrap();
    fs::write(process.join("comm"), format!("{name}\n")).unwrap();
    fs::write(process.join("cgroup"), cgroup).unwrap();
}

/// The fault is on the VM, by its launcher's own process.
async fn only_the_launcher_is_taken(rig: &Rig, what: &str) {
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    let pid = rig.node.process_dir(&uid(0)).unwrap();
    assert_eq!(
        operator.seen("found")[0]["pid"].to_string(),
        pid.file_name().unwrap().to_str().unwrap(),
        "{what}"
    );
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
}

const HOST: &str = "userns/host";

async fn decoys_in_the_launchers_own_container(shell: &[&str]) {
    let own = format!("0::{}\n", own());
    let below = format!("0::{}/below\n", self::own());
    let first = format!("{DECOY}\t1");
    for (what, name, nspid, userns, cgroup) in [
        ("a name", "NSpid: 9 1", format!("{DECOY}\t7"), HOST, &own),
        (
            "a name with what comes before it",
            "x\\nNSpid:\t9\t1",
            format!("{DECOY}\t7"),
            HOST,
            &own,
        ),
        ("a PID namespace below", "sh", format!("{DECOY}\t7\t1"), HOST, &own),
        ("the node's PID namespace", "sh", "1".to_owned(), HOST, &own),
        ("a user namespace", "sh", first.clone(), "userns/decoy", &own),
        (
            "a user namespace and one of control groups",
            "sh",
            first,
            "userns/decoy",
            &below,
        ),
    ] {
        let rig = Rig::new(shell, 1);
        decoy(&rig, name, &nspid, userns, cgroup);
        only_the_launcher_is_taken(&rig, what).await;
    }
}

async fn decoys_in_another_pod(shell: &[&str]) {
    let (pod, cid) = OTHER;
    let (vm, vm_cid) = (uid(0), container(0));
    for cgroup in [
        // A control group named like the VM's, below the decoy's own.
        format!("0::{}{}\n", slice(pod, cid), own()),
        format!("0::/kubepods/burstable/pod{pod}/{cid}/kubepods/burstable/pod{vm}/{vm_cid}\n"),
        format!("0::/kubepods/burstable/pod{pod}/{cid}/pod{vm}/{vm_cid}\n"),
        // The VM's container under another pod, and another container's of the VM's pod.
        format!("0::{}\n", slice(pod, &vm_cid)),
        format!("0::{}/{vm_cid}\n", slice(&vm, cid)),
        // Names that only hold the VM's.
        format!("0::/kubepods/burstable/pod{vm}/x{vm_cid}\n"),
        format!("0::/kubepods/burstable/pod{vm}/{vm_cid}.bak\n"),
        format!("0::/kubepods/burstable/pod{vm}/crio-conmon-{vm_cid}.scope\n"),
        format!("0::/system.slice/{vm}/{vm_cid}.service\n"),
        // One hierarchy says so, another one does not.
        format!("9:pids:{}\n1:cpu:{}\n0::/\n", own(), slice(pod, cid)),
    ] {
        let rig = Rig::new(shell, 1);
        decoy(&rig, "sh", &format!("{DECOY}\t1"), HOST, &cgroup);
        only_the_launcher_is_taken(&rig, &cgroup).await;
    }
}

async fn a_launcher_that_is_only_decoys(shell: &[&str]) {
    let rig = Rig::new(shell, 0);
    decoy(
        &rig,
        "NSpid:\t9\t1",
        &format!("{DECOY}\t7"),
        HOST,
        &format!("0::{}\n", own()),
    );
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    assert_eq!(operator.wait("refused|found", 1).await[0]["reason"], "no-process");
    assert_eq!(operator.bye().await, 0);
}

/// A process that calls itself QEMU.
async fn decoys_for_the_guest(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let nested = format!("0::{}{}\n", slice(OTHER.0, OTHER.1), own());
    for (userns, cgroup) in [("userns/decoy", format!("0::{}\n", own())), (HOST, nested)] {
        decoy(&rig, "qemu-kvm", &format!("{DECOY}\t1"), userns, &cgroup);
        let plan = format!("vm 0 {} {}\nkill 0\n", uid(0), container(0));
        let mut operator = rig.start(&plan, &[]);
        operator.say("hello 0").await;
        operator.wait("found", 1).await;
        operator.say("kill").await;
        let killed = operator.wait("killed|refused", 1).await;
        assert_eq!(killed[0]["ev"], "killed", "{killed:?}");
        assert_ne!(killed[0]["pid"].to_string(), DECOY);
        assert_eq!(operator.bye().await, 0);
        rig.node.remove_pod(&uid(0));
        rig.node.add_pod(crate::rig::launcher(0));
    }
}

/// As kubelets and runtimes name them, with the pod's UID alone as well.
async fn paths_of_control_groups(shell: &[&str]) {
    let (uid, cid) = (uid(0), container(0));
    let slice = uid.replace('-', "_");
    let pod = format!("kubepods-besteffort-pod{slice}.slice");
    for (cgroup, node) in [
        (format!("0::/kubepods/burstable/pod{uid}/{cid}\n"), ""),
        (format!("0::/kubepods/pod{uid}/{cid}/below/that\n"), ""),
        (
            format!("0::/kubepods.slice/kubepods-pod{slice}.slice/crio-{cid}.scope/container\n"),
            "",
        ),
        (format!("0::/kubepods.slice/{pod}/docker-{cid}.scope\n"), ""),
        (
            format!("0::/system.slice/containerd.service/{pod}:cri-containerd:{cid}\n"),
            "",
        ),
        (
            format!("0::/kubelet.slice/kubelet-kubepods.slice/kubelet-{pod}/cri-containerd-{cid}.scope\n"),
            "",
        ),
        (
            format!("9:memory:/kubepods/pod{uid}/{cid}\n1:name=systemd:/\n0::/system.slice/kubelet.service\n"),
            "",
        ),
        // A debug pod with control groups of its own sees the others' from there.
        (
            format!("0::/../../{pod}/cri-containerd-{cid}.scope\n"),
            "0::/../../../init.scope\n",
        ),
        // A node that is itself in a pod.
        (
            format!("0::/kubepods/pod{}/{}/kubepods/pod{uid}/{cid}\n", OTHER.0, OTHER.1),
            &format!("0::/kubepods/pod{}/{}/init\n", OTHER.0, OTHER.1),
        ),
    ] {
        for plan in [plan(1, "60"), plan(1, "60").replace(&cid, "-")] {
            let rig = Rig::new(shell, 1);
            fs::write(rig.node.process_dir(&uid).unwrap().join("cgroup"), &cgroup).unwrap();
            if !node.is_empty() {
                fs::write(rig.node.root().join("proc/1/cgroup"), node).unwrap();
            }
            let mut operator = rig.start(&plan, &[]);
            operator.say("hello 0").await;
            let found = operator.wait("found|refused", 1).await;
            assert_eq!(found[0]["ev"], "found", "{cgroup}: {found:?}");
            assert_eq!(operator.bye().await, 0);
        }
    }
}

/// KubeVirt's launchers have none; in one, nothing could be told from a decoy.
async fn a_launcher_in_another_user_namespace(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let root = rig.node.root();
    fs::write(root.join("userns/pod"), "").unwrap();
    let link = rig.node.process_dir(&uid(0)).unwrap().join("ns/user");
    fs::remove_file(&link).unwrap();
    symlink(root.join("userns/pod"), link).unwrap();
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    assert_eq!(operator.wait("refused|found", 1).await[0]["reason"], "no-process");
    assert_eq!(operator.bye().await, 0);
}
