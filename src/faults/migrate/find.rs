//! Finding the VMIs that can be migrated: their lists, the nodes and the KubeVirt object, and nothing of any pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use kube::api::{Api, ListParams};

use crate::cluster::Cluster;
use crate::cluster::asked::Asked;
use crate::cluster::error::ClusterError;
use crate::cluster::kubevirt::{self, KubeVirt};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::nodes;
use crate::cluster::selection::Selection;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::fault::Unfit;
use crate::faults::migrate::eligibility::{Ineligible, Terrain, eligibility};
use crate::faults::migrate::spec::{Destination, Eligible};

/// What matched, sorted by namespace and name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    pub rows: Vec<(Arc<VirtualMachineInstance>, Result<Eligible, Unfit>)>,
    /// Named VMIs that do not exist but whose VM does.
    pub stopped: Vec<Unfit>,
    /// Sentences about named VMIs of which there is neither a VMI nor a VM.
    pub missing: Vec<String>,
    /// The installation, where it may be read.
    pub kubevirt: Option<KubeVirt>,
    pub terrain: Terrain,
}

/// Every VMI that is meant, with where it could be migrated to.
pub(crate) async fn pool(
    cluster: &Cluster,
    selection: &Selection,
    destination: &Destination,
) -> Result<Pool, ClusterError> {
    let asked = Asked::of(cluster, selection, Some(super::COMMAND));
    let (vmis, kubevirt, terrain) = tokio::join!(
        asked.vmis(cluster, selection),
        kubevirt::installed(cluster),
        terrain(cluster),
    );
    let vmis = vmis?;
    let (absent, moving) = tokio::join!(asked.absent(cluster, &vmis), moving(cluster, &vmis));
    let (stopped, missing) = absent?;
    let terrain = Terrain { moving, ..terrain };
    let judged = |vmi: Arc<VirtualMachineInstance>| {
        let judged = eligibility(&vmi, &terrain, destination).map_err(Ineligible::into_unfit);
        (vmi, judged)
    };
    Ok(Pool {
        rows: vmis.into_iter().map(judged).collect(),
        stopped,
        missing,
        kubevirt: kubevirt.ok().flatten(),
        terrain,
    })
}

/// Migrations that are under way in the VMIs' namespaces, where they may be listed: a VMI shows one only once its target runs.
async fn moving(cluster: &Cluster, vmis: &[Arc<VirtualMachineInstance>]) -> BTreeMap<(String, String), String> {
    let namespaces: BTreeSet<&str> = vmis.iter().map(|vmi| vmi.namespace()).collect();
    let all = |namespace| Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), namespace);
    let lists = namespaces.into_iter().map(|namespace| {
        let api = all(namespace);
        async move {
            api.list(&ListParams::default())
                .await
                .map_or_else(|_| Vec::new(), |list| list.items)
        }
    });
    let found = join_all(lists).await.into_iter().flatten();
    let under_way = found.filter(|migration| !migration.is_final());
    under_way
        .map(|it| {
            (
                (it.namespace().to_owned(), it.spec.vmi_name.clone()),
                it.name().to_owned(),
            )
        })
        .collect()
}

/// The nodes as they are now, where they may be listed.
pub(crate) async fn terrain(cluster: &Cluster) -> Terrain {
    Terrain {
        nodes: nodes::all(cluster).await.ok(),
        moving: BTreeMap::new(),
        flags: cluster.flags().to_vec(),
    }
}
