//! How many migrations virt-controller lets be under way (`spec.configuration.migrations` of the `KubeVirt` object).

use std::{collections::HashMap, sync::Mutex};

use serde_json::Value;

use crate::{
    api::resources::KUBEVIRTS,
    cluster::{Cluster, lock},
};

/// Migrations that were let through and are not over: the node each leaves, by UID.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashMap<String, String>>);

impl UnderWay {
    /// Lets a migration through, if there is room for it.
    pub(super) fn enter(&self, cluster: &Cluster, uid: &str, node: &str) -> bool {
        let kubevirt = cluster.list(&KUBEVIRTS, "").into_iter().next();
        let limit = |name: &str, usual: u64| {
            let pointer = format!("/spec/configuration/migrations/{name}");
            let asked = kubevirt
                .as_ref()
                .and_then(|object| object.pointer(&pointer))
                .and_then(Value::as_u64);
            usize::try_from(asked.unwrap_or(usual)).unwrap_or(usize::MAX)
        };
        let mut under_way = lock(&self.0);
        let leaving = under_way.values().filter(|from| *from == node).count();
        let room = under_way.len() < limit("parallelMigrationsPerCluster", 5)
            && leaving < limit("parallelOutboundMigrationsPerNode", 2);
        if room {
            under_way.insert(uid.to_owned(), node.to_owned());
        }
        room
    }

    /// Must be followed by a change in the store, which those that wait listen to.
    pub(super) fn leave(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}
