//! Finding the VMIs an outage can be done to, with what keeps each of them running.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};

use crate::cluster::Cluster;
use crate::cluster::asked::{Asked, LAUNCHERS};
use crate::cluster::eligibility::not_steady;
use crate::cluster::error::{Ask, ClusterError, ErrorKind};
use crate::cluster::kubevirt::{self, KubeVirt};
use crate::cluster::launcher::{active_pod, launcher};
use crate::cluster::launcher_images::LauncherImages;
use crate::cluster::nodes::{self, cordoned};
use crate::cluster::objects::sound;
use crate::cluster::selection::Selection;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::volume::volatile;
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::fault::undo::{UNDO, Undo};
use crate::fault::{Launcher, Unfit};
use crate::faults::outage::spec::{Mode, OutageSpec, OutageTarget, Owner};

/// KubeVirt's own default of `terminationGracePeriodSeconds`.
const SHUTDOWN_SECONDS: i64 = 180;
/// More VMs than this are listed instead of read one by one.
const ONE_BY_ONE: usize = 4;

/// What matched, sorted by namespace and name.
#[derive(Debug, Clone)]
pub(crate) struct Candidates {
    pub rows: Vec<(Arc<VirtualMachineInstance>, Result<OutageTarget, Unfit>)>,
    /// Named VMIs that do not exist but whose VM does.
    pub stopped: Vec<Unfit>,
    /// Sentences about named VMIs of which there is neither a VMI nor a VM.
    pub missing: Vec<String>,
    /// The installation, or why it cannot be read.
    pub kubevirt: Result<Option<KubeVirt>, ClusterError>,
    /// Names of the nodes that take no new VMs, where nodes may be listed.
    pub cordoned: Vec<String>,
}

type Vms = HashMap<(String, String), VirtualMachine>;

/// Every VMI that is meant, with what an outage would be done to, or why it cannot be.
pub(crate) async fn candidates(
    cluster: &Cluster,
    selection: &Selection,
    spec: &OutageSpec,
) -> Result<Candidates, ClusterError> {
    let asked = Asked::of(cluster, selection, Some(super::COMMAND));
    let (vmis, kubevirt, nodes) = tokio::join!(
        asked.vmis(cluster, selection),
        kubevirt::installed(cluster),
        nodes::all(cluster)
    );
    let vmis = vmis?;
    let (absent, owners) = tokio::join!(asked.absent(cluster, &vmis), vms(cluster, &vmis));
    let ((stopped, missing), owners) = (absent?, owners?);
    let flags = cluster.flags();
    let judged = |vmi: Arc<VirtualMachineInstance>| {
        let vm = owners.get(&(vmi.namespace().to_owned(), vmi.name().to_owned()));
        let judged = eligibility(&vmi, vm, spec, flags);
        (vmi, judged)
    };
    Ok(Candidates {
        rows: vmis.into_iter().map(judged).collect(),
        stopped,
        missing,
        kubevirt,
        cordoned: nodes.map_or_else(|_| Vec::new(), |nodes| cordoned(&nodes)),
    })
}

/// The VMs behind these VMIs.
async fn vms(cluster: &Cluster, vmis: &[Arc<VirtualMachineInstance>]) -> Result<Vms, ClusterError> {
    let owned: Vec<&Arc<VirtualMachineInstance>> = vmis.iter().filter(|vmi| is_of_a_vm(vmi)).collect();
    let mut namespaces: Vec<&str> = owned.iter().map(|vmi| vmi.namespace()).collect();
    namespaces.dedup();
    let api = |namespace: &str| Api::<VirtualMachine>::namespaced(cluster.client.clone(), namespace);
    let ask = |verb, namespace: &str| Ask::new(verb, "kubevirt.io", "virtualmachines").namespace(namespace);
    let found: Vec<Vec<VirtualMachine>> = if owned.len() <= ONE_BY_ONE {
        let gets = owned.iter().map(|vmi| async {
            let got = api(vmi.namespace()).get_opt(vmi.name()).await;
            got.map(|vm| vm.into_iter().collect())
                .map_err(|error| cluster.explain(&error, &ask("get", vmi.namespace()).name(vmi.name())))
        });
        try_join_all(gets).await?
    } else {
        let lists = namespaces.iter().map(|namespace| async {
            let list = api(namespace).list(&ListParams::default()).await;
            list.map_err(|error| cluster.explain(&error, &ask("list", namespace)))
                .and_then(|list| sound(list.items))
        });
        try_join_all(lists).await?
    };
    let key = |vm: VirtualMachine| {
        let (namespace, name) = (vm.metadata.namespace.clone(), vm.metadata.name.clone());
        ((namespace.unwrap_or_default(), name.unwrap_or_default()), vm)
    };
    Ok(found.into_iter().flatten().map(key).collect())
}

fn controller(vmi: &VirtualMachineInstance) -> Option<(&str, &str, &str)> {
    let owners = vmi.metadata.owner_references.iter().flatten();
    let owner = owners
        .clone()
        .find(|owner| owner.controller == Some(true))
        .or(owners.clone().next())?;
    Some((owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str()))
}

fn is_of_a_vm(vmi: &VirtualMachineInstance) -> bool {
    matches!(controller(vmi), Some(("VirtualMachine", ..)))
}

