//! Which VMs a command line means.

use serde_json::Value;

use crate::support::Rehearsal;

/// `namespace/name` of the VMs that this would hit.
#[track_caller]
fn chosen(rehearsal: &Rehearsal, args: &[&str]) -> Vec<String> {
    let mut all = vec!["netem", "--latency", "20ms", "--dry-run", "-o", "json"];
    all.extend(args);
    let document = rehearsal.run(&all).expect(0).json();
    let key = |target: &Value| {
        format!(
            "{}/{}",
            target["namespace"].as_str().unwrap(),
            target["name"].as_str().unwrap()
        )
    };
    document["targets"].as_array().unwrap().iter().map(key).collect()
}

#[test]
fn a_name_is_one_vmi_and_never_a_prefix() {
    let rehearsal = Rehearsal::new();
    assert_eq!(
        chosen(&rehearsal, &["web-1", "vmi/web-1"]),
        ["default/web-1"],
        "doubles count once"
    );
    assert_eq!(
        chosen(&rehearsal, &["vm/web-2", "vmi/pay-1/payments"]),
        ["default/web-2", "payments/pay-1"]
    );
    assert_eq!(chosen(&rehearsal, &["pay-1", "-n", "payments"]), ["payments/pay-1"]);
    let ended = rehearsal.run(&["netem", "web", "--latency", "1ms", "-y"]).expect(4);
    assert!(ended.err.contains("\"web\" not found"), "{}", ended.err);
}

#[test]
fn one_of_what_matches_is_drawn_and_the_same_again_from_its_seed() {
    let rehearsal = Rehearsal::new();
    let args = [
        "netem",
        "--latency",
        "20ms",
        "--target",
        "web-.*",
        "--dry-run",
        "-o",
        "json",
    ];
    let ended = rehearsal
        .run(&args)
        .expect(0)
        .says(&["1 of 3 match, drawn with --seed "]);
    let document = ended.json();
    let seed = document["seed"].as_u64().unwrap().to_string();
    let name = document["targets"][0]["name"].as_str().unwrap();
    let again = chosen(&rehearsal, &["--target", "web-.*", "--seed", &seed]);
    assert_eq!(again, [format!("default/{name}")]);
    let mut drawn: Vec<String> = (1..=8)
        .flat_map(|seed| chosen(&rehearsal, &["--target", "web-.*", "--seed", &seed.to_string()]))
        .collect();
    drawn.sort();
    drawn.dedup();
    assert!(drawn.len() > 1, "eight seeds draw the same: {drawn:?}");
}

#[test]
fn more_than_match_are_all_that_match() {
    let rehearsal = Rehearsal::new();
    let all = ["default/web-1", "default/web-2", "default/web-3"];
    for count in [["--count", "99"], ["--count", "0"], ["--all", "--count=0"]] {
        assert_eq!(chosen(&rehearsal, &["--target", "web-.*", count[0], count[1]]), all);
    }
    let two = chosen(&rehearsal, &["--target", "web-.*", "--count", "2"]);
    assert!(two.len() == 2 && two[0] != two[1], "{two:?}");
}

#[test]
fn labels_regular_expressions_and_namespaces_are_taken_together() {
    let rehearsal = Rehearsal::new();
    let everywhere = ["-A", "-l", "app=web", "--all"];
    assert_eq!(
        chosen(&rehearsal, &everywhere),
        [
            "default/web-1",
            "default/web-2",
            "default/web-3",
            "shop/shop-web-1",
            "shop/shop-web-2"
        ]
    );
    assert_eq!(
        chosen(&rehearsal, &["-l", "app=web", "--all", "--exclude", ".*-[23]"]),
        ["default/web-1"]
    );
    assert_eq!(
        chosen(&rehearsal, &["--namespaces", "sh.*", "--target", ".*web.*", "--all"]),
        ["shop/shop-web-1", "shop/shop-web-2"]
    );
    let ended = rehearsal
        .run(&["netem", "--latency", "1ms", "--target", "web", "-y"])
        .expect(4);
    assert!(
        ended.err.contains("no VMI matches in namespace default"),
        "the whole name must match: {}",
        ended.err
    );
}

#[test]
fn what_matched_and_cannot_take_it_is_left_out_with_the_reason() {
    let rehearsal = Rehearsal::new();
    let args = [
        "netem",
        "--latency",
        "1ms",
        "-n",
        "lab",
        "--target",
        ".*",
        "--all",
        "--dry-run",
        "-o",
        "json",
    ];
    let ended = rehearsal.run(&args).expect(0).says(&[
        "left out: lab/paused-1 is paused",
        "left out: lab/starting-1 is not running (phase Scheduling)",
        "left out: lab/vf-1 has no interface a fault can be put on: uplink (sriov)",
        "left out: lab/passt-1 has no interface",
    ]);
    let names: Vec<_> = ended.json()["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["name"].clone())
        .collect();
    assert_eq!(names, ["lone-1", "pinned-1", "probe-1", "router-1"]);
}

#[test]
fn nothing_chosen_off_a_terminal_is_a_wrong_command_line() {
    let rehearsal = Rehearsal::new();
    for args in [&["-y"][..], &["-A", "-y"], &["--exclude", "db.*", "-y"]] {
        let all = [&["netem", "--latency", "1ms"], args].concat();
        let ended = rehearsal.run(&all).expect(2).says(&["no VMI chosen", "--target"]);
        assert_eq!(ended.out, "");
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn no_answer_to_the_question_off_a_terminal_is_a_refusal() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal
        .run(&["netem", "web-1", "--latency", "1ms", "-o", "json"])
        .expect(4)
        .says(&["--yes"]);
    assert_eq!(ended.json()["outcome"], "refused");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}
