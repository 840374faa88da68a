//! Requests that are never answered: every command ends, and says what it then does not know.

use vmchaos_rehearsal::{Answer, Rule};

use crate::support::{Ended, Rehearsal};

const LIMIT: [&str; 2] = ["--request-timeout", "2s"];
const YES: &str = "--yes=vmchaos-rehearsal";
const NETEM: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "1s", YES];

/// A command against a server that does not answer these requests; that it ends at all is part of every test here.
fn unanswered(rehearsal: &Rehearsal, verb: &str, path: &str, args: &[&str]) -> Ended {
    rehearsal
        .practice
        .fail(Rule::new(verb, path, Answer::Hang).unwrap().always());
    let ended = rehearsal.run(&[args, &LIMIT].concat());
    rehearsal.practice.clear_faults();
    ended
}

/// What an error says of a request that was not answered.
fn named(verb: &str, resource: &str) -> String {
    format!("did not answer \"{verb} {resource}")
}

const LIMIT_IS: &str = "within 2s (--request-timeout)";

#[test]
fn before_anything_is_done_the_request_is_named_and_the_command_fails() {
    let rehearsal = Rehearsal::new();
    let vmis = "virtualmachineinstances.kubevirt.io";
    let outage = ["outage", "web-1", YES];
    let migrate = ["migrate", "web-1", YES];
    for (args, verb, path, asked) in [
        (&NETEM[..], "*", "/virtualmachineinstances", named("get", vmis)),
        (&outage, "*", "/virtualmachineinstances", named("get", vmis)),
        (&migrate, "*", "/virtualmachineinstances", named("get", vmis)),
        (&["list"], "*", "/virtualmachineinstances$", named("list", vmis)),
        (&["status"], "list", "/pods$", named("list", "pods")),
    ] {
        let ended = unanswered(&rehearsal, verb, path, args).expect(1);
        ended.says(&[&asked, LIMIT_IS]);
    }
    // What was found out is on stdout, as always.
    let check = unanswered(&rehearsal, "*", "/version$", &["check", "-o", "json"]).expect(1);
    let finding = check.json()["items"][0]["detail"].to_string();
    assert!(finding.contains(LIMIT_IS) && finding.contains("version"), "{finding}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn whoever_cannot_look_for_leftovers_does_not_say_that_there_are_none() {
    let rehearsal = Rehearsal::new();
    for (verb, path, args) in [
        ("list", "/pods$", &["halt", "--all", "-y"][..]),
        ("list", "/pods$", &["halt", "k3f9ab"]),
        ("list", "/virtualmachines$", &["cleanup", "--all", "-y"]),
        ("get", "/virtualmachineinstances/web-1$", &["halt", "vmi/web-1", "-y"]),
    ] {
        let ended = unanswered(&rehearsal, verb, path, args).expect(3);
        ended.says(&["nobody could look for what may be in place", LIMIT_IS, "hint: "]);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_halt_whose_deletion_is_not_answered_ends_with_the_command_that_tries_again() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&["netem", "web-1", "--latency", "20ms", "--duration", "10m", YES]);
    run.wait_for("injected");
    let id = rehearsal.debug_pod()["metadata"]["labels"]["vmchaos.dev/run"]
        .as_str()
        .unwrap()
        .to_owned();
    let ended = unanswered(&rehearsal, "delete", "/pods/", &["halt", &id]).expect(3);
    let again = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
    ended.says(&["could not be ended", &named("delete", "pods"), LIMIT_IS, &again]);
    rehearsal.run(&["halt", &id]).expect(0);
    run.end().expect(1);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_run_whose_pods_deletion_is_not_answered_ends_and_says_how_to_delete_it() {
    let rehearsal = Rehearsal::new();
    // The fault is proven gone by then, and the pod has ended.
    let ended = unanswered(&rehearsal, "delete", "/pods/", &[&NETEM[..], &["-o", "json"]].concat());
    let ended = ended.expect(0);
    assert_eq!(ended.target()["state"], "restored");
    ended.says(&["has ended and could not be deleted", LIMIT_IS, "kubectl vmchaos halt "]);
}

#[test]
fn a_pod_that_may_have_been_made_is_not_waited_for_without_end() {
    let rehearsal = Rehearsal::new();
    let made = Rule::new("create", "/pods$", Answer::Hang).unwrap().always();
    // The dry runs that find a namespace are let through.
    rehearsal.practice.fail(made.after(1));
    let ended = rehearsal.run(&[&NETEM[..], &LIMIT, &["--pod-namespace", "kubevirt"]].concat());
    ended.expect(1).says(&[&named("create", "pods"), LIMIT_IS]);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn a_watch_that_never_begins_does_not_keep_a_run_from_its_end() {
    let rehearsal = Rehearsal::new();
    let started = ["--pod-running-timeout", "5s"];
    let ended = unanswered(&rehearsal, "watch", "/pods$", &[&NETEM[..], &started].concat());
    ended.expect(1).says(&["5 s"]);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
}

#[test]
fn what_is_only_good_to_know_is_done_without() {
    let rehearsal = Rehearsal::new();
    unanswered(&rehearsal, "create", "/selfsubjectaccessreviews$", &NETEM).expect(0);
    // Without the KubeVirt object nobody knows which image is KubeVirt's.
    unanswered(&rehearsal, "list", "/kubevirts$", &NETEM)
        .expect(4)
        .says(&["the image for debug pods is not known"]);
}

#[test]
fn a_change_of_an_outage_that_is_not_answered_leaks_with_the_command_that_undoes_it() {
    let rehearsal = Rehearsal::new();
    let outage = [
        "outage",
        "web-2",
        YES,
        "--mode",
        "pause",
        "--duration",
        "1s",
        "-o",
        "json",
    ];
    let ended = unanswered(&rehearsal, "update", "/unpause$", &outage).expect(3);
    let id = ended.json()["id"].as_str().unwrap().to_owned();
    let again = format!("kubectl vmchaos halt {id} --context vmchaos-rehearsal");
    ended.says(&[LIMIT_IS, &again]);
    let ended = unanswered(&rehearsal, "update", "/unpause$", &["halt", &id]).expect(3);
    ended.says(&[LIMIT_IS, &again]);
    rehearsal.run(&["halt", &id]).expect(0);
}

#[test]
fn a_migration_whose_creation_is_not_answered_is_looked_for() {
    let rehearsal = Rehearsal::new();
    let args = ["migrate", "web-1", YES];
    let ended = unanswered(&rehearsal, "create", "/virtualmachineinstancemigrations$", &args);
    ended
        .expect(5)
        .says(&[&named("create", "virtualmachineinstancemigrations"), LIMIT_IS]);
    // Nor is that answered: nobody knows.
    let hang = |verb| {
        let rule = Rule::new(verb, "/virtualmachineinstancemigrations$", Answer::Hang);
        rehearsal.practice.fail(rule.unwrap().always());
    };
    hang("create");
    rehearsal.practice.clear_requests();
    let run = rehearsal.spawn(&[&args[..], &["--request-timeout", "5s"]].concat());
    rehearsal.until("it is created", |rehearsal| {
        let requests = rehearsal.practice.requests();
        requests
            .iter()
            .any(|request| request.verb == "create" && request.path.ends_with("migrations"))
    });
    hang("list");
    run.end().expect(3).says(&["within 5s", "kubectl vmchaos halt "]);
}

#[test]
fn an_hour_is_the_most_that_zero_can_mean() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&["list", "--request-timeout", "0"]).expect(0);
}

#[test]
fn by_default_a_request_has_half_a_minute() {
    let rehearsal = Rehearsal::new();
    let hang = Rule::new("list", "/virtualmachineinstances$", Answer::Hang).unwrap();
    rehearsal.practice.fail(hang.always());
    rehearsal
        .run(&["list"])
        .expect(1)
        .says(&["within 30s (--request-timeout)"]);
}
