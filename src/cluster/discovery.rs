//! Which VMIs are meant, and what each can take: of VMIs and launcher pods one list for each namespace, or one for the cluster
//! (`asked`); beside them the nodes and the KubeVirt object, which may be forbidden.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::Cluster;
use super::asked::Asked;
use super::eligibility::{Facts, VmiRow, row};
use super::error::ClusterError;
use super::kubevirt::{self, KubeVirt};
use super::launcher_images::{self, LauncherImages};
use super::nodes::{self, Node, cordoned};
use super::selection::Selection;
use super::vmi::VirtualMachineInstance;
use crate::fault::{Target, Unfit};

/// What matched, sorted by namespace and name.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// VMIs that can take the fault.
    pub fit: Vec<Target>,
    /// VMIs that cannot; `true` when it was named exactly.
    pub unfit: Vec<(Unfit, bool)>,
    /// Sentences about named VMIs that do not exist.
    pub missing: Vec<String>,
}

/// Every VMI in scope with what it can take, for `list` and the picker.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Sorted by namespace and name.
    pub rows: Vec<VmiRow>,
    /// Named VMIs that do not exist but whose VM does.
    pub stopped: Vec<Unfit>,
    /// Sentences about named VMIs of which there is neither a VMI nor a VM.
    pub missing: Vec<String>,
    /// The installation, where it may be read.
    pub kubevirt: Option<KubeVirt>,
    /// What its launchers run, and debug pods by default.
    pub images: Result<LauncherImages, ClusterError>,
    /// `None` when nodes may not be listed.
    pub nodes: Option<Vec<Node>>,
    /// The VMI of each row.
    pub vmis: Vec<Arc<VirtualMachineInstance>>,
}

impl Survey {
    /// Names of the nodes that take no new VMs.
    pub fn cordoned(&self) -> Vec<String> {
        self.nodes.as_deref().map(cordoned).unwrap_or_default()
    }
}

/// Label of a launcher pod that holds its VMI's UID.
const CREATED_BY: &str = "kubevirt.io/created-by";

/// What a network fault on `interfaces` (names of networks or taps; none means every one in reach) could be done to.
pub async fn find(cluster: &Cluster, selection: &Selection, interfaces: &[String]) -> Result<Found, ClusterError> {
    let survey = survey(cluster, selection, interfaces, None).await?;
    let named = !selection.names.is_empty();
    let mut found = Found {
        missing: survey.missing,
        ..Found::default()
    };
    for row in survey.rows {
        match row.fault {
            Ok(target) => found.fit.push(target),
            Err(unfit) => found.unfit.push((unfit, named)),
        }
    }
    found
        .unfit
        .extend(survey.stopped.into_iter().map(|unfit| (unfit, true)));
    found
        .unfit
        .sort_by(|(a, _), (b, _)| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(found)
}

/// Every VMI that is meant, with what it can take. `fault` is the one that it is for: where something may not be read, the hint says
/// how to check for it; `None` is every fault.
pub async fn survey(
    cluster: &Cluster,
    selection: &Selection,
    interfaces: &[String],
    fault: Option<&'static str>,
) -> Result<Survey, ClusterError> {
    let asked = Asked::of(cluster, selection, fault);
    let installed = async {
        let kubevirt = kubevirt::installed(cluster).await;
        let images = launcher_images::read(cluster, &kubevirt).await;
        (kubevirt, images)
    };
    let (vmis, pods, (kubevirt, images), nodes) = tokio::join!(
        asked.vmis(cluster, selection),
        asked.launchers(cluster),
        installed,
        nodes::all(cluster),
    );
    // The VMIs first: without KubeVirt that is the error to show.
    let (vmis, pods) = (vmis?, pods?);
    let facts = Facts {
        plugins: kubevirt::plugins(&kubevirt),
        nodes: nodes.ok(),
        flags: cluster.flags().to_vec(),
        images: images.as_ref().ok().cloned(),
    };
    let by_vmi = by_owner(pods.iter().flat_map(|list| list.iter()));
    let rows: Vec<VmiRow> = vmis
        .iter()
        .map(|vmi| {
            let pods = by_vmi.get(vmi.uid()).map_or(&[][..], Vec::as_slice);
            row(vmi, pods, &facts, interfaces)
        })
        .collect();
    let (stopped, missing) = asked.absent(cluster, &vmis).await?;
    Ok(Survey {
        rows,
        stopped,
        missing,
        kubevirt: kubevirt.ok().flatten(),
        images,
        nodes: facts.nodes,
        vmis,
    })
}

fn by_owner<'a>(pods: impl Iterator<Item = &'a Pod>) -> HashMap<&'a str, Vec<&'a Pod>> {
    let mut all: HashMap<&str, Vec<&Pod>> = HashMap::new();
    for pod in pods {
        if let Some(uid) = pod.metadata.labels.as_ref().and_then(|labels| labels.get(CREATED_BY)) {
            all.entry(uid).or_default().push(pod);
        }
    }
    all
}
