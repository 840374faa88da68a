//! `halt`, also `cleanup`: from any machine, by run, all of them, and never anything else.

use std::process::Stdio;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use serde_json::{Value, json};
use vmchaos_rehearsal::{Answer, Rule};

use super::injected;
use crate::support::{Rehearsal, limit};

#[test]
fn a_live_run_is_ended_from_elsewhere_and_says_so_on_both_sides() {
    let rehearsal = Rehearsal::new();
    let (run, id) = injected(&rehearsal, "web-1", &["-o", "json"]);
    let halted = rehearsal.run(&["halt", &id, "-o", "json"]).expect(0).json();
    assert_eq!(halted["kind"], "RunList");
    assert_eq!(
        (&halted["items"][0]["id"], &halted["items"][0]["state"]),
        (&json!(id), &json!("finished"))
    );
    assert_eq!(halted["items"][0]["detail"], "1 restored (told to end)");
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
    let ended = run.end().expect(1);
    assert_eq!(ended.json()["targets"][0]["endedBy"], "cleanup");
    // Idempotent, under either name.
    let again = rehearsal.run(&["cleanup", &id]).expect(0);
    assert!(again.err.contains("nothing to halt"), "{}", again.err);
}

#[test]
fn only_the_pod_that_was_looked_at_is_deleted_and_no_other_of_its_name() {
    let rehearsal = Rehearsal::new();
    let (mut run, id) = injected(&rehearsal, "web-1", &[]);
    run.signal("KILL");
    rehearsal.until_pods_ended();
    let uid = rehearsal.debug_pod()["metadata"]["uid"].clone();
    for how in [&["--dry-run=server"][..], &[]] {
        rehearsal.practice.clear_requests();
        rehearsal.run(&[&["halt", &id][..], how].concat()).expect(0);
        let requests = rehearsal.practice.requests();
        let deletes: Vec<_> = requests.iter().filter(|request| request.method == "DELETE").collect();
        assert_eq!(deletes.len(), 1, "{how:?}");
        let named = format!("/api/v1/namespaces/kubevirt/pods/vmchaos-{id}-0");
        assert!(deletes[0].path.starts_with(&named), "{}", deletes[0].path);
        assert_eq!(deletes[0].json()["preconditions"]["uid"], uid, "{how:?}");
    }
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_finished_run_of_a_killed_command_is_cleaned_up() {
    let rehearsal = Rehearsal::new();
    let (mut run, id) = injected(&rehearsal, "web-1", &[]);
    run.signal("KILL");
    rehearsal.until_pods_ended();
    let halted = rehearsal.run(&["halt", &id]).expect(0);
    assert!(halted.out.contains("1 restored (lost operator)"), "{}", halted.out);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_finished_pod_that_may_not_be_deleted_is_told_of_and_one_that_another_deleted_meanwhile_is_not() {
    let rehearsal = Rehearsal::new();
    let (mut run, id) = injected(&rehearsal, "web-1", &[]);
    run.signal("KILL");
    rehearsal.until_pods_ended();
    let why = "the finished pod could not be deleted";
    for (code, reason, told) in [
        (403, "Forbidden", true),
        (404, "NotFound", false),
        (409, "Conflict", false),
    ] {
        let answer = Answer::status(code, reason, "no");
        let rule = Rule::new("delete", &format!("/pods/vmchaos-{id}-0"), answer).unwrap();
        rehearsal.practice.fail(rule);
        let halted = rehearsal.run(&["halt", &id]).expect(0);
        assert_eq!(
            halted.out.contains(why),
            told,
            "{reason}: {}\n{}",
            halted.out,
            halted.err
        );
        assert!(halted.out.contains("1 restored (lost operator)"), "{}", halted.out);
    }
}

#[test]
fn an_unknown_run_is_done_with_only_when_everywhere_could_be_looked() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&["halt", "zzzzzz"]).expect(0);
    rehearsal.run(&["halt", "zzzzzz", "-n", "shop"]).expect(3);
    rehearsal.practice.forbid("list", "", "pods", "", "payments");
    let halted = rehearsal.run(&["halt", "zzzzzz"]).expect(3);
    assert!(halted.err.contains("payments"), "{}", halted.err);
    rehearsal.run(&["halt", "--all", "-y"]).expect(3);
    let unreachable = rehearsal
        .run(&["halt", "zzzzzz", "--server", "https://127.0.0.1:1"])
        .expect(3);
    assert!(unreachable.err.contains("nobody could look"), "{}", unreachable.err);
}

