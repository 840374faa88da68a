//! What is live where a run would act: others' runs, and migrations under way.

use std::collections::BTreeSet;

use super::Trace;
use super::finder::Finder;
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::{Cluster, ClusterError};
use crate::escape::escape;
use crate::plan::guards::beside::{Beside, Move, Other, Stranger};
use crate::report::Time;
use crate::traces::debug_pods::DebugPodSeen;

/// Annotation of a migration that virt-controller made to empty a node.
const EVACUATION: &str = "kubevirt.io/evacuationMigration";

/// What is live in the whole cluster, or, where that may not be looked into, in `near` and where debug pods are.
pub async fn beside(
    cluster: &Cluster,
    near: &BTreeSet<String>,
    namespaces: &PodNamespaces,
) -> Result<Beside, ClusterError> {
    let lists = Box::pin(Finder::of_everybody(cluster, near, namespaces).lists()).await?;
    let now = Time::now();
    let (traces, uncounted) = lists.traces(DebugPodSeen::may_change, namespaces);
    let live: Vec<&Trace> = traces.iter().filter(|trace| trace.is_live(now)).collect();
    let runs = live.chunk_by(|a, b| a.is_like(b));
    let runs = runs.filter_map(|run| merged(run.iter().map(|trace| other(trace, now, namespaces))));
    let uncounted = uncounted.iter().map(|one| Stranger {
        vms: one.run.pods.iter().flat_map(|pod| pod.targets.clone()).collect(),
        words: one.words(),
    });
    let views = &lists.views;
    let views = [
        (&views.pods, "other runs"),
        (&views.migrations, "migrations in flight"),
        (&views.machines, "outages"),
        (&views.instances, "outages of VMIs without a VM"),
    ];
    let blind = views.iter().filter(|(view, _)| !view.is_whole());
    let blind: Vec<&str> = blind.map(|(_, what)| *what).collect();
    let blind = (!blind.is_empty()).then(|| format!("{}, in namespaces that may not be looked into", blind.join(", ")));
    Ok(Beside {
        runs: runs.collect(),
        moves: lists
            .migrations
            .iter()
            .filter(|it| !it.is_final())
            .map(under_way)
            .collect(),
        blind: blind.into_iter().collect(),
        strangers: uncounted.collect(),
        ..Beside::default()
    })
}

fn other(trace: &Trace, now: Time, namespaces: &PodNamespaces) -> Other {
    // A run acts without permission to read Events, so that this needs none either.
    let item = trace.item(&[], now);
    let namespace = match trace {
        Trace::Pods(run) => run.pods.first().map(|pod| pod.namespace.as_str()),
        _ => None,
    };
    Other {
        run: escape(&item.id),
        fault: escape(&item.fault),
        user: item.user.as_deref().map(escape),
        state: item.state,
        left: item.left_seconds.map(|left| left.0),
        vms: trace.vms().iter().map(|key| escape(key)).collect(),
        nodes: item.nodes.iter().map(|name| escape(name)).collect(),
        flags: namespace.map(|it| namespaces.flag_for(it)).unwrap_or_default(),
    }
}

/// One outage from what it has changed about each of its VMs; what needs attention most gives its state.
fn merged(changes: impl Iterator<Item = Other>) -> Option<Other> {
    changes.reduce(|mut run, change| {
        if run.left > change.left {
            (run.left, run.state) = (change.left, change.state);
        }
        run.vms.extend(change.vms);
        run.nodes.extend(change.nodes);
        run
    })
}

fn under_way(migration: &VirtualMachineInstanceMigration) -> Move {
    let state = migration.status.migration_state.as_ref();
    let node = |of: Option<&String>| of.map(|node| escape(node));
    Move {
        vm: escape(&format!("{}/{}", migration.namespace(), migration.spec.vmi_name)),
        from: node(state.and_then(|state| state.source_node.as_ref())),
        to: node(state.and_then(|state| state.target_node.as_ref())),
        evacuation: migration.annotation(EVACUATION).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::RunState;

    fn change(vm: &str, state: RunState, left: Option<u64>) -> Other {
        Other {
            run: "k3f9ab".into(),
            fault: "outage".into(),
            user: None,
            state,
            left: left.map(Duration::from_secs),
            vms: vec![vm.into()],
            nodes: vec![format!("node-of-{vm}")],
            flags: Vec::new(),
        }
    }

    #[test]
    fn what_is_due_first_gives_the_state_of_an_outage_of_many() {
        let of = |changes: &[Other]| {
            let run = merged(changes.iter().cloned()).unwrap();
            (run.state, run.left.map(|left| left.as_secs()))
        };
        let running = |left| change("a", RunState::Running, Some(left));
        let overdue = change("b", RunState::Overdue, None);
        assert_eq!(of(&[running(9), overdue.clone()]), (RunState::Overdue, None));
        assert_eq!(of(&[overdue, running(9)]), (RunState::Overdue, None));
        assert_eq!(of(&[running(9), running(5), running(7)]), (RunState::Running, Some(5)));
        // Of two that are due together the first.
        let starting = change("c", RunState::Starting, Some(9));
        assert_eq!(of(&[running(9), starting]), (RunState::Running, Some(9)));
        let both = merged([running(9), change("b", RunState::Running, Some(9))].into_iter()).unwrap();
        assert_eq!((both.vms.join(" "), both.nodes.len()), ("a b".into(), 2));
    }
}
