//! Finding the VMIs that can be migrated: their lists, the nodes and the KubeVirt object, and nothing of any pod.

use super::client::Cluster;
use super::discovery::Asked;
use super::error::ClusterError;
use super::kubevirt::{self, KubeVirt};
use super::movable::{Terrain, judge};
use super::nodes;
use super::selection::Selection;
use super::vmi::VirtualMachineInstance;
use crate::fault::{Destination, Movable, Unfit};

/// What matched, sorted by namespace and name.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    pub rows: Vec<(VirtualMachineInstance, Result<Movable, Unfit>)>,
    /// Named VMIs that do not exist but whose VM does.
    pub stopped: Vec<Unfit>,
    /// Sentences about named VMIs of which there is neither a VMI nor a VM.
    pub missing: Vec<String>,
    /// The installation, where it may be read.
    pub kubevirt: Option<KubeVirt>,
    pub terrain: Terrain,
}

/// Every VMI that is meant, with where it could be migrated to.
pub async fn pool(cluster: &Cluster, selection: &Selection, destination: &Destination) -> Result<Pool, ClusterError> {
    let asked = Asked::of(cluster, selection);
    let (vmis, kubevirt, terrain) = tokio::join!(
        asked.vmis(cluster, selection, "migrate"),
        kubevirt::installed(cluster),
        terrain(cluster),
    );
    let vmis = vmis?;
    let (stopped, missing) = asked.absent(cluster, &vmis).await?;
    let judged = |vmi: VirtualMachineInstance| {
        let judged = judge(&vmi, &terrain, destination);
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

/// The nodes as they are now, where they may be listed.
pub async fn terrain(cluster: &Cluster) -> Terrain {
    Terrain {
        nodes: nodes::all(cluster).await.ok(),
        flags: cluster.again(""),
    }
}
