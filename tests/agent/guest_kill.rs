//! Killing a guest: its QEMU process and no other, seen to be gone before it is said.

use serde_json::{Value, json};
use vmchaos_rehearsal::host::Node;

use crate::rig::{HANDLE, Operator, PATIENCE, Rig, container, plan, uid};

crate::under_every_shell! {
    the_guest_of_one_vm_is_killed_and_no_other
    nothing_is_killed_without_the_word
    a_container_without_a_guest
    a_container_with_two_guests
    a_qemu_without_a_machine_is_no_guest
    a_process_that_is_no_longer_the_vms
    a_number_that_is_reused_at_the_last_moment
    a_guest_that_does_not_end
    a_vm_to_be_killed_takes_no_fault
    plans_that_are_not_taken
}

fn kill_plan(vm: usize, index: usize) -> String {
    format!("vm {index} {} {}\nkill {index}\n", uid(vm), container(vm))
}

/// The guests' processes on the node: their directories in its `/proc`.
fn guests(rig: &Rig) -> Vec<std::path::PathBuf> {
    let processes = std::fs::read_dir(rig.node.root().join("proc")).unwrap();
    let mut all: Vec<_> = processes.map(|process| process.unwrap().path()).collect();
    all.retain(|dir| dir.join("comm").exists());
    all.sort();
    all
}

async fn found(rig: &Rig, plan: &str) -> Operator {
    let mut operator = rig.start(plan, &[]);
    operator.say("hello 0").await;
    operator.wait("found|refused", 1).await;
    operator
}

/// Says `kill`, and returns the one answer.
async fn answer(operator: &mut Operator) -> Value {
    operator.say("kill").await;
    operator.wait("end", 1).await;
    let answers = operator.seen("killed|refused|gone");
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].clone()
}

async fn the_guest_of_one_vm_is_killed_and_no_other(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let before = guests(&rig);
    assert_eq!(before.len(), 2);
    let (told, crashed) = std::sync::mpsc::channel();
    rig.node
        .on_crash(std::sync::Arc::new(move |uid| drop(told.send(uid.to_owned()))));
    rig.node.remove_pod(&uid(1));
    rig.node.add_pod(crate::rig::launcher(1));
    let before = guests(&rig);
    let mut operator = found(&rig, &kill_plan(1, 0)).await;
    let killed = answer(&mut operator).await;
    let pid = killed["pid"].to_string();
    let after = guests(&rig);
    let gone: Vec<_> = before.iter().filter(|dir| !after.contains(dir)).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].file_name().unwrap().to_str().unwrap(), pid);
    assert_eq!(crashed.recv_timeout(PATIENCE).unwrap(), uid(1));
    assert_eq!(operator.verdicts(), [json!([0, "killed", "operator", 0])]);
    assert_eq!(operator.bye().await, 0);
}

async fn nothing_is_killed_without_the_word(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let before = guests(&rig);
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    operator.say("arm").await;
    operator.say("go").await;
    operator.close();
    assert_eq!(operator.end().await, 0);
    assert_eq!(guests(&rig), before);
}

async fn a_container_without_a_guest(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    std::fs::write(guests(&rig)[0].join("comm"), "virtqemud\n").unwrap();
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    assert_eq!(answer(&mut operator).await["reason"], "no-guest");
    assert_eq!(guests(&rig).len(), 1);
}

async fn a_container_with_two_guests(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let launcher = rig.node.process_dir(&uid(0)).unwrap();
    std::fs::write(launcher.join("comm"), "qemu-system-x86\n").unwrap();
    let before = guests(&rig);
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    assert_eq!(answer(&mut operator).await["reason"], "several-guests");
    assert_eq!(guests(&rig), before);
}

