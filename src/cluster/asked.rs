//! What a selection asks for, and the lists that answer it in as few requests as possible: one for each namespace, or one for the
//! cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};

use super::Cluster;
use super::absent::{absentees, namespaces_exist};
use super::error::{Ask, ClusterError};
use super::objects::{sound, sound_one};
use super::selection::{Scope, Selection};
use super::vmi::VirtualMachineInstance;
use crate::command_line::CommandLine;
use crate::fault::Unfit;

/// Label of every virt-launcher pod; those of a hot-plugged disk have another value.
pub(crate) const LAUNCHERS: &str = "kubevirt.io=virt-launcher";

/// What a selection asks for, and where that is.
pub(crate) struct Asked {
    by_name: bool,
    /// Namespace and name of what was named.
    named: BTreeSet<(String, String)>,
    scope: Scope,
    /// What `check` is to be asked about where something may not be read.
    fault: Option<&'static str>,
}

impl Asked {
    pub(crate) fn of(cluster: &Cluster, selection: &Selection, fault: Option<&'static str>) -> Self {
        let by_name = !selection.names.is_empty();
        let mut named = selection.named(&cluster.namespace);
        named.retain(|(namespace, name)| selection.admits(namespace, name));
        let scope = if by_name {
            Scope::Namespaces(named.iter().map(|(namespace, _)| namespace.clone()).collect())
        } else {
            selection.scope(&cluster.namespace)
        };
        Self {
            by_name,
            named,
            scope,
            fault,
        }
    }

    /// The VMIs that match, sorted by namespace and name.
    pub(crate) async fn vmis(
        &self,
        cluster: &Cluster,
        selection: &Selection,
    ) -> Result<Vec<Arc<VirtualMachineInstance>>, ClusterError> {
        let mut vmis = self.listed(cluster, selection).await?;
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
        found: &[Arc<VirtualMachineInstance>],
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

    /// The VMIs of every place, and of a single one by its name alone.
    async fn listed(
        &self,
        cluster: &Cluster,
        selection: &Selection,
    ) -> Result<Vec<Arc<VirtualMachineInstance>>, ClusterError> {
        let params = match &selection.selector {
            Some(selector) => ListParams::default().labels(selector),
            None => ListParams::default(),
        };
        let lists = apis::<VirtualMachineInstance>(cluster, &self.scope)
            .into_iter()
            .map(|(namespace, api)| {
                let params = &params;
                async move {
                    let names: Vec<&str> = self
                        .named
                        .iter()
                        .filter(|(of, _)| Some(of) == namespace.as_ref())
                        .map(|(_, name)| name.as_str())
                        .collect();
                    if let [name] = names.as_slice() {
                        return get_all(cluster, &api, namespace.as_deref(), &[name]).await;
                    }
                    let mut ask = Ask::new("list", "kubevirt.io", "virtualmachineinstances");
                    ask.namespace.clone_from(&namespace);
                    let list = async {
                        let list = api.list(params).await;
                        let all = sound(list.map_err(|error| cluster.explain(&error, &ask))?.items)?;
                        Ok(all.into_iter().map(Arc::new).collect::<Vec<_>>())
                    };
                    let name = format!("VMIs {namespace:?} {:?}", params.label_selector);
                    match cluster.once(name, list).await {
                        Ok(list) => Ok(Arc::unwrap_or_clone(list)),
                        // Whoever may not list may still be allowed to get what was named.
                        Err(error) if error.is_forbidden() && !names.is_empty() => {
                            get_all(cluster, &api, namespace.as_deref(), &names).await
                        }
                        Err(error) => Err(self.narrower(cluster, error, namespace.is_none())),
                    }
                }
            });
        Ok(try_join_all(lists).await?.into_iter().flatten().collect())
    }

    /// Lists of the launchers there are, one for each place.
    pub(super) async fn launchers(&self, cluster: &Cluster) -> Result<Vec<Arc<Vec<Pod>>>, ClusterError> {
        let params = ListParams::default().labels(LAUNCHERS);
        let lists = apis::<Pod>(cluster, &self.scope).into_iter().map(|(namespace, api)| {
            let params = &params;
            async move {
                let mut ask = Ask::new("list", "", "pods");
                ask.namespace.clone_from(&namespace);
                let list = async {
                    let list = api.list(params).await;
                    sound(list.map_err(|error| cluster.explain(&error, &ask))?.items)
                };
                let list = cluster.once(format!("launchers {namespace:?}"), list).await;
                list.map_err(|told| self.narrower(cluster, told, namespace.is_none()))
            }
        });
        try_join_all(lists).await
    }

    /// A refusal to look into every namespace comes with the way that needs less.
    fn narrower(&self, cluster: &Cluster, error: ClusterError, everywhere: bool) -> ClusterError {
        if error.is_forbidden() && everywhere {
            error.hint("looking into all namespaces needs a ClusterRole; -n NAMESPACE looks into one")
        } else if error.is_forbidden() {
            error.hint(format!(
                "what is missing, and the rules that grant it: {}",
                cluster.again(CommandLine::new("kubectl vmchaos check").args(self.fault))
            ))
        } else {
            error
        }
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

/// Those of the named that exist.
async fn get_all(
    cluster: &Cluster,
    api: &Api<VirtualMachineInstance>,
    namespace: Option<&str>,
    names: &[&str],
) -> Result<Vec<Arc<VirtualMachineInstance>>, ClusterError> {
    let gets = names.iter().map(|name| async move {
        let mut ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances").name(name);
        ask.namespace = namespace.map(str::to_owned);
        match api.get(name).await {
            Ok(vmi) => sound_one(vmi).map(|vmi| Some(Arc::new(vmi))),
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
