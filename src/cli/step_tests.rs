use super::*;
use crate::faults::registry::FAULTS;
use crate::gameday::file::yaml::Path;

fn fault(command: &'static str, settings: &[(&str, &str)]) -> FaultStep {
    let setting = |(key, value): &(&str, &str)| Setting {
        key: (*key).to_owned(),
        path: Path::default(),
        values: value.split('|').map(str::to_owned).collect(),
    };
    FaultStep {
        command,
        settings: settings.iter().map(setting).collect(),
    }
}

fn ok(command: &'static str, settings: &[(&str, &str)]) -> StepRequest {
    step(&fault(command, settings), &ForAllSteps::default()).unwrap()
}

fn wrong(command: &'static str, settings: &[(&str, &str)]) -> Vec<String> {
    let wrong = step(&fault(command, settings), &ForAllSteps::default()).unwrap_err();
    wrong.into_iter().map(|wrong| wrong.message).collect()
}

#[test]
fn keys_are_the_flags_and_values_are_read_as_theirs() {
    let step = ok(
        "netem",
        &[
            ("vms", "web-1|shop/db-1"),
            ("latency", "100ms"),
            ("onMigration", "stop"),
            ("ingress", "false"),
        ],
    );
    let FaultRequest::Netem(request) = step.request else {
        panic!("no netem")
    };
    assert_eq!(request.wanted.selection.names.len(), 2);
    assert_eq!(request.fault.spec.fault.to_string(), "latency 100ms");
    assert_eq!(
        step.recorded,
        [
            "netem",
            "--seed",
            "0",
            "--latency",
            "100ms",
            "--ingress",
            "false",
            "--on-migration",
            "stop"
        ]
    );
}

#[test]
fn every_key_of_every_fault_is_known_and_every_flag_is_a_key() {
    for kind in FAULTS {
        let keys = step_keys(kind.command);
        assert!(keys.flags.len() > 8, "{keys:?}");
        for flag in &keys.flags {
            let told = step(&fault(kind.command, &[(&flag.key, "")]), &ForAllSteps::default());
            let unknown = told
                .err()
                .into_iter()
                .flatten()
                .any(|wrong| wrong.message.contains("unknown key"));
            assert!(!unknown, "{}: {}", kind.command, flag.key);
        }
        for never in [
            "yes",
            "dryRun",
            "report",
            "replay",
            "context",
            "image",
            "detach",
            "podNamespace",
            "help",
        ] {
            assert!(
                !keys.flags.iter().any(|flag| flag.key == never),
                "{}: {never}",
                kind.command
            );
        }
    }
}

#[test]
fn all_that_is_wrong_with_a_step_is_said() {
    assert_eq!(
        wrong(
            "netem",
            &[("latencyy", "1s"), ("loss", "200%"), ("all", "x"), ("latency", "1s|2s")]
        ),
        [
            "unknown key `latencyy`; there is `latency`",
            "invalid value '200%': more than 100%; try `100%`",
            "must be true or false",
            "takes one value, and is a list"
        ]
    );
    let none = wrong("netem", &[("vms", "web-1")]);
    assert!(none[0].contains("--latency"), "{none:?}");
    assert_eq!(
        wrong("netem", &[("detach", "true")]),
        ["a game day stays with its faults"]
    );
}

#[test]
fn what_runs_privileged_is_never_taken_from_a_file() {
    let step = ok("netem", &[("vms", "a"), ("loss", "1%"), ("image", "evil:1")]);
    assert!(
        step.remarks[0].starts_with("image evil:1 is not used"),
        "{:?}",
        step.remarks
    );
    assert!(!step.recorded.join(" ").contains("evil"));
    assert!(wrong("netem", &[("podNamespace", "x")])[0].contains("--pod-namespace"));
}

#[test]
fn what_is_said_for_all_steps_stands_above_the_file() {
    let all = ForAllSteps {
        namespace: Some("shop".into()),
        seed: 7,
        reason: Some("why".into()),
        pods: vec![
            ("image".into(), vec!["--image".into(), "mine:1".into()]),
            (
                "service-account".into(),
                vec!["--service-account".into(), "mine".into()],
            ),
        ],
    };
    let settings = [("vms", "a"), ("loss", "1%"), ("serviceAccount", "theirs")];
    let netem = step(&fault("netem", &settings), &all).unwrap();
    let line = netem.recorded.join(" ");
    assert!(
        line.contains("--image mine:1") && line.contains("--service-account mine"),
        "{line}"
    );
    assert!(line.contains("--seed 7") && !line.contains("theirs"), "{line}");
    // A migration has no debug pods.
    assert!(step(&fault("migrate", &[("vms", "a")]), &all).is_ok());
    let other = step(&fault("migrate", &[("vms", "a"), ("namespace", "db")]), &all).unwrap_err();
    assert_eq!(other[0].message, "is db, and -n says shop");
}
