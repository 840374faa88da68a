//! What lasts until it is undone: pause, stop, a disabled restart. It is put back exactly as it was.

use serde_json::json;
use vmchaos_rehearsal::{Answer, Rule};

use super::{VM, VMI, YES, came, expected, is_unmarked, outage, quick, run_field, strategy, uid, with, words};
use crate::support::Rehearsal;

const HELD: [&str; 8] = ["outage", "web-1", YES, "-o", "json", "--duration", "1s", "--mode"];

fn held(ended: &crate::support::Ended) -> f64 {
    ended.target()["heldSeconds"].as_f64().unwrap()
}

#[test]
fn a_paused_guest_is_frozen_for_the_duration_and_goes_on() {
    let rehearsal = quick();
    let before = uid(&rehearsal, "default", "web-1");
    let mut run = rehearsal.spawn(&with(&HELD, &["pause"]));
    run.wait_for("injected on node-1");
    let vmi = rehearsal.practice.get(VMI, "default", "web-1").unwrap();
    assert!(vmi["status"]["conditions"].to_string().contains("PausedByUser"));
    assert!(
        !is_unmarked(&rehearsal, VM, "default", "web-1"),
        "the way back stands on the VM"
    );
    let ended = run.end().expect(0);
    assert_eq!(came(&ended), expected("recovered", "vmchaos"));
    assert_eq!(words(&ended.target()), ["pause", "gone", "undo:", "agent", "ready"]);
    assert!(held(&ended) >= 1.0, "held for {} s", held(&ended));
    assert_eq!(before, uid(&rehearsal, "default", "web-1"));
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
    let vmi = rehearsal.practice.get(VMI, "default", "web-1").unwrap();
    assert!(!vmi["status"]["conditions"].to_string().contains("Paused"));
}

#[test]
fn a_vmi_without_a_vm_carries_the_way_back_itself() {
    let rehearsal = quick();
    let args = ["outage", "vmi/lone-1/lab", YES, "--duration", "1s", "--mode", "pause"];
    let mut run = rehearsal.spawn(&args);
    run.wait_for("injected");
    assert!(!is_unmarked(&rehearsal, VMI, "lab", "lone-1"));
    run.end().expect(0);
    assert!(is_unmarked(&rehearsal, VMI, "lab", "lone-1"));
}

#[test]
fn a_stopped_vm_has_its_run_strategy_back_whatever_it_was() {
    for name in ["Always", "Once", "Manual", "RerunOnFailure"] {
        let rehearsal = quick();
        strategy(&rehearsal, "default", "web-1", name);
        let before = uid(&rehearsal, "default", "web-1");
        let mut run = rehearsal.spawn(&with(&HELD, &["stop"]));
        run.wait_for("injected");
        rehearsal.until("the VMI is gone", |rehearsal| {
            uid(rehearsal, "default", "web-1").is_empty()
        });
        let ended = run.end().expect(0);
        assert!(
            !ended.err.contains("gone; the platform"),
            "it waits for none: {}",
            ended.err
        );
        assert_eq!(came(&ended), expected("recovered", "vmchaos"), "{name}");
        assert_eq!(run_field(&rehearsal), json!([name, null]));
        assert!(is_unmarked(&rehearsal, VM, "default", "web-1"), "{name}");
        let after = uid(&rehearsal, "default", "web-1");
        assert!(!after.is_empty() && after != before, "{name}");
        assert!(held(&ended) >= 1.0, "{name}: held for {} s", held(&ended));
    }
}

#[test]
fn the_deprecated_field_is_put_back_as_it_was() {
    for mode in [&["stop"][..], &["delete", "--disable-auto-restart"]] {
        let rehearsal = quick();
        rehearsal.practice.edit(VM, "default", "web-1", |vm| {
            vm["spec"].as_object_mut().unwrap().remove("runStrategy");
            vm["spec"]["running"] = json!(true);
        });
        rehearsal.run(&with(&HELD, mode)).expect(0);
        assert_eq!(run_field(&rehearsal), json!([null, true]), "{mode:?}");
    }
}

