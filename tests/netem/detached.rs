//! `--detach`: the command goes, the fault stays until its deadline.

use crate::support::Rehearsal;

const BASE: [&str; 6] = ["netem", "web-1", "--latency", "20ms", "-y", "--detach"];

#[test]
fn the_fault_stays_when_the_command_ends_and_goes_at_its_deadline() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal
        .run(&[&BASE[..], &["--duration", "12s", "-o", "json"]].concat())
        .expect(0);
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2, "still there");
    let document = ended.json();
    let target = &document["targets"][0];
    assert_eq!(target["state"], "detached");
    assert_eq!(target["verified"].as_array().unwrap().len(), 2);
    assert_eq!(target["restoredAt"], serde_json::Value::Null);
    let halt = format!("kubectl vmchaos halt {}", document["id"].as_str().unwrap());
    assert!(ended.err.contains(&halt), "{}", ended.err);
    rehearsal.until("the fault is gone", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
    rehearsal.until_pods_ended();
    assert_eq!(
        rehearsal.verdict(),
        Some(("restored".to_owned(), "deadline".to_owned())),
        "longer than 7 s of silence"
    );
}

#[test]
fn a_detached_fault_still_ends_with_its_pod() {
    let rehearsal = Rehearsal::new();
    rehearsal.run(&[&BASE[..], &["--duration", "10m"]].concat()).expect(0);
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);
    rehearsal.end_pods();
    rehearsal.until("the fault is gone", |rehearsal| {
        rehearsal.ours("default", "web-1").is_empty()
    });
}

#[test]
fn several_vms_are_detached_in_parallel_only() {
    let rehearsal = Rehearsal::new();
    let two = [
        "netem",
        "web-1",
        "web-2",
        "--latency",
        "20ms",
        "-y",
        "--detach",
        "--duration",
        "2s",
    ];
    rehearsal.run(&two).expect(4).says(&[
        "--detach cannot serve several VMs one after the other",
        "--execution parallel",
    ]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    rehearsal
        .run(&[&two[..], &["--execution", "parallel"]].concat())
        .expect(0);
    for vmi in ["web-1", "web-2"] {
        rehearsal.until("the fault is gone", |rehearsal| {
            rehearsal.ours("default", vmi).is_empty()
        });
    }
}

#[test]
fn a_fault_that_could_not_be_injected_is_not_detached() {
    let rehearsal = Rehearsal::new();
    let rule = [
        "qdisc", "add", "dev", "tap0", "root", "handle", "1:", "netem", "limit", "1000", "delay", "5ms",
    ];
    rehearsal.practice.tc("default", "web-1", &rule).unwrap();
    rehearsal
        .run(&[&BASE[..], &["--duration", "10m"]].concat())
        .expect(1)
        .says(&["tap0 already has a qdisc"]);
    assert_eq!(rehearsal.debug_pods(), []);
}
