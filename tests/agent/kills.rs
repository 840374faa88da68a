//! Every process of a run killed or stopped: the fault still ends, and the verdict is still written.

use serde_json::Value;

use crate::endings::by;
use crate::rig::{HANDLE, Operator, Rig, helpers, plan, signal};
use vmchaos_rehearsal::host::Signal;

crate::under_every_shell! {
    the_agent_killed
    everything_in_the_container_killed
    the_sentinel_killed
    the_sentinel_killed_before_go
    the_keeper_killed
    the_sentinel_stopped
    the_sentinel_stopped_and_the_agent_killed
    the_sentinel_stopped_past_its_deadline
    the_sentinel_and_the_agent_stopped_past_the_deadline
    the_keeper_stopped_and_the_sentinel_killed
    a_number_that_is_another_processs_by_now
    the_listener_and_the_clock_killed
    a_helper_killed_when_detached
    the_agent_stopped_past_the_deadline
    the_agent_killed_before_go
    everything_killed_while_it_is_applied
    nothing_can_be_written_any_more
    nothing_can_be_written_and_the_operator_is_lost
}

/// What the termination log says of a VM.
pub(crate) fn verdict(operator: &Operator, vm: usize) -> (String, String) {
    let all = operator.verdicts();
    let one = all
        .iter()
        .find(|verdict| verdict[0] == vm)
        .unwrap_or_else(|| panic!("no verdict of VM {vm} in {all:?}"));
    (one[1].as_str().unwrap().to_owned(), one[2].as_str().unwrap().to_owned())
}

async fn the_agent_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let operator = rig.injected(&plan(2, "60"), &[]).await;
    signal(&agent_pid(&rig), "-KILL");
    rig.clean(&operator, 2).await;
    for vm in 0..2 {
        assert_eq!(verdict(&operator, vm), ("restored".into(), "lost-operator".into()));
    }
}

/// The agent is the parent of its keepers.
fn agent_pid(rig: &Rig) -> String {
    let keeper = rig.pid_of("keeper.0");
    let stat = std::fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().to_owned()
}

async fn everything_in_the_container_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let operator = rig.injected(&plan(2, "60"), &[]).await;
    operator.agent.kill(Signal::Kill);
    assert_eq!(operator.ended().await, 137);
    rig.clean(&operator, 2).await;
    for vm in 0..2 {
        assert_eq!(verdict(&operator, vm), ("restored".into(), "lost-operator".into()));
    }
}

async fn the_sentinel_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    signal(&rig.pid_of("sentinel.0"), "-KILL");
    assert_eq!(by(&operator.wait("restored", 1).await), ["sentinel"]);
    assert_eq!(rig.netems(0), 0);
    assert_eq!(operator.seen("ending")[0]["read"]["tap0"][0]["handle"], HANDLE);
    assert_eq!(operator.bye().await, 0);
}

async fn the_sentinel_killed_before_go(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    signal(&rig.pid_of("sentinel.0"), "-KILL");
    let ended = operator.wait("restored", 1).await;
    assert_eq!((by(&ended), &ended[0]["held"]), (vec!["sentinel"], &Value::from(0)));
    operator.say("go").await;
    assert_eq!(operator.bye().await, 0);
    assert!(operator.seen("injected").is_empty());
    assert_eq!(rig.netems(0), 0);
}

async fn the_keeper_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    // Nobody asks for anything: who is left ends it, because nobody is there who could undo if the sentinel died, too.
    signal(&rig.pid_of("keeper.0"), "-KILL");
    assert_eq!(by(&operator.wait("restored", 1).await), ["sentinel"]);
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 1).await;
}

async fn the_sentinel_stopped(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "60"), &[]).await;
    signal(&rig.pid_of("sentinel.0"), "-STOP");
    operator.say("rollback 0").await;
    let ended = operator.wait("restored", 1).await;
    assert_eq!((by(&ended), &ended[0]["vm"]), (vec!["rollback"], &Value::from(0)));
    assert_eq!((rig.netems(0), rig.netems(1)), (0, 2));
    operator.say("rollback").await;
    operator.wait("restored", 2).await;
    assert_eq!(operator.bye().await, 0);
}

