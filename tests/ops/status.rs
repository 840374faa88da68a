//! `status`: every live run, whoever started it, and what could not be looked into.

use std::fs::{File, read_to_string};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use vmchaos_rehearsal::{Answer, Options, Rule};

use super::{injected, status_of};
use crate::support::{Rehearsal, Running, limit};

#[test]
fn a_run_is_seen_by_everybody_with_its_owner_and_its_end() {
    let rehearsal = Rehearsal::new();
    let none = rehearsal.run(&["status"]).expect(0);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "No runs found"));

    let (run, id) = injected(&rehearsal, "web-1", &["--reason", "game day"]);
    rehearsal.until("the fault is told to be in place", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "injected"
    });
    let item = status_of(&rehearsal, &id);
    assert_eq!(
        (&item["fault"], &item["effect"]),
        (&json!("netem"), &json!("latency 20ms"))
    );
    assert_eq!(
        (&item["reason"], &item["targets"]),
        (&json!("game day"), &json!(["default/web-1"]))
    );
    assert_eq!(
        (&item["nodes"], &item["durationSeconds"]),
        (&json!(["node-1"]), &json!(600.0))
    );
    // What is about to be halted is told as it is listed.
    for chosen in ["--all", id.as_str()] {
        let planned = rehearsal.run(&["halt", chosen, "--dry-run", "-o", "json"]).expect(0);
        let item = &planned.json()["items"][0];
        assert_eq!(
            (&item["id"], &item["state"]),
            (&json!(id), &json!("injected")),
            "{chosen}"
        );
        assert!(planned.err.contains("injected"), "{}", planned.err);
    }
    let left = item["leftSeconds"].as_f64().unwrap();
    assert!((500.0..=600.0).contains(&left), "{left}");
    let table = rehearsal.run(&["status"]).expect(0).out;
    assert!(
        table.contains(&id) && table.contains("game day") && table.contains("default/web-1"),
        "{table}"
    );
    assert_eq!(
        rehearsal.run(&["status", "-o", "name"]).expect(0).out,
        format!("{id}\n")
    );
    assert_eq!(
        rehearsal.run(&["status", "-n", "shop"]).expect(0).err,
        "No runs found in shop namespace."
    );

    // kill -9: the node ends the fault by itself, and the finished pod says so.
    kill(&run);
    rehearsal.until("the run is finished", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "finished"
    });
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    let item = status_of(&rehearsal, &id);
    assert_eq!(item["detail"], "1 restored (lost operator)");
    assert!(item.get("leftSeconds").is_none());
}

#[test]
fn without_events_it_is_not_known_what_is_in_place_and_nothing_else_is_lost() {
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("list", "events.k8s.io", "events", "", "*");
    let (_run, id) = injected(&rehearsal, "web-1", &[]);
    rehearsal.until("the run is running", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "running"
    });
}

#[test]
fn what_could_not_be_looked_into_is_named() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &[]);
    rehearsal.practice.forbid("list", "", "pods", "", "payments");
    let status = rehearsal.run(&["status", "-o", "name"]).expect(1);
    assert_eq!(status.out, format!("{id}\n"), "what can be seen is shown");
    assert!(
        status.err.contains("could not look for runs in payments"),
        "{}",
        status.err
    );
    assert!(status.err.contains("--context vmchaos-rehearsal"), "{}", status.err);
    // Asked about one namespace, the others do not matter.
    rehearsal.run(&["status", "-n", "kubevirt"]).expect(0);
    rehearsal.run(&["status", "-n", "payments"]).expect(1);

    rehearsal.practice.forbid("list", "", "namespaces", "", "*");
    let status = rehearsal.run(&["status", "-o", "name"]).expect(1);
    assert_eq!(
        status.out,
        format!("{id}\n"),
        "KubeVirt's namespace is looked into by name"
    );
    assert!(status.err.contains("whose names may not be listed"), "{}", status.err);
}

