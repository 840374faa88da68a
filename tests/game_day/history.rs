//! Runs are kept, and can be looked at and run again.

use std::os::unix::fs::PermissionsExt as _;

use super::Day;

#[test]
fn what_did_something_is_kept_and_listed() {
    let day = Day::new("\n  steps:\n    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 300ms}}\n");
    let run = |args: &[&str]| day.rehearsal.run(args);
    run(&["history"]).expect(0).says(&["No runs are kept yet."]);
    let netem = run(&[
        "netem",
        "web-1",
        "--latency",
        "10ms",
        "--duration",
        "300ms",
        "-y",
        "-o",
        "json",
    ])
    .expect(0)
    .json();
    run(&["netem", "web-1", "--latency", "10ms", "--dry-run"]).expect(0);
    run(&["netem", "no-such", "--latency", "10ms", "-y"]).expect(4);
    let document = day.document(&[], 0);
    let list = run(&["history", "-o", "json"]).expect(0).json();
    let items = list["items"].as_array().unwrap();
    let what: Vec<&str> = items.iter().map(|item| item["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["game day day", "netem"]);
    assert_eq!((&items[0]["id"], &items[1]["id"]), (&document["id"], &netem["id"]));
    let table = run(&["history"]).expect(0).out;
    assert!(table.starts_with("RUN ") && table.contains("completed"), "{table}");
    let id = netem["id"].as_str().unwrap();
    assert_eq!(run(&["history", id, "-o", "json"]).expect(0).json(), netem);
    run(&["history", "nosuch"]).expect(4).says(&["there is no run nosuch"]);
    let again = run(&["netem", "--replay", id, "-y", "-o", "json"]).expect(0).json();
    assert_eq!(again["targets"][0]["name"], "web-1");
    let day_id = document["id"].as_str().unwrap();
    run(&["netem", "--replay", day_id])
        .expect(4)
        .says(&["cannot be run again"]);
}

#[test]
fn only_the_user_may_read_what_is_kept_and_the_oldest_is_forgotten() {
    let day = Day::new("\n  steps:\n    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 300ms}}\n");
    let home = day
        .rehearsal
        .configure("{}")
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let folder = home.join(".local/state/kubectl-vmchaos/runs");
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..205 {
        std::fs::write(folder.join(format!("20200101T000000{n:03}-old{n}.json")), "{}").unwrap();
    }
    let other = folder.join("notes.txt");
    std::fs::write(&other, "mine").unwrap();
    day.document(&[], 0);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "notes.txt")
        .collect();
    names.sort();
    assert_eq!((names.len(), names[0].as_str()), (200, "20200101T000000006-old6.json"));
    let newest = folder.join(names.last().unwrap());
    assert_eq!(newest.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(other.exists());
}
