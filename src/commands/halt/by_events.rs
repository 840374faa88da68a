//! What the commands of runs said in Events on the VMIs: which faults are in place, and, for `halt RUN` where debug pods of the run
//! are gone, which VMs to look into.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::HaltRequest;
use crate::cluster::Cluster;
use crate::problem::{Problem, Reason};
use crate::traces::events::{EventSeen, not_restored};
use crate::traces::prove::{self, Place, Sweeping};
use crate::traces::{self, Found};

use super::vmis::{Looks, looks};
use crate::stop::Stop;

/// A guest: `namespace/name` of its VMI, and its UID.
type Guest = (String, String);

/// What Events say.
#[derive(Default)]
pub(super) struct Told {
    /// By the run's id: guests that have its fault, and that no pod of it answers for.
    runs: BTreeMap<String, BTreeSet<Guest>>,
    /// Of every run; none where they could not be read.
    pub(super) all: Vec<EventSeen>,
    /// What of the Events could not be read.
    pub(super) blind: Option<Problem>,
}

/// Reads them. VMs are looked into for runs that are named; with -n only pods are looked for, and that not everything was is said
/// elsewhere.
pub(super) async fn read(cluster: &Cluster, request: &HaltRequest, found: &Found) -> Told {
    if request.runs.is_empty() && !request.all && !request.targets.names.is_empty() {
        // Only VMs are to be looked into; no run is listed.
        return Told::default();
    }
    let read = traces::events(cluster).await;
    if request.runs.is_empty() || request.namespace.is_some() {
        let all = read.map(|(events, _)| events).unwrap_or_default();
        return Told { all, ..Told::default() };
    }
    let (runs, all, blind) = match read {
        Ok((events, view)) => {
            let guests = |run: &String| {
                let pods = found.pods().filter(|it| it.id == *run).flat_map(|it| &it.pods);
                let answered: BTreeSet<&String> = pods.flat_map(|pod| &pod.targets).collect();
                let left = not_restored(run, &events).into_iter();
                let left: BTreeSet<Guest> = left.filter(|(vmi, _)| !answered.contains(vmi)).collect();
                (!left.is_empty()).then(|| (run.clone(), left))
            };
            let not_permitted = |places| format!("in {places}: listing events.events.k8s.io is not permitted there");
            let runs = request.runs.iter().filter_map(guests).collect();
            (runs, events, view.blind_spots().map(not_permitted))
        }
        Err(error) => (
            BTreeMap::new(),
            Vec::new(),
            Some(format!("in any namespace: {}", error.message)),
        ),
    };
    let can_i = cluster.again("kubectl auth can-i list events.events.k8s.io -A");
    let unread = |why| {
        let message = format!("could not look for Events of runs whose debug pods are gone {why}");
        Problem::new(Reason::Forbidden, message).hint(can_i.to("to see what is missing: "))
    };
    Told {
        runs,
        all,
        blind: blind.map(unread),
    }
}

/// What is to be looked into because of them. `claimed` are VMs that other live runs have in hand, with the run's id.
pub(super) async fn plan(
    cluster: &Cluster,
    request: &HaltRequest,
    told: Told,
    claimed: &BTreeMap<String, String>,
    how: &Sweeping,
) -> Result<Vec<Looks>, Stop> {
    let mut all = Vec::new();
    for (run, guests) in told.runs {
        let keys: BTreeSet<&String> = guests.iter().map(|(vmi, _)| vmi).collect();
        let (taken, free): (Vec<&String>, Vec<&String>) = keys.into_iter().partition(|key| claimed.contains_key(*key));
        let free: Vec<String> = free.into_iter().cloned().collect();
        let (places, why) = match prove::places(cluster, &free, how.image.as_ref()).await {
            Ok(places) => (places, None),
            Err(error) => (Vec::new(), Some(format!("it could not be found: {}", error.message))),
        };
        let places = places.into_iter().map(|place| same_guest(place, &guests)).collect();
        let looks = looks(cluster, request, run, places, Vec::new(), how).await?;
        let mut looks = looks.of_run();
        for key in taken {
            looks.hide(
                key,
                format!("run {} has this VM now; when that is over, repeat this", claimed[key]),
            );
        }
        for key in &free {
            if let Some(why) = &why {
                looks.hide(key, why.clone());
            }
        }
        all.push(looks);
    }
    Ok(all)
}

/// What the run left went with the guest that it was on.
fn same_guest((key, place): (String, Place), guests: &BTreeSet<Guest>) -> (String, Place) {
    let place = match place {
        Place::Guest(guest) if !guests.contains(&(key.clone(), guest.target.uid.clone())) => {
            Place::Nothing("was restarted since")
        }
        place => place,
    };
    (key, place)
}

// === impl Told ===

impl Told {
    /// The VMIs that a run's Events name.
    pub(super) fn of(&self, run: &str) -> Option<String> {
        let guests = self.runs.get(run)?;
        let keys: Vec<&str> = guests.iter().map(|(vmi, _)| vmi.as_str()).collect();
        Some(keys.join(", "))
    }
}
