//! Knobs for what the one who rehearses may do, and for what is let in.

use super::Practice;
use crate::{
    api::{access::Grant, admission::Webhook, resources::NAMESPACES},
    json as fields,
};

impl Practice {
    /// Takes a permission away (`*` = all; an empty subresource is the resource itself): 403 in RBAC's words, and
    /// access reviews say no.
    pub fn forbid(&self, verb: &str, group: &str, resource: &str, subresource: &str, namespace: &str) {
        let resource = if subresource.is_empty() {
            resource.to_owned()
        } else {
            format!("{resource}/{subresource}")
        };
        self.cluster
            .access()
            .forbid(Grant::new(verb, group, &resource, namespace));
    }

    /// Leaves these permissions only.
    pub fn allow_only(&self, grants: Vec<Grant>) {
        self.cluster.access().allow_only(grants);
    }

    /// Gives all permissions back; tenants keep theirs.
    pub fn allow_all(&self) {
        self.cluster.access().clear();
    }

    /// Pod Security: from now on the namespace takes no pods beyond this level (`baseline`, `restricted`; `privileged`
    /// takes all).
    pub fn admission_deny(&self, namespace: &str, level: &str) {
        self.cluster.edit(&NAMESPACES, "", namespace, |namespace| {
            fields::set(namespace, "/metadata/labels/pod-security.kubernetes.io~1enforce", level);
        });
    }

    /// A webhook refuses new objects of a kind (its plural) in a namespace (`*` = all), dry runs too.
    pub fn webhook_deny(&self, webhook: &str, resource: &str, namespace: &str, message: &str) {
        let webhook = Webhook {
            name: webhook.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            message: message.to_owned(),
        };
        self.cluster.admission().0.push(webhook);
    }
}
