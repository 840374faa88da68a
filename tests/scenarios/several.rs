//! Several VMs: chosen by labels, hit at once or one after the other.

use serde_json::json;

use super::backend::Backend;

const SEVERAL: [&str; 9] = [
    "netem",
    "web-1",
    "web-3",
    "--bandwidth",
    "4Mbit",
    "--duration",
    "2s",
    "-o",
    "json",
];

#[test]
fn two_vms_are_hit_at_once_or_one_after_the_other() {
    let backend = Backend::new();
    // They may be half of their namespace, whose number would have to be typed.
    let yes = format!("--yes={}", backend.context());
    for execution in ["parallel", "serial"] {
        let args = [&SEVERAL[..], &["--execution", execution, &yes]].concat();
        let document = backend.run(&args).expect(0).json();
        let targets = document["targets"].as_array().unwrap();
        let names: Vec<_> = targets.iter().map(|target| &target["name"]).collect();
        assert_eq!(names, ["web-1", "web-3"], "{execution}");
        assert!(
            targets.iter().all(|target| target["state"] == "restored"),
            "{execution}: {document}"
        );
        let time = |target: usize, field: &str| targets[target][field].as_str().unwrap().to_owned();
        let overlap = time(1, "injectedAt") < time(0, "restoredAt");
        assert_eq!(overlap, execution == "parallel", "{document}");
        assert_eq!(backend.qdiscs("web-3"), Vec::<String>::new());
        backend.assert_clean();
    }
}

#[test]
fn labels_choose_and_a_seed_draws_the_same_again() {
    let backend = Backend::new();
    let drawn = |seed: &str| {
        let args = [
            "netem",
            "-l",
            "app=web",
            "--count",
            "1",
            "--seed",
            seed,
            "--bandwidth",
            "4Mbit",
            "--dry-run",
            "-o",
            "json",
        ];
        backend.run(&args).expect(0).json()["targets"][0]["name"].clone()
    };
    let names: Vec<_> = ["1", "2", "3", "4", "5", "6"].map(drawn).into();
    assert!(
        names
            .iter()
            .all(|name| [json!("web-1"), json!("web-2"), json!("web-3")].contains(name)),
        "{names:?}"
    );
    assert_eq!(names, Vec::from(["1", "2", "3", "4", "5", "6"].map(drawn)));
}
