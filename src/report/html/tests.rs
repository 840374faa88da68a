use crate::report::Document as _;
use std::time::Duration;

use serde_json::json;

use crate::problem::{Problem, Reason};
use crate::report::probes::ProbeSummary;
use crate::report::{
    AskedFault, Columns, DryRun, Ending, Migration, MigrationResult, Move, Phase, ProbePhase, ProbeReport, ProbeSample,
    RunReport, Time, Verified,
};

/// What a tenant, a node or a server can make of any text.
const HOSTILE: &str = "<b onload=\"x\">'&amp;</title>\u{202e}\t\u{1b}[2J";
const SHOWN: &str = "&lt;b onload=&quot;x&quot;&gt;'&amp;amp;&lt;/title&gt;\\u{202e}\\t\\u{1b}[2J";

fn at(seconds: i64) -> Time {
    Time(jiff::Timestamp::new(1_795_435_384 + seconds, 250_000_000).unwrap())
}

/// A run with all that a page can show, each text of it this one.
fn all_of(text: &str) -> RunReport {
    let mut run = RunReport::new(
        text,
        text,
        Some(text.into()),
        Some(text.into()),
        Some(7),
        DryRun::None,
        AskedFault::new("netem", Columns::Packets, &json!({"latency": text})),
    );
    run.started_at = at(0);
    let sample = |second, ms: Option<f64>| ProbeSample {
        at: at(second),
        phase: ProbePhase::During,
        ms: ms.map(crate::report::Millis),
    };
    let target = run.target_mut(&format!("{text}/{text}"));
    target.node = Some(text.into());
    target.injected_at = Some(at(4));
    target.restored_at = Some(at(124));
    target.held_seconds = Some(Duration::from_millis(120_003).into());
    target.event_at(at(4), text);
    target.error = Some(Problem::new(Reason::Apply, text));
    target.moves = vec![Move {
        at: at(60),
        from: text.into(),
        to: text.into(),
        gap_seconds: Some(Duration::from_millis(2400).into()),
    }];
    target.verified = vec![Verified {
        device: text.into(),
        engine: text.into(),
        asked: text.into(),
        read: text.into(),
        packets: Some(1200),
        dropped: None,
        changed_by_others: Some(text.into()),
    }];
    target.probes = vec![ProbeReport {
        probe: text.into(),
        address: Some(text.into()),
        before: ProbeSummary::default(),
        during: ProbeSummary::default(),
        after: ProbeSummary::default(),
        samples: vec![
            sample(10, Some(1.5)),
            sample(20, Some(3.0)),
            sample(30, None),
            sample(40, Some(0.5)),
        ],
    }];
    let key = target.key();
    run.migrations.push(Migration {
        vmi: key,
        uid: text.into(),
        from: Some(text.into()),
        to: None,
        created_at: at(0),
        started_at: Some(at(2)),
        ended_at: Some(at(14)),
        phases: vec![
            Phase {
                phase: text.to_owned().into(),
                at: at(1),
                seconds: None,
            },
            Phase {
                phase: "Failed".into(),
                at: at(3),
                seconds: None,
            },
        ],
        mode: Some(text.into()),
        result: MigrationResult::Failed,
        failure_reason: Some(text.into()),
    });
    run.error = Some(Problem::new(Reason::Apply, text));
    run.finish(Ending::Ran);
    run.finished_at = Some(at(130));
    run
}

#[test]
fn a_text_from_elsewhere_is_a_text_wherever_it_stands() {
    let page = all_of(HOSTILE).html();
    // Titles, facts, tables and the drawing.
    assert!(page.matches(SHOWN).count() > 20, "{page}");
    assert!(!page.contains("<b ") && !page.contains(char::is_control), "{page}");
    assert_eq!(
        page.matches("<title>").count(),
        page.matches("</title>").count(),
        "{page}"
    );
    // With harmless texts the page has the same elements.
    let elements = |page: &str| page.matches('<').count();
    assert_eq!(elements(&page), elements(&all_of("x").html()), "{page}");
}
