//! Several VMs: how many, in what order, and what one's failure means for the others.

use std::collections::BTreeSet;

use serde_json::json;

use super::{YES, quick, strategy};

#[test]
fn a_kill_count_picks_distinct_vms() {
    let rehearsal = quick();
    let args = [
        "outage",
        "-l",
        "app=web",
        "--kill-count",
        "3",
        "--seed",
        "7",
        YES,
        "--execution",
        "parallel",
        "-o",
        "json",
    ];
    let document = rehearsal.run(&args).expect(0).json();
    let targets = document["targets"].as_array().unwrap();
    let names: BTreeSet<&str> = targets.iter().map(|target| target["name"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["web-1", "web-2", "web-3"]));
    assert_eq!(document["summary"]["ok"], 3);
}

#[test]
fn more_than_match_is_refused() {
    let rehearsal = quick();
    // Said of the flag that was typed.
    for flag in ["--count", "--kill-count"] {
        let ended = rehearsal.run(&["outage", "-l", "app=web", flag, "4", YES]).expect(4);
        ended.says(&[
            &format!("error: {flag} 4 is more than the 3 VMIs that match"),
            &format!("use {flag} 3 or --all"),
        ]);
        let one = rehearsal.run(&["outage", "-l", "app=mail", flag, "2", YES]).expect(4);
        one.says(&[&format!("error: {flag} 2 is more than the one VMI that matches")]);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn one_after_the_other_the_second_waits_for_the_first() {
    let rehearsal = quick();
    let document = rehearsal
        .run(&["outage", "web-1", "web-2", YES, "-o", "json"])
        .expect(0)
        .json();
    let times = |target: usize, field: &str| document["targets"][target][field].as_str().unwrap().to_owned();
    assert!(times(0, "restoredAt") <= times(1, "injectedAt"));
}

#[test]
fn the_first_that_fails_stops_a_serial_run() {
    let rehearsal = quick();
    strategy(&rehearsal, "default", "web-1", "Manual");
    let args = [
        "outage",
        "web-1",
        "web-2",
        YES,
        "--no-recover",
        "--duration",
        "1s",
        "-o",
        "json",
    ];
    let document = rehearsal.run(&args).expect(5).json();
    assert_eq!(document["targets"][1]["state"], "skipped");
    assert_eq!(
        (&document["summary"]["failed"], &document["summary"]["skipped"]),
        (&json!(1), &json!(1))
    );
}
