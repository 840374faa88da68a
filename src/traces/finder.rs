//! The one look for what runs leave: the same four lists for `status`, `halt`, and the runs beside a plan.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;

use super::debug_pods::DebugPodSeen;
use super::lists::{ALL_MIGRATIONS, INSTANCES, Kind, MACHINES, MIGRATIONS, PODS, Places, gather};
use super::uncounted::Uncounted;
use super::{Trace, View};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Cluster, ClusterError, VirtualMachineInstance};

/// How a look is done.
pub(super) struct Finder<'a> {
    cluster: &'a Cluster,
    of_pods: Places<'a>,
    of_objects: Places<'a>,
    migrations: &'static Kind,
    /// That KubeVirt is not installed is no error: there is nothing of it then.
    without_kubevirt: bool,
}

/// What a look has found.
pub(super) struct Lists {
    pods: Vec<DebugPodSeen>,
    pub(super) migrations: Vec<VirtualMachineInstanceMigration>,
    machines: Vec<VirtualMachine>,
    instances: Vec<VirtualMachineInstance>,
    pub(super) views: Views,
}

/// Where each kind could be looked for.
#[derive(Debug, Clone)]
pub struct Views {
    pub pods: View,
    pub migrations: View,
    pub machines: View,
    pub instances: View,
}

// === impl Finder ===

impl<'a> Finder<'a> {
    /// Everything that runs have left, in one namespace or in all; `also` is a namespace that debug pods may be in.
    pub(super) fn of_runs(cluster: &'a Cluster, namespace: Option<&'a str>, also: Option<&'a str>) -> Self {
        let places = |also| namespace.map_or(Places::All(also), Places::One);
        Self {
            cluster,
            of_pods: places(also),
            of_objects: places(None),
            migrations: &MIGRATIONS,
            without_kubevirt: true,
        }
    }

    /// Also migrations that nobody's run has made; in these namespaces and where debug pods are, if not everywhere can be looked.
    pub(super) fn of_everybody(cluster: &'a Cluster, near: &BTreeSet<String>, namespaces: &PodNamespaces) -> Self {
        let of_pods = namespaces.all().into_iter().map(str::to_owned);
        Self {
            cluster,
            of_pods: Places::Near(near.iter().cloned().chain(of_pods).collect()),
            of_objects: Places::Near(near.clone()),
            migrations: &ALL_MIGRATIONS,
            without_kubevirt: false,
        }
    }

    /// # Errors
    /// Where a list fails for another reason than that it is not permitted somewhere.
    pub(super) async fn lists(&self) -> Result<Lists, ClusterError> {
        let (cluster, objects) = (self.cluster, &self.of_objects);
        let (pods, migrations, machines, instances) = tokio::join!(
            gather::<Pod>(cluster, &self.of_pods, &PODS),
            gather(cluster, objects, self.migrations),
            gather(cluster, objects, &MACHINES),
            gather(cluster, objects, &INSTANCES),
        );
        let (pods, of_pods) = pods?;
        let (migrations, of_migrations) = or_none(migrations, self.without_kubevirt)?;
        let (machines, of_machines) = or_none(machines, self.without_kubevirt)?;
        let (instances, of_instances) = or_none(instances, self.without_kubevirt)?;
        Ok(Lists {
            pods: pods.iter().filter_map(DebugPodSeen::of).collect(),
            migrations,
            machines,
            instances,
            views: Views {
                pods: of_pods,
                migrations: of_migrations,
                machines: of_machines,
                instances: of_instances,
            },
        })
    }
}

fn or_none<K>(
    found: Result<(Vec<K>, View), ClusterError>,
    without_kubevirt: bool,
) -> Result<(Vec<K>, View), ClusterError> {
    match found {
        Err(error) if without_kubevirt && error.is_not_found() => Ok((Vec::new(), View::whole())),
        found => found,
    }
}

// === impl Lists ===

impl Lists {
    /// Sorted by kind and run, of the pods those that pass; and pods of a run that do not count.
    pub(super) fn traces(
        &self,
        passes: impl Fn(&DebugPodSeen) -> bool,
        namespaces: &PodNamespaces,
    ) -> (Vec<Trace>, Vec<Uncounted>) {
        let pods = self.pods.iter().filter(|pod| passes(pod)).cloned();
        Trace::all(pods, &self.migrations, &self.machines, &self.instances, namespaces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ErrorKind;

    #[test]
    fn only_without_kubevirt_there_is_nothing_of_it() {
        let of = |kind, without| or_none::<Pod>(Err(ClusterError::new(kind, "no")), without);
        let (objects, view) = of(ErrorKind::NotFound, true).unwrap();
        assert!(objects.is_empty() && view.is_whole());
        for kind in [ErrorKind::Forbidden, ErrorKind::Timeout, ErrorKind::Other] {
            assert_eq!(of(kind, true).unwrap_err().kind, kind);
        }
        let (objects, _) = or_none(Ok((vec![Pod::default()], View::whole())), true).unwrap();
        assert_eq!(objects.len(), 1);
        // Whoever has found VMs knows that KubeVirt is there.
        assert_eq!(of(ErrorKind::NotFound, false).unwrap_err().kind, ErrorKind::NotFound);
    }
}
