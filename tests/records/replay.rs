//! A recorded run is run again: the same fault, the same VMs, the same server.

use serde_json::json;

use super::{Folder, quick, vmis, with};

const DRAWN: [&str; 10] = [
    "netem",
    "-l",
    "app=web",
    "--count",
    "2",
    "--latency",
    "20ms",
    "--duration",
    "1s",
    "-y",
];

#[test]
fn the_same_is_done_to_the_same_vms() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let (json, lines) = (folder.path("r.json"), folder.path("r.jsonl"));
    let more = [
        "--execution",
        "parallel",
        "--egress",
        "false",
        "--report",
        &json,
        "--report",
        &lines,
    ];
    let first = rehearsal.run(&with(&DRAWN, &more)).expect(0);
    drop(first);
    let first = folder.json("r.json");
    for file in [&json, &lines] {
        let again = rehearsal
            .run(&["netem", "--replay", file, "-y", "-o", "json"])
            .expect(0)
            .json();
        assert_eq!((vmis(&again), &again["fault"]), (vmis(&first), &first["fault"]));
        assert_ne!(again["id"], first["id"]);
        assert_eq!(again["command"], first["command"]);
    }
}

#[test]
fn a_run_that_died_can_be_run_again_from_its_lines() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let file = folder.path("r.jsonl");
    let mut run = rehearsal.spawn(&[
        "filter",
        "web-1",
        "--ports",
        "53",
        "--duration",
        "10m",
        "-y",
        "--report",
        &file,
    ]);
    run.wait_for("injected");
    run.signal("KILL");
    run.end();
    // Until then its rules are on the VM, and a second filter is refused.
    rehearsal.until_pods_ended();
    let ended = rehearsal
        .run(&["filter", "--replay", &file, "--dry-run", "-o", "json"])
        .expect(0);
    assert_eq!(
        (ended.target()["name"].as_str(), &ended.json()["fault"]["ports"]),
        (Some("web-1"), &json!("53"))
    );
}

#[test]
fn a_schedule_is_the_same_again() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let file = folder.path("r.json");
    let args = [
        "migrate",
        "--target",
        ".*",
        "--rounds",
        "4",
        "--dry-run",
        "--report",
        &file,
    ];
    rehearsal.run(&args).expect(0);
    let again = rehearsal
        .run(&["migrate", "--replay", &file, "--dry-run", "-o", "json"])
        .expect(0);
    assert_eq!(again.json()["schedule"], folder.json("r.json")["schedule"]);
}

#[test]
fn an_outage_asks_for_its_own_yes() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let file = folder.path("r.json");
    let outage = [
        "outage",
        "web-1",
        "--mode",
        "pod",
        "--yes=vmchaos-rehearsal",
        "--report",
        &file,
    ];
    rehearsal.run(&outage).expect(0);
    rehearsal
        .run(&["outage", "--replay", &file])
        .expect(4)
        .says(&["refusing to go on"]);
    rehearsal
        .run(&["outage", "--replay", &file, "--yes=vmchaos-rehearsal"])
        .expect(0);
}

#[test]
fn another_server_than_the_recorded_one_is_refused() {
    let (rehearsal, other, folder) = (quick(), quick(), Folder::new());
    let file = folder.path("r.json");
    rehearsal.run(&with(&DRAWN, &["--report", &file])).expect(0);
    let ended = other.run(&["netem", "--replay", &file, "-y", "-o", "json"]).expect(4);
    assert_eq!(ended.json()["error"]["reason"], "other-server");
    ended.says(&[rehearsal.practice.url(), other.practice.url()]);
    assert_eq!(other.practice.requests().len(), 0);
}

#[test]
fn what_else_says_what_is_done_is_wrong_beside_it() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let file = folder.path("r.json");
    rehearsal
        .run(&with(&DRAWN, &["--dry-run", "--report", &file]))
        .expect(0);
    rehearsal.practice.clear_requests();
    for more in [
        &["--latency", "5ms"][..],
        &["web-1"],
        &["-l", "a=b"],
        &["--duration", "5s"],
        &["--all"],
    ] {
        let ended = rehearsal.run(&with(&["netem", "--replay", &file], more)).expect(2);
        ended.says(&["and --replay do not go together"]);
    }
    let other = rehearsal.run(&["filter", "--replay", &file]).expect(2);
    other.says(&[
        "is the record of another command: netem",
        "kubectl vmchaos netem --replay",
    ]);
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn a_file_that_is_no_record_is_refused() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let file = folder.path("r.json");
    let record = |command: serde_json::Value| json!({"kind": "Run", "command": command}).to_string();
    for (text, says) in [
        (String::new(), "it holds no run"),
        ("{}".to_owned(), "it holds no run"),
        ("\u{0}\u{ff}[".to_owned(), "it holds no run"),
        (record(json!([])), "it names no command"),
        (
            record(json!(["netem", "web-1", "--latency", "5ms", "-y"])),
            "says more than",
        ),
        (
            record(json!(["netem", "web-1", "--latency", "5ms", "--context", "x"])),
            "says more than",
        ),
        (
            record(json!(["netem", "web-1", "--latency", "5ms", "--report", "x.md"])),
            "says more than",
        ),
        (
            record(json!(["netem", "web-1", "--no-such-flag"])),
            "cannot be run again",
        ),
        (
            record(json!(["netem", "web-1", "--replay", "x.json"])),
            "cannot be run again",
        ),
    ] {
        std::fs::write(&file, &text).unwrap();
        rehearsal
            .run(&["netem", "--replay", &file, "-y"])
            .expect(4)
            .says(&[says]);
    }
    rehearsal
        .run(&["netem", "--replay", "/no/such.json"])
        .expect(4)
        .says(&["cannot be read"]);
    assert_eq!(rehearsal.practice.requests().len(), 0);
}