async fn the_sentinel_stopped_and_the_agent_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let operator = rig.injected(&plan(2, "60"), &[]).await;
    signal(&rig.pid_of("sentinel.0"), "-STOP");
    operator.agent.kill(Signal::Kill);
    rig.clean(&operator, 2).await;
    assert_eq!(verdict(&operator, 0), ("restored".into(), "sentinel".into()));
    assert_eq!(verdict(&operator, 1), ("restored".into(), "lost-operator".into()));
}

/// The agent itself keeps the deadline, too; the warden, which does as well, stands still here, and when it is due could not be
/// written down for anybody else.
async fn the_sentinel_stopped_past_its_deadline(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "5"), &[("VMCHAOS_SILENCE", "3600")]).await;
    let warden = helpers(&agent_pid(&rig)).remove(2);
    signal(&warden, "-STOP");
    std::fs::remove_file(rig.scratch().join("due.0")).unwrap();
    signal(&rig.pid_of("sentinel.0"), "-STOP");
    let ended = operator.wait("restored|leaked", 1).await;
    assert_eq!(
        (&ended[0]["ev"], by(&ended)),
        (&Value::from("restored"), vec!["deadline"])
    );
    assert_eq!(rig.netems(0), 0);
    signal(&warden, "-CONT");
    assert_eq!(operator.bye().await, 0);
}

async fn the_sentinel_and_the_agent_stopped_past_the_deadline(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let operator = rig.injected(&plan(1, "5"), &[("VMCHAOS_SILENCE", "3600")]).await;
    let agent = agent_pid(&rig);
    signal(&agent, "-STOP");
    signal(&rig.pid_of("sentinel.0"), "-STOP");
    rig.clean(&operator, 1).await;
    assert_eq!(verdict(&operator, 0), ("restored".into(), "deadline".into()));
    signal(&agent, "-CONT");
}

/// The keeper would undo, and stands still: another takes its place.
async fn the_keeper_stopped_and_the_sentinel_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[("VMCHAOS_SILENCE", "3600")]).await;
    signal(&rig.pid_of("keeper.0"), "-STOP");
    signal(&rig.pid_of("sentinel.0"), "-KILL");
    operator.say("rollback").await;
    let ended = operator.wait("restored|leaked", 1).await;
    assert_eq!(
        (&ended[0]["ev"], by(&ended)),
        (&Value::from("restored"), vec!["rollback"])
    );
    assert_eq!(rig.netems(0), 0);
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 1).await;
}

/// What is kept of a process is its number and when it was started; where that is not so, nobody is killed in its place, and
/// what nobody could undo is told as such.
async fn a_number_that_is_another_processs_by_now(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[("VMCHAOS_SILENCE", "3600")]).await;
    let real = ["sentinel.0", "nsenter.0"].map(|name| rig.pid_of(name));
    let mut other = std::process::Command::new("sleep").arg("3600").spawn().unwrap();
    for (name, real) in ["sentinel.0", "nsenter.0"].iter().zip(&real) {
        let file = rig.scratch().join(name);
        let kept = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, kept.replacen(real, &other.id().to_string(), 1)).unwrap();
        signal(real, "-STOP");
    }
    operator.say("rollback").await;
    assert_eq!(operator.wait("leaked|restored", 1).await[0]["ev"], "leaked");
    assert!(
        other.try_wait().unwrap().is_none(),
        "a process that is not the run's was killed"
    );
    other.kill().unwrap();
    other.wait().unwrap();
    for pid in &real {
        signal(pid, "-KILL");
    }
    operator.say("bye").await;
    rig.clean(&operator, 1).await;
}

