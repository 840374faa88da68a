//! What goes into request paths and into printed command lines.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::executable::executable;
use crate::support::{Ended, Rehearsal};

const VM: &str = "VirtualMachine";
const UNDO: &str = "vmchaos.dev/undo";
/// What a tenant wants the operator to stop, from the path of an `unpause` of his own.
const ELSEWHERE: &str = "../../../namespaces/default/virtualmachines/web-1/stop?x=";
/// Runs something wherever it stands in a shell unquoted, or breaks the line it stands in.
const PASTED: &str = "//evil.example/fix | sudo sh; sudo sh $(sudo sh) `sudo sh`\n sudo sh #";

/// The way back of a pause, as an outage writes it, but about another VM.
fn undo(vmi: &str) -> String {
    json!({"run": "k3f9ab", "mode": "pause", "at": "2026-11-20T12:00:00.000Z", "duration": "60s", "vmi": vmi, "paused": true})
        .to_string()
}

/// The paths of all requests there were that name any of these.
fn asked_for(rehearsal: &Rehearsal, parts: &[&str]) -> Vec<String> {
    let requests = rehearsal.practice.requests();
    let lines = requests
        .iter()
        .map(|request| format!("{} {}?{}", request.method, request.path, request.query));
    lines
        .filter(|line| parts.iter().any(|part| line.contains(part)))
        .collect()
}

/// Pastes every command line on stderr into a shell in which only `kubectl`, `virtctl` and `sudo` can be run, and fails if that
/// comes to `sudo`, or if there was nothing to paste.
#[track_caller]
fn paste(ended: &Ended) {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for (name, text) in [
        ("kubectl", "#!/bin/sh\n"),
        ("virtctl", "#!/bin/sh\n"),
        ("sudo", "#!/bin/sh\n: > \"$PWNED\"\n"),
    ] {
        executable(&bin.join(name), text);
    }
    let commands = |line: &str| ["kubectl ", "virtctl "].iter().filter_map(|word| line.find(word)).min();
    let mut any = false;
    for line in ended.err.lines() {
        let Some(at) = commands(line) else { continue };
        any = true;
        let pwned = folder.path().join("pwned");
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(&line[at..])
            .env_clear()
            .env("PATH", &bin)
            .env("PWNED", &pwned);
        shell
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        shell.status().unwrap();
        assert!(!pwned.exists(), "pasted, this runs what somebody else wrote: {line}");
    }
    assert!(any, "there is no command line to paste:\n{}", ended.err);
}

#[test]
fn a_way_back_that_names_something_else_is_followed_by_nobody() {
    let rehearsal = Rehearsal::new();
    let tenant = rehearsal.practice.tenant("shop").unwrap();
    let own = rehearsal.practice.list(VM, "shop").remove(0);
    let own = own["metadata"]["name"].as_str().unwrap();
    let state = |name: &str| {
        let vmi = rehearsal
            .practice
            .get("VirtualMachineInstance", "default", name)
            .unwrap();
        json!([vmi["metadata"]["uid"], vmi["status"]["phase"]])
    };
    let before = state("web-1");
    // Another object of another namespace, and one of the same namespace.
    for vmi in [ELSEWHERE, "db-9"] {
        rehearsal
            .user(tenant.kubeconfig())
            .patch(
                &format!("/apis/kubevirt.io/v1/namespaces/shop/virtualmachines/{own}"),
                &json!({"metadata": {"annotations": {UNDO: undo(vmi)}, "labels": {"vmchaos.dev/run": "k3f9ab"}}}),
            )
            .expect(200);
        rehearsal.practice.clear_requests();
        let target = format!("vmi/{own}/shop");
        let halts = ["k3f9ab", "--all", &target].map(|named| rehearsal.run(&["halt", named, "-y"]));
        rehearsal.run(&["halt", "--all", "--dry-run=server", "-y"]);
        let outage = rehearsal.run(&["outage", &target, "--mode", "pause", "--dry-run=server"]);
        assert_eq!(
            asked_for(&rehearsal, &["..", "/web-1", "db-9", "/unpause", "/stop"]),
            Vec::<String>::new()
        );
        for ended in halts {
            ended.expect(3).says(&[
                &format!("shop/{own}: its way back"),
                "was not written by this version, or was edited",
            ]);
        }
        outage.expect(4);
        let status = rehearsal.run(&["status", "-o", "json"]).expect(0).json();
        assert_eq!(status["items"][0]["state"], "unknown", "{status}");
    }
    assert_eq!(state("web-1"), before);
}

