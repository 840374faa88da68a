//! The main job: a VMI is deleted, its recovery timed, its manifest kept.

use std::fs;

use serde_json::json;

use super::{VM, VMI, YES, came, expected, quick, uid, words};
use crate::support::Rehearsal;

const DELETE: [&str; 5] = ["outage", "web-1", YES, "-o", "json"];

#[test]
fn a_deleted_vmi_comes_back_by_itself_and_is_timed() {
    let rehearsal = Rehearsal::new();
    let before = uid(&rehearsal, "default", "web-1");
    let ended = rehearsal.run(&DELETE).expect(0);
    assert_ne!(before, uid(&rehearsal, "default", "web-1"));
    let after = rehearsal.practice.get(VMI, "default", "web-1").unwrap();
    assert_eq!(after["status"]["phase"], "Running");
    assert_eq!(came(&ended), expected("recovered", "platform"));
    let target = ended.target();
    assert_eq!(
        words(&target),
        ["delete", "gone", "scheduled", "running", "ready", "agent"]
    );
    assert_eq!(target["uid"], json!(before));
    let at = |event: usize| target["timeline"][event]["at"].as_str().unwrap().to_owned();
    assert_eq!(
        (target["injectedAt"].as_str(), target["restoredAt"].as_str()),
        (Some(&*at(1)), Some(&*at(5)))
    );
    assert_eq!(at(5).len(), "2026-11-20T12:00:00.000Z".len());
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
    let document = ended.json();
    assert_eq!(document["fault"]["mode"], "delete");
    assert_eq!(
        (&document["summary"]["ok"], &document["outcome"]),
        (&json!(1), &json!("completed"))
    );
    assert_eq!(
        rehearsal
            .writes()
            .iter()
            .filter(|write| !write.contains("/events"))
            .count(),
        1,
        "{:?}",
        rehearsal.writes()
    );
}

#[test]
fn the_table_has_every_time_to_the_millisecond() {
    let rehearsal = quick();
    let table = rehearsal.run(&["outage", "web-1", YES]).expect(0).out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    for header in [
        "STATE",
        "GONE",
        "SCHEDULED",
        "RUNNING",
        "READY",
        "AGENT",
        "RECOVERED-BY",
    ] {
        assert!(
            lines[0].split_whitespace().any(|word| word == header),
            "{header}: {table}"
        );
    }
    let times = lines[1].split_whitespace().filter(|cell| {
        let seconds = cell.strip_prefix('+').and_then(|cell| cell.strip_suffix('s'));
        seconds.is_some_and(|seconds| seconds.split_once('.').is_some_and(|(_, part)| part.len() == 3))
    });
    assert_eq!(times.count(), 5, "{table}");
}

#[test]
fn the_manifest_is_kept_first_and_said_where() {
    let rehearsal = quick();
    let home = tempfile::tempdir().unwrap();
    let mut command = rehearsal.command(&DELETE);
    command.env("XDG_STATE_HOME", home.path());
    let ended = crate::support::Running::start(command).end().expect(0);
    let folder = home.path().join("kubectl-vmchaos");
    assert!(ended.err.contains(folder.to_str().unwrap()), "{}", ended.err);
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    let file = folder.join(format!("{id}-default-web-1.yaml"));
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("kind: VirtualMachineInstance") && text.contains("name: web-1"),
        "{text}"
    );
    assert!(
        !text.contains("\n  uid:") && !text.contains("status:") && !text.contains("kubevirt.io/nodeName"),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn where_the_manifest_cannot_be_kept_nothing_is_done() {
    let rehearsal = quick();
    let mut command = rehearsal.command(&DELETE);
    // A folder below a file cannot be made by anybody.
    command.env("XDG_STATE_HOME", "/dev/null");
    let ended = crate::support::Running::start(command).end().expect(4);
    assert!(
        ended.err.contains("/dev/null/kubectl-vmchaos") && ended.err.contains("nothing was done"),
        "{}",
        ended.err
    );
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    assert_eq!(ended.json()["error"]["reason"], "manifest");
}

#[test]
fn no_dry_run_writes_anything_whatever_the_mode() {
    let rehearsal = quick();
    let home = tempfile::tempdir().unwrap();
    let before = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    for mode in ["delete", "kill", "pod", "pause", "stop", "reset"] {
        let disabled = matches!(mode, "delete" | "kill" | "pod").then_some("--disable-auto-restart");
        for dry in ["--dry-run", "--dry-run=server"] {
            for more in [None, disabled] {
                let mut args = vec!["outage", "web-1", "--mode", mode, dry, YES];
                args.extend(more);
                let mut command = rehearsal.command(&args);
                command.env("XDG_STATE_HOME", home.path());
                let ended = crate::support::Running::start(command).end().expect(0);
                ended.says(&["nothing was changed"]);
                assert_eq!(rehearsal.writes(), Vec::<String>::new(), "{args:?}");
            }
        }
    }
    assert_eq!(rehearsal.practice.get(VM, "default", "web-1").unwrap(), before);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nor a manifest");
}

#[test]
fn a_dry_run_says_what_would_become_of_it_and_writes_nothing() {
    let rehearsal = quick();
    for how in ["--dry-run", "--dry-run=server"] {
        let ended = rehearsal.run(&["outage", "web-1", how]).expect(0);
        let ended = ended.says(&[
            "KubeVirt starts it again (run strategy Always)",
            "data that a new guest does not have: root (containerDisk)",
            "nothing was changed",
        ]);
        assert_eq!(ended.out, "");
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    let asked = rehearsal.practice.requests();
    assert!(
        asked
            .iter()
            .any(|request| request.verb == "delete" && request.path.ends_with("virtualmachineinstances/web-1"))
    );
}
