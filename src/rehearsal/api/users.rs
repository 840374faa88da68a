//! Who the practice cluster knows: the one who rehearses, and tenants. Each has a bearer token of its own.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{access::Grant, call::User};
use crate::secret;

/// Bytes of a token: nobody guesses it while a rehearsal lasts, or ever.
const TOKEN: usize = 32;

/// The users by the SHA-256 of their tokens: how long a look-up takes says nothing about a token.
#[derive(Default)]
pub(crate) struct Users(BTreeMap<[u8; 32], User>);

impl Users {
    /// A new token for this user.
    pub(crate) fn add(&mut self, user: User) -> anyhow::Result<String> {
        let token = secret::draw(TOKEN)?;
        self.0.insert(digest(&token), user);
        Ok(token)
    }

    /// Whose token this is.
    pub(crate) fn of(&self, token: &str) -> Option<&User> {
        self.0.get(&digest(token))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// What a namespaced editor may: `edit`, with what KubeVirt 1.5 and later adds to it (`kubevirt.io:edit`), by a role
/// binding. Migrations are a role apart (`kubevirt.io:migrate`): an editor only sees them.
pub(crate) fn editor(namespace: &str) -> Vec<Grant> {
    const READ: &[&str] = &["get", "list", "watch"];
    const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
    const VIRT: &[&str] = &["get", "list", "watch", "create", "delete", "patch", "update"];
    const RULES: &[(&[&str], &str, &[&str])] = &[
        (
            READ,
            "",
            &[
                "configmaps",
                "events",
                "namespaces",
                "pods",
                "pods/attach",
                "pods/exec",
                "pods/log",
                "pods/status",
                "secrets",
                "serviceaccounts",
                "services",
            ],
        ),
        (
            WRITE,
            "",
            &[
                "configmaps",
                "events",
                "pods",
                "pods/attach",
                "pods/exec",
                "secrets",
                "serviceaccounts",
                "services",
            ],
        ),
        (&["create"], "", &["pods/eviction"]),
        (READ, "events.k8s.io", &["events"]),
        (READ, "coordination.k8s.io", &["leases"]),
        (WRITE, "coordination.k8s.io", &["leases"]),
        (READ, "policy", &["poddisruptionbudgets"]),
        (WRITE, "policy", &["poddisruptionbudgets"]),
        (
            VIRT,
            "kubevirt.io",
            &[
                "virtualmachines",
                "virtualmachineinstances",
                "virtualmachineinstancereplicasets",
            ],
        ),
        (READ, "kubevirt.io", &["virtualmachineinstancemigrations"]),
        (
            &["update"],
            "subresources.kubevirt.io",
            &[
                "virtualmachines/restart",
                "virtualmachines/start",
                "virtualmachines/stop",
                "virtualmachineinstances/pause",
                "virtualmachineinstances/reset",
                "virtualmachineinstances/softreboot",
                "virtualmachineinstances/unpause",
            ],
        ),
    ];
    let mut grants = Vec::new();
    for (verbs, group, resources) in RULES {
        for verb in *verbs {
            grants.extend(resources.iter().map(|what| Grant::new(verb, group, what, namespace)));
        }
    }
    grants
}
