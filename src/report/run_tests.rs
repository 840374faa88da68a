use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::problem::{Problem, Reason};
use crate::report::{Columns, EndedBy, Format, InterfaceReport, Move, RecoveredBy, Verified};

fn at(seconds: i64) -> Time {
    Time(jiff::Timestamp::new(1_795_435_384 + seconds, 250_000_000).unwrap())
}

fn run(fault: &'static str) -> RunReport {
    let columns = match fault {
        "migrate" => Columns::Migrations,
        "outage" => Columns::Recovery,
        _ => Columns::Packets,
    };
    let fault = AskedFault::new(fault, columns, &json!({"latency": "100ms"}));
    let reason = Some("game day".to_owned());
    let mut run = RunReport::new(
        "k3f9ab",
        "prod",
        Some("jane".into()),
        reason,
        Some(7),
        DryRun::None,
        fault,
    );
    run.started_at = at(0);
    run
}

/// Finished at a known time.
fn end(run: &mut RunReport, ending: Ending) -> u8 {
    let code = run.finish(ending);
    run.finished_at = Some(at(130));
    code.code()
}

fn restored(run: &mut RunReport, key: &str) {
    let target = run.target_mut(key);
    target.node = Some("node-1".into());
    target.interfaces = vec![InterfaceReport {
        network: "default".into(),
        device: "tap0".into(),
        binding: "masquerade".into(),
    }];
    target.state = Some(TargetState::Restored);
    target.ended_by = Some(EndedBy::Deadline);
    target.injected_at = Some(at(4));
    target.restored_at = Some(at(124));
    target.held_seconds = Some(Duration::from_millis(120_003).into());
    target.event_at(at(4), "injected");
    target.event_at(at(124), "restored");
    target.verified = ["tap0", "eth0"]
        .map(|device| Verified {
            device: device.into(),
            engine: "tc".into(),
            asked: "netem delay 100ms".into(),
            read: "netem delay 100ms limit 1000".into(),
            packets: Some(1200),
            dropped: Some(3),
            changed_by_others: None,
        })
        .into();
}

fn with_state(run: &mut RunReport, key: &str, state: TargetState, by: Option<EndedBy>) {
    let target = run.target_mut(key);
    target.state = Some(state);
    target.ended_by = by;
}

#[test]
fn the_document_has_the_fields_scripts_rely_on_and_no_others() {
    let mut run = run("netem");
    restored(&mut run, "default/web-1");
    run.target_mut("default/web-1").uid = Some("u-1".into());
    assert_eq!(end(&mut run, Ending::Ran), 0);
    let text = run.print(Format::Json).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let verified = |device: &str| {
        json!({"device": device, "engine": "tc", "asked": "netem delay 100ms", "read": "netem delay 100ms limit 1000",
            "packets": 1200, "dropped": 3})
    };
    assert_eq!(
        document,
        json!({
            "apiVersion": "vmchaos.dev/v1alpha1", "kind": "Run", "id": "k3f9ab", "context": "prod", "user": "jane",
            "reason": "game day", "seed": 7, "dryRun": "none", "exitCode": 0,
            "fault": {"type": "netem", "latency": "100ms"},
            "startedAt": "2026-11-23T12:03:04.250Z", "finishedAt": "2026-11-23T12:05:14.250Z", "outcome": "completed",
            "targets": [{
                "namespace": "default", "name": "web-1", "uid": "u-1", "node": "node-1",
                "interfaces": [{"network": "default", "device": "tap0", "binding": "masquerade"}],
                "state": "restored", "endedBy": "deadline",
                "injectedAt": "2026-11-23T12:03:08.250Z", "restoredAt": "2026-11-23T12:05:08.250Z", "heldSeconds": 120.003,
                "verified": [verified("tap0"), verified("eth0")],
                "timeline": [
                    {"at": "2026-11-23T12:03:08.250Z", "event": "injected"},
                    {"at": "2026-11-23T12:05:08.250Z", "event": "restored"},
                ],
                "error": null,
            }],
            "summary": {"targets": 1, "ok": 1, "failed": 0, "leaked": 0, "skipped": 0},
        })
    );
    let order = [
        "apiVersion",
        "kind",
        "id",
        "exitCode",
        "fault",
        "startedAt",
        "targets",
        "summary",
    ];
    let places: Vec<_> = order
        .iter()
        .map(|field| text.find(&format!("\n  \"{field}\"")).unwrap())
        .collect();
    assert!(places.is_sorted(), "fields stand where a reader looks for them: {text}");
}