#[test]
fn a_watch_shows_each_change_until_a_signal() {
    let rehearsal = Rehearsal::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let mut watch = rehearsal
        .command(&["status", "--watch"])
        .stdout(File::create(&path).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    rehearsal.until("the watch is open", |rehearsal| {
        rehearsal
            .practice
            .requests()
            .iter()
            .any(|request| request.query.contains("watch="))
    });
    let (run, id) = injected(&rehearsal, "web-1", &[]);
    let shown = |word: &str| {
        let text = read_to_string(&path).unwrap();
        text.lines()
            .any(|line| line.starts_with(&id) && line.contains(&format!(" {word} ")))
    };
    rehearsal.until("the run is shown", |_| shown("injected"));
    rehearsal.run(&["halt", &id]).expect(0);
    rehearsal.until("its end is shown", |_| shown("gone"));
    assert_eq!(run.end().code, Some(1), "somebody else ended it");
    let text = read_to_string(&path).unwrap();
    assert_eq!(text.matches("RUN ").count(), 1, "one header: {text}");
    Command::new("kill")
        .args(["-INT", &watch.id().to_string()])
        .status()
        .unwrap();
    assert_eq!(limit::wait(&mut watch).code(), Some(130));
}

fn kill(run: &Running) {
    assert!(
        Command::new("kill")
            .args(["-9", &run.pid().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_run_that_may_not_be_known_to_be_one_is_told_apart_and_fails_the_look() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &[]);
    rehearsal.practice.forbid("list", "kubevirt.io", "kubevirts", "", "*");
    let status = rehearsal.run(&["status", "-o", "json"]).expect(1);
    assert!(
        status
            .err
            .contains("which namespace is KubeVirt's own could not be read"),
        "{}",
        status.err
    );
    let list = status.json();
    assert_eq!((&list["items"], &list["notCounted"][0]["id"]), (&json!([]), &json!(id)));
    rehearsal.run(&["halt", "--all", "-y"]).expect(3);
    let named = rehearsal.run(&["status", "-o", "name", "-n", "kubevirt"]).expect(0);
    assert_eq!(named.out, format!("{id}\n"), "by the word of whoever asks");
}

#[test]
fn a_named_namespace_is_looked_into_where_not_everything_can_be() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &["--pod-namespace", "lab"]);
    rehearsal.practice.forbid("list", "", "pods", "", "payments");
    rehearsal.practice.forbid("list", "", "namespaces", "", "*");
    let status = rehearsal
        .run(&["status", "-o", "name", "--pod-namespace", "lab"])
        .expect(1);
    assert_eq!(status.out, format!("{id}\n"));
}

/// Waits until a command has asked for something at least so often.
fn until_asked(rehearsal: &Rehearsal, resource: &str, times: usize) {
    rehearsal.until(&format!("{resource} are asked for {times} times"), |rehearsal| {
        let requests = rehearsal.practice.requests();
        let asked = requests.iter().filter(|request| request.path.ends_with(resource));
        asked.count() >= times
    });
}

#[test]
fn without_kubevirt_a_watch_goes_on() {
    let rehearsal = Rehearsal::with(Options {
        kubevirt: false,
        ..Options::default()
    });
    let mut watch = rehearsal.spawn(&["status", "--watch"]);
    // Once for what is shown first, once to follow it.
    until_asked(&rehearsal, "/virtualmachines", 2);
    until_asked(&rehearsal, "/virtualmachineinstances", 2);
    until_asked(&rehearsal, "/virtualmachineinstancemigrations", 2);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default",
        "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab"}}, "spec": {}});
    rehearsal.practice.put(pod).unwrap();
    watch.wait_for("pod default/p with the labels of run k3f9ab");
    watch.signal("INT");
    watch.end().expect(130);
}

#[test]
fn a_watch_of_outages_that_may_no_longer_be_read_ends_with_the_reason() {
    let rehearsal = Rehearsal::new();
    let cut = Answer::Cut(Duration::from_millis(100));
    rehearsal
        .practice
        .fail(Rule::new("watch", "/virtualmachines$", cut).unwrap().always());
    let watch = rehearsal.spawn(&["status", "--watch"]);
    rehearsal.until("outages are watched", |rehearsal| {
        let requests = rehearsal.practice.requests();
        requests
            .iter()
            .any(|request| request.verb == "watch" && request.path.ends_with("/virtualmachines") && request.code != 0)
    });
    for verb in ["list", "watch"] {
        rehearsal
            .practice
            .forbid(verb, "kubevirt.io", "virtualmachines", "", "*");
    }
    let why = "cannot watch resource \"virtualmachines\"";
    watch.end().expect(4).says(&[why]);
}

#[test]
fn a_server_that_fails_is_an_error_and_no_reason_to_look_into_each_namespace() {
    let rehearsal = Rehearsal::new();
    let broken = Answer::status(500, "InternalError", "the store is broken");
    rehearsal
        .practice
        .fail(Rule::new("list", "^/api/v1/pods$", broken).unwrap().always());
    rehearsal.run(&["status"]).expect(1).says(&["the store is broken"]);

    // Nor is one namespace that cannot be read like one that may not be.
    let rehearsal = Rehearsal::new();
    rehearsal.practice.forbid("list", "", "pods", "", "");
    let broken = Answer::status(500, "InternalError", "the store is broken");
    rehearsal
        .practice
        .fail(Rule::new("list", "/namespaces/lab/pods$", broken).unwrap().always());
    rehearsal.run(&["status"]).expect(1).says(&["the store is broken"]);
}