#[test]
fn a_grace_period_reaches_the_guest() {
    let rehearsal = quick();
    rehearsal.run(&with(&HELD, &["stop", "--grace-period", "7"])).expect(0);
    let asked = rehearsal.practice.requests();
    let stop = asked.iter().find(|request| request.path.ends_with("/stop")).unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&stop.body).unwrap(),
        json!({"gracePeriod": 7})
    );
}

#[test]
fn a_disabled_restart_keeps_the_vm_down_for_the_duration() {
    for (name, mode) in [
        ("Always", "delete"),
        ("Once", "pod"),
        ("RerunOnFailure", "pod"),
        ("Manual", "delete"),
    ] {
        let rehearsal = quick();
        strategy(&rehearsal, "default", "web-1", name);
        let before = uid(&rehearsal, "default", "web-1");
        let mut run = rehearsal.spawn(&with(&HELD, &[mode, "--disable-auto-restart"]));
        run.wait_for("injected");
        assert_eq!(run_field(&rehearsal), json!(["Manual", null]), "{name}");
        let ended = run.end().expect(0);
        assert_eq!(came(&ended), expected("recovered", "vmchaos"), "{name}");
        assert_eq!(run_field(&rehearsal), json!([name, null]));
        assert!(is_unmarked(&rehearsal, VM, "default", "web-1"), "{name}");
        assert_ne!(before, uid(&rehearsal, "default", "web-1"), "{name}");
        assert!(held(&ended) >= 1.0, "{name}: held for {} s", held(&ended));
    }
}

#[test]
fn the_plan_says_that_no_timer_undoes_it_and_by_which_command_it_is_undone() {
    let rehearsal = quick();
    for how in [&["pause"][..], &["stop"], &["delete", "--disable-auto-restart"]] {
        let ended = rehearsal.run(&with(&HELD[..], &with(how, &["--dry-run"]))).expect(0);
        let id = ended.json()["id"].as_str().unwrap().to_owned();
        let halt = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
        ended.says(&["no timer undoes this", &halt]);
    }
}

#[test]
fn what_somebody_else_set_meanwhile_is_left_alone() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "Once");
    let mut run = rehearsal.spawn(&with(&HELD, &["delete", "--disable-auto-restart"]));
    run.wait_for("injected");
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["spec"]["runStrategy"] = json!("RerunOnFailure");
    });
    let ended = run.end().expect(3);
    assert_eq!(run_field(&rehearsal), json!(["RerunOnFailure", null]));
    let error = ended.target()["error"].clone();
    assert_eq!(error["reason"], "changed-by-others");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains(r#"kubectl patch vm web-1 -n default --type merge -p '{"spec":{"runStrategy":"Once"}}'"#),
        "{error}"
    );
    assert_eq!(ended.target()["state"], "leaked");
}

