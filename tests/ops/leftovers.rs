//! What is left when everything that should have undone it is dead: found and taken away from any machine.

use std::process::{Command, Stdio};

use serde_json::json;
use vmchaos_rehearsal::{AgentKind, Answer, Options, Rule};

use super::{injected, status_of};
use crate::support::Rehearsal;

/// Ends every process of a run's agent at once, keepers of the fault included, so that nobody is left to undo it.
fn kill_everything(id: &str) {
    // Stopped first, and looked for again: none may act on the end of another, or be born meanwhile.
    for signal in ["-STOP", "-STOP", "-KILL"] {
        let all = processes(id);
        assert!(!all.is_empty());
        // One that has just ended by itself is no error.
        Command::new("kill")
            .arg(signal)
            .args(&all)
            .stderr(Stdio::null())
            .status()
            .unwrap();
    }
}

fn processes(id: &str) -> Vec<String> {
    let mark = format!("VMCHAOS_RUN={id}");
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes())
        })
        .collect()
}

/// A fault on web-1 that nobody keeps any more.
fn abandoned(rehearsal: &Rehearsal) -> String {
    let (run, id) = injected(rehearsal, "web-1", &["--detach"]);
    run.end().expect(0);
    kill_everything(&id);
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "the fault is still there");
    id
}

/// The same, and its pod, which has ended, names these VMs.
fn abandoned_with(rehearsal: &Rehearsal, targets: &str) -> String {
    let id = abandoned(rehearsal);
    rehearsal.until("its end is seen", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "unproven"
    });
    let (namespace, name) = rehearsal.pod_names().remove(0);
    rehearsal.practice.edit("Pod", &namespace, &name, |pod| {
        pod["metadata"]["annotations"]["vmchaos.dev/targets"] = targets.into();
    });
    id
}

#[test]
fn a_run_that_ended_without_a_word_is_looked_after() {
    let rehearsal = Rehearsal::new();
    let id = abandoned(&rehearsal);
    rehearsal.until("its end is seen", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "unproven"
    });
    let halted = rehearsal.run(&["halt", &id, "-o", "json"]).expect(0).json();
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(halted["items"][0]["state"], "finished");
    let detail = halted["items"][0]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("default/web-1: removed ") && detail.contains("tap0 netem 7"),
        "{detail}"
    );
    rehearsal.until("no pod stays", |rehearsal| rehearsal.debug_pods().is_empty());
}

