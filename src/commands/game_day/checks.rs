//! Checks while a game day goes on: one task a check looks at it again and again, and sends what it has seen.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::gameday::check::{Check, Look};
use crate::gameday::look::Looker;
use crate::report::{CheckPhase, CheckReport, Sample, Time};
use std::sync::Arc;

/// So many looks after the last step, of which one must be good: what was hit may need a moment.
const LAST_LOOKS: u32 = 5;

/// One look at a check, by the check's number.
pub(super) struct Looked {
    pub(super) check: usize,
    pub(super) sample: Sample,
}

/// Looks at every check once.
pub(super) async fn once(lookers: &[Arc<Looker>], phase: CheckPhase) -> Vec<Looked> {
    let looks = lookers.iter().enumerate().map(|(check, looker)| async move {
        let sample = sample(&looker.look().await, phase);
        Looked { check, sample }
    });
    futures::future::join_all(looks).await
}

/// Looks at every check until each was good once, or was looked at often enough.
pub(super) async fn at_the_end(lookers: &[Arc<Looker>]) -> Vec<Looked> {
    let looks = lookers.iter().enumerate().map(|(check, looker)| async move {
        let mut all = Vec::new();
        for n in 1..=LAST_LOOKS {
            let began = Instant::now();
            let sample = sample(&looker.look().await, CheckPhase::After);
            let is_good = sample.failed.is_none();
            all.push(Looked { check, sample });
            if is_good || n == LAST_LOOKS {
                break;
            }
            tokio::time::sleep(looker.check().every.saturating_sub(began.elapsed())).await;
        }
        all
    });
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}

/// Begins to look at all of them; it ends when what is returned is dropped, or nobody hears `tell` any more.
pub(super) fn watch(lookers: &[Arc<Looker>], tell: impl Fn(Looked) -> bool + Clone + Send + 'static) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (check, looker) in lookers.iter().enumerate() {
        let (looker, tell) = (Arc::clone(looker), tell.clone());
        tasks.spawn(async move {
            let every = looker.check().every.max(Duration::from_millis(100));
            let mut due = interval(every);
            // After a look that took long the next is not hurried.
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                due.tick().await;
                let sample = sample(&looker.look().await, CheckPhase::During);
                if !tell(Looked { check, sample }) {
                    return;
                }
            }
        });
    }
    tasks
}

/// A check before the first look.
pub(super) fn report(check: &Check) -> CheckReport {
    CheckReport {
        name: check.name.clone(),
        what: check.what.to_string(),
        passed: 0,
        failed: 0,
        samples: Vec::new(),
    }
}

/// Adds what was seen.
pub(super) fn add(checks: &mut [CheckReport], looked: Looked) {
    let Some(check) = checks.get_mut(looked.check) else {
        return;
    };
    if looked.sample.failed.is_some() {
        check.failed += 1;
    } else {
        check.passed += 1;
    }
    check.samples.push(looked.sample);
}

fn sample(look: &Look, phase: CheckPhase) -> Sample {
    Sample {
        at: Time::now(),
        phase,
        took_seconds: look.took.into(),
        value: look.value,
        failed: look.failed.clone(),
    }
}
