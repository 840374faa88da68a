//! Dry runs show the whole schedule and write nothing.

use super::{cluster, made};

const ROUNDS: [&str; 10] = [
    "migrate",
    "--target",
    "web-.",
    "--rounds",
    "40",
    "--parallel",
    "2",
    "--seed",
    "7",
    "--dry-run",
];

#[test]
fn the_whole_schedule_is_shown_and_is_the_same_for_the_same_seed() {
    let rehearsal = cluster();
    let ended = rehearsal.run(&ROUNDS).expect(0).says(&[
        "migrate: 40 rounds, 120s to 600s between rounds",
        "3 of 3 match, drawn with --seed 7",
        "2 at a time, cancelled after 300s",
        "round 1: default/web-",
        "round 40: after ",
        "nothing was changed (dry run)",
    ]);
    assert_eq!(ended.out, "", "the plan is for people");
    let rounds = |text: &str| -> Vec<String> {
        let rounds = text.lines().filter(|line| line.trim_start().starts_with("round "));
        rounds.map(str::to_owned).collect()
    };
    assert_eq!(rounds(&ended.err).len(), 40);
    let pool: Vec<&str> = ended
        .err
        .lines()
        .filter(|line| line.contains("node-1, node-2"))
        .collect();
    assert_eq!(
        pool.len(),
        1,
        "web-3 is on node-3 and could go to the others:\n{}",
        ended.err
    );
    let again = rehearsal.run(&ROUNDS).expect(0);
    assert_eq!(rounds(&again.err), rounds(&ended.err));
    let writes = rehearsal.practice.requests();
    let writes = writes
        .iter()
        .filter(|request| request.method != "GET" && !request.path.contains("/selfsubject"));
    assert_eq!(writes.count(), 0);
}

#[test]
fn a_run_without_an_end_shows_how_it_begins() {
    let rehearsal = cluster();
    let endless = ["migrate", "--target", "web-.", "--rounds", "0", "--dry-run"];
    rehearsal
        .run(&endless)
        .expect(0)
        .says(&["migrate: until interrupted", "round 20: after ", "and so on"]);
    let timed = [
        "migrate",
        "--target",
        "web-.",
        "--duration",
        "10m",
        "--interval-min",
        "4m",
        "--interval-max",
        "4m",
        "--dry-run",
    ];
    let ended = rehearsal
        .run(&timed)
        .expect(0)
        .says(&["round 3: after 240s", "and no more: the time is over"]);
    assert!(!ended.err.contains("round 4"), "{}", ended.err);
    let many = [
        "--duration",
        "50m",
        "--interval-min",
        "30s",
        "--interval-max",
        "30s",
        "--dry-run",
    ];
    let ended = rehearsal
        .run(&[&["migrate", "--target", "web-."][..], &many].concat())
        .expect(0);
    ended.says(&["round 101: after 30s", "and no more: the time is over"]);
}

#[test]
fn as_json_it_has_every_round() {
    let rehearsal = cluster();
    let document = rehearsal.run(&[&ROUNDS[..], &["-o", "json"]].concat()).expect(0).json();
    assert_eq!(
        (&document["dryRun"], &document["exitCode"]),
        (&"client".into(), &0.into())
    );
    assert_eq!(document["seed"], 7);
    let schedule = document["schedule"].as_array().unwrap();
    assert_eq!(schedule.len(), 40);
    for (place, round) in schedule.iter().enumerate() {
        assert_eq!(round["round"], place + 1);
        assert_eq!(round["vmis"].as_array().unwrap().len(), 2);
        let after = round["afterSeconds"].as_f64().unwrap();
        let bounds = if place == 0 { 0.0..=0.0 } else { 120.0..=600.0 };
        assert!(bounds.contains(&after), "{round}");
    }
    assert_eq!(
        document["targets"][0]["candidates"],
        serde_json::json!(["node-2", "node-3"])
    );
    assert_eq!(document["targets"][0]["node"], "node-1");
}

#[test]
fn a_server_dry_run_asks_about_every_vm_and_makes_none() {
    let rehearsal = cluster();
    let args = ["migrate", "--target", "web-.", "--dry-run=server", "-y"];
    rehearsal
        .run(&args)
        .expect(0)
        .says(&["nothing was changed (server dry run)"]);
    let asked: Vec<_> = rehearsal
        .practice
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST" && request.path.ends_with("/virtualmachineinstancemigrations"))
        .collect();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.query.contains("dryRun=All")));
    assert_eq!(made(&rehearsal), Vec::<String>::new());
    rehearsal.practice.webhook_deny(
        "policy.example",
        "virtualmachineinstancemigrations",
        "*",
        "not on Fridays",
    );
    rehearsal
        .run(&args)
        .expect(4)
        .says(&["default/web-1: ", "not on Fridays"]);
}

/// The settings of README's table, and what they come to.
#[test]
fn virtworks_settings_are_flags() {
    let readme = include_str!("../../README.md");
    let table = readme.split("| setting there | here |").nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let cells = table
        .lines()
        .filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | "));
    let flags = cells.flat_map(|(_, here)| here.split('`').skip(1).step_by(2).map(str::to_owned));
    // Of the two selectors the one that has both settings.
    let flags: Vec<String> = flags
        .filter(|flag| flag != "-l app.kubernetes.io/managed-by=virtwork")
        .collect();
    let rehearsal = cluster();
    for vm in ["web-1", "web-2", "web-3"] {
        let component = if vm == "web-3" { "chaos-migration" } else { "database" };
        let labels =
            serde_json::json!({"app.kubernetes.io/managed-by": "virtwork", "app.kubernetes.io/component": component});
        let is_there = rehearsal.practice.edit("VirtualMachineInstance", "default", vm, |vmi| {
            for (name, value) in labels.as_object().unwrap() {
                vmi["metadata"]["labels"][name] = value.clone();
            }
        });
        assert!(is_there, "{vm}");
    }
    let line = format!("migrate {}", flags.join(" "));
    let args = shell_words(&line);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = rehearsal.run(&args).expect(0).says(&[
        "migrate: until interrupted, 120s to 600s between rounds",
        "2 of 2 match",
        "1 at a time, cancelled after 300s",
        "default/web-1",
        "nothing was changed (dry run)",
    ]);
    assert!(!ended.err.contains("web-3"), "{}", ended.err);
}

/// Words of a line; what is between single quotes is one.
fn shell_words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}