#[test]
fn all_is_asked_for_and_touches_nothing_without_our_labels() {
    let rehearsal = Rehearsal::new();
    let (first, _) = injected(&rehearsal, "web-1", &["--reason", "mine"]);
    let (second, _) = injected(&rehearsal, "web-2", &[]);
    let foreign = |name: &str, labels: Value| {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "lab", "labels": labels},
            "spec": {"containers": [{"name": "agent", "image": "i"}]}});
        rehearsal.practice.put(pod).unwrap();
    };
    foreign("no-run", json!({"app.kubernetes.io/managed-by": "kubectl-vmchaos"}));
    foreign("not-managed", json!({"vmchaos.dev/run": "abc123"}));

    let refused = rehearsal.run(&["halt", "--all"]).expect(4);
    assert!(
        refused.err.contains("mine") && refused.err.contains("-y/--yes"),
        "listed with its owner: {}",
        refused.err
    );
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);

    let halted = rehearsal.run(&["halt", "--all", "-y", "-o", "json"]).expect(0).json();
    assert_eq!(halted["items"].as_array().unwrap().len(), 2);
    for vm in ["web-1", "web-2"] {
        assert_eq!(rehearsal.ours("default", vm), Vec::<String>::new());
    }
    for name in ["no-run", "not-managed"] {
        assert!(
            rehearsal.practice.get("Pod", "lab", name).is_some(),
            "{name} is not ours"
        );
    }
    first.end().expect(1);
    second.end().expect(1);
    assert_eq!(rehearsal.run(&["halt", "--all", "-y"]).expect(0).err, "No runs found");
}

#[test]
fn a_dry_run_of_either_kind_changes_nothing() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &[]);
    for how in ["--dry-run", "--dry-run=server"] {
        rehearsal.practice.clear_requests();
        let halted = rehearsal.run(&["halt", &id, "vmi/web-2", how]).expect(0);
        assert!(halted.err.contains("nothing was changed"), "{}", halted.err);
        let writes = rehearsal.writes();
        // A DELETE says in its body that it is a dry run; the fault's own Events may still be under way.
        let asks = |write: &String| write.starts_with("DELETE") && how.ends_with("server");
        assert!(
            writes.iter().all(|write| asks(write) || write.contains("/events")),
            "{how}: {writes:?}"
        );
    }
    let pod = rehearsal
        .practice
        .get("Pod", "kubevirt", &format!("vmchaos-{id}-0"))
        .unwrap();
    assert!(pod["metadata"]["deletionTimestamp"].is_null(), "{pod}");
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);
}

#[test]
fn what_may_not_be_ended_is_said_with_the_command_for_somebody_else() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &[]);
    rehearsal.practice.forbid("delete", "", "pods", "", "kubevirt");
    let halted = rehearsal.run(&["halt", &id, "-o", "json"]).expect(3);
    assert_eq!(halted.json()["items"][0]["state"], "leaked");
    let command = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
    assert!(
        halted.err.contains(&command) && halted.err.contains("forbidden"),
        "{}",
        halted.err
    );
}

#[test]
fn off_a_terminal_something_has_to_be_named() {
    let rehearsal = Rehearsal::new();
    let halted = rehearsal.run(&["halt"]).expect(2);
    assert!(halted.err.contains("--all"), "{}", halted.err);
    assert!(
        rehearsal.practice.requests().is_empty(),
        "found out before anything is asked"
    );
}

#[test]
fn on_a_terminal_runs_are_picked_and_all_of_them_are_asked_for() {
    let rehearsal = Rehearsal::new();
    let (first, id) = injected(&rehearsal, "web-1", &[]);
    let mut picker = terminal(&rehearsal, &["halt"]);
    picker.exp_string("Which runs?").unwrap();
    picker.exp_string(&id).unwrap();
    picker.send(" \r").unwrap();
    picker.flush().unwrap();
    picker.exp_eof().unwrap();
    assert!(matches!(limit::wait_pty(&picker), WaitStatus::Exited(_, 0)));
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    first.end().expect(1);

    let (_second, _) = injected(&rehearsal, "web-2", &[]);
    for (answer, code) in [("n\r", 4), ("\x03", 130), ("y\r", 0)] {
        assert_eq!(rehearsal.ours("default", "web-2").len(), 2);
        let mut all = terminal(&rehearsal, &["halt", "--all"]);
        all.exp_string("Halt 1 run in context vmchaos-rehearsal?").unwrap();
        all.send(answer).unwrap();
        all.flush().unwrap();
        all.exp_eof().unwrap();
        let ended = limit::wait_pty(&all);
        assert!(
            matches!(ended, WaitStatus::Exited(_, exit) if exit == code),
            "{answer:?}: {ended:?}"
        );
    }
    assert_eq!(rehearsal.ours("default", "web-2"), Vec::<String>::new());
}

/// A command on a terminal of its own.
fn terminal(rehearsal: &Rehearsal, args: &[&str]) -> PtySession {
    let mut command = rehearsal.command(args);
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    spawn_command(command, Some(60_000)).unwrap()
}

