//! The config file: where it is, what is refused in it, what it may loosen.

use super::{FAULTS, with};
use crate::support::Rehearsal;

#[test]
fn a_key_that_nobody_knows_is_refused_before_anything_is_asked() {
    let rehearsal = Rehearsal::new();
    let file = rehearsal.configure("typedCount: 10\nmaximumduration: 4h\n");
    for fault in FAULTS {
        let ended = rehearsal.run(&with(fault, &["web-1", "--dry-run"])).expect(4);
        let file = file.display().to_string();
        ended.says(&[&file, "line 2", "maximumduration", "hint:"]);
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn what_is_wrong_with_a_value_is_told_by_its_line() {
    let rehearsal = Rehearsal::new();
    let cases = [
        (
            "protectedNamespaces:\n- kube-*\n- '('\n",
            "line 3",
            "regular expression",
        ),
        ("maximumDuration: 4 hours\n", "line 1", "4 hours"),
        ("ceilings:\n  perRun: many\n", "line 2", "many"),
        ("ceilings:\n  perCluster: 3\n", "line 2", "perCluster"),
        ("typedShare: 50\n", "line 1", "50%"),
        ("typedCount: [\n", "line", "config.yaml"),
    ];
    for (text, line, what) in cases {
        rehearsal.configure(text);
        let ended = rehearsal.run(&with(FAULTS[0], &["web-1", "--dry-run"])).expect(4);
        ended.says(&[line, what]);
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn the_document_of_a_refused_config_says_why() {
    let rehearsal = Rehearsal::new();
    rehearsal.configure("nonsense: true\n");
    let document = rehearsal
        .run(&with(FAULTS[0], &["web-1", "-o", "json"]))
        .expect(4)
        .json();
    assert_eq!(document["error"]["reason"], "config-file");
    assert_eq!(document["outcome"], "refused");
}

#[test]
fn a_file_that_cannot_be_read_is_refused_and_a_missing_or_empty_one_is_not() {
    let rehearsal = Rehearsal::new();
    let dry = with(FAULTS[0], &["web-1", "--dry-run"]);
    rehearsal.run(&dry).expect(0);
    let file = rehearsal.configure("# nothing yet\n");
    rehearsal.run(&dry).expect(0);
    std::fs::write(&file, b"\xff\xfe").unwrap();
    rehearsal.run(&dry).expect(4).says(&["cannot be read"]);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    rehearsal.run(&dry).expect(4).says(&["cannot be read"]);
}

#[test]
fn the_folder_is_that_of_xdg() {
    let rehearsal = Rehearsal::new();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("kubectl-vmchaos")).unwrap();
    std::fs::write(
        elsewhere.path().join("kubectl-vmchaos/config.yaml"),
        "maximumDuration: 1s\n",
    )
    .unwrap();
    let dry = ["netem", "web-1", "--latency", "20ms", "--dry-run", "--duration", "2s"];
    rehearsal.run(&dry).expect(0);
    let mut command = rehearsal.command(&dry);
    command.env("XDG_CONFIG_HOME", elsewhere.path());
    crate::support::Running::start(command)
        .end()
        .expect(4)
        .says(&["maximumDuration"]);
}

#[test]
fn an_hour_is_the_longest_unless_the_file_says_otherwise() {
    let rehearsal = Rehearsal::new();
    let faults: [&[&str]; 4] = [
        &["netem", "--latency", "20ms"],
        &["filter", "--ports", "53"],
        &["migrate"],
        &["outage", "--mode", "pause"],
    ];
    for fault in faults {
        let dry = |duration| rehearsal.run(&with(fault, &["web-1", "--dry-run", "--duration", duration]));
        dry("1h").expect(0);
        dry("61m")
            .expect(4)
            .says(&["guard maximum-duration", "--duration", "config.yaml"]);
    }
    rehearsal.configure("maximumDuration: 4h\n");
    for fault in faults {
        let dry = |duration| rehearsal.run(&with(fault, &["web-1", "--dry-run", "--duration", duration]));
        dry("4h").expect(0);
        dry("241m").expect(4).says(&["guard maximum-duration"]);
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

/// The example in the README, which documents every key.
fn documented() -> String {
    let readme = include_str!("../../README.md");
    let section = readme.split("### Guards").nth(1).unwrap();
    let yaml = section.split("```yaml\n").nth(1).unwrap();
    yaml.split("```").next().unwrap().to_owned()
}

/// The keys that may stand beside one that nobody knows, by the words that refuse it.
fn known_keys(rehearsal: &Rehearsal, text: &str) -> Vec<String> {
    rehearsal.configure(text);
    let ended = rehearsal.run(&with(FAULTS[0], &["web-1", "--dry-run"])).expect(4);
    let after = ended.err.split("expected one of").nth(1).unwrap();
    let expected = after.split(" at line").next().unwrap();
    let words = expected.split(|character: char| !character.is_ascii_alphanumeric());
    let mut keys: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    keys.sort();
    keys
}

fn keys_of(value: &serde_json::Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn every_key_is_in_the_readme_and_none_that_is_not() {
    let rehearsal = Rehearsal::new();
    let example: serde_json::Value = serde_saphyr::from_str(&documented()).unwrap();
    assert_eq!(known_keys(&rehearsal, "nonsense: 1\n"), keys_of(&example));
    assert_eq!(
        known_keys(&rehearsal, "ceilings: {nonsense: 1}\n"),
        keys_of(&example["ceilings"])
    );
    rehearsal.configure(&documented());
    rehearsal.run(&with(FAULTS[0], &["web-1", "--dry-run"])).expect(0);
}
