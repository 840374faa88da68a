//! Finding the VMIs that are meant, in as few requests as possible: for each namespace, or once for the cluster, one
//! list of VMIs and one of launcher pods; beside them the nodes and the KubeVirt object, which may be forbidden.

use std::collections::{BTreeSet, HashMap};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};

use super::Cluster;
use super::absent::{absentees, namespaces_exist};
use super::eligibility::{Facts, VmiRow, row};
use super::error::{Ask, ClusterError};
use super::kubevirt::{self, KubeVirt};
use super::launcher_images::{self, LauncherImages};
use super::nodes::{self, Node, cordoned};
use super::objects::{sound, sound_one};
use super::selection::{Scope, Selection};
use super::vmi::VirtualMachineInstance;
use crate::command_line::CommandLine;
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
    pub vmis: Vec<VirtualMachineInstance>,
}

impl Survey {
    /// Names of the nodes that take no new VMs.
    pub fn cordoned(&self) -> Vec<String> {
        self.nodes.as_deref().map(cordoned).unwrap_or_default()
    }
}

/// Label of every virt-launcher pod; those of a hot-plugged disk have another value.
pub(crate) const LAUNCHERS: &str = "kubevirt.io=virt-launcher";
/// Label of a launcher pod that holds its VMI's UID.
const CREATED_BY: &str = "kubevirt.io/created-by";

