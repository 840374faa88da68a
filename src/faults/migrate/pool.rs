//! The pool's VMIs as their watches show them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::flight::Flight;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::watch::Change;
use crate::faults::migrate::spec::Eligible;

/// A VMI that does not show its migration's end by then will not: the migration failed before the nodes were told of it.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// What is there of a VMI, by its position in the pool.
pub(super) type Seen = (usize, Option<Box<VirtualMachineInstance>>);

pub(super) struct Pool {
    /// Position by namespace and name.
    index: BTreeMap<(String, String), usize>,
    /// As last seen.
    vmis: Vec<Option<Box<VirtualMachineInstance>>>,
    namespaces: BTreeSet<String>,
    /// Namespaces whose VMIs have not been listed yet.
    unlisted: BTreeSet<String>,
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(vms: &[Eligible]) -> Self {
        let namespaces: BTreeSet<String> = vms.iter().map(|vm| vm.namespace.clone()).collect();
        let keys = vms.iter().map(|vm| (vm.namespace.clone(), vm.name.clone()));
        Self {
            index: keys.zip(0..).collect(),
            vmis: vec![None; vms.len()],
            unlisted: namespaces.clone(),
            namespaces,
        }
    }

    pub(super) fn namespaces(&self) -> &BTreeSet<String> {
        &self.namespaces
    }

    /// The name of a namespace's only VMI in the pool.
    pub(super) fn only(&self, namespace: &str) -> Option<&str> {
        let mut names = self.index.keys().filter(|(of, _)| of == namespace);
        let (_, only) = names.next()?;
        names.next().is_none().then_some(only)
    }

    pub(super) fn vmis(&self) -> &[Option<Box<VirtualMachineInstance>>] {
        &self.vmis
    }

    /// Whether the VMIs of every namespace are known.
    pub(super) fn is_listed(&self) -> bool {
        self.unlisted.is_empty()
    }

    pub(super) fn set(&mut self, vm: usize, vmi: Option<Box<VirtualMachineInstance>>) {
        self.vmis[vm] = vmi;
    }

    /// What a watch of a namespace tells of the pool's VMIs.
    pub(super) fn changed(&mut self, namespace: &str, change: Change<VirtualMachineInstance>) -> Vec<Seen> {
        self.unlisted.remove(namespace);
        let at = |name: &str| self.index.get(&(namespace.to_owned(), name.to_owned())).copied();
        match change {
            Change::Listed(listed) => {
                let there: BTreeSet<usize> = listed.iter().filter_map(|vmi| at(vmi.name())).collect();
                let all = self.index.iter().filter(|((of, _), _)| of == namespace);
                let gone = all.filter(|(_, vm)| !there.contains(vm)).map(|(_, vm)| (*vm, None));
                let listed = listed
                    .into_iter()
                    .filter_map(|vmi| Some((at(vmi.name())?, Some(Box::new(vmi)))));
                listed.chain(gone).collect()
            }
            Change::Applied(vmi) => at(vmi.name()).map(|vm| (vm, Some(Box::new(vmi)))).into_iter().collect(),
            Change::Deleted(vmi) => at(vmi.name()).map(|vm| (vm, None)).into_iter().collect(),
        }
    }