/// The outage whose way back stands on a VMI or its VM, and the command for it.
fn in_place(vmi: &VirtualMachineInstance, vm: Option<&VirtualMachine>) -> Option<(String, Option<CommandLine>)> {
    let mut metadata = [Some(&vmi.metadata), vm.map(|vm| &vm.metadata)].into_iter().flatten();
    let text = metadata.find_map(|metadata| metadata.annotations.as_ref()?.get(UNDO))?;
    Some(match Undo::parse(text, vmi.name()) {
        Some(Undo { run, .. }) => (
            format!("has an outage of run {run} in place"),
            Some(CommandLine::new("kubectl vmchaos halt").arg(run).to("to end it: ")),
        ),
        None => (
            format!("has an outage in place, whose way back (annotation {UNDO}) this version cannot read"),
            Some(
                CommandLine::new(if vm.is_some() {
                    "kubectl get vm"
                } else {
                    "kubectl get vmi"
                })
                .arg(vmi.name())
                .flag("-n", vmi.namespace())
                .own("-o yaml"),
            ),
        ),
    })
}

/// Why nothing can be done to a VMI as it is now; the VM behind it is not read.
pub(crate) fn unfit_now(vmi: &VirtualMachineInstance, flags: &[String]) -> Option<Unfit> {
    let (reason, hint) = not_steady(vmi)?;
    Some(Unfit {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        reason: escape(&reason),
        hint: hint.map(|hint| hint.each_with(flags).into()),
    })
}

/// What an outage would be done to, or why it cannot be.
fn eligibility(
    vmi: &VirtualMachineInstance,
    vm: Option<&VirtualMachine>,
    spec: &OutageSpec,
    flags: &[String],
) -> Result<OutageTarget, Unfit> {
    let unfit = |reason: String, hint: Option<CommandLine>| Unfit {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        reason: escape(&reason),
        // Every hint ends in a command.
        hint: hint.map(|hint| hint.each_with(flags).into()),
    };
    // A guest that an outage has paused is to be helped by ending that outage.
    if let Some((reason, hint)) = in_place(vmi, vm).or_else(|| not_steady(vmi)) {
        return Err(unfit(reason, hint));
    }
    let owner = match (controller(vmi), vm) {
        (Some(("VirtualMachine", name, _)), None) => {
            return Err(unfit(format!("is on its own way out: its VM {name} is gone"), None));
        }
        (Some(("VirtualMachine", ..)), Some(vm)) => Owner::Vm(vm.run_field()),
        (Some(("VirtualMachineInstanceReplicaSet", name, uid)), _) => Owner::ReplicaSet {
            name: escape(name),
            uid: uid.to_owned(),
        },
        (Some((kind, name, _)), _) => Owner::Other {
            kind: escape(kind),
            name: escape(name),
        },
        (None, _) => Owner::Nobody,
    };
    if let Some(reason) = refused(vmi, &owner, spec) {
        return Err(unfit(reason, None));
    }
    let template = vm.map(|vm| vm.spec.template.spec.volumes.as_slice());
    let seconds = vmi.spec.termination_grace_period_seconds.unwrap_or(SHUTDOWN_SECONDS);
    Ok(OutageTarget {
        namespace: vmi.namespace().to_owned(),
        name: vmi.name().to_owned(),
        uid: vmi.uid().to_owned(),
        node: escape(&vmi.status.node_name),
        launcher: None,
        owner,
        agent: vmi.is("AgentConnected"),
        shutdown: std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        volatile: volatile(&vmi.spec.volumes, template),
    })
}

/// Why this outage cannot be done to a VMI that others could be done to.
fn refused(vmi: &VirtualMachineInstance, owner: &Owner, spec: &OutageSpec) -> Option<String> {
    let strategy = match owner {
        Owner::Vm(field) => Some(field.in_force()),
        _ => None,
    };
    match (spec.mode, strategy) {
        (Mode::Stop, None) => Some("has no VM that could be stopped; --mode delete ends it".to_owned()),
        (_, None) if spec.disable_auto_restart => Some("has no VM whose restart could be disabled; leave out --disable-auto-restart".to_owned()),
        (_, Some("Halted")) => Some("belongs to a VM that is Halted: KubeVirt is about to end it".to_owned()),
        (mode, Some("WaitAsReceiver")) if mode.ends_guest() => Some(
            "belongs to a VM with run strategy WaitAsReceiver: what came after it would wait for a migration and never run"
                .to_owned(),
        ),
        (Mode::Pause, _) if vmi.spec.liveness_probe.is_some() => {
            Some("has a liveness probe: KubeVirt does not pause such VMIs; every other --mode will do".to_owned())
        }
        _ => None,
    }
}

/// The launcher pod a VMI runs in; `images` are what launchers run, where that is known.
pub(crate) async fn launcher_of(
    cluster: &Cluster,
    vmi: &VirtualMachineInstance,
    images: Option<&LauncherImages>,
) -> Result<Launcher, ClusterError> {
    let namespace = vmi.namespace();
    let labels = format!("{LAUNCHERS},kubevirt.io/created-by={}", vmi.uid());
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace)
        .list(&ListParams::default().labels(&labels))
        .await
        .map_err(|error| cluster.explain(&error, &Ask::new("list", "", "pods").namespace(namespace)))?;
    let pods = sound(pods.items)?;
    let pods: Vec<&Pod> = pods.iter().collect();
    active_pod(vmi, &pods, images).map(launcher).map_err(|none| {
        let message = format!("{namespace}/{} {}", vmi.name(), none.reason());
        ClusterError::new(ErrorKind::NotFound, message).hint(cluster.again(none.look(vmi)).to_string())
    })
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
