//! What is written on a VM is tried again where somebody was faster, not where it is refused; and nobody else's is taken off.

use std::time::Duration;

use serde_json::{Value, json};
use vmchaos_rehearsal::{Answer, Rule};

use super::{VM, YES, came, expected, is_unmarked, outage, quick, with};
use crate::support::Rehearsal;

const PAUSE: [&str; 8] = ["outage", "web-1", YES, "--mode", "pause", "--duration", "1s", "-o=json"];
const PATH: &str = "/virtualmachines/web-1$";

/// Requests that were to change something, by the end of their path.
fn asked(rehearsal: &Rehearsal, end: &str) -> usize {
    let all = rehearsal.practice.requests();
    let is_one =
        |method: &str, path: &str, query: &str| method != "GET" && path.ends_with(end) && !query.contains("dryRun");
    all.iter()
        .filter(|request| is_one(&request.method, &request.path, &request.query))
        .count()
}

#[test]
fn a_vm_that_somebody_changed_at_the_same_time_is_read_anew() {
    let rehearsal = quick();
    let conflict = Answer::status(409, "Conflict", "the object has been modified");
    rehearsal
        .practice
        .fail(Rule::new("patch", PATH, conflict).unwrap().times(1));
    rehearsal.run(&PAUSE).expect(0);
    // The way back, and that taken off again; what was refused, for the controller may really come in between as well, is a conflict.
    let all = rehearsal.practice.requests();
    let patches = all
        .iter()
        .filter(|request| request.method == "PATCH" && request.path.ends_with("/virtualmachines/web-1"));
    let (accepted, refused): (Vec<u16>, Vec<u16>) = patches
        .filter(|request| !request.query.contains("dryRun"))
        .map(|request| request.code)
        .partition(|code| *code == 200);
    assert_eq!(accepted.len(), 2);
    assert!(
        !refused.is_empty() && refused.iter().all(|code| *code == 409),
        "{refused:?}"
    );
    assert!(is_unmarked(&rehearsal, VM, "default", "web-1"));
}

#[test]
fn a_refusal_is_not_tried_again() {
    let forbidden = || Answer::status(403, "Forbidden", "a webhook says no");
    let rehearsal = quick();
    rehearsal.practice.fail(Rule::new("patch", PATH, forbidden()).unwrap());
    rehearsal.run(&PAUSE).expect(1).says(&["a webhook says no"]);
    assert_eq!(rehearsal.events("web-1"), [] as [&str; 0], "nothing was done to it");
    assert_eq!(asked(&rehearsal, "/virtualmachines/web-1"), 1);
    assert_eq!(asked(&rehearsal, "/pause"), 0);

    let rehearsal = quick();
    rehearsal
        .practice
        .fail(Rule::new("update", "/unpause$", forbidden()).unwrap());
    rehearsal.run(&PAUSE).expect(3);
    assert_eq!(asked(&rehearsal, "/unpause"), 1);

    let rehearsal = quick();
    super::strategy(&rehearsal, "default", "web-1", "Manual");
    rehearsal
        .practice
        .fail(Rule::new("update", "/start$", forbidden()).unwrap());
    let delete = ["outage", "web-1", YES, "--duration", "1s"];
    rehearsal.run(&delete).expect(5).says(&["a webhook says no"]);
    assert_eq!(asked(&rehearsal, "/start"), 1);
}

#[test]
fn a_helping_request_whose_answer_is_lost_is_sent_again_and_that_it_is_done_by_then_is_no_failure() {
    for (vmi, verb, path) in [
        ("vmi/web-1/default", "update", "/virtualmachines/web-1/start$"),
        ("vmi/lone-1/lab", "create", "/namespaces/lab/virtualmachineinstances$"),
    ] {
        let rehearsal = quick();
        super::strategy(&rehearsal, "default", "web-1", "Manual");
        let mut run = rehearsal.spawn(&["outage", vmi, YES, "--duration", "1s", "-o", "json"]);
        run.wait_for("gone; the platform has");
        let rule = Rule::new(verb, path, Answer::LoseReply).unwrap();
        rehearsal.practice.fail(rule);
        rehearsal.practice.clear_requests();
        let ended = run.end().expect(0);
        assert_eq!(came(&ended), expected("recovered", "vmchaos"), "{vmi}");
        let end = path.rsplit_once('/').unwrap().1.trim_end_matches('$');
        assert_eq!(asked(&rehearsal, end), 2, "{vmi}");
    }
}

/// Somebody has gone the way back, and the next run has begun, while this one still waits for an answer.
#[test]
fn the_way_back_of_the_next_run_stays() {
    let rehearsal = quick();
    let late = Answer::LateReply(Duration::from_secs(2));
    rehearsal
        .practice
        .fail(Rule::new("update", "/unpause$", late).unwrap().times(1));
    let run = rehearsal.spawn(&PAUSE);
    rehearsal.until("it is unpaused", |rehearsal| asked(rehearsal, "/unpause") > 0);
    let next = r#"{"run":"abc123","mode":"pause","at":"2026-11-29T12:00:00Z","duration":"60s","vmi":"web-1"}"#;
    rehearsal.practice.edit(VM, "default", "web-1", |vm| {
        vm["metadata"]["annotations"]["vmchaos.dev/undo"] = json!(next);
        vm["metadata"]["labels"]["vmchaos.dev/run"] = json!("abc123");
    });
    run.end();
    let vm = rehearsal.practice.get(VM, "default", "web-1").unwrap();
    assert_eq!(vm["metadata"]["annotations"]["vmchaos.dev/undo"], next);
    assert_eq!(vm["metadata"]["labels"]["vmchaos.dev/run"], "abc123");
}

