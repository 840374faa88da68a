//! Everything is planned before anything is done.

use std::time::Duration;

use super::{Day, quick};
use crate::support::Rehearsal;

#[test]
fn what_cannot_be_planned_is_said_of_every_step_and_nothing_is_done() {
    let day = Day::new(
        "
  steps:
    - {name: fine, netem: {vms: [web-1], latency: 10ms, duration: 1s}}
    - {name: nowhere, netem: {vms: [no-such], latency: 10ms}}
    - {name: fixed, migrate: {vms: [db-1]}}
    - {name: long, netem: {vms: [web-1], loss: 1%, duration: 2h}}
",
    );
    let ended = day.run(&["--yes"]).expect(4).says(&[
        "day.yaml:8:7: step nowhere: ",
        "day.yaml:9:7: step fixed: default/db-1 cannot be live-migrated",
        "day.yaml:10:7: step long: guard maximum-duration",
    ]);
    assert!(!ended.err.contains("step fine"), "{}", ended.err);
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn one_of_a_kind_on_a_vm_at_a_time() {
    let spec = |second: &str| {
        format!(
            "
  steps:
    - name: both
      parallel:
        - {{name: one, netem: {{vms: [web-1, web-2], latency: 10ms, duration: 1s}}}}
        - name: later
          serial: [{{wait: 1s}}, {{name: two, {second}}}]
"
        )
    };
    let day = Day::new(&spec("netem: {vms: [web-2], loss: 1%}"));
    day.run(&["--plan"])
        .expect(4)
        .says(&["day.yaml:11:32: step two: netem is on default/web-2 at the same time (step one)"]);
    let day = Day::new(&spec("filter: {vms: [web-2], preset: dns}"));
    day.run(&["--plan"]).expect(0);
    let day = Day::new(&spec("netem: {vms: [web-3], loss: 1%}"));
    day.run(&["--plan"]).expect(0);
}

#[test]
fn guards_count_over_all_that_is_in_place_at_once() {
    let day = Day::new(
        "
  steps:
    - parallel:
        - {name: one, netem: {vms: [web-1], latency: 10ms, duration: 1s}}
        - {name: two, netem: {vms: [web-2], latency: 10ms, duration: 1s}}
    - {name: three, netem: {vms: [web-3], latency: 10ms, duration: 1s}}
",
    );
    day.rehearsal.configure("ceilings: {perRun: 1}\n");
    day.run(&["--plan"])
        .expect(4)
        .says(&["at once, by steps one, two: guard ceiling-per-run: 2 VMs"]);
    day.rehearsal.configure("ceilings: {perRun: 2}\n");
    day.run(&["--plan"]).expect(0);
    // Typed where one of them would be, and where all of them are.
    day.rehearsal.configure("typedCount: 1\n");
    day.run(&["--yes"])
        .expect(4)
        .says(&["These are 2 VMs, more than 1 (typedCount)", "--yes alone does not do"]);
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn the_same_seed_draws_the_same_vms_and_each_step_draws_for_itself() {
    let day = Day::new(
        "
  steps:
    - {name: one, netem: {target: '.*', latency: 10ms, duration: 1s}}
    - {name: two, netem: {target: '.*', latency: 10ms, duration: 1s}}
    - {name: three, netem: {target: '.*', latency: 10ms, duration: 1s}}
",
    );
    let drawn = |seed: &str| {
        let document = day.run(&["--plan", "-o", "json", "--seed", seed]).expect(0).json();
        let steps = document["steps"].as_array().unwrap().clone();
        steps
            .iter()
            .map(|step| step["vms"][0].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = drawn("7");
    assert_eq!(drawn("7"), first);
    let all: Vec<_> = (0..6).map(|seed| drawn(&seed.to_string())).collect();
    assert!(all.iter().any(|vms| vms[0] != vms[1]), "{all:?}");
}

#[test]
fn a_dry_run_of_fifty_steps_on_all_vms_asks_little() {
    let rehearsal = Rehearsal::with(vmchaos_rehearsal::Options {
        vms: 10,
        latency: Duration::from_millis(5),
        ..vmchaos_rehearsal::Options::default()
    });
    let steps: Vec<String> = (0..50)
        .map(|n| format!("    - {{name: s{n}, netem: {{target: '.*', all: true, namespaces: '.*', exclude: 'web-1', latency: {}ms}}}}", n + 1))
        .collect();
    let day = Day::on(rehearsal, &format!("\n  steps:\n{}\n", steps.join("\n")));
    day.run(&["--plan"]).expect(0);
    let asked = day.rehearsal.practice.requests();
    let lines: Vec<String> = asked
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert!(lines.len() <= 60, "{}:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn a_plan_writes_nothing_and_shows_what_is_talked_to_and_run() {
    let day = Day::on(
        quick(),
        "
  hypothesis: It holds.
  steadyState:
    - {name: api, http: {url: 'https://pay.example:8443/healthz'}}
    - {name: ledger, command: [./check ledger, --fast]}
  notify:
    - {on: [end], webhook: {url: 'http://chat.example/hook', headers: {X-Token: 'env:TOKEN'}}}
  steps:
    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 1s}}
    - wait: 90s
",
    );
    let ended = day.run(&["--plan"]).expect(0).says(&[
        "hypothesis It holds.",
        "talks to   http://chat.example, https://pay.example:8443",
        "sends      env:TOKEN to http://chat.example",
        "runs here  './check ledger' --fast",
        "takes      1m 31s to ",
        "nothing was changed (dry run)",
    ]);
    assert_eq!(ended.out, "");
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_practice_cluster_does_it_in_less_time() {
    let day = Day::new(
        "
  steps:
    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 100s}}
    - wait: 100s
    - {name: frozen, outage: {vms: [web-2], mode: pause}}
    - {name: moved, migrate: {vms: [web-1]}, repeat: 2, every: 100s}
",
    );
    let words = day.args(&["--speed", "100", "--yes"]);
    let words: Vec<&str> = ["rehearse", "--"]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect();
    day.rehearsal.run(&words).expect(0).says(&[
        "--speed 100: waits, durations and intervals take 1/100 of what the file says",
        "for 1s",
        "hypothesis",
    ]);
    // Nobody's real cluster waits for less than was agreed to.
    day.run(&["--speed", "100", "--yes"]).expect(2).says(&[
        "--speed is for the practice cluster",
        "kubectl vmchaos rehearse -- run -f FILE --speed 10",
    ]);
    day.run(&["--speed", "0", "--yes"]).expect(2);
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}