#[test]
fn yaml_says_the_same_as_json() {
    let mut run = run("netem");
    restored(&mut run, "default/web-1");
    end(&mut run, Ending::Ran);
    let yaml: Value = serde_saphyr::from_str(&run.print(Format::Yaml).unwrap()).unwrap();
    let json: Value = serde_json::from_str(&run.print(Format::Json).unwrap()).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn every_word_of_the_document() {
    use EndedBy as E;
    use TargetState as S;
    let states = [
        S::Restored,
        S::Recovered,
        S::Migrated,
        S::Detached,
        S::Gone,
        S::Failed,
        S::Leaked,
        S::Skipped,
    ];
    assert_eq!(
        states.map(TargetState::word).join("|"),
        "restored|recovered|migrated|detached|gone|failed|leaked|skipped"
    );
    let ends = [
        E::Deadline,
        E::Operator,
        E::Signal,
        E::LostOperator,
        E::Migration,
        E::Cleanup,
        E::Gone,
        E::Error,
    ];
    assert_eq!(
        ends.map(EndedBy::word).join("|"),
        "deadline|operator|signal|lost-operator|migration|cleanup|gone|error"
    );
    let outcomes = [
        Outcome::Completed,
        Outcome::Interrupted,
        Outcome::Failed,
        Outcome::Refused,
        Outcome::Unrecovered,
        Outcome::Leaked,
    ];
    assert_eq!(
        outcomes.map(Outcome::word).join("|"),
        "completed|interrupted|failed|refused|unrecovered|leaked"
    );
    assert_eq!(
        [RecoveredBy::Platform, RecoveredBy::VmChaos]
            .map(RecoveredBy::word)
            .join("|"),
        "platform|vmchaos"
    );
}

#[test]
fn what_happened_decides_the_exit_code() {
    use TargetState as S;
    let cases: [(S, Option<EndedBy>, Ending, u8, &str); 14] = [
        (S::Restored, Some(EndedBy::Deadline), Ending::Ran, 0, "completed"),
        (S::Detached, None, Ending::Ran, 0, "completed"),
        (S::Restored, Some(EndedBy::LostOperator), Ending::Ran, 1, "failed"),
        (S::Restored, Some(EndedBy::Cleanup), Ending::Ran, 1, "failed"),
        (S::Restored, Some(EndedBy::Migration), Ending::Ran, 1, "failed"),
        (S::Gone, Some(EndedBy::Gone), Ending::Ran, 1, "failed"),
        // Lost before anything was in place: nothing to roll back, and not what was asked for.
        (S::Skipped, Some(EndedBy::LostOperator), Ending::Ran, 1, "failed"),
        (
            S::Skipped,
            Some(EndedBy::Signal),
            Ending::Interrupted,
            130,
            "interrupted",
        ),
        (S::Failed, Some(EndedBy::Error), Ending::Ran, 1, "failed"),
        (
            S::Restored,
            Some(EndedBy::Signal),
            Ending::Interrupted,
            130,
            "interrupted",
        ),
        (S::Gone, Some(EndedBy::Gone), Ending::Interrupted, 130, "interrupted"),
        (S::Leaked, None, Ending::Interrupted, 3, "leaked"),
        (S::Restored, Some(EndedBy::Signal), Ending::Unverified, 3, "leaked"),
        (S::Skipped, None, Ending::Refused, 4, "refused"),
    ];
    for (state, by, ending, code, outcome) in cases {
        let mut run = run("netem");
        with_state(&mut run, "default/web-1", state, by);
        assert_eq!(
            (end(&mut run, ending), run.outcome.word().as_str()),
            (code, outcome),
            "{state:?} {by:?} {ending:?}"
        );
    }
}

#[test]
fn a_vm_that_needed_us_or_did_not_come_back_is_unrecovered() {
    let mut helped = run("outage");
    with_state(&mut helped, "default/web-1", TargetState::Recovered, None);
    helped.target_mut("default/web-1").recovered_by = Some(RecoveredBy::VmChaos);
    assert_eq!(
        end(&mut helped, Ending::Ran),
        0,
        "nobody had said that it would come back by itself"
    );
    helped.target_mut("default/web-1").error =
        Some(Problem::new(Reason::NotRecovered, "it was to come back by itself"));
    assert_eq!(end(&mut helped, Ending::Ran), 5);
    for reason in [Reason::NotRecovered, Reason::NotMigrated] {
        let mut run = run("outage");
        run.target_mut("default/web-1")
            .fail(Problem::new(reason, "not ready after 300s"));
        assert_eq!(end(&mut run, Ending::Ran), 5, "{reason}");
        assert_eq!(run.summary.failed, 1);
    }
}

#[test]
fn targets_never_begun_are_skipped_and_the_summary_adds_up() {
    let mut run = run("netem");
    restored(&mut run, "default/a");
    run.target_mut("default/b")
        .fail(Problem::new(Reason::Apply, "tc said no"));
    with_state(&mut run, "default/c", TargetState::Leaked, None);
    run.target_mut("default/d");
    assert_eq!(end(&mut run, Ending::Ran), 3);
    assert_eq!(
        run.summary,
        Summary {
            targets: 4,
            ok: 1,
            failed: 1,
            leaked: 1,
            skipped: 1
        }
    );
    assert_eq!(run.target_mut("default/d").state, Some(TargetState::Skipped));
}

#[test]
fn a_dry_run_has_no_states() {
    let mut run = run("netem");
    run.dry_run = DryRun::Client;
    run.target_mut("default/a");
    assert_eq!(end(&mut run, Ending::Ran), 0);
    let document = serde_json::to_value(&run).unwrap();
    assert_eq!(document["dryRun"], "client");
    assert_eq!(document["targets"][0].get("state"), None);
    assert_eq!(
        run.summary,
        Summary {
            targets: 1,
            ok: 1,
            ..Summary::default()
        }
    );
}

#[test]
fn a_refused_target_refuses_the_run() {
    let mut run = run("netem");
    run.target_mut("default/a").error = Some(Problem::new(Reason::Unfit, "is paused").hint("unpause it"));
    run.error = Some(Problem::new(Reason::Unfit, "default/a cannot take the fault"));
    assert_eq!(end(&mut run, Ending::Refused), 4);
    let document = serde_json::to_value(&run).unwrap();
    assert_eq!(
        document["targets"][0]["error"],
        json!({"reason": "unfit", "message": "is paused", "hint": "unpause it"})
    );
    assert_eq!(document["error"]["reason"], "unfit");
}

#[path = "run_table_tests.rs"]
mod tables;