#[test]
fn a_first_signal_waits_and_a_second_leaves_with_the_command() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &["--detach"]);
    // Its kubelet does nothing any more: the pod stays, and halt waits for it.
    rehearsal.practice.node_not_ready("node-1");
    let mut halt = rehearsal.spawn(&["halt", &id]);
    rehearsal.until("the pod was told to end", |rehearsal| {
        let pods = rehearsal.practice.list("Pod", "kubevirt");
        pods.iter().any(|pod| !pod["metadata"]["deletionTimestamp"].is_null())
    });
    halt.signal("INT").wait_for("finishing what has begun");
    halt.signal("INT").wait_for("something may still be in place");
    let ended = halt.end().expect(3);
    let command = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
    assert!(ended.err.contains(&command), "{}", ended.err);
}

#[test]
fn a_run_in_a_namespace_of_its_own_is_found_by_the_flag_it_was_made_with() {
    let rehearsal = Rehearsal::new();
    let (run, id) = injected(
        &rehearsal,
        "web-1",
        &["--detach", "--pod-namespace", "lab", "--service-account", "default"],
    );
    let ended = run.end().expect(0);
    let flags = "--pod-namespace lab --service-account default";
    let command = format!("to end it sooner: kubectl vmchaos halt {id} {flags} --context vmchaos-rehearsal");
    assert!(ended.err.contains(&command), "{}", ended.err);

    // Without it nobody knows whose pod that is.
    let status = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&status["items"], &status["notCounted"][0]["id"]),
        (&json!([]), &json!(id))
    );
    rehearsal
        .run(&["halt", &id, "-y"])
        .expect(3)
        .says(&[&format!("halt {id} -n lab --context")]);
    // What its Events name is looked into all the same; its pod is left alone.
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    let status = rehearsal
        .run(&["status", "-o", "name", "--pod-namespace", "lab"])
        .expect(0);
    assert_eq!((status.out, status.err), (format!("{id}\n"), String::new()));

    rehearsal.run(&["halt", &id, "-y", "--pod-namespace", "lab"]).expect(0);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    let again = rehearsal.run(&["halt", &id, "-y", "--pod-namespace", "lab"]).expect(0);
    // Its Events say that it is gone: nobody looks once more.
    assert!(again.err.contains("nothing of it is there"), "{}", again.err);
    // What looks into VMs goes there, too.
    rehearsal.practice.clear_requests();
    rehearsal
        .run(&["halt", "vmi/web-1", "-y", "--pod-namespace", "lab"])
        .expect(0);
    let made = rehearsal.writes();
    assert!(
        made.contains(&"POST /api/v1/namespaces/lab/pods".to_owned()),
        "{made:?}"
    );
    rehearsal.run(&["halt", &id, "--pod-namespace", "Lab;x"]).expect(2);
}

#[test]
fn a_run_that_is_proven_gone_is_not_looked_for_under_another_ones_fault() {
    let rehearsal = Rehearsal::new();
    let (run, id) = injected(&rehearsal, "web-1", &["--detach"]);
    run.end().expect(0);
    rehearsal.run(&["halt", &id, "-y"]).expect(0);
    let (other, _) = injected(&rehearsal, "web-1", &["--detach"]);
    other.end().expect(0);
    let theirs = rehearsal.ours("default", "web-1");
    assert!(!theirs.is_empty());
    rehearsal.practice.clear_requests();
    let again = rehearsal.run(&["halt", &id, "-y"]).expect(0);
    assert!(again.err.contains("nothing of it is there"), "{}", again.err);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    assert_eq!(rehearsal.ours("default", "web-1"), theirs);
}

#[test]
fn only_a_vm_that_was_looked_into_is_told_to_be_clean() {
    let rehearsal = Rehearsal::new();
    let (run, id) = injected(&rehearsal, "web-1", &["web-2", "--execution", "parallel", "--detach"]);
    run.end().expect(0);
    let pods = rehearsal.debug_pods();
    assert_eq!(pods.len(), 2, "one a node: {pods:?}");
    rehearsal.practice.remove("Pod", "kubevirt", &format!("vmchaos-{id}-1"));
    rehearsal.run(&["halt", "--all", "--yes=vmchaos-rehearsal"]).expect(0);
    let told = |vm: &str| {
        let events = rehearsal.practice.list("Event", "default");
        let restored = events.iter().filter(|event| event["reason"] == "VMChaosRestored");
        restored
            .filter(|event| event["regarding"]["name"] == vm || event["involvedObject"]["name"] == vm)
            .count()
    };
    assert_eq!((told("web-1"), told("web-2")), (1, 0));
    // Asked for the run it is looked into.
    rehearsal.run(&["halt", &id, "-y"]).expect(0);
    assert_eq!((told("web-1"), told("web-2")), (1, 1));
    assert_eq!(rehearsal.ours("default", "web-2"), Vec::<String>::new());
}
