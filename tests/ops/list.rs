//! `list`: which VMIs there are, what they can take and why not.

use serde_json::json;

use crate::support::Rehearsal;

#[test]
fn every_form_says_what_a_vmi_can_take_and_why_not() {
    let rehearsal = Rehearsal::new();
    let table = rehearsal.run(&["list"]).expect(0).out;
    let header = table.lines().next().unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        [
            "NAMESPACE",
            "NAME",
            "PHASE",
            "NODE",
            "IP",
            "AGE",
            "BINDINGS",
            "FAULTS",
            "WHY-NOT"
        ]
    );
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("default     web-1") && line.contains("netem")),
        "{table}"
    );

    let wide = rehearsal.run(&["list", "-A", "-o", "wide"]).expect(0).out;
    assert!(
        wide.contains("default=tap0 (masquerade)") && wide.contains("virt-launcher-web-1-"),
        "{wide}"
    );

    let document = rehearsal.run(&["list", "-A", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&document["apiVersion"], &document["kind"]),
        (&json!("vmchaos.dev/v1alpha1"), &json!("VMITargetList"))
    );
    let item = |name: &str| {
        document["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["name"] == name)
            .unwrap()
    };
    assert_eq!(item("web-1")["faults"]["netem"], json!({"able": true}));
    assert_eq!(
        item("paused-1")["faults"]["netem"],
        json!({"able": false, "reason": "is paused"})
    );
    assert_eq!(
        item("paused-1")["interfaces"][0]["device"],
        "tap0",
        "it is looked into all the same"
    );
    let why = item("vf-1")["faults"]["netem"]["reason"].as_str().unwrap();
    assert!(why.contains("SR-IOV"), "{why}");

    let yaml = rehearsal.run(&["list", "-o", "yaml"]).expect(0).out;
    assert!(
        yaml.starts_with("apiVersion: vmchaos.dev/v1alpha1\nkind: VMITargetList\n"),
        "{yaml}"
    );
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn names_can_be_given_back() {
    let rehearsal = Rehearsal::new();
    let names = rehearsal.run(&["list", "-n", "shop", "-o", "name"]).expect(0).out;
    let names: Vec<&str> = names.lines().collect();
    assert!(
        names.contains(&"virtualmachineinstance.kubevirt.io/shop-web-1/shop"),
        "{names:?}"
    );
    let again = rehearsal
        .run(&[&["list", "-o", "name"], &names[..]].concat())
        .expect(0)
        .out;
    assert_eq!(again.lines().collect::<Vec<_>>(), names);
}

#[test]
fn an_empty_list_is_no_error_and_a_missing_name_is_one() {
    let rehearsal = Rehearsal::new();
    let empty = rehearsal.run(&["list", "-n", "kubevirt"]).expect(0);
    assert_eq!(
        (empty.out.as_str(), empty.err.as_str()),
        ("", "No resources found in kubevirt namespace.")
    );
    let empty = rehearsal.run(&["list", "-A", "--target", "nothing"]).expect(0);
    assert_eq!((empty.out.as_str(), empty.err.as_str()), ("", "No resources found"));
    let empty = rehearsal.run(&["list", "-n", "kubevirt", "-o", "json"]).expect(0);
    assert_eq!(empty.json()["items"], json!([]));

    let missing = rehearsal.run(&["list", "web-1", "web-9"]).expect(4);
    assert!(missing.out.contains("web-1"), "what is there is shown");
    assert!(
        missing
            .err
            .contains("virtualmachineinstances.kubevirt.io \"web-9\" not found"),
        "{}",
        missing.err
    );
}

#[test]
fn the_hint_where_nothing_may_be_listed_checks_for_the_command_that_was_run() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachineinstances", "", "*");
    for (args, check) in [
        ("netem --latency 100ms", "check netem"),
        ("filter --ports 53", "check filter"),
        ("migrate", "check migrate"),
        ("outage --mode delete", "check outage"),
        ("list", "check"),
    ] {
        let mut args: Vec<&str> = args.split(' ').chain(["-n", "default"]).collect();
        if args[0] != "list" {
            args.extend(["--target", "web-.*", "--all", "--dry-run"]);
        }
        let refused = rehearsal.run(&args).expect(4);
        let hint = refused.err.split("the rules that grant it: kubectl vmchaos ").nth(1);
        let hint = hint.unwrap_or_else(|| panic!("{args:?}: {}", refused.err));
        assert_eq!(hint.split(" --").next().unwrap().trim(), check, "{}", refused.err);
    }
}

#[test]
fn what_is_behind_an_error_is_told_with_v_and_each_of_it_once() {
    let rehearsal = Rehearsal::new();
    let nowhere = ["--server", "https://127.0.0.1:1"];
    let behind = "Connection refused (os error 111)";
    for (args, code) in [(&["list"][..], 1), (&["check"], 1)] {
        let quiet = rehearsal.run(&[args, &nowhere].concat()).expect(code);
        assert!(!quiet.err.contains(behind), "{}", quiet.err);
        let told = rehearsal.run(&[args, &nowhere, &["-v", "1"]].concat()).expect(code);
        let why: Vec<&str> = told.err.lines().filter(|line| line.contains("why")).collect();
        assert!(why.len() > 1 && why.last().unwrap().contains(behind), "{}", told.err);
        let sentence = "was refused - did you specify";
        assert!(!why.iter().any(|line| line.contains(sentence)), "{}", told.err);
        assert_eq!(told.err.matches(behind).count(), 1, "{}", told.err);
    }
}

#[test]
fn what_may_not_be_listed_is_refused_with_a_way_out() {
    let rehearsal = Rehearsal::new();
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachineinstances", "", "shop");
    let refused = rehearsal.run(&["list", "-A"]).expect(4);
    assert!(
        refused.err.contains("forbidden") && refused.err.contains("-n NAMESPACE"),
        "{}",
        refused.err
    );
    rehearsal.run(&["list"]).expect(0);
}