#[test]
fn a_vm_is_looked_into_when_no_pod_is_left() {
    let rehearsal = Rehearsal::new();
    let id = abandoned(&rehearsal);
    rehearsal.practice.remove("Pod", "kubevirt", &format!("vmchaos-{id}-0"));
    assert_eq!(rehearsal.run(&["status"]).expect(0).err, "No runs found");

    let refused = rehearsal.run(&["halt", "vmi/web-1"]).expect(4);
    assert!(
        refused.err.contains("looks into default/web-1 on node-1")
            && refused
                .err
                .contains("removes every qdisc and nft table this program left there"),
        "{}",
        refused.err
    );
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);

    let halted = rehearsal
        .run(&["halt", "vmi/web-1", "vmi/web-2", "-y", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    let detail = halted["items"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("default/web-2: nothing of this program is there"),
        "{detail}"
    );
    assert_eq!(halted["items"][0]["targets"], json!(["default/web-1", "default/web-2"]));
}

#[test]
fn a_fault_whose_pod_was_force_deleted_is_gone_and_a_look_proves_it() {
    let rehearsal = Rehearsal::new();
    let (_run, id) = injected(&rehearsal, "web-1", &["--detach"]);
    rehearsal.practice.remove("Pod", "kubevirt", &format!("vmchaos-{id}-0"));
    rehearsal.until("the node undoes it", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
    let halted = rehearsal.run(&["halt", "vmi/web-1/default", "-y"]).expect(0);
    assert!(
        halted.out.contains("nothing of this program is there"),
        "{}",
        halted.out
    );
}

#[test]
fn another_runs_fault_on_the_same_vm_is_left_alone() {
    let rehearsal = Rehearsal::new();
    let id = abandoned(&rehearsal);
    rehearsal.until("its end is seen", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "unproven"
    });
    rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(0);
    // Begun at the same moment, so that no guard knows of the first.
    let first = rehearsal.pod_names();
    rehearsal.hide_targets();
    let (_run, other) = injected(&rehearsal, "web-1", &["--detach", "--reason", "other"]);
    for (namespace, name) in first {
        rehearsal.practice.edit("Pod", &namespace, &name, |pod| {
            pod["metadata"]["annotations"]["vmchaos.dev/targets"] = "default/web-1".into();
        });
    }
    assert_ne!(id, other);
    let halted = rehearsal.run(&["halt", &id]).expect(3);
    assert!(
        halted.err.contains(&format!("run {other} has this VM now")),
        "{}",
        halted.err
    );
    assert_eq!(
        rehearsal.ours("default", "web-1").len(),
        2,
        "it is not this run's to take away"
    );
}

#[test]
fn the_agents_double_takes_a_live_fault_away_too() {
    let rehearsal = Rehearsal::with(Options {
        agent: AgentKind::Double,
        ..Options::default()
    });
    let (_run, id) = injected(&rehearsal, "web-1", &["--detach"]);
    // -n is where the VM is; the run's debug pod is in another namespace.
    let halted = rehearsal.run(&["halt", "vmi/web-1", "-n", "default", "-y"]).expect(0);
    assert!(
        halted
            .err
            .contains(&format!("warning: run {id} is live on one of these VMs")),
        "{}",
        halted.err
    );
    assert!(halted.out.contains("tap0 netem 7"), "{}", halted.out);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_vm_that_runs_and_cannot_be_looked_into_is_not_said_to_hold_nothing() {
    let rehearsal = Rehearsal::new();
    let id = abandoned(&rehearsal);
    rehearsal.until("its end is seen", |rehearsal| {
        status_of(rehearsal, &id)["state"] == "unproven"
    });
    let pods = rehearsal.practice.list("Pod", "default");
    let of_web_1 = |pod: &&serde_json::Value| pod["metadata"]["ownerReferences"][0]["name"] == "web-1";
    let pod = pods.iter().find(of_web_1).unwrap()["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let owners = |owners: serde_json::Value| {
        assert!(rehearsal.practice.edit("Pod", "default", &pod, |pod| {
            pod["metadata"]["ownerReferences"] = owners;
        }));
    };
    let theirs = pods.iter().find(of_web_1).unwrap()["metadata"]["ownerReferences"].clone();
    owners(json!([]));
    for what in ["vmi/web-1", id.as_str()] {
        let halted = rehearsal.run(&["halt", what, "-y"]).expect(3);
        halted.says(&["nobody could look into it", "kubectl vmchaos halt vmi/web-1"]);
    }
    owners(theirs);
    rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(0);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_pod_that_names_what_no_vmi_is_called_is_not_said_to_have_left_nothing() {
    let rehearsal = Rehearsal::new();
    let id = abandoned_with(&rehearsal, "default/web-1,default/../web-2");
    let halted = rehearsal.run(&["halt", &id, "-y"]).expect(3);
    halted.says(&["names 1 targets that no VMI can be called"]);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_namespace_that_is_gone_has_taken_its_vms_along_and_one_that_cannot_be_read_has_not() {
    let rehearsal = Rehearsal::new();
    let id = abandoned_with(&rehearsal, "default/web-1,ghost/web-1");
    let broken = Answer::status(500, "InternalError", "the store is broken");
    rehearsal.practice.fail(
        Rule::new("get", "/namespaces/ghost/virtualmachineinstances", broken)
            .unwrap()
            .always(),
    );
    let halted = rehearsal.run(&["halt", &id, "-y"]).expect(3);
    halted.says(&["ghost/web-1: it could not be found", "the store is broken"]);
    rehearsal.practice.clear_faults();
    let halted = rehearsal.run(&["halt", &id, "-y"]).expect(0);
    assert!(halted.out.contains("ghost/web-1 is not running"), "{}", halted.out);
}