/// What a network fault on `interfaces` (names of networks or taps; none means every one in reach) could be done to.
pub async fn find(cluster: &Cluster, selection: &Selection, interfaces: &[String]) -> Result<Found, ClusterError> {
    let survey = survey(cluster, selection, interfaces).await?;
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

/// Every VMI that is meant, with what it can take.
pub async fn survey(cluster: &Cluster, selection: &Selection, interfaces: &[String]) -> Result<Survey, ClusterError> {
    let asked = Asked::of(cluster, selection);
    let installed = async {
        let kubevirt = kubevirt::installed(cluster).await;
        let images = launcher_images::read(cluster, &kubevirt).await;
        (kubevirt, images)
    };
    let (vmis, pods, (kubevirt, images), nodes) = tokio::join!(
        asked.vmis(cluster, selection, "netem"),
        launchers(cluster, &asked.scope),
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
    let by_vmi = by_owner(&pods);
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

/// What a selection asks for, and where that is.
pub(crate) struct Asked {
    by_name: bool,
    /// Namespace and name of what was named.
    named: BTreeSet<(String, String)>,
    scope: Scope,
}

impl Asked {
    pub(crate) fn of(cluster: &Cluster, selection: &Selection) -> Self {
        let by_name = !selection.names.is_empty();
        let mut named = selection.named(&cluster.namespace);
        named.retain(|(namespace, name)| selection.admits(namespace, name));
        let scope = if by_name {
            Scope::Namespaces(named.iter().map(|(namespace, _)| namespace.clone()).collect())
        } else {
            selection.scope(&cluster.namespace)
        };
        Self { by_name, named, scope }
    }

    /// The VMIs that match, sorted by namespace and name; `fault` is what `check` would be asked about.
    pub(crate) async fn vmis(
        &self,
        cluster: &Cluster,
        selection: &Selection,
        fault: &str,
    ) -> Result<Vec<VirtualMachineInstance>, ClusterError> {
        let mut vmis = vmis(cluster, selection, &self.scope, &self.named, fault).await?;
        vmis.retain(|vmi| {
            selection.admits(vmi.namespace(), vmi.name())
                && (!self.by_name
                    || self
                        .named
                        .contains(&(vmi.namespace().to_owned(), vmi.name().to_owned())))
        });
        vmis.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
        Ok(vmis)
    }

    /// What was named and is not among those that were found: VMs that do not run, and sentences about what is not there.
    pub(crate) async fn absent(
        &self,
        cluster: &Cluster,
        found: &[VirtualMachineInstance],
    ) -> Result<(Vec<Unfit>, Vec<String>), ClusterError> {
        let there: BTreeSet<(&str, &str)> = found.iter().map(|vmi| (vmi.namespace(), vmi.name())).collect();
        let absent: Vec<&(String, String)> = self
            .named
            .iter()
            .filter(|(namespace, name)| !there.contains(&(namespace.as_str(), name.as_str())))
            .collect();
        if let Scope::Namespaces(namespaces) = &self.scope {
            let empty = namespaces
                .iter()
                .filter(|namespace| !there.iter().any(|(of, _)| of == namespace));
            namespaces_exist(cluster, empty).await?;
        }
        Ok(absentees(cluster, &absent).await)
    }
}

/// One API per place to look at.
fn apis<K>(cluster: &Cluster, scope: &Scope) -> Vec<(Option<String>, Api<K>)>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    match scope {
        Scope::Cluster => vec![(None, Api::all(cluster.client.clone()))],
        Scope::Namespaces(namespaces) => namespaces
            .iter()
            .map(|namespace| {
                (
                    Some(namespace.clone()),
                    Api::namespaced(cluster.client.clone(), namespace),
                )
            })
            .collect(),
    }
}

async fn vmis(
    cluster: &Cluster,
    selection: &Selection,
    scope: &Scope,
    chosen: &BTreeSet<(String, String)>,
    fault: &str,
) -> Result<Vec<VirtualMachineInstance>, ClusterError> {
    let params = match &selection.selector {
        Some(selector) => ListParams::default().labels(selector),
        None => ListParams::default(),
    };
    let lists = apis::<VirtualMachineInstance>(cluster, scope)
        .into_iter()
        .map(|(namespace, api)| {
            let params = &params;
            async move {
                let names: Vec<&str> = chosen
                    .iter()
                    .filter(|(of, _)| Some(of) == namespace.as_ref())
                    .map(|(_, name)| name.as_str())
                    .collect();
                if let [name] = names.as_slice() {
                    return get_all(cluster, &api, namespace.as_deref(), &[name]).await;
                }
                let mut ask = Ask::new("list", "kubevirt.io", "virtualmachineinstances");
                ask.namespace.clone_from(&namespace);
                match api.list(params).await.map_err(|error| cluster.explain(&error, &ask)) {
                    Ok(list) => sound(list.items),
                    // Whoever may not list may still be allowed to get what was named.
                    Err(error) if error.is_forbidden() && !names.is_empty() => {
                        get_all(cluster, &api, namespace.as_deref(), &names).await
                    }
                    Err(error) => Err(narrower(cluster, error, namespace.is_none(), fault)),
                }
            }
        });
    Ok(try_join_all(lists).await?.into_iter().flatten().collect())
}

/// Those of the named that exist.
async fn get_all(
    cluster: &Cluster,
    api: &Api<VirtualMachineInstance>,
    namespace: Option<&str>,
    names: &[&str],
) -> Result<Vec<VirtualMachineInstance>, ClusterError> {
    let gets = names.iter().map(|name| async move {
        let mut ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances").name(name);
        ask.namespace = namespace.map(str::to_owned);
        match api.get(name).await {
            Ok(vmi) => sound_one(vmi).map(Some),
            Err(error) => {
                let told = cluster.explain(&error, &ask);
                // A 404 for the resource type itself carries a hint: KubeVirt is not there.
                if told.is_not_found() && told.hint.is_none() {
                    Ok(None)
                } else {
                    Err(told)
                }
            }
        }
    });
    Ok(try_join_all(gets).await?.into_iter().flatten().collect())
}

async fn launchers(cluster: &Cluster, scope: &Scope) -> Result<Vec<Pod>, ClusterError> {
    let params = ListParams::default().labels(LAUNCHERS);
    let lists = apis::<Pod>(cluster, scope).into_iter().map(|(namespace, api)| {
        let params = &params;
        async move {
            let mut ask = Ask::new("list", "", "pods");
            ask.namespace.clone_from(&namespace);
            match api.list(params).await {
                Ok(list) => sound(list.items),
                Err(error) => {
                    let told = cluster.explain(&error, &ask);
                    Err(narrower(cluster, told, namespace.is_none(), "netem"))
                }
            }
        }
    });
    Ok(try_join_all(lists).await?.into_iter().flatten().collect())
}

/// A refusal to look into every namespace comes with the way that needs less.
fn narrower(cluster: &Cluster, error: ClusterError, everywhere: bool, fault: &str) -> ClusterError {
    if error.is_forbidden() && everywhere {
        error.hint("looking into all namespaces needs a ClusterRole; -n NAMESPACE looks into one")
    } else if error.is_forbidden() {
        error.hint(format!(
            "what is missing, and the rules that grant it: {}",
            cluster.again(CommandLine::new("kubectl vmchaos check").arg(fault))
        ))
    } else {
        error
    }
}

fn by_owner(pods: &[Pod]) -> HashMap<&str, Vec<&Pod>> {
    let mut all: HashMap<&str, Vec<&Pod>> = HashMap::new();
    for pod in pods {
        if let Some(uid) = pod.metadata.labels.as_ref().and_then(|labels| labels.get(CREATED_BY)) {
            all.entry(uid).or_default().push(pod);
        }
    }
    all
}