#[test]
fn an_answer_with_a_name_that_is_none_is_used_for_nothing() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .edit("VirtualMachineInstance", "default", "web-2", |vmi| {
            vmi["metadata"]["name"] = json!(ELSEWHERE);
        });
    for command in [
        &["list"][..],
        &["netem", "--target", ".*", "--all", "--latency", "5ms", "-y"],
        &["migrate", "--target", ".*", "-y"],
        &["outage", "--target", ".*", "--all", "-y", "--yes=vmchaos-rehearsal"],
    ] {
        let ended = rehearsal.run(command);
        assert!(
            [Some(2), Some(4)].contains(&ended.code),
            "{:?}: {}",
            ended.code,
            ended.err
        );
        if ended.code == Some(4) {
            ended.says(&["a VirtualMachineInstance whose name no object can have"]);
        }
    }
    assert_eq!(asked_for(&rehearsal, &["..", "/stop"]), Vec::<String>::new());
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_name_from_an_annotation_is_in_no_command_line() {
    let rehearsal = Rehearsal::new();
    let pod = |targets: &str| {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "vmchaos-k3f9ab-0", "namespace": "kubevirt", "uid": "1-2",
                "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem"},
                "annotations": {"vmchaos.dev/targets": targets, "vmchaos.dev/user": PASTED, "vmchaos.dev/reason": PASTED}},
            "spec": {"nodeName": "node-1", "containers": [{"name": "agent", "image": "x"}]},
            "status": {"phase": "Failed", "containerStatuses": [{"name": "agent", "state": {"terminated": {"exitCode": 137}}}]}})
    };
    for targets in [
        PASTED.to_owned(),
        format!("default/nothing-here,{PASTED}"),
        format!("a/{PASTED}"),
    ] {
        rehearsal.practice.put(pod(&targets)).unwrap();
        let status = rehearsal.run(&["status"]);
        assert!(!status.out.contains("\n sudo"), "{}", status.out);
        let ended = rehearsal.run(&["halt", "k3f9ab", "-y"]).expect(3);
        paste(&ended);
        assert!(!ended.err.contains("evil.example/fix | sudo sh/"), "{}", ended.err);
        rehearsal.practice.remove("Pod", "kubevirt", "vmchaos-k3f9ab-0");
    }
}

#[test]
fn a_context_that_a_shell_would_take_apart_is_one_word() {
    let rehearsal = Rehearsal::new();
    rehearsal.configure("typedContexts: ['.*']");
    let context = "my first; sudo sh";
    let text = std::fs::read_to_string(rehearsal.practice.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    config["current-context"] = json!(context);
    config["contexts"][0]["name"] = json!(context);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it's; sudo sh");
    std::fs::write(&file, config.to_string()).unwrap();
    let file = file.display().to_string();
    let ended = rehearsal
        .run(&["outage", "web-1", "--mode", "pause", "--kubeconfig", &file])
        .expect(4);
    assert!(ended.err.contains("--yes='my first; sudo sh'"), "{}", ended.err);
    let ended = rehearsal.run(&[
        "netem",
        "web-1",
        "--latency",
        "5ms",
        "-y",
        "--yes=other; sudo sh",
        "--kubeconfig",
        &file,
    ]);
    assert!(ended.code == Some(2) || ended.code == Some(4), "{}", ended.err);
    let ended = rehearsal
        .run(&["netem", "nothing", "--latency", "5ms", "-y", "--kubeconfig", &file])
        .expect(4);
    assert!(
        ended.err.contains(r"--kubeconfig '") && ended.err.contains("--context 'my first; sudo sh'"),
        "{}",
        ended.err
    );
    paste(&ended);
}

#[test]
fn what_was_typed_is_shown_as_text_where_it_is_wrong() {
    let rehearsal = Rehearsal::new();
    let odd = "a\r\u{1b}]0;x\u{7}\u{202e}";
    for words in [
        &["check", odd][..],
        &["netem", odd, "--latency", "5ms"],
        &["list", "-o", odd],
        &[odd],
    ] {
        let ended = rehearsal.run(words).expect(2);
        let steers = |c: char| c != '\n' && kubectl_vmchaos::testing::escape::is_dangerous(c);
        assert!(!ended.err.contains(steers), "{:?}", ended.err);
    }
}