/// What a server dry run of `halt` asks for is what `halt` would do: the run strategy, and a start where none comes of it.
#[test]
fn a_server_dry_run_of_halt_asks_for_what_it_would_do() {
    for (strategy, starts) in [("Always", false), ("Manual", true)] {
        let rehearsal = quick();
        super::strategy(&rehearsal, "default", "web-1", strategy);
        let delete = ["outage", "web-1", YES, "--duration", "10m", "--mode"];
        let how: &[&str] = &["stop"];
        let mut run = rehearsal.spawn(&with(&delete, how));
        run.wait_for("injected");
        run.signal("KILL");
        run.end();
        let asks = |rehearsal: &Rehearsal| {
            rehearsal.practice.clear_requests();
            rehearsal
                .run(&["halt", "vmi/web-1", "--dry-run=server", "-y"])
                .expect(0);
            let mut all = rehearsal.practice.requests();
            all.retain(|request| request.query.contains("dryRun=All") || request.path.ends_with("/start"));
            let patches: Vec<String> = all
                .iter()
                .filter(|request| request.method == "PATCH")
                .map(|request| String::from_utf8_lossy(&request.body).into_owned())
                .collect();
            let started = all.iter().any(|request| request.path.ends_with("/start"));
            (patches.join(" ").contains(&format!("\"{strategy}\"")), started)
        };
        // KubeVirt's stop leaves Manual as it is.
        assert_eq!(asks(&rehearsal), (strategy == "Always", starts), "{strategy}");
        // Theirs now: neither.
        rehearsal.practice.edit(VM, "default", "web-1", |vm| {
            vm["spec"]["runStrategy"] = Value::from("Once");
        });
        assert_eq!(asks(&rehearsal), (false, false), "{strategy}, changed by others");
    }
}

#[test]
fn a_request_whose_answer_is_lost_is_believed_when_its_effect_is_seen() {
    let rehearsal = quick();
    let rule = Rule::new("delete", "/virtualmachineinstances/web-1$", Answer::LoseReply).unwrap();
    rehearsal.practice.fail(rule);
    let ended = rehearsal.run(&outage(&[])).expect(0);
    assert_eq!(came(&ended), expected("recovered", "platform"));
    assert_eq!(asked(&rehearsal, "/virtualmachineinstances/web-1"), 1);
}

/// What a server dry run of an outage asks for: the one that would be made again, and no other.
#[test]
fn a_server_dry_run_asks_whether_a_vmi_could_be_made_again_only_where_it_would_be() {
    let rehearsal = quick();
    let asks = |args: &[&str]| {
        rehearsal.practice.clear_requests();
        let all = [&["outage", YES, "--dry-run=server"], args].concat();
        rehearsal.run(&all).expect(0);
        let requests = rehearsal.practice.requests();
        requests
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with("/virtualmachineinstances"))
            .inspect(|request| assert!(request.query.contains("dryRun=All"), "{}", request.query))
            .count()
    };
    assert_eq!(asks(&["vmi/lone-1/lab"]), 1);
    assert_eq!(asks(&["vmi/lone-1/lab", "--no-recover"]), 0);
    assert_eq!(asks(&["vmi/lone-1/lab", "--mode", "pause"]), 0);
    assert_eq!(asks(&["vmi/web-1/default"]), 0);
}

/// What a plan says somebody would type if this command did not bring it back.
#[test]
fn the_way_back_by_hand_fits_what_is_left_there() {
    let rehearsal = quick();
    let undo = |vmi: &str, strategy: &str, mode: &str| {
        super::strategy(&rehearsal, "default", "web-1", strategy);
        let args = ["outage", vmi, YES, "--dry-run", "-o", "json", "--mode", mode];
        let undo = rehearsal.run(&args).expect(0).target()["recovery"]["undo"].clone();
        undo.as_str()
            .unwrap_or_default()
            .replace(" --context vmchaos-rehearsal", "")
    };
    let (web, lone) = ("vmi/web-1/default", "vmi/lone-1/lab");
    assert_eq!(undo(web, "Manual", "delete"), "virtctl start web-1 -n default");
    assert_eq!(
        undo(web, "Once", "pod"),
        "kubectl delete vmi web-1 -n default --ignore-not-found"
    );
    assert!(undo(lone, "Once", "delete").starts_with("kubectl create -f "));
    let both = undo(lone, "Once", "pod");
    let first = "kubectl delete vmi lone-1 -n lab --ignore-not-found && kubectl create -f ";
    assert!(both.starts_with(first), "{both}");
}