    /// VMs whose last migration is over, which their watch does not show yet: two watches of one server are not in step, and
    /// virt-controller ends the migration object only after the VMI.
    pub(super) fn behind(&self, flights: &[Flight], now: Timestamp) -> Vec<usize> {
        let recent = |flight: &&Flight| flight.ended_at.is_some_and(|at| now.duration_since(at) < SHOWN_WITHIN);
        let made = flights.iter().filter(|flight| !flight.uid.is_empty());
        let last: BTreeMap<usize, &str> = made
            .filter(recent)
            .map(|flight| (flight.vm, flight.uid.as_str()))
            .collect();
        let unseen = last.into_iter().filter(|(vm, uid)| {
            let vmi = self.vmis[*vm].as_ref();
            let state = vmi.and_then(|vmi| vmi.status.migration_state.as_ref());
            !state.is_some_and(|state| state.completed && state.migration_uid.as_deref() == Some(uid))
        });
        unseen.map(|(vm, _)| vm).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::faults::migrate::flight::Clock;
    use crate::run::machine::Moment;

    fn pool(keys: &[(&str, &str)]) -> Pool {
        let eligible = |(namespace, name): &(&str, &str)| Eligible {
            namespace: (*namespace).into(),
            name: (*name).into(),
            uid: String::new(),
            node: "a".into(),
            to: None,
        };
        Pool::new(&keys.iter().map(eligible).collect::<Vec<_>>())
    }

    fn vmi(name: &str, state: &serde_json::Value) -> VirtualMachineInstance {
        let object = json!({"metadata": {"name": name}, "status": {"migrationState": state}});
        serde_json::from_value(object).unwrap()
    }

    /// Positions in the pool, each with whether the VMI is there.
    fn told(seen: Vec<Seen>) -> Vec<(usize, bool)> {
        let mut told: Vec<_> = seen.into_iter().map(|(vm, vmi)| (vm, vmi.is_some())).collect();
        told.sort_unstable();
        told
    }

    #[test]
    fn a_namespace_is_watched_whole_where_more_than_one_of_its_vms_is_in_the_pool() {
        let pool = pool(&[("lab", "x"), ("shop", "y"), ("shop", "z")]);
        assert_eq!(
            (pool.only("lab"), pool.only("shop"), pool.only("ops")),
            (Some("x"), None, None)
        );
    }

    #[test]
    fn a_list_of_one_namespace_says_nothing_about_the_vms_of_another() {
        let mut pool = pool(&[("lab", "x"), ("shop", "x"), ("shop", "y")]);
        let some = |name| vmi(name, &json!({}));
        let listed = Change::Listed(vec![some("y"), some("stranger")]);
        assert_eq!(told(pool.changed("shop", listed)), [(1, false), (2, true)]);
        assert!(!pool.is_listed(), "lab is not known yet");
        assert_eq!(told(pool.changed("lab", Change::Applied(some("x")))), [(0, true)]);
        assert!(pool.is_listed());
        assert_eq!(told(pool.changed("shop", Change::Deleted(some("x")))), [(1, false)]);
        assert_eq!(told(pool.changed("lab", Change::Deleted(some("y")))), []);
    }

    #[test]
    fn a_vm_is_read_anew_while_its_watch_does_not_show_the_end_of_its_last_migration() {
        let now = Moment::now();
        let second = SignedDuration::from_secs(1);
        let ended = |vm, uid: &str, before: SignedDuration| {
            let mut flight = Flight::new(vm, 1, "a".into(), now.at, &Clock::start(now));
            flight.uid = uid.into();
            flight.ended_at = Some(now.clock - before);
            flight
        };
        let behind = |state: &serde_json::Value, flights: &[Flight]| {
            let mut pool = pool(&[("shop", "x"), ("shop", "y")]);
            pool.set(1, Some(Box::new(vmi("y", state))));
            pool.behind(flights, now.clock)
        };
        let shows = |uid: &str, completed| json!({"migrationUid": uid, "completed": completed});
        let last = || ended(1, "m2", second);
        assert_eq!(behind(&shows("m1", true), &[last()]), [1], "the one before");
        assert_eq!(behind(&shows("m2", false), &[last()]), [1], "under way");
        assert_eq!(behind(&json!({}), &[ended(1, "m1", second), last()]), [1]);
        assert_eq!(
            behind(&shows("m2", true), &[ended(1, "m1", second), last()]),
            [] as [usize; 0]
        );
        // It will not be shown any more.
        assert_eq!(behind(&json!({}), &[ended(1, "m2", SHOWN_WITHIN)]), [] as [usize; 0]);
        assert_eq!(
            behind(&json!({}), &[ended(1, "", second)]),
            [] as [usize; 0],
            "never made"
        );
        let under_way = Flight {
            ended_at: None,
            ..last()
        };
        assert_eq!(behind(&json!({}), &[under_way]), [] as [usize; 0]);
    }
}
