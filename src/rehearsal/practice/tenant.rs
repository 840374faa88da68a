//! A second user of the practice cluster: a tenant, with the rights of a namespaced editor and no others.

use std::path::Path;

use serde_json::json;

use super::Practice;
use crate::{
    api::{access::Grant, call::User, resources::NAMESPACES, users},
    http::kubeconfig::Kubeconfig,
};

/// Somebody with a bearer token, permissions and a kubeconfig of his own, which goes with this.
pub struct Tenant {
    name: String,
    token: String,
    kubeconfig: Kubeconfig,
}

impl Practice {
    /// A namespaced editor: `edit` and `kubevirt.io:edit` in this namespace, nothing elsewhere. The namespace is made where
    /// it is not there, and takes pods up to the level `baseline` of Pod Security unless it names a level already.
    pub fn tenant(&self, namespace: &str) -> anyhow::Result<Tenant> {
        if self.get("Namespace", "", namespace).is_none() {
            self.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}}, "status": {"phase": "Active"}}))?;
        }
        let enforce = "pod-security.kubernetes.io/enforce";
        self.cluster.edit(&NAMESPACES, "", namespace, |space| {
            if space["metadata"]["labels"][enforce].is_null() {
                space["metadata"]["labels"][enforce] = "baseline".into();
            }
        });
        let name = format!("editor-of-{namespace}");
        let user = User {
            name: name.clone(),
            groups: vec!["system:authenticated".to_owned()],
        };
        self.cluster.access().give(&name, users::editor(namespace));
        let token = self.cluster.users().add(user)?;
        let kubeconfig = Kubeconfig::write(&self.url, &self.authority, &token, namespace)?;
        Ok(Tenant {
            name,
            token,
            kubeconfig,
        })
    }

    /// Gives a tenant a permission beyond those of an editor.
    pub fn grant(&self, tenant: &Tenant, grant: Grant) {
        self.cluster.access().give(&tenant.name, vec![grant]);
    }
}

impl Tenant {
    /// The name of the user, as requests and refusals say it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bearer token that the kubeconfig holds.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The tenant's kubeconfig, with the tenant's namespace.
    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }
}
