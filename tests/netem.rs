//! `netem` from the command line to the "kernel" and back, against the practice cluster.

mod support;

use support::Rehearsal;

/// A fault of a second, without a question.
const SHORT: [&str; 6] = ["netem", "web-1", "--latency", "20ms", "--duration", "1s"];
/// A fault that outlasts every test.
const LONG: [&str; 7] = ["netem", "web-1", "--latency", "20ms", "--duration", "10m", "-y"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

#[test]
fn the_fault_is_there_while_it_holds_and_gone_when_the_command_ends() {
    let rehearsal = Rehearsal::new();
    let mut run = rehearsal.spawn(&with(&SHORT, &["-y", "-o", "json"]));
    run.wait_for("injected");
    let ours = rehearsal.ours("default", "web-1");
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours.iter().all(|line| line.contains("delay 20ms")), "{ours:?}");
    let ended = run.end().expect(0);
    assert_eq!(rehearsal.ours("default", "web-1"), Vec::<String>::new());
    assert_eq!(rehearsal.debug_pods(), []);
    let document = ended.json();
    let target = &document["targets"][0];
    assert_eq!(target["state"], "restored");
    assert_eq!(target["endedBy"], "deadline");
    assert_eq!(target["verified"].as_array().unwrap().len(), 2);
    assert!(target["heldSeconds"].as_f64().unwrap() >= 1.0);
    assert_eq!(document["summary"]["ok"], 1);
    assert_eq!(rehearsal.events("web-1"), ["VMChaosInjected", "VMChaosRestored"]);
}
