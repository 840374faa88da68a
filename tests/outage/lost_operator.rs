//! `kill -9` of the command: what it changed stands on the VM with the way back, and any machine can go it.

use serde_json::{Value, json};
use vmchaos_rehearsal::{Answer, Rule};

use super::{VM, VMI, YES, is_unmarked, quick, run_field, strategy, uid, with};
use crate::support::Rehearsal;

/// A run in the middle of its outage, whose command is gone; its id.
pub(super) fn lost(rehearsal: &Rehearsal, how: &[&str]) -> String {
    lost_of(rehearsal, "web-1", how)
}

pub(super) fn lost_of(rehearsal: &Rehearsal, vm: &str, how: &[&str]) -> String {
    let mut args = vec!["outage", vm, YES, "--duration", "10m", "--reason", "game day", "--mode"];
    args.extend(how);
    let mut run = rehearsal.spawn(&args);
    run.wait_for("injected");
    run.signal("KILL");
    run.end();
    let mut items = status(rehearsal);
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)["id"].as_str().unwrap().to_owned()
}

pub(super) fn status(rehearsal: &Rehearsal) -> Vec<Value> {
    let list = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
    list["items"].as_array().unwrap().clone()
}

#[test]
fn a_pause_is_seen_by_everybody_and_ended_from_anywhere() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["pause"]);
    let item = status(&rehearsal).remove(0);
    assert_eq!(
        (&item["fault"], &item["effect"], &item["state"], &item["reason"]),
        (&json!("outage"), &json!("pause"), &json!("running"), &json!("game day"))
    );
    assert_eq!(
        (&item["targets"], &item["durationSeconds"]),
        (&json!(["default/web-1"]), &json!(600.0))
    );
    let dry = rehearsal.run(&["halt", &id, "--dry-run"]).expect(0);
    assert!(dry.err.contains("nothing was changed"), "{}", dry.err);
    assert!(!is_unmarked(&rehearsal, VM, "default", "web-1"));
    rehearsal.run(&["halt", &id]).expect(0);
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
    let vmi = rehearsal.practice.get(super::VMI, "default", "web-1").unwrap();
    assert!(!vmi["status"]["conditions"].to_string().contains("Paused"));
    assert_eq!(status(&rehearsal), Vec::<Value>::new());
    // Idempotent.
    rehearsal.run(&["halt", &id]).expect(0);
}

#[test]
fn a_stopped_vm_runs_again_with_the_strategy_it_had() {
    for name in ["Always", "Once", "Manual", "RerunOnFailure"] {
        let rehearsal = quick();
        strategy(&rehearsal, "default", "web-1", name);
        lost(&rehearsal, &["stop"]);
        rehearsal.run(&["halt", "--all", "-y"]).expect(0);
        assert_eq!(run_field(&rehearsal), json!([name, null]));
        rehearsal.until("it runs again", |rehearsal| {
            !uid(rehearsal, "default", "web-1").is_empty()
        });
        assert!(is_unmarked(&rehearsal, VM, "default", "web-1"), "{name}");
    }
}

#[test]
fn a_disabled_restart_is_enabled_again() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["delete", "--disable-auto-restart"]);
    assert_eq!(run_field(&rehearsal), json!(["Manual", null]));
    rehearsal.run(&["halt", &id]).expect(0);
    assert_eq!(run_field(&rehearsal), json!(["Always", null]));
    rehearsal.until("it runs again", |rehearsal| {
        !uid(rehearsal, "default", "web-1").is_empty()
    });
}

#[test]
fn what_somebody_else_set_since_is_left_alone_and_said() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["delete", "--disable-auto-restart"]);
    strategy(&rehearsal, "default", "web-1", "RerunOnFailure");
    let halted = rehearsal.run(&["halt", &id]).expect(3);
    assert!(
        halted
            .err
            .contains(r#"-p '{"spec":{"runStrategy":"Always"}}' --context vmchaos-rehearsal"#),
        "{}",
        halted.err
    );
    assert_eq!(run_field(&rehearsal), json!(["RerunOnFailure", null]));
}

