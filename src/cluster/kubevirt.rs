//! The `KubeVirt` object: the installation's version, namespace and network binding plugins.
//!
//! Reading it needs a cluster-wide permission that many users do not have, so everything that uses it must do without.

use std::collections::BTreeMap;

use kube::api::{Api, ListParams, ObjectMeta};
use serde::Deserialize;

use super::Cluster;
use super::crd::kubevirt_kind;
use super::error::{Ask, ClusterError, ErrorKind};
use super::nullable::nullable;
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::fault::interface::Plugins;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct KubeVirt {
    #[serde(default)]
    pub metadata: ObjectMeta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: KubeVirtSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: KubeVirtStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct KubeVirtSpec {
    #[serde(deserialize_with = "nullable")]
    pub configuration: Configuration,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Configuration {
    #[serde(deserialize_with = "nullable")]
    pub network: NetworkConfiguration,
    #[serde(deserialize_with = "nullable")]
    pub migrations: MigrationConfiguration,
}

/// Limits on live migrations; absent ones are KubeVirt's own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationConfiguration {
    pub parallel_migrations_per_cluster: Option<u32>,
    pub parallel_outbound_migrations_per_node: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct NetworkConfiguration {
    #[serde(deserialize_with = "nullable")]
    pub binding: BTreeMap<String, BindingPlugin>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BindingPlugin {
    /// `tap`, `managedTap` (1.4)
    pub domain_attachment_type: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeVirtStatus {
    /// `Deployed` when all of it runs.
    #[serde(deserialize_with = "nullable")]
    pub phase: String,
    /// e.g. `v1.9.0`
    pub observed_kube_virt_version: Option<String>,
}

/// Major and minor version.
pub(crate) type Release = (u32, u32);

kubevirt_kind!(KubeVirt, "KubeVirt", "kubevirts");

// === impl KubeVirt ===

impl KubeVirt {
    pub fn version(&self) -> Option<&str> {
        self.status.observed_kube_virt_version.as_deref()
    }

    /// `None` for a build of one's own.
    pub fn release(&self) -> Option<Release> {
        let mut parts = self.version()?.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    /// Whether a migration can be told where to go (`addedNodeSelector`, KubeVirt 1.6); a build of one's own is taken for new.
    pub fn selects_nodes(&self) -> bool {
        self.release().is_none_or(|release| release >= (1, 6))
    }

    /// Whether a guest can be reset (`virtualmachineinstances/reset`, KubeVirt 1.5); a build of one's own is taken for new.
    pub fn resets(&self) -> bool {
        self.release().is_none_or(|release| release >= (1, 5))
    }

    /// Registered network binding plugins by name, with their `domainAttachmentType`.
    pub fn plugins(&self) -> BTreeMap<String, Option<String>> {
        self.spec
            .configuration
            .network
            .binding
            .iter()
            .map(|(name, plugin)| {
                let kind = plugin.domain_attachment_type.clone().filter(|kind| !kind.is_empty());
                (name.clone(), kind)
            })
            .collect()
    }
}

/// The cluster's `KubeVirt` object; there is at most one. An error is the caller's to ignore.
///
/// # Errors
/// It cannot be listed, or there are several. KubeVirt's role `kubevirt.io:operator` is a part of `admin`, so that a tenant may
/// make a second one where virt-operator's webhook does not refuse it; it must not decide where debug pods go.
pub(crate) async fn installed(cluster: &Cluster) -> Result<Option<KubeVirt>, ClusterError> {
    let ask = Ask::new("list", "kubevirt.io", "kubevirts");
    let list = Api::<KubeVirt>::all(cluster.client.clone())
        .list(&ListParams::default())
        .await
        .map_err(|error| cluster.explain(&error, &ask))?;
    only(list.items)
}

fn only(mut all: Vec<KubeVirt>) -> Result<Option<KubeVirt>, ClusterError> {
    if all.len() < 2 {
        return Ok(all.pop());
    }
    let names: Vec<String> = all
        .iter()
        .map(|one| escape(&format!("{}/{}", one.namespace(), one.name())))
        .collect();
    let message = format!(
        "there are {} KubeVirt objects ({}), and which of them is the cluster's is not known",
        names.len(),
        names.join(", ")
    );
    Err(ClusterError::new(ErrorKind::Other, message)
        .hint(CommandLine::new("kubectl get kubevirts -A").to("to see them: ")))
}

/// KubeVirt's namespace where there is one; the error is why that is not known.
pub(crate) fn home(read: &Result<Option<KubeVirt>, ClusterError>) -> Result<Option<&str>, String> {
    match read {
        Ok(installed) => Ok(installed.as_ref().map(KubeVirt::namespace)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.message.clone()),
    }
}

/// The plugins, unknown where the object could not be read.
pub(crate) fn plugins(read: &Result<Option<KubeVirt>, ClusterError>) -> Plugins {
    read.as_ref().ok().and_then(Option::as_ref).map(KubeVirt::plugins)
}

#[cfg(test)]
mod tests {
    use super::{KubeVirt, only};
    use serde_json::json;

    #[test]
    fn a_second_object_decides_nothing() {
        let object = |namespace: &str| -> KubeVirt {
            serde_json::from_value(json!({ "metadata": { "name": "kubevirt", "namespace": namespace } })).unwrap()
        };
        assert!(only(Vec::new()).unwrap().is_none());
        assert_eq!(only(vec![object("kubevirt")]).unwrap().unwrap().namespace(), "kubevirt");
        let error = only(vec![object("a-tenant"), object("kubevirt")]).unwrap_err();
        assert!(
            error.message.contains("a-tenant/kubevirt, kubevirt/kubevirt"),
            "{}",
            error.message
        );
    }

    #[test]
    fn plugins_and_version() {
        let kubevirt: KubeVirt = serde_json::from_value(json!({
            "metadata": { "name": "kubevirt", "namespace": "kubevirt" },
            "spec": { "configuration": { "network": { "binding": {
                "l2bridge": { "domainAttachmentType": "managedTap", "migration": {} },
                "passt": { "sidecarImage": "x", "domainAttachmentType": null } } } } },
            "status": { "phase": "Deployed", "observedKubeVirtVersion": "v1.9.0" }
        }))
        .unwrap();
        assert_eq!(kubevirt.version(), Some("v1.9.0"));
        assert_eq!(kubevirt.namespace(), "kubevirt");
        let plugins: Vec<_> = kubevirt.plugins().into_iter().collect();
        assert_eq!(
            plugins,
            [
                ("l2bridge".to_owned(), Some("managedTap".to_owned())),
                ("passt".to_owned(), None)
            ]
        );
    }

    #[test]
    fn an_object_without_configuration_has_no_plugins() {
        let kubevirt: KubeVirt =
            serde_json::from_value(json!({ "metadata": {}, "spec": { "configuration": null }, "status": null }))
                .unwrap();
        assert!(kubevirt.plugins().is_empty());
    }
}
