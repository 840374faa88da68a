use super::*;

const KINDS: [ErrorKind; 4] = [
    ErrorKind::Conflict,
    ErrorKind::NotFound,
    ErrorKind::Forbidden,
    ErrorKind::Timeout,
];

fn error(kind: ErrorKind) -> ClusterError {
    ClusterError::new(kind, "x")
}

fn undo(run: &str) -> Undo {
    let undo = json!({"run": run, "mode": "stop", "at": "2026-11-29T12:00:00Z", "duration": "60s", "vmi": "web-1"});
    serde_json::from_value(undo).unwrap()
}

fn held(undo: Option<Undo>, unreadable: bool) -> Held {
    Held {
        version: "7".into(),
        undo,
        unreadable,
        marks: Vec::new(),
        has_annotations: true,
        has_labels: true,
        field: RunField::Neither,
    }
}

#[test]
fn only_a_runs_own_way_back_is_gone() {
    let (own, other) = (undo("k3f9ab"), undo("zzzzzz"));
    let marked = held(Some(own.clone()), false);
    assert_eq!(way_back(&marked, "k3f9ab", None), Ok(Some(&own)));
    // Not even by a run that knows of one of its own: what is there now is that of the run that came after it.
    let theirs = held(Some(other), false);
    assert_eq!(way_back(&theirs, "k3f9ab", None), Ok(None));
    assert_eq!(way_back(&theirs, "k3f9ab", Some(&own)), Ok(None));
    let lost = held(None, false);
    assert_eq!(way_back(&lost, "k3f9ab", Some(&own)), Ok(Some(&own)));
    assert_eq!(way_back(&lost, "k3f9ab", None), Ok(None));
    assert_eq!(way_back(&held(None, true), "k3f9ab", None), Err(Unreadable));
}

#[test]
fn what_is_so_already_needs_nothing_and_any_other_refusal_counts() {
    let passed = |kind| unless_needless(Err(error(kind))).is_ok();
    assert_eq!(KINDS.map(passed), [true, true, false, false]);
    assert!(unless_needless(Ok(())).is_ok());
}

#[test]
fn a_conflict_is_stale_and_a_timeout_passes() {
    assert_eq!(KINDS.map(|kind| is_stale(&error(kind))), [true, false, false, false]);
    assert_eq!(KINDS.map(|kind| passes(&error(kind))), [false, false, false, true]);
}

#[test]
fn only_the_marks_that_are_there_are_taken_off() {
    let mut marked = held(None, false);
    assert_eq!(unmark(&marked), Vec::<Value>::new());
    marked.marks = vec![LABEL_PATH];
    assert_eq!(unmark(&marked), [json!({"op": "remove", "path": LABEL_PATH})]);
}

#[tokio::test]
async fn tries_are_apart_and_have_an_end() {
    let begun = Instant::now();
    let mut tries = Tries::begin();
    assert!(tries.again().await);
    assert!(begun.elapsed() >= Duration::from_millis(100), "tried again at once");
    let mut last = Tries(TRIES - 1, Instant::now());
    assert!(!last.again().await);
    // Nor where each of them has taken long.
    let mut late = Tries(0, Instant::now().checked_sub(TRIED_FOR).unwrap());
    assert!(!late.again().await);
}
