//! Who takes the place of a sentinel or a keeper that is gone, and when it must not: nothing is left, or said to be gone, by it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use crate::endings::by;
use crate::kills::verdict;
use crate::rig::{HANDLE, PATIENCE, Rig, has_ended, helpers, plan, signal, uid};

crate::under_every_shell! {
    what_the_keeper_cannot_remove_is_told
    what_the_sentinel_could_not_remove_the_keeper_tries_again
    a_tc_that_is_still_at_work_is_waited_for
    the_warden_takes_the_place_of_a_keeper_that_stands_still
    two_who_take_over_at_once
    the_warden_is_out_of_reach_of_the_pod
    a_keeper_killed_before_go
    the_end_has_a_clock
    the_pod_is_found_again_when_its_first_process_is_gone
    a_namespace_that_has_become_the_hosts_is_left_alone
    a_beginning_that_cannot_be_written_down_does_not_begin
}

/// Stopped first, so that none of them can do anything about another's end.
fn kill_at_once(rig: &Rig, names: &[&str]) {
    let pids: Vec<String> = names.iter().map(|name| rig.pid_of(name)).collect();
    for word in ["-STOP", "-KILL"] {
        for pid in &pids {
            signal(pid, word);
        }
    }
}

async fn until(done: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !done() {
        assert!(tokio::time::Instant::now() < deadline, "it does not come to it");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn what_the_keeper_cannot_remove_is_told(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *-batch*) sed '/^qdisc del dev eth0/d' | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    signal(&rig.pid_of("sentinel.0"), "-KILL");
    let ended = operator.wait("leaked|restored", 1).await;
    assert_eq!(
        (&ended[0]["ev"], &ended[0]["left"]),
        (&Value::from("leaked"), &Value::from(format!("eth0:{HANDLE}")))
    );
    assert_eq!(operator.bye().await, 3);
}

async fn what_the_sentinel_could_not_remove_the_keeper_tries_again(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    let tries = rig.node.root().join("tries");
    // Deletes nothing from eth0 as often as a sentinel tries.
    rig.replace_tool(
        "tc",
        &"#!/bin/sh\ncase $* in *-batch*) ;; *) exec REAL \"$@\" ;; esac\ntext=$(cat)\n\
          case $text in *'qdisc del dev eth0'*)\n  echo >>TRIES\n  [ \"$(wc -l <TRIES)\" -gt 3 ] ||\n    \
          text=$(printf '%s\\n' \"$text\" | sed '/^qdisc del dev eth0/d')\n  ;;\nesac\nprintf '%s\\n' \"$text\" | REAL \"$@\"\n"
            .replace("TRIES", tries.to_str().unwrap()),
    );
    operator.say("rollback").await;
    assert_eq!(operator.wait("leaked|restored", 1).await[0]["ev"], "leaked");
    rig.clean(&operator, 1).await;
    until(|| {
        operator
            .verdicts()
            .first()
            .is_some_and(|verdict| verdict[1] == "restored")
    })
    .await;
}

async fn a_tc_that_is_still_at_work_is_waited_for(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let [begun, done]: [PathBuf; 2] = ["begun", "done"].map(|name| rig.node.root().join(name));
    rig.replace_tool(
        "tc",
        &"#!/bin/sh\ncase $* in *-batch*) ;; *) exec REAL \"$@\" ;; esac\ntext=$(cat)\n\
          case $text in *'qdisc add'*)\n  : >BEGUN\n  sleep 2\n  printf '%s\\n' \"$text\" | REAL \"$@\"\n  : >DONE\n  exit\n  ;;\n\
          esac\nprintf '%s\\n' \"$text\" | REAL \"$@\"\n"
            .replace("BEGUN", begun.to_str().unwrap())
            .replace("DONE", done.to_str().unwrap()),
    );
    // The tc that applies is started before go.
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    operator.say("go").await;
    until(|| begun.exists()).await;
    signal(&rig.pid_of("sentinel.0"), "-KILL");
    operator.wait("restored", 1).await;
    assert!(done.exists(), "restored before all was applied");
    assert_eq!(rig.netems(0), 0);
    assert_eq!(operator.bye().await, 0);
}

/// The agent, which would see to it as well, stands still, too.
async fn the_warden_takes_the_place_of_a_keeper_that_stands_still(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let operator = rig.injected(&plan(1, "3"), &[("VMCHAOS_SILENCE", "3600")]).await;
    let agent = rig.pid_of("agent");
    signal(&agent, "-STOP");
    signal(&rig.pid_of("keeper.0"), "-STOP");
    signal(&rig.pid_of("sentinel.0"), "-KILL");
    rig.clean(&operator, 1).await;
    assert_eq!(verdict(&operator, 0).0, "restored");
    signal(&agent, "-CONT");
}

/// The agent does it because the warden stands still; that one goes on then, and does it as well, and faster.
async fn two_who_take_over_at_once(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "3600"), &[("VMCHAOS_SILENCE", "3600")]).await;
    let [first, go_on]: [PathBuf; 2] = ["first", "go-on"].map(|name| rig.node.root().join(name));
    // The first that deletes anything waits.
    rig.replace_tool(
        "tc",
        &"#!/bin/sh\ncase $* in *-batch*) ;; *) exec REAL \"$@\" ;; esac\ntext=$(cat)\n\
          case $text in *'qdisc del'*) ! mkdir FIRST 2>/dev/null || until [ -e GO_ON ]; do sleep 0.1; done ;; esac\n\
          printf '%s\\n' \"$text\" | REAL \"$@\"\n"
            .replace("FIRST", first.to_str().unwrap())
            .replace("GO_ON", go_on.to_str().unwrap()),
    );
    let warden = helpers(&rig.pid_of("agent")).remove(2);
    signal(&warden, "-STOP");
    kill_at_once(&rig, &["keeper.0", "sentinel.0"]);
    until(|| first.exists()).await;
    let slower = rig.pid_of("heir.0");
    // As if the warden had not seen it.
    std::fs::write(rig.scratch().join("heir.0"), "").unwrap();
    signal(&warden, "-CONT");
    let ended = operator.wait("restored|leaked", 1).await;
    assert_eq!(
        (&ended[0]["ev"], by(&ended)),
        (&Value::from("restored"), vec!["sentinel"])
    );
    rig.clean(&operator, 1).await;
    let verdicts = operator.verdicts();
    std::fs::write(&go_on, "").unwrap();
    until(|| has_ended(&slower)).await;
    assert_eq!(operator.verdicts(), verdicts);
    assert_eq!(operator.bye().await, 0);
    assert_eq!((operator.seen("restored|leaked").len(), rig.netems(0)), (1, 0));
}

