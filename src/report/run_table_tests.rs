use super::*;
use crate::problem::{Problem, Reason};
use crate::report::{Event, Migration, MigrationResult, Phase, RecoveryStep};

#[test]
fn the_table_of_a_network_fault() {
    let mut run = run("netem");
    restored(&mut run, "default/web-1");
    restored(&mut run, "shop/db-0");
    end(&mut run, Ending::Ran);
    insta::assert_snapshot!(run.print(Format::Table).unwrap(), @r"
    NAMESPACE   NAME    NODE     STATE      HELD       PACKETS   DROPPED   ENDED-BY
    default     web-1   node-1   restored   120.003s   2400      6         deadline
    shop        db-0    node-1   restored   120.003s   2400      6         deadline
    ");
    insta::assert_snapshot!(run.print(Format::Wide).unwrap(), @r"
    NAMESPACE   NAME    NODE     STATE      HELD       PACKETS   DROPPED   ENDED-BY   INTERFACES                  READ
    default     web-1   node-1   restored   120.003s   2400      6         deadline   default=tap0 (masquerade)   tap0: netem delay 100ms limit 1000, eth0: netem delay 100ms limit 1000
    shop        db-0    node-1   restored   120.003s   2400      6         deadline   default=tap0 (masquerade)   tap0: netem delay 100ms limit 1000, eth0: netem delay 100ms limit 1000
    ");
}

#[test]
fn moves_and_errors_have_columns_only_where_there_are_some() {
    let mut run = run("netem");
    restored(&mut run, "default/web-1");
    run.target_mut("default/web-1").moves = vec![Move {
        at: at(60),
        from: "node-1".into(),
        to: "node-2".into(),
        gap_seconds: Some(Duration::from_millis(2400).into()),
    }];
    run.target_mut("default/web-2").fail(Problem::new(
        Reason::Apply,
        "Error: Specified qdisc \x1b[31mkind is unknown",
    ));
    end(&mut run, Ending::Ran);
    insta::assert_snapshot!(run.print(Format::Table).unwrap(), @r"
    NAMESPACE   NAME    NODE     STATE      HELD       PACKETS   DROPPED   ENDED-BY   MOVES                          ERROR
    default     web-1   node-1   restored   120.003s   2400      6         deadline   node-1>node-2 (2.4s without)   <none>
    default     web-2   <none>   failed     <none>     <none>    <none>    error      <none>                         Error: Specified qdisc \u{1b}[31mkind is unknown
    ");
}

#[test]
fn the_tables_of_outages_and_migrations() {
    let mut outage = run("outage");
    with_state(&mut outage, "default/web-1", TargetState::Recovered, None);
    outage.target_mut("default/web-1").recovered_by = Some(RecoveredBy::Platform);
    outage.target_mut("default/web-1").held_seconds = Some(Duration::from_millis(31_500).into());
    // What a node is called is no step.
    let steps = [
        ("delete accepted", RecoveryStep::Accepted),
        ("gone", RecoveryStep::Gone),
        ("scheduled on ready", RecoveryStep::Scheduled),
        ("running", RecoveryStep::Running),
        ("ready", RecoveryStep::Ready),
        ("agent", RecoveryStep::Agent),
    ];
    for (second, (event, step)) in (0..).zip(steps) {
        let target = outage.target_mut("default/web-1");
        target.timeline.push(Event {
            at: at(second),
            event: event.into(),
            recovery: Some(step),
        });
    }
    end(&mut outage, Ending::Ran);
    insta::assert_snapshot!(outage.print(Format::Table).unwrap(), @r"
    NAMESPACE   NAME    NODE     STATE       GONE      SCHEDULED   RUNNING   READY     AGENT     HELD    RECOVERED-BY
    default     web-1   <none>   recovered   +1.000s   +2.000s     +3.000s   +4.000s   +5.000s   31.5s   platform
    ");
    let mut migrate = run("migrate");
    with_state(&mut migrate, "default/web-1", TargetState::Migrated, None);
    migrate.migrations.push(Migration {
        vmi: "default/web-1".into(),
        uid: "m-1".into(),
        from: Some("node-1".into()),
        to: Some("node-2".into()),
        created_at: at(0),
        started_at: Some(at(2)),
        ended_at: Some(at(14)),
        phases: vec![
            Phase {
                phase: "Scheduling".into(),
                at: at(1),
                seconds: Some(Seconds(Duration::from_secs(2))),
            },
            Phase {
                phase: "Running".into(),
                at: at(3),
                seconds: Some(Seconds(Duration::from_secs(11))),
            },
        ],
        mode: Some("PreCopy".into()),
        result: MigrationResult::Succeeded,
        failure_reason: None,
    });
    end(&mut migrate, Ending::Ran);
    insta::assert_snapshot!(migrate.print(Format::Wide).unwrap(), @r"
    NAMESPACE   NAME    NODE     STATE
    default     web-1   <none>   migrated

    NAMESPACE   NAME    FROM     TO       RESULT      TOOK   MODE      PHASES
    default     web-1   node-1   node-2   succeeded   14s    PreCopy   Scheduling 2s, Running 11s
    ");
    let document = serde_json::to_value(&migrate).unwrap();
    assert_eq!(
        document["migrations"][0]["phases"][1],
        json!({"phase": "Running", "at": "2026-11-23T12:03:07.250Z", "seconds": 11.0})
    );
    migrate.migrations[0].result = MigrationResult::Timeout;
    assert_eq!(migrate.finish(Ending::Ran), ExitCode::Unrecovered);
    assert_eq!(migrate.print(Format::Name).unwrap(), "k3f9ab\n");
}
