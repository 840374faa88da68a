//! On which VMs a run's fault is in place, and since when: read off the Events that its command left on the VMIs.
//!
//! A debug pod that runs may still wait for the command's word. Where Events may not be read, a run stays `running`, and its
//! time is counted from the start of its pods. Whoever may write Events in a namespace can forge these, for VMIs of that
//! namespace: they decide what is shown, and which VMs are looked into, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;

use crate::cluster::events::{Happened, Recorder, Regarding};
use crate::cluster::{Cluster, WarningSink};
use crate::escape::escape;
use crate::faults::registry::FAULTS;
use crate::name::is_key;
use crate::node::pod::{LABEL_FAULT, LABEL_RUN};
use crate::report::{RunItem, RunState, Seconds, Time};

/// What an Event of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSeen {
    run: String,
    /// The fault's command, where the Event names it.
    fault: Option<String>,
    /// `namespace/name` of the VMI.
    vmi: String,
    /// UID of the guest's VMI.
    uid: String,
    /// Its fault may be in the VM's network namespace, as far as the Event says.
    in_vm: bool,
    what: Happened,
    at: Timestamp,
}

// === impl EventSeen ===

impl EventSeen {
    /// `None` for what says nothing of a fault on a VMI.
    pub fn of(event: &Event) -> Option<Self> {
        let about = event.regarding.as_ref()?;
        let reason = event.reason.as_deref()?;
        let all = [Happened::Injected, Happened::Restored, Happened::Failed];
        let what = all.into_iter().find(|what| reason == what.reason())?;
        let vmi = format!("{}/{}", about.namespace.as_deref()?, about.name.as_deref()?);
        // An API server takes no Event about another namespace's objects.
        if about.namespace != event.metadata.namespace || !is_key(&vmi) {
            return None;
        }
        let labels = event.metadata.labels.as_ref()?;
        let fault = labels.get(LABEL_FAULT);
        let known = FAULTS
            .iter()
            .find(|kind| fault.is_some_and(|fault| fault == kind.command));
        Some(Self {
            run: labels.get(LABEL_RUN)?.clone(),
            fault: fault.cloned(),
            in_vm: known.is_none_or(|kind| kind.enters_vm),
            vmi,
            uid: about.uid.clone()?,
            what,
            at: event.event_time.as_ref()?.0,
        })
    }

    fn injected(&self) -> bool {
        self.what == Happened::Injected
    }
}

/// Guests whose network namespace a run has put its fault into, of which no Event says that it was removed: `namespace/name` of the
/// VMI, and its UID.
pub fn not_restored(run: &str, seen: &[EventSeen]) -> BTreeSet<(String, String)> {
    let mut last: BTreeMap<(&str, &str), &EventSeen> = BTreeMap::new();
    for said in seen.iter().filter(|said| said.run == run && said.in_vm) {
        let latest = last.entry((&said.vmi, &said.uid)).or_insert(said);
        if said.at >= latest.at {
            *latest = said;
        }
    }
    let left = last.into_iter().filter(|(_, said)| said.what != Happened::Restored);
    left.map(|((vmi, uid), _)| (vmi.to_owned(), uid.to_owned())).collect()
}

/// Leaves Events that say that nothing of a run is in place in a VM any more, on those of the VMIs whose Events do not say so yet:
/// who asks for such a run again hears it from them. `proven` are the runs and VMIs (`namespace/name`) it was proven of.
pub async fn tell_restored(cluster: &Cluster, proven: &BTreeSet<(String, String)>, warnings: &WarningSink) {
    // Where Events may not be read there is nobody to hear it.
    let Ok((seen, _)) = super::events(cluster).await else {
        return;
    };
    let note = format!("removed and verified gone, halted by {}", escape(&cluster.user));
    let runs: BTreeSet<&String> = proven.iter().map(|(run, _)| run).collect();
    for run in runs {
        let recorder = Recorder::new(cluster.clone(), run, fault_of(run, &seen), warnings.clone());
        let guests = not_restored(run, &seen).into_iter();
        for (vmi, uid) in guests.filter(|(vmi, _)| proven.contains(&(run.clone(), vmi.clone()))) {
            let Some((namespace, name)) = vmi.split_once('/') else {
                continue;
            };
            let guest = Regarding::new(namespace, name, &uid);
            recorder.record(&guest, Happened::Restored, &note).await;
        }
    }
}

