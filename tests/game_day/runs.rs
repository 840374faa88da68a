//! Steps are done in their order, each with all that a fault by itself has.

use super::{Day, outcomes};

#[test]
fn every_kind_of_step_is_done_in_its_order() {
    let day = Day::new(
        "
  steps:
    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 500ms}}
    - {name: pause, wait: 300ms}
    - name: both
      parallel:
        - {name: cut, filter: {vms: [web-1], preset: dns, duration: 500ms}}
        - {name: move, migrate: {vms: [web-2]}}
    - {name: gone, outage: {vms: [web-3], duration: 10s}, repeat: 2, every: 4s}
    - {name: ramp, netem: {vms: [web-1], loss: {from: 1%, to: 3%, steps: 3}, duration: 900ms}}
",
    );
    let document = day.document(&[], 0);
    assert_eq!(
        (&document["kind"], &document["outcome"]),
        (&"GameDayRun".into(), &"completed".into())
    );
    let done = |count: usize| vec!["completed".to_owned(); count];
    let expected = [
        ("slow", 1),
        ("cut", 1),
        ("move", 1),
        ("gone", 2),
        ("ramp: loss 1%", 1),
        ("ramp: loss 2%", 1),
        ("ramp: loss 3%", 1),
    ];
    let expected: Vec<_> = expected.map(|(name, count)| (name.to_owned(), done(count))).to_vec();
    assert_eq!(outcomes(&document), expected);
    let at = |step: usize, run: usize, what: &str| {
        let text = document["steps"][step]["runs"][run][what].as_str().unwrap().to_owned();
        text.parse::<jiff::Timestamp>().unwrap()
    };
    let gap = |earlier: jiff::Timestamp, later: jiff::Timestamp| later.duration_since(earlier).as_secs_f64();
    assert!(gap(at(0, 0, "finishedAt"), at(1, 0, "startedAt")) >= 0.29);
    assert!(gap(at(1, 0, "startedAt"), at(2, 0, "finishedAt")) > 0.0, "side by side");
    // A run begins some time after its step, when it is planned again: on a busy machine later than the next.
    assert!(gap(at(3, 0, "startedAt"), at(3, 1, "startedAt")) >= 2.0);
    assert!(gap(at(3, 1, "finishedAt"), at(4, 0, "startedAt")) >= 0.0);
    let held = document["steps"][5]["runs"][0]["targets"][0]["heldSeconds"]
        .as_f64()
        .unwrap();
    assert!((0.25..5.0).contains(&held), "{held}");
    assert_eq!(document.get("verdict"), None);
    day.is_clean(&["web-1", "web-2", "web-3"]);
}

#[test]
fn a_step_finds_its_vm_where_it_is_by_then() {
    let day = Day::new(
        "
  steps:
    - {name: move, migrate: {vms: [web-1]}}
    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 500ms}}
",
    );
    let document = day.document(&[], 0);
    let moved = document["steps"][0]["runs"][0]["migrations"][0]["to"].as_str().unwrap();
    assert_eq!(document["steps"][1]["runs"][0]["targets"][0]["node"], moved);
}

#[test]
fn a_step_that_fails_ends_the_game_day() {
    let day = Day::new(
        "
  steps:
    - name: both
      parallel:
        - {name: slow, netem: {vms: [web-2], latency: 10ms, duration: 1h}}
        - name: late
          serial: [{wait: 3s}, {name: cut, filter: {vms: [web-1], preset: dns, duration: 1s}}]
    - {name: never, netem: {vms: [web-3], latency: 10ms}}
",
    );
    let mut running = day.spawn(&["--yes", "-o", "json"]);
    running.wait_for("slow  default/web-2  injected");
    // It is gone before its turn.
    for kind in ["VirtualMachine", "VirtualMachineInstance"] {
        day.rehearsal.practice.remove(kind, "default", "web-1");
    }
    let ended = running
        .end()
        .expect(1)
        .says(&["step cut went wrong: everything is rolled back", "not found"]);
    let document = ended.json();
    let all: Vec<_> = outcomes(&document);
    assert_eq!(all[0].1, ["interrupted"]);
    assert_eq!(all[1].1, ["refused"]);
    assert_eq!(all[2].1, Vec::<String>::new());
    day.is_clean(&["web-1", "web-2", "web-3"]);
}

#[test]
fn without_yes_off_a_terminal_nothing_is_done() {
    let day = Day::new("\n  steps:\n    - {netem: {vms: [web-1], latency: 10ms, duration: 1s}}\n");
    day.run(&[]).expect(4).says(&["--yes"]);
    day.run(&["--yes=elsewhere"]).expect(4).says(&["names another context"]);
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}
