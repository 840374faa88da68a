//! However an agent ends that has armed nothing, its termination message says so; one that has, never does.

use kubectl_vmchaos::testing::node::script::SCRIPT;
use kubectl_vmchaos::testing::node::verdict::Verdict;
use vmchaos_rehearsal::host::Signal;

use crate::rig::{Operator, Rig, plan};

crate::under_every_shell! {
    nobody_attached
    nobody_attached_for_longer_than_it_should_take
    silence
    the_pod_deleted
    goodbye
    the_stream_closed
    a_plan_that_is_not_taken
    everything_killed
    no_room_for_scratch
    what_is_armed_is_written_down_first
    a_log_that_cannot_be_written
    who_comes_after_the_end_writes_no_log
}

fn log(operator: &Operator) -> Verdict {
    let mut text = operator.agent.termination_message();
    // It is just being written.
    while text.is_empty() {
        text = operator.agent.termination_message();
    }
    let verdict = Verdict::parse(&text).unwrap_or_else(|| panic!("no verdict: {text}"));
    assert_eq!(verdict.run, "k3f9ab");
    verdict
}

/// It has ended, and what it wrote is the proof that nothing was put in place.
async fn nothing_was_armed(rig: &Rig, operator: &mut Operator, refused: usize) {
    let code = operator.end().await;
    assert!([0, 137].contains(&code), "{code}");
    let verdict = log(operator);
    assert_eq!((verdict.vms.len(), verdict.armed), (refused, Some(0)));
    assert!(verdict.is_clean());
    assert_eq!(rig.netems(0), 0);
}

async fn greeted(rig: &Rig, env: &[(&str, &str)]) -> Operator {
    let mut operator = rig.start(&plan(1, "60"), env);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    operator
}

async fn nobody_attached(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[("VMCHAOS_HELLO_LIMIT", "0.5")]);
    nothing_was_armed(&rig, &mut operator, 0).await;
}

/// 5 s by the node's clock; more only as far as the machine is busy.
async fn nobody_attached_for_longer_than_it_should_take(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    nothing_was_armed(&rig, &mut operator, 0).await;
    let time = |kind: &str| operator.seen(kind)[0]["t"].as_f64().unwrap();
    let lived = time("end") - time("found");
    assert!((5.0..20.0).contains(&lived), "{lived} s");
}

async fn silence(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = greeted(&rig, &[("VMCHAOS_SILENCE", "0.5")]).await;
    nothing_was_armed(&rig, &mut operator, 0).await;
}

async fn the_pod_deleted(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = greeted(&rig, &[]).await;
    operator.agent.kill(Signal::Term);
    nothing_was_armed(&rig, &mut operator, 0).await;
}

async fn goodbye(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = greeted(&rig, &[]).await;
    operator.say("bye").await;
    nothing_was_armed(&rig, &mut operator, 0).await;
}

async fn the_stream_closed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = greeted(&rig, &[]).await;
    operator.close();
    nothing_was_armed(&rig, &mut operator, 0).await;
}

async fn a_plan_that_is_not_taken(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    for (plan, refused) in [(plan(1, "sixty"), 1), (String::new(), 0)] {
        let mut operator = rig.start(&plan, &[]);
        operator.say("hello 0").await;
        operator.say("bye").await;
        nothing_was_armed(&rig, &mut operator, refused).await;
    }
}

/// Nobody is left who could write: it has been written before.
async fn everything_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.wait("hello", 1).await;
    operator.agent.kill(Signal::Kill);
    nothing_was_armed(&rig, &mut operator, 0).await;
}

async fn no_room_for_scratch(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let shm = rig.node.root().join("shm");
    std::fs::remove_dir(&shm).unwrap();
    let mut operator = rig.start(&plan(1, "60"), &[]);
    assert_eq!(operator.end().await, 2);
    assert_eq!(
        operator.agent.termination_message(),
        "{\"run\":\"k3f9ab\",\"vms\":[],\"armed\":0}\n"
    );
}

async fn what_is_armed_is_written_down_first(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let no_proof = "{\"run\":\"k3f9ab\",\"vms\":[],\"armed\":2}\n";
    let mut operator = rig.armed(&plan(2, "60"), &[]).await;
    assert_eq!(operator.agent.termination_message(), no_proof);
    operator.say("go").await;
    operator.wait("injected", 2).await;
    assert_eq!(operator.agent.termination_message(), no_proof);
    assert_eq!(Verdict::parse(no_proof), None);
    operator.say("rollback 0").await;
    operator.wait("restored", 1).await;
    // It is written a moment after it is told.
    while !operator.agent.termination_message().contains("\"restored\"") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // One end that is told does not stand for the other.
    assert_eq!((log(&operator).vms.len(), log(&operator).armed), (1, Some(1)));
    assert!(!log(&operator).is_clean());
    operator.say("rollback").await;
    operator.wait("restored", 2).await;
    assert_eq!(operator.bye().await, 0);
    assert_eq!((log(&operator).vms.len(), log(&operator).armed), (2, Some(0)));
    assert!(log(&operator).is_clean());
}

/// What it said at first would be taken for the truth.
async fn a_log_that_cannot_be_written(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = greeted(&rig, &[]).await;
    let mut logs = std::fs::read_dir(rig.node.root().join("log")).unwrap();
    let log = logs.next().unwrap().unwrap().path();
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    operator.say("arm").await;
    assert_eq!(operator.wait("refused|ready", 1).await[0]["reason"], "no-verdict");
    assert_eq!(operator.bye().await, 0);
}

/// A sentinel or an heir that still had to write the log when the agent, with all verdicts in it, removed the scratch directory.
async fn who_comes_after_the_end_writes_no_log(shell: &[&str]) {
    let (functions, _) = SCRIPT.split_once("\ncase $0 in\n").unwrap();
    let log = std::env::temp_dir().join(format!("vmchaos-log-{:x}", rand::random::<u64>()));
    let written = "{\"run\":\"k3f9ab\",\"vms\":[[0,\"restored\",\"rollback\",1.00]],\"armed\":0}\n";
    std::fs::write(&log, written).unwrap();
    let said = std::process::Command::new(shell[0])
        .args(&shell[1..])
        .args([
            "-c",
            &format!("{functions}\nS=/nonexistent RUN=k3f9ab TERMLOG=$1\nwrite_log"),
            "sh",
        ])
        .arg(&log)
        .output()
        .unwrap();
    let read = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert!(said.status.success(), "{said:?}");
    assert_eq!(read, written);
}
