//! What a search for VMs finds, for a fault of any kind, and what was seen beside them.

use crate::cluster::events::Regarding;
use crate::cluster::kubevirt::KubeVirt;
use crate::cluster::pod_namespace::{Own, PodNamespaces};
use crate::cluster::protection::Protection;
use crate::cluster::{Cluster, VirtualMachineInstance, VmiRow};
use crate::fault::Unfit;
use crate::plan::guards::{Facts, Place};

/// What matched a selection, sorted by namespace and name.
pub(crate) struct Found<T> {
    pub(crate) rows: Vec<Candidate<T>>,
    /// Named VMIs that do not exist but whose VM does.
    pub(crate) stopped: Vec<Unfit>,
    /// Sentences about named VMIs of which there is neither a VMI nor a VM.
    pub(crate) missing: Vec<String>,
    pub(crate) around: Around,
}

/// A VMI, and what a fault would be done to, or why it cannot.
pub(crate) struct Candidate<T> {
    /// As the picker shows it: namespace, name, node, phase, address, bindings.
    pub(crate) cells: [String; 6],
    pub(crate) fault: Result<T, Unfit>,
    /// The VMI carries the annotation that keeps faults off.
    pub(crate) protected: bool,
    /// Its node is to be rid of it.
    evacuating: bool,
}

/// VMs that were chosen.
pub(crate) struct Chosen<T> {
    pub(crate) targets: Vec<T>,
    /// How many match and can take the fault.
    pub(crate) matched: usize,
    /// The seed, where something was drawn.
    pub(crate) seed: Option<u64>,
    pub(crate) left_out: Vec<Unfit>,
    pub(crate) around: Around,
}

/// What was seen beside the VMs that were chosen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    pub(crate) evacuating: Vec<Place>,
    pub(crate) cordoned: Vec<String>,
    pub(crate) protection: Protection,
    /// Namespace KubeVirt is installed in, where it may be known.
    pub(crate) kubevirt: Option<String>,
    /// The namespace made for debug pods.
    pub(crate) own: Own,
}

/// VMIs as what Events are left on, from namespace, name and UID of each.
pub(crate) fn regarding<'a>(vmis: impl Iterator<Item = [&'a String; 3]>) -> Vec<Regarding> {
    vmis.map(|[namespace, name, uid]| Regarding::new(namespace, name, uid))
        .collect()
}

// === impl Found ===

impl<T> Found<T> {
    /// Of the VMIs that were found; `absent` are those that were named and do not run, and sentences about what is not there.
    pub(crate) fn new(
        rows: Vec<Candidate<T>>,
        absent: (Vec<Unfit>, Vec<String>),
        kubevirt: Option<&KubeVirt>,
        cordoned: Vec<String>,
    ) -> Self {
        let leaving = rows.iter().filter(|row| row.evacuating);
        let place = |row: &Candidate<T>| place(&row.cells[0], &row.cells[1], &row.cells[2]);
        let around = Around {
            evacuating: leaving.map(place).collect(),
            cordoned,
            kubevirt: kubevirt.map(|kubevirt| kubevirt.namespace().to_owned()),
            ..Around::default()
        };
        let (stopped, missing) = absent;
        Self {
            rows,
            stopped,
            missing,
            around,
        }
    }
}

// === impl Candidate ===

impl<T> Candidate<T> {
    /// For a fault that leaves its interfaces alone.
    pub(crate) fn of(vmi: &VirtualMachineInstance, fault: Result<T, Unfit>) -> Self {
        Self {
            cells: [
                vmi.namespace().to_owned(),
                vmi.name().to_owned(),
                vmi.status.node_name.clone(),
                vmi.shown_phase().to_owned(),
                vmi.ip().unwrap_or_default().to_owned(),
                vmi.bindings().join(","),
            ],
            protected: vmi.is_protected(),
            evacuating: vmi.is_evacuating(),
            fault,
        }
    }

    /// For a fault on its packets.
    pub(crate) fn in_reach(row: &VmiRow, fault: Result<T, Unfit>) -> Self {
        Self {
            cells: cells(row),
            protected: row.protected,
            evacuating: row.evacuating,
            fault,
        }
    }
}

/// A VMI as the picker shows it.
pub(crate) fn cells(row: &VmiRow) -> [String; 6] {
    [
        row.namespace.clone(),
        row.name.clone(),
        row.node.clone().unwrap_or_default(),
        row.phase.clone(),
        row.ip.clone().unwrap_or_default(),
        row.bindings.join(","),
    ]
}

// === impl Around ===

impl Around {
    /// Where debug pods may go, and where those of others count; `named` is `--pod-namespace`.
    pub(crate) fn pod_namespaces(&self, named: Option<&str>) -> PodNamespaces {
        let unread = || "the KubeVirt object could not be read, or there are several".to_owned();
        let kubevirt = self.kubevirt.as_deref().map(Some).ok_or_else(unread);
        PodNamespaces::new(named, self.own.clone(), kubevirt)
    }
}

/// What a plan comes to, apart from how long it lasts and what is lost.
pub(crate) fn facts<'a>(
    cluster: &Cluster,
    fault: &'static str,
    vms: impl IntoIterator<Item = (&'a String, &'a String, &'a String)>,
    matched: usize,
) -> Facts {
    Facts {
        fault,
        vms: vms
            .into_iter()
            .map(|(namespace, name, node)| place(namespace, name, node))
            .collect(),
        matched,
        typed_name: cluster.typed_name().to_owned(),
        goes_by: vec![
            cluster.context.clone(),
            cluster.cluster_name.clone(),
            cluster.server.clone(),
        ],
        ..Facts::default()
    }
}

pub(crate) fn place(namespace: &str, name: &str, node: &str) -> Place {
    Place {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        node: node.to_owned(),
    }
}