/// The fault of a run; empty where no Event says it.
fn fault_of<'a>(run: &str, seen: &'a [EventSeen]) -> &'a str {
    let mut of_run = seen.iter().filter(|said| said.run == run);
    of_run.find_map(|said| said.fault.as_deref()).unwrap_or_default()
}

/// Makes a run that is running one whose fault is in place, where Events say so; its end is counted from the first of them.
pub fn told(mut item: RunItem, seen: &[EventSeen], now: Time) -> RunItem {
    if !matches!(item.state, RunState::Running | RunState::Detached) {
        return item;
    }
    let mut last: BTreeMap<&str, &EventSeen> = BTreeMap::new();
    let mut first: Option<Timestamp> = None;
    for said in seen.iter().filter(|said| said.run == item.id) {
        let latest = last.entry(&said.vmi).or_insert(said);
        if said.at >= latest.at {
            *latest = said;
        }
        if said.injected() {
            first = Some(first.map_or(said.at, |first| first.min(said.at)));
        }
    }
    let targets: BTreeSet<&str> = item.targets.iter().map(String::as_str).collect();
    let here = last
        .iter()
        .filter(|(vmi, said)| said.injected() && targets.contains(*vmi));
    let here = here.count();
    if here < targets.len() && here > 0 {
        item.detail = Some(format!("in place on {here} of {}", targets.len()));
    }
    if here > 0 && item.state == RunState::Running {
        item.state = RunState::Injected;
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

    fn said(run: &str, vmi: &str, injected: bool, at: &str) -> EventSeen {
        EventSeen {
            run: run.into(),
            fault: Some("netem".into()),
            vmi: vmi.into(),
            uid: format!("uid-of-{vmi}"),
            in_vm: true,
            what: if injected {
                Happened::Injected
            } else {
                Happened::Restored
            },
            at: format!("2026-11-28T12:00:{at}Z").parse().unwrap(),
        }
    }

    fn run(state: RunState) -> RunItem {
        RunItem {
            id: "k3f9ab".into(),
            state,
            duration_seconds: Some(Seconds(Duration::from_secs(60))),
            left_seconds: Some(Seconds(Duration::from_secs(30))),
            targets: vec!["default/web-1".into(), "default/web-2".into()],
            ..RunItem::default()
        }
    }

    /// State, seconds left, and detail.
    fn shown(state: RunState, seen: &[EventSeen]) -> (RunState, f64, Option<String>) {
        let item = told(run(state), seen, Time("2026-11-28T12:00:30Z".parse().unwrap()));
        (item.state, item.left_seconds.unwrap().0.as_secs_f64(), item.detail)
    }

    #[test]
    fn a_fault_in_place_is_told_and_its_end_counted_from_there() {
        let both = [
            said("k3f9ab", "default/web-1", true, "10"),
            said("k3f9ab", "default/web-2", true, "12"),
        ];
        assert_eq!(shown(RunState::Running, &both), (RunState::Injected, 40.0, None));
        assert_eq!(shown(RunState::Detached, &both), (RunState::Detached, 40.0, None));
        assert_eq!(shown(RunState::Ending, &both), (RunState::Ending, 30.0, None));
    }

    #[test]
    fn what_waits_or_is_restored_is_not_in_place() {
        assert_eq!(shown(RunState::Running, &[]), (RunState::Running, 30.0, None));
        // One after the other, and the Events in any order.
        let serial = [
            said("k3f9ab", "default/web-1", false, "15"),
            said("k3f9ab", "default/web-1", true, "10"),
            said("k3f9ab", "default/web-2", true, "16"),
        ];
        let (state, left, detail) = shown(RunState::Running, &serial);
        assert_eq!((state, left), (RunState::Injected, 40.0));
        assert_eq!(detail.as_deref(), Some("in place on 1 of 2"));
        assert_eq!(shown(RunState::Running, &serial[..2]), (RunState::Running, 40.0, None));
    }

    #[test]
    fn what_was_not_restored_is_looked_into_guest_by_guest() {
        let left = |seen: &[EventSeen]| not_restored("k3f9ab", seen);
        let one = |vmi: &str| BTreeSet::from([(vmi.to_owned(), format!("uid-of-{vmi}"))]);
        let (web, lab) = ("default/web-1", "lab/web-1");
        let injected = said("k3f9ab", web, true, "10");
        let restored = said("k3f9ab", web, false, "15");
        assert_eq!(left(std::slice::from_ref(&injected)), one(web));
        assert_eq!(left(&[restored.clone(), injected.clone()]), BTreeSet::new());
        assert_eq!(
            left(&[said("zzzzzz", web, true, "10")]),
            BTreeSet::new(),
            "another run's"
        );
        // That it failed may mean that it is there still.
        let failed = EventSeen {
            what: Happened::Failed,
            ..said("k3f9ab", lab, false, "20")
        };
        assert_eq!(left(&[injected.clone(), restored.clone(), failed]), one(lab));
        // The guest that came after it has not been restored by that.
        let next = EventSeen {
            uid: "next".into(),
            ..injected
        };
        assert_eq!(
            left(&[next, restored]),
            BTreeSet::from([(web.to_owned(), "next".to_owned())])
        );
    }

    #[test]
    fn only_what_a_fault_puts_into_a_vm_is_looked_for_there() {
        let is_looked_into = |labels: serde_json::Value| {
            let event = serde_json::from_value::<Event>(serde_json::json!({
                "metadata": {"name": "e", "namespace": "shop", "labels": labels},
                "reason": "VMChaosInjected", "eventTime": "2026-11-28T12:00:10.000000Z",
                "regarding": {"namespace": "shop", "name": "web-1", "uid": "u"}}));
            not_restored("k3f9ab", &[EventSeen::of(&event.unwrap()).unwrap()]).len()
        };
        for (fault, looked_into) in [
            ("netem", 1),
            ("filter", 1),
            ("outage", 0),
            ("migrate", 0),
            ("unheard-of", 1),
        ] {
            let labels = serde_json::json!({LABEL_RUN: "k3f9ab", LABEL_FAULT: fault});
            assert_eq!(is_looked_into(labels), looked_into, "{fault}");
        }
        assert_eq!(
            is_looked_into(serde_json::json!({LABEL_RUN: "k3f9ab"})),
            1,
            "one of an older version"
        );
    }

    #[test]
    fn an_event_about_what_cannot_be_a_vmi_of_its_namespace_says_nothing() {
        let event = |namespace: &str, name: &str| {
            serde_json::from_value::<Event>(serde_json::json!({
                "metadata": {"name": "e", "namespace": "shop", "labels": {LABEL_RUN: "k3f9ab"}},
                "reason": "VMChaosInjected", "eventTime": "2026-11-28T12:00:10.000000Z",
                "regarding": {"kind": "VirtualMachineInstance", "namespace": namespace, "name": name, "uid": "u"}}))
            .unwrap()
        };
        assert!(EventSeen::of(&event("shop", "web-1")).is_some());
        for (namespace, name) in [
            ("default", "web-1"),
            ("shop", "../web-1"),
            ("shop", ""),
            ("shop", "x y"),
        ] {
            assert_eq!(EventSeen::of(&event(namespace, name)), None, "{namespace}/{name}");
        }
    }

    #[test]
    fn what_other_runs_say_is_theirs() {
        let theirs = [
            said("zzzzzz", "default/web-1", true, "10"),
            said("k3f9ab", "lab/web-1", true, "10"),
        ];
        assert_eq!(shown(RunState::Running, &theirs[..1]), (RunState::Running, 30.0, None));
        assert_eq!(shown(RunState::Running, &theirs[1..]).0, RunState::Running);
    }

    #[test]
    fn what_halt_says_of_a_run_is_said_of_its_own_fault() {
        let of = |run: &str, fault: Option<&str>| EventSeen {
            fault: fault.map(str::to_owned),
            ..said(run, "default/web-1", true, "10")
        };
        let seen = [
            of("zzzzzz", Some("filter")),
            of("k3f9ab", None),
            of("k3f9ab", Some("netem")),
        ];
        assert_eq!(fault_of("k3f9ab", &seen), "netem");
        assert_eq!(fault_of("k3f9ab", &seen[..2]), "");
    }
}