#[test]
fn a_guest_that_somebody_else_unpauses_ends_it_early() {
    let rehearsal = quick();
    let mut run = rehearsal.spawn(&outage(&["--duration", "10m", "--mode", "pause"]));
    run.wait_for("injected");
    rehearsal.practice.pause("default", "web-1", false);
    let ended = run.end().expect(1);
    assert_eq!(ended.target()["error"]["reason"], "ended-early");
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn an_undoing_that_does_not_get_through_is_tried_again() {
    let rehearsal = quick();
    let broken = Answer::status(503, "ServiceUnavailable", "the apiserver is restarting");
    rehearsal
        .practice
        .fail(Rule::new("update", "/unpause$", broken).unwrap().times(2));
    rehearsal.practice.fail(
        Rule::new("patch", "/virtualmachines/web-1$", Answer::LoseReply)
            .unwrap()
            .after(1),
    );
    let ended = rehearsal.run(&with(&HELD, &["pause"])).expect(0);
    assert_eq!(came(&ended), expected("recovered", "vmchaos"));
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn an_undoing_that_is_refused_is_a_leak_with_its_command() {
    let rehearsal = quick();
    let mut run = rehearsal.spawn(&with(&HELD, &["pause"]));
    run.wait_for("injected");
    rehearsal.practice.forbid(
        "update",
        "subresources.kubevirt.io",
        "virtualmachineinstances",
        "unpause",
        "*",
    );
    let ended = run.end().expect(3);
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    let ended = ended.says(&[
        "MAY STILL BE IN PLACE",
        &format!("to undo it: kubectl vmchaos halt {id} --context vmchaos-rehearsal"),
    ]);
    assert_eq!(ended.target()["state"], "leaked");
    // And that command works once it is permitted again.
    rehearsal.practice.allow_all();
    rehearsal.run(&["halt", &id]).expect(0);
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn what_a_stop_leaves_as_it_is_is_theirs_when_somebody_changes_it() {
    let set = |name: &str, from: serde_json::Value, to: serde_json::Value| {
        let rehearsal = quick();
        let write = |fields: &serde_json::Value| {
            rehearsal.practice.edit(VM, "default", "web-1", |vm| {
                let spec = vm["spec"].as_object_mut().unwrap();
                spec.remove("runStrategy");
                spec.extend(fields.as_object().unwrap().clone());
            });
        };
        write(&from);
        let mut run = rehearsal.spawn(&with(&HELD, &["stop"]));
        run.wait_for("injected");
        write(&to);
        let ended = run.end().expect(3);
        assert_eq!(ended.target()["error"]["reason"], "changed-by-others", "{name}");
        let field = run_field(&rehearsal);
        assert_eq!(field, json!([to.get("runStrategy"), to.get("running")]), "{name}");
    };
    // KubeVirt's stop leaves Manual as it is, and makes of Always a Halted in the same field.
    set(
        "Manual",
        json!({"runStrategy": "Manual"}),
        json!({"runStrategy": "Halted"}),
    );
    set("Always", json!({"runStrategy": "Always"}), json!({"running": false}));
}

#[test]
fn a_way_back_that_somebody_took_off_is_gone_all_the_same() {
    let strip = |rehearsal: &Rehearsal, what: &[&str]| {
        rehearsal.practice.edit(VM, "default", "web-1", |vm| {
            for (map, key) in [("annotations", "vmchaos.dev/undo"), ("labels", "vmchaos.dev/run")] {
                if what.contains(&map) {
                    vm["metadata"][map].as_object_mut().unwrap().remove(key);
                }
            }
        });
    };
    for how in [&["pause"][..], &["stop"], &["delete", "--disable-auto-restart"]] {
        for lost in [&["annotations"][..], &["labels"], &["annotations", "labels"]] {
            let rehearsal = quick();
            strategy(&rehearsal, "default", "web-1", "Manual");
            if how != ["stop"] {
                strategy(&rehearsal, "default", "web-1", "Always");
            }
            let before = run_field(&rehearsal);
            let mut run = rehearsal.spawn(&with(&["outage", "web-1", YES, "--duration", "10m", "--mode"], how));
            run.wait_for("injected");
            strip(&rehearsal, lost);
            run.signal("INT");
            run.end().expect(130);
            assert_eq!(run_field(&rehearsal), before, "{how:?} {lost:?}");
            let vmi = rehearsal.practice.get(VMI, "default", "web-1").unwrap();
            assert_eq!(vmi["status"]["phase"], "Running", "{how:?} {lost:?}");
            assert!(!vmi["status"]["conditions"].to_string().contains("Paused"), "{lost:?}");
            assert!(is_unmarked(&rehearsal, VM, "default", "web-1"), "{how:?} {lost:?}");
        }
    }
}
