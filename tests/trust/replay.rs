//! Records from elsewhere that are to be replayed.

use serde_json::{Value, json};

use crate::support::Rehearsal;

/// A record of a run here, as somebody else may have written it.
fn record(rehearsal: &Rehearsal, words: &[&str]) -> Value {
    let command = [
        &["netem", "vmi/web-1/default", "--latency", "20ms", "--duration", "1s"],
        words,
    ]
    .concat();
    json!({"apiVersion": "vmchaos.dev/v1alpha1", "kind": "Run", "id": "k3f9ab", "command": command,
        "context": "vmchaos-rehearsal", "server": rehearsal.practice.url()})
}

#[test]
fn a_record_does_not_say_what_runs_privileged_nor_where_nor_as_whom() {
    let (rehearsal, folder) = (Rehearsal::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("r.json");
    let path = file.display().to_string();
    for (words, flag) in [
        (&["--image", "evil.example/root"][..], "--image"),
        (&["--image=evil.example/root"], "--image"),
        (&["--pod-namespace", "lab"], "--pod-namespace"),
        (&["--pod-namespace=lab"], "--pod-namespace"),
        (&["--service-account", "evil"], "--service-account"),
        (&["--detach"], "--detach"),
    ] {
        for text in [
            record(&rehearsal, words).to_string(),
            json!({"event": "planned", "document": record(&rehearsal, words)}).to_string(),
        ] {
            std::fs::write(&file, text).unwrap();
            let ended = rehearsal.run(&["netem", "--replay", &path, "-y"]).expect(4);
            ended.says(&[
                "r.json was recorded with",
                flag,
                "is never taken from a file",
                "say it anew beside --replay",
            ]);
        }
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
    // What is given anew is what is done.
    let words = ["--image", "evil.example/root", "--pod-namespace", "lab", "--detach"];
    std::fs::write(&file, record(&rehearsal, &words).to_string()).unwrap();
    let anew = ["--image", "own.example/tools", "--pod-namespace=kubevirt", "--detach"];
    rehearsal
        .run(&[&["netem", "--replay", &path, "-y"], &anew[..]].concat())
        .expect(0);
    let pod = rehearsal.debug_pod();
    assert_eq!(pod["spec"]["containers"][0]["image"], "own.example/tools");
    assert_eq!(pod["metadata"]["namespace"], "kubevirt");
}

#[test]
fn a_record_brings_neither_its_yes_nor_its_cluster() {
    let (rehearsal, folder) = (Rehearsal::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("r.json");
    let path = file.display().to_string();
    for (words, flag) in [
        (&["-y"][..], "--yes"),
        (&["--yes"], "--yes"),
        (&["--yes=vmchaos-rehearsal"], "--yes"),
        (&["--kubeconfig", "/dev/null"], "--kubeconfig"),
        (&["-s", "https://evil.example"], "--server"),
        (&["--server=https://evil.example"], "--server"),
        (&["--as", "admin"], "--as"),
        (&["--insecure-skip-tls-verify"], "--insecure-skip-tls-verify"),
        (&["-n", "lab"], "--namespace"),
        (&["--dry-run=none"], "--dry-run"),
        (&["--report", "/tmp/x.md"], "--report"),
        (&["--reason", "x"], "--reason"),
    ] {
        std::fs::write(&file, record(&rehearsal, words).to_string()).unwrap();
        for more in [&[][..], &["-y"]] {
            let ended = rehearsal.run(&[&["netem", "--replay", &path], more].concat()).expect(4);
            ended.says(&["`command` says more than what is done to which VMs", flag]);
        }
    }
    // Without a terminal and without a yes of its own it is refused, whatever the file says.
    std::fs::write(&file, record(&rehearsal, &[]).to_string()).unwrap();
    rehearsal.run(&["netem", "--replay", &path]).expect(4);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_record_of_another_shape_is_refused_by_its_field() {
    let (rehearsal, folder) = (Rehearsal::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("r.json");
    let path = file.display().to_string();
    for (text, says) in [
        ("[]", "it holds no run"),
        ("[[]]", "it holds no run"),
        ("7", "it holds no run"),
        (
            r#"{"kind":"Run","command":{"0":"netem"}}"#,
            "`command` is not as a report has it",
        ),
        (
            r#"{"kind":"Run","command":["netem",{}]}"#,
            "`command` is not as a report has it",
        ),
        (
            r#"{"kind":"Run","command":["netem","vmi/web-1"],"server":[]}"#,
            "`server` is not as a report has it",
        ),
        (
            "{}\n{\"document\":{\"kind\":\"Run\",\"command\":0}}\n",
            "in line 2, `command`",
        ),
        (r#"{"kind":"Run","command":["\u001b[2J; sudo sh"]}"#, r"\u{1b}[2J"),
    ] {
        std::fs::write(&file, text).unwrap();
        let ended = rehearsal
            .run(&["netem", "--replay", &path, "-y", "-o", "json"])
            .expect(4);
        assert!(!ended.err.contains('\u{1b}'), "{}", ended.err);
        ended.says(&["cannot be run again", says]);
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}