/// libvirt asks its QEMU what it can do by starting one without a machine; a name that looks like it is that of a guest.
async fn a_qemu_without_a_machine_is_no_guest(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let probe = rig.node.process_dir(&uid(0)).unwrap();
    let guest = guests(&rig).into_iter().find(|dir| *dir != probe).unwrap();
    std::fs::write(probe.join("comm"), "qemu-system-x86\n").unwrap();
    let asks = "/usr/bin/qemu-system-x86_64\0-S\0-no-user-config\0-nodefaults\0-nographic\0-machine\0none,accel=kvm:tcg\0-qmp\0unix:/q\0";
    std::fs::write(probe.join("cmdline"), asks).unwrap();
    let named = "/usr/bin/qemu-system-x86_64\0-name\0guest=shop_x-machinenone,,accel=1,debug-threads=on\0-machine\0pc-q35-10.0,accel=kvm\0";
    std::fs::write(guest.join("cmdline"), named).unwrap();
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    assert_eq!(answer(&mut operator).await["ev"], "killed");
    assert!(!guest.exists() && probe.exists());
}

/// Between being found and the word, its number went to a process of another container.
async fn a_process_that_is_no_longer_the_vms(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    let guest = guests(&rig).remove(0);
    std::fs::write(guest.join("cgroup"), "0::/system.slice/somebody.service\n").unwrap();
    assert_eq!(answer(&mut operator).await["reason"], "no-guest");
    assert_eq!(guests(&rig), [guest]);
}

/// Between being found to be the guest and the signal, its number went to another process: of another name, or the guest of
/// another VM.
async fn a_number_that_is_reused_at_the_last_moment(shell: &[&str]) {
    for (file, text) in [("comm", "somebody\n"), ("cgroup", "0::/kubepods/somebody-else\n")] {
        let rig = Rig::new(shell, 1);
        let mut operator = found(&rig, &kill_plan(0, 0)).await;
        let before = guests(&rig);
        after_the_first_look(&before[0], file, text);
        assert_eq!(answer(&mut operator).await["reason"], "no-guest", "{file}");
        assert_eq!(guests(&rig), before, "{file}");
        assert_eq!(std::fs::read_to_string(before[0].join(file)).unwrap(), text);
    }
}

/// Once somebody has looked at a guest's name, one of its files says this.
fn after_the_first_look(guest: &std::path::Path, file: &'static str, text: &'static str) {
    let (guest, named) = (guest.to_owned(), guest.join("named"));
    let made = std::process::Command::new("mkfifo").arg(&named).status();
    assert!(made.unwrap().success());
    std::fs::rename(&named, guest.join("comm")).unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        // Opens when the name is read, and lets the reader wait for its end until all is as the next one is to find it.
        let mut first = std::fs::OpenOptions::new().write(true).open(guest.join("comm"));
        first.as_mut().unwrap().write_all(b"qemu-kvm\n").unwrap();
        for (file, text) in [("comm", "qemu-kvm\n"), (file, text)] {
            std::fs::write(&named, text).unwrap();
            std::fs::rename(&named, guest.join(file)).unwrap();
        }
    });
}

/// One that SIGKILL does not end, as in a system call that never returns, is not said to be killed.
async fn a_guest_that_does_not_end(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let guest = guests(&rig).remove(0);
    // No process has this number.
    let stuck = guest.with_file_name("4999999");
    std::fs::rename(guest, &stuck).unwrap();
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    assert_eq!(answer(&mut operator).await["reason"], "not-killed");
    assert_eq!(guests(&rig), [stuck]);
}

async fn a_vm_to_be_killed_takes_no_fault(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = found(&rig, &kill_plan(0, 0)).await;
    for word in ["arm", "go", "sweep"] {
        operator.say(word).await;
    }
    assert_eq!(answer(&mut operator).await["ev"], "killed");
    assert_eq!(rig.netems(0), 0);
    assert!(operator.seen("ready|swept").is_empty());
}

async fn plans_that_are_not_taken(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let before = guests(&rig);
    for bad in [
        plan(1, "60") + "kill 0\n",
        kill_plan(0, 0) + "hold 0 60\n",
        kill_plan(0, 0) + &format!("sweep 0 tap0 {HANDLE}\n"),
        format!("vm 0 {} -\nsweep 0 tap0\nkill 0\n", uid(0)),
        kill_plan(0, 0).replace("kill 0", "kill 0 9"),
    ] {
        let mut operator = found(&rig, &bad).await;
        assert_eq!(answer(&mut operator).await["reason"], "plan", "{bad}");
    }
    assert_eq!(guests(&rig), before);
}
