//! The API server at its worst: cut watches, lost answers, refused deletions. The fault is not the worse for it.

use std::time::{Duration, Instant};

use vmchaos_rehearsal::{Answer, Options, Rule};

use super::{LONG, SHORT, with};
use crate::support::Rehearsal;

/// KubeVirt's namespace is asked by a dry run whether it admits the pod; what comes next is the pod itself.
const DRY_RUNS: usize = 1;

fn fail(rehearsal: &Rehearsal, verb: &str, path: &str, answer: Answer) {
    rehearsal.practice.fail(Rule::new(verb, path, answer).unwrap().always());
}

#[test]
fn watches_that_are_cut_are_taken_up_again() {
    let rehearsal = Rehearsal::new();
    let cut = || Answer::Cut(Duration::from_millis(100));
    for path in ["/pods$", "virtualmachineinstances"] {
        rehearsal
            .practice
            .fail(Rule::new("watch", path, cut()).unwrap().times(3));
    }
    let ended = rehearsal.run(&with(&SHORT, &["-o", "json"])).expect(0);
    assert_eq!(ended.target()["endedBy"], "deadline");
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_history_that_is_gone_is_read_anew() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&LONG, &["-o", "json"]));
    run.wait_for("injected");
    rehearsal.practice.compact();
    rehearsal
        .practice
        .fail(Rule::new("watch", "/pods$", Answer::Gone).unwrap());
    run.signal("INT");
    run.end().expect(130);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_pod_whose_creation_was_not_answered_is_looked_for() {
    let rehearsal = Rehearsal::new();
    let lost = Rule::new("create", "/pods$", Answer::LoseReply).unwrap();
    rehearsal.practice.fail(lost.after(DRY_RUNS));
    rehearsal.run(&SHORT).expect(0);
    assert_eq!(rehearsal.debug_pods(), []);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_pod_that_is_refused_ends_the_run_at_once() {
    let rehearsal = Rehearsal::new();
    let refused = Answer::status(403, "Forbidden", "exceeded quota");
    rehearsal
        .practice
        .fail(Rule::new("create", "/pods$", refused).unwrap().after(DRY_RUNS));
    let began = std::time::Instant::now();
    rehearsal.run(&LONG).expect(1).says(&["exceeded quota"]);
    // A pod that is being deleted would be waited for, for 20 s.
    assert!(began.elapsed() < Duration::from_secs(20), "there is none to wait for");
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let rehearsal = Rehearsal::new();
    let busy = Rule::new("create", "/pods$", Answer::too_many_requests(1)).unwrap();
    rehearsal.practice.fail(busy.after(DRY_RUNS));
    rehearsal.run(&SHORT).expect(0);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_finished_pod_that_cannot_be_deleted_is_told_of() {
    let rehearsal = Rehearsal::new();
    fail(
        &rehearsal,
        "delete",
        "/pods/",
        Answer::status(403, "Forbidden", "pods is forbidden"),
    );
    let ended = rehearsal.run(&with(&SHORT, &["-o", "json"])).expect(0);
    let ended = ended.says(&[
        "could not be deleted: Error from server (Forbidden)",
        "kubectl vmchaos halt ",
    ]);
    assert_eq!(ended.target()["state"], "restored");
    rehearsal.until_pods_ended();
}

#[test]
fn an_attach_that_is_refused_at_first_is_tried_again() {
    let rehearsal = Rehearsal::new();
    let refused = Answer::status(500, "InternalError", "container agent not found in pod");
    rehearsal
        .practice
        .fail(Rule::new("*", "/attach$", refused).unwrap().times(2));
    rehearsal.run(&SHORT).expect(0);
}

#[test]
fn a_pod_that_takes_its_time_to_start_is_not_asked_all_the_time() {
    let rehearsal = Rehearsal::with(Options {
        pod_start: Duration::from_secs(2),
        ..Options::default()
    });
    let began = Instant::now();
    rehearsal.run(&SHORT).expect(0);
    let tries = rehearsal.practice.requests();
    let tries = tries.iter().filter(|request| request.path.ends_with("/attach")).count();
    // Every 0.4 s, and at once when it is seen to run.
    let most = began.elapsed().as_millis() / 400 + 2;
    assert!(tries > 0 && tries as u128 <= most, "{tries} of {most}");
}

#[test]
fn an_attach_that_is_refused_for_good_is_not_tried_until_the_time_is_over() {
    let rehearsal = Rehearsal::new();
    let forbidden = Answer::status(403, "Forbidden", "a webhook says no");
    rehearsal
        .practice
        .fail(Rule::new("*", "/attach$", forbidden).unwrap().always());
    let ended = rehearsal.run(&with(&LONG, &["--pod-running-timeout", "20m"]));
    ended.expect(1).says(&["a webhook says no"]);
    let requests = rehearsal.practice.requests();
    let attaches = requests.iter().filter(|request| request.path.ends_with("/attach"));
    assert_eq!(attaches.count(), 1);
    assert_eq!(rehearsal.debug_pods(), []);
}

#[test]
fn a_pod_that_another_has_deleted_at_the_same_time_is_gone_and_no_failure() {
    for (code, reason) in [(404, "NotFound"), (409, "Conflict")] {
        let rehearsal = Rehearsal::new();
        let faster = Answer::status(code, reason, "somebody was faster");
        rehearsal
            .practice
            .fail(Rule::new("delete", "/pods/vmchaos-", faster).unwrap());
        let ended = rehearsal.run(&SHORT).expect(0);
        assert!(!ended.err.contains("somebody was faster"), "{}", ended.err);
    }
}