/// What is done to the debug pod's control group does not reach it.
async fn the_warden_is_out_of_reach_of_the_pod(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    let moved = rig
        .node
        .root()
        .join("proc/1/root/sys/fs/cgroup/init.scope/cgroup.procs");
    let moved = std::fs::read_to_string(moved).unwrap();
    for pid in [helpers(&rig.pid_of("agent")).remove(2), rig.pid_of("keeper.0")] {
        assert!(moved.lines().any(|line| line == pid), "{pid} is not among {moved:?}");
    }
    assert_eq!(operator.bye().await, 0);
}

/// Nobody says go, and nobody says that it is over.
async fn a_keeper_killed_before_go(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let limits = [("VMCHAOS_SILENCE", "3600"), ("VMCHAOS_GO_LIMIT", "3600")];
    let mut operator = rig.armed(&plan(1, "60"), &limits).await;
    signal(&rig.pid_of("keeper.0"), "-KILL");
    let ended = operator.wait("restored|leaked", 1).await;
    assert_eq!(
        (&ended[0]["ev"], &ended[0]["held"]),
        (&Value::from("restored"), &Value::from(0))
    );
    assert_eq!(operator.bye().await, 0);
}

/// A sentinel that stands still is ended in time though nothing that counted the time is left.
async fn the_end_has_a_clock(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "3600"), &[("VMCHAOS_SILENCE", "3600")]).await;
    signal(&rig.pid_of("sentinel.0"), "-STOP");
    let all = helpers(&rig.pid_of("agent"));
    for word in ["-STOP", "-KILL"] {
        for pid in &all[1..] {
            signal(pid, word);
        }
    }
    // What is killed takes a moment to end, and the agent looks only when it hears something.
    until(|| all[1..].iter().all(|pid| has_ended(pid))).await;
    operator.say("hb").await;
    let ended = operator.wait("restored|leaked", 1).await;
    assert_eq!(ended[0]["ev"], "restored");
    assert_eq!(rig.netems(0), 0);
}

async fn the_pod_is_found_again_when_its_first_process_is_gone(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "3600"), &[("VMCHAOS_SILENCE", "3600")]).await;
    // As the sandbox's outlives the launcher's.
    let process = rig.node.process_dir(&uid(0)).unwrap();
    std::fs::rename(&process, process.with_file_name("99")).unwrap();
    kill_at_once(&rig, &["keeper.0", "sentinel.0"]);
    assert_eq!(operator.wait("gone|restored|leaked", 1).await[0]["ev"], "gone");
    assert_eq!(rig.netems(0), 0);
}

async fn a_namespace_that_has_become_the_hosts_is_left_alone(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "3600"), &[("VMCHAOS_SILENCE", "3600")]).await;
    let entered = rig.node.root().join("entered");
    rig.replace_tool(
        "tc",
        &"#!/bin/sh\ncase $FAKE_NETNS in */host) : >ENTERED ;; esac\nexec REAL \"$@\"\n"
            .replace("ENTERED", entered.to_str().unwrap()),
    );
    let link = rig.node.process_dir(&uid(0)).unwrap().join("ns/net");
    std::fs::remove_file(&link).unwrap();
    symlink(rig.node.root().join("netns/host"), link).unwrap();
    kill_at_once(&rig, &["keeper.0", "sentinel.0"]);
    operator.say("rollback").await;
    // Nobody has looked into the pod's own: what is there is not known.
    let ended = operator.wait("gone|restored|leaked", 1).await;
    assert_eq!(ended[0]["ev"], "leaked", "{ended:?}");
    assert!(!entered.exists(), "the host's devices were touched");
}

async fn a_beginning_that_cannot_be_written_down_does_not_begin(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    symlink("not-there/began", rig.scratch().join("began.0")).unwrap();
    operator.say("go").await;
    operator.wait("restored", 1).await;
    assert_eq!((operator.seen("injected").len(), rig.netems(0)), (0, 0));
    assert_eq!(operator.bye().await, 0);
}
