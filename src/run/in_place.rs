//! On which VMs a run's fault is in place, and since when: read off the Events that its command left on the VMIs.
//!
//! A debug pod that runs may still wait for the command's word. Where Events may not be read, a run stays `running`, and its
//! time is counted from the start of its pods.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;

use crate::cluster::events::Happened;
use crate::node::pod::LABEL_RUN;
use crate::report::{RunItem, Seconds, Time};

/// What an Event of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    run: String,
    /// `namespace/name` of the VMI.
    vmi: String,
    injected: bool,
    at: Timestamp,
}

// === impl Heard ===

impl Heard {
    /// `None` for what says nothing of a fault on a VMI.
    pub fn of(event: &Event) -> Option<Self> {
        let about = event.regarding.as_ref()?;
        let reason = event.reason.as_deref()?;
        let is = |happened: Happened| reason == happened.reason();
        let injected = is(Happened::Injected);
        (injected || is(Happened::Restored) || is(Happened::Failed)).then_some(())?;
        Some(Self {
            run: event.metadata.labels.as_ref()?.get(LABEL_RUN)?.clone(),
            vmi: format!("{}/{}", about.namespace.as_deref()?, about.name.as_deref()?),
            injected,
            at: event.event_time.as_ref()?.0,
        })
    }
}

/// Makes a run that is running one whose fault is in place, where Events say so; its end is counted from the first of them.
pub fn told(mut item: RunItem, heard: &[Heard], now: Time) -> RunItem {
    if !matches!(item.state.as_str(), "running" | "detached") {
        return item;
    }
    let mut last: BTreeMap<&str, &Heard> = BTreeMap::new();
    let mut first: Option<Timestamp> = None;
    for said in heard.iter().filter(|said| said.run == item.id) {
        let latest = last.entry(&said.vmi).or_insert(said);
        if said.at >= latest.at {
            *latest = said;
        }
        if said.injected {
            first = Some(first.map_or(said.at, |first| first.min(said.at)));
        }
    }
    let targets: BTreeSet<&str> = item.targets.iter().map(String::as_str).collect();
    let here = last
        .iter()
        .filter(|(vmi, said)| said.injected && targets.contains(*vmi));
    let here = here.count();
    if here < targets.len() && here > 0 {
        item.detail = Some(format!("in place on {here} of {}", targets.len()));
    }
    if here > 0 && item.state == "running" {
        "injected".clone_into(&mut item.state);
    }
    let ends = first.zip(item.duration_seconds).and_then(|(first, lasts)| {
        let lasts = jiff::SignedDuration::try_from(lasts.0).ok()?;
        first.checked_add(lasts).ok()
    });
    if let Some(ends) = ends {
        let left = Duration::try_from(ends.duration_since(now.0)).unwrap_or_default();
        item.left_seconds = Some(Seconds(left));
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(run: &str, vmi: &str, injected: bool, at: &str) -> Heard {
        Heard {
            run: run.into(),
            vmi: vmi.into(),
            injected,
            at: format!("2026-11-28T12:00:{at}Z").parse().unwrap(),
        }
    }

    fn run(state: &str) -> RunItem {
        RunItem {
            id: "k3f9ab".into(),
            state: state.into(),
            duration_seconds: Some(Seconds(Duration::from_secs(60))),
            left_seconds: Some(Seconds(Duration::from_secs(30))),
            targets: vec!["default/web-1".into(), "default/web-2".into()],
            ..RunItem::default()
        }
    }

    /// State, seconds left, and detail.
    fn shown(state: &str, heard: &[Heard]) -> (String, f64, Option<String>) {
        let item = told(run(state), heard, Time("2026-11-28T12:00:30Z".parse().unwrap()));
        (item.state, item.left_seconds.unwrap().0.as_secs_f64(), item.detail)
    }

    #[test]
    fn a_fault_in_place_is_told_and_its_end_counted_from_there() {
        let both = [
            said("k3f9ab", "default/web-1", true, "10"),
            said("k3f9ab", "default/web-2", true, "12"),
        ];
        assert_eq!(shown("running", &both), ("injected".into(), 40.0, None));
        assert_eq!(shown("detached", &both), ("detached".into(), 40.0, None));
        assert_eq!(shown("ending", &both), ("ending".into(), 30.0, None));
    }

    #[test]
    fn what_waits_or_is_restored_is_not_in_place() {
        assert_eq!(shown("running", &[]), ("running".into(), 30.0, None));
        // One after the other, and the Events in any order.
        let serial = [
            said("k3f9ab", "default/web-1", false, "15"),
            said("k3f9ab", "default/web-1", true, "10"),
            said("k3f9ab", "default/web-2", true, "16"),
        ];
        let (state, left, detail) = shown("running", &serial);
        assert_eq!((state.as_str(), left), ("injected", 40.0));
        assert_eq!(detail.as_deref(), Some("in place on 1 of 2"));
        assert_eq!(shown("running", &serial[..2]), ("running".into(), 40.0, None));
    }

    #[test]
    fn what_other_runs_say_is_theirs() {
        let theirs = [
            said("zzzzzz", "default/web-1", true, "10"),
            said("k3f9ab", "lab/web-1", true, "10"),
        ];
        assert_eq!(shown("running", &theirs[..1]), ("running".into(), 30.0, None));
        assert_eq!(shown("running", &theirs[1..]).0, "running");
    }
}