/// The agent hears nothing any more, neither its operator nor the time.
async fn the_listener_and_the_clock_killed(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    for state in ["found", "ready", "injected"] {
        let limits = [("VMCHAOS_SILENCE", "3600"), ("VMCHAOS_GO_LIMIT", "3600")];
        let mut operator = rig.start(&plan(2, "3600"), &limits);
        operator.say("hello 0").await;
        for (word, answer) in [("", "found"), ("arm", "ready"), ("go", "injected")] {
            operator.say(word).await;
            operator.wait(answer, 2).await;
            if answer == state {
                break;
            }
        }
        // None is armed yet in the first of these: only the agent's own children are there.
        let agent = std::fs::read_to_string(rig.scratch().join("agent")).unwrap();
        for helper in &helpers(agent.split(' ').next().unwrap())[..2] {
            signal(helper, "-KILL");
        }
        assert_eq!(operator.end().await, 0, "{state}");
        assert_eq!((rig.netems(0), rig.netems(1)), (0, 0));
        let ended = operator.seen("restored");
        assert_eq!(ended.len(), if state == "found" { 0 } else { 2 }, "{state}");
        assert!(by(&ended).iter().all(|by| *by == "sentinel"), "{state}: {ended:?}");
    }
}

/// With nobody listening any more, all that watches still has to be there; the listener is not needed.
async fn a_helper_killed_when_detached(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    for (which, ends) in [(0, false), (1, true), (2, true)] {
        let mut operator = rig.injected(&plan(1, "5"), &[]).await;
        operator.say("detach").await;
        operator.wait("detached", 1).await;
        signal(&helpers(&agent_pid(&rig))[which], "-KILL");
        assert_eq!(operator.end().await, 0);
        let expected = if ends { "sentinel" } else { "deadline" };
        assert_eq!(by(&operator.seen("restored")), [expected], "helper {which}");
        assert_eq!(rig.netems(0), 0);
    }
}

async fn the_agent_stopped_past_the_deadline(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "1"), &[]).await;
    let agent = agent_pid(&rig);
    signal(&agent, "-STOP");
    rig.clean(&operator, 1).await;
    signal(&agent, "-CONT");
    assert_eq!(by(&operator.wait("restored", 1).await), ["deadline"]);
    assert_eq!(operator.bye().await, 0);
}

async fn the_agent_killed_before_go(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let operator = rig.armed(&plan(1, "60"), &[]).await;
    operator.agent.kill(Signal::Kill);
    rig.clean(&operator, 1).await;
    assert_eq!(
        operator.verdicts(),
        [serde_json::json!([0, "restored", "lost-operator", 0])]
    );
}

async fn everything_killed_while_it_is_applied(shell: &[&str]) {
    // At different moments of applying: before it, in its midst, after it.
    for moment in [0, 2, 5, 9, 14, 20] {
        let rig = Rig::new(shell, 2);
        let mut operator = rig.armed(&plan(2, "60"), &[]).await;
        operator.say("go").await;
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        operator.agent.kill(Signal::Kill);
        operator.ended().await;
        rig.clean(&operator, 2).await;
        for vm in 0..2 {
            assert_eq!(verdict(&operator, vm), ("restored".into(), "lost-operator".into()));
        }
    }
}

/// A full or read-only disk: what undoes needs nothing of it. How it ended is not known then, and told as such.
async fn nothing_can_be_written_any_more(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    take_scratch_away(&rig);
    operator.say("rollback").await;
    operator.wait("restored|leaked", 1).await;
    assert_eq!(rig.netems(0), 0);
}

async fn nothing_can_be_written_and_the_operator_is_lost(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[]).await;
    take_scratch_away(&rig);
    operator.close();
    operator.wait("restored|leaked", 1).await;
    assert_eq!(rig.netems(0), 0);
}

/// In its place is a file: nothing can be made in it. Moved, not emptied: the run writes into it all the time.
fn take_scratch_away(rig: &Rig) {
    let scratch = rig.scratch();
    let elsewhere = scratch.parent().unwrap().with_file_name("scratch-taken-away");
    std::fs::rename(&scratch, &elsewhere).unwrap();
    std::fs::write(&scratch, "").unwrap();
}