#[test]
fn a_way_back_that_cannot_be_read_is_told_and_left_alone() {
    let rehearsal = quick();
    let id = lost(&rehearsal, &["pause"]);
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["metadata"]["annotations"]["vmchaos.dev/undo"] = json!(r#"{"version": 2}"#);
    });
    // Without its status, which KubeVirt writes.
    let now = |rehearsal: &Rehearsal| {
        let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
        json!([vm["spec"], vm["metadata"]["annotations"], vm["metadata"]["labels"]])
    };
    let before = now(&rehearsal);
    let item = status(&rehearsal).remove(0);
    assert_eq!(
        (&item["id"], &item["state"], &item["targets"]),
        (&json!(id), &json!("unknown"), &json!(["default/web-1"]))
    );
    let look = "kubectl get vm web-1 -n default -o yaml --context vmchaos-rehearsal";
    for named in [&id[..], "--all", "vmi/web-1"] {
        rehearsal.run(&["halt", named, "-y"]).expect(3).says(&[
            "default/web-1: its way back",
            "was not written by this version",
            look,
        ]);
    }
    // Not paused any more, it still carries the way back of another run, which is not written over.
    rehearsal.practice.edit(VMI, "default", "web-1", |vmi| {
        let conditions = vmi["status"]["conditions"].as_array_mut().unwrap();
        conditions.retain(|condition| condition["type"] != "Paused");
    });
    rehearsal.run(&["outage", "web-1", YES]).expect(4).says(&[
        "whose way back (annotation vmchaos.dev/undo) this version cannot read",
        look,
    ]);
    assert_eq!(before, now(&rehearsal));
}

#[test]
fn the_way_back_is_written_before_anything_is_changed() {
    let rehearsal = quick();
    // The command never learns that its change was made.
    let disabled = &["delete", "--disable-auto-restart"][..];
    for (how, verb, path) in [
        (&["pause"][..], "update", "/web-2/pause$"),
        (&["stop"], "update", "/web-2/stop$"),
        (disabled, "delete", "/virtualmachineinstances/web-2$"),
    ] {
        let mode = how[0];
        rehearsal.practice.clear_requests();
        rehearsal.practice.fail(Rule::new(verb, path, Answer::Hang).unwrap());
        let mut run = rehearsal.spawn(&with(&["outage", "web-2", YES, "--duration", "10m", "--mode"], how));
        run.wait_for(&format!("{mode} asked for"));
        rehearsal.until("the change is asked for", |rehearsal| {
            rehearsal
                .practice
                .requests()
                .iter()
                .any(|request| request.verb == verb && request.path.ends_with(path.trim_end_matches('$')))
        });
        assert!(!is_unmarked(&rehearsal, VM, "default", "web-2"), "{mode}");
        // The run strategy is never another one without the way back beside it.
        let asked = rehearsal.practice.requests();
        let patches: Vec<_> = asked.iter().filter(|request| request.method == "PATCH").collect();
        assert_eq!(patches.len(), 1, "{mode}");
        let patch = patches[0].json().to_string();
        assert!(patch.contains("vmchaos.dev~1undo"), "{patch}");
        assert_eq!(patch.contains("Manual"), how == disabled, "{patch}");
        run.signal("KILL");
        run.end();
        rehearsal.run(&["halt", "--all", "-y"]).expect(0);
        assert!(is_unmarked(&rehearsal, VM, "default", "web-2"), "{mode}");
        let vm = rehearsal.practice.get(VM, "default", "web-2").unwrap();
        assert_eq!(vm["spec"]["runStrategy"], "Always", "{mode}");
    }
}

#[test]
fn a_watch_of_status_shows_it_come_and_go() {
    let rehearsal = quick();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let watch = rehearsal
        .command(&["status", "--watch"])
        .stdout(std::fs::File::create(&path).unwrap())
        .stderr(std::process::Stdio::null())
        .spawn();
    let watch = Watch(watch.unwrap());
    rehearsal.until("the watches are open", |rehearsal| {
        let requests = rehearsal.practice.requests();
        requests
            .iter()
            .filter(|request| request.query.contains("watch="))
            .count()
            >= 3
    });
    let id = lost(&rehearsal, &["pause"]);
    let shown = |word: &str| {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines()
            .any(|line| line.starts_with(&id) && line.contains(&format!(" {word} ")))
    };
    rehearsal.until("it is shown", |_| shown("running"));
    rehearsal.run(&["halt", &id]).expect(0);
    rehearsal.until("its end is shown", |_| shown("gone"));
    drop(watch);
}

/// Ended when a test fails, too.
struct Watch(std::process::Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
