//! The objects of the practice cluster and the history of their changes: one resource version for all of them, as in
//! etcd, so that a list and the watch after it fit together without a gap.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    api::{pruning::Schema, resources::Resource},
    json,
};

/// Changes kept for watches that come late; who asks for older ones is told 410 Gone.
const HISTORY: usize = 50_000;

/// What happened to an object, as a watch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Added,
    Modified,
    Deleted,
}

/// One change, with the object before it: a watch with a selector needs both to tell whether the object came into its
/// view or left it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
    pub(crate) resource: &'static str,
    pub(crate) group: &'static str,
    pub(crate) object: Arc<Value>,
    pub(crate) before: Option<Arc<Value>>,
}

impl Change {
    pub(crate) fn is_of(&self, resource: &Resource) -> bool {
        self.resource == resource.plural && self.group == resource.group
    }
}

type Kind = (&'static str, &'static str);
type Name = (String, String);

/// All objects by kind, namespace and name.
pub(crate) struct Store {
    version: u64,
    objects: HashMap<Kind, BTreeMap<Name, Arc<Value>>>,
    history: VecDeque<Change>,
    compacted: u64,
    schema: Schema,
    changed: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new(schema: Schema) -> Self {
        // A young cluster's number, and not 0: "0" has a meaning of its own in a request.
        Self {
            version: 1000,
            objects: HashMap::new(),
            history: VecDeque::new(),
            compacted: 1000,
            schema,
            changed: watch::Sender::new(1000),
        }
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The oldest version a watch may begin from.
    pub(crate) fn oldest(&self) -> u64 {
        self.compacted
    }

    /// Wakes whenever something has changed.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects
            .get(&(resource.group, resource.plural))?
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// All objects of a kind, of one namespace or (empty) of all, in the order of namespace and name.
    pub(crate) fn list(&self, resource: &Resource, namespace: &str) -> Vec<Arc<Value>> {
        let Some(objects) = self.objects.get(&(resource.group, resource.plural)) else {
            return Vec::new();
        };
        if namespace.is_empty() {
            return objects.values().cloned().collect();
        }
        objects
            .range((namespace.to_owned(), String::new())..)
            .take_while(|((of, _), _)| of == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// Drops the fields of an object that would not be kept.
    pub(crate) fn prune(&self, resource: &Resource, object: &mut Value) {
        self.schema.prune(resource, object);
    }

    /// Writes an object, new or not, under a new resource version.
    pub(crate) fn put(&mut self, resource: &'static Resource, mut object: Value) -> Arc<Value> {
        self.prune(resource, &mut object);
        let name = name_of(&object);
        self.version += 1;
        json::set(&mut object, "/metadata/resourceVersion", self.version.to_string());
        let object = Arc::new(object);
        let before = self
            .objects
            .entry((resource.group, resource.plural))
            .or_default()
            .insert(name, Arc::clone(&object));
        let what = if before.is_some() { What::Modified } else { What::Added };
        self.record(resource, what, Arc::clone(&object), before);
        object
    }

    /// Takes an object away. What is handed back carries the version of its end.
    pub(crate) fn remove(&mut self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let before = self
            .objects
            .get_mut(&(resource.group, resource.plural))?
            .remove(&(namespace.to_owned(), name.to_owned()))?;
        self.version += 1;
        let mut last = (*before).clone();
        json::set(&mut last, "/metadata/resourceVersion", self.version.to_string());
        let last = Arc::new(last);
        self.record(resource, What::Deleted, Arc::clone(&last), Some(before));
        Some(last)
    }

    /// The changes after a version; the oldest version still known when that is too long ago.
    pub(crate) fn since(&self, version: u64) -> Result<impl Iterator<Item = &Change>, u64> {
        if version < self.compacted {
            return Err(self.compacted);
        }
        let first = self.history.partition_point(|change| change.version <= version);
        Ok(self.history.range(first..))
    }

    /// Forgets all history: every watch from an earlier version is too old from now on.
    pub(crate) fn compact(&mut self) {
        self.version += 1;
        self.compacted = self.version;
        self.history.clear();
        self.changed.send_replace(self.version);
    }

    fn record(&mut self, resource: &'static Resource, what: What, object: Arc<Value>, before: Option<Arc<Value>>) {
        self.history.push_back(Change {
            version: self.version,
            at: Timestamp::now(),
            what,
            resource: resource.plural,
            group: resource.group,
            object,
            before,
        });
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.version;
        }
        self.changed.send_replace(self.version);
    }
}

fn name_of(object: &Value) -> Name {
    (
        json::text(object, "/metadata/namespace").to_owned(),
        json::text(object, "/metadata/name").to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::api::resources::PODS, *};

    fn pod(namespace: &str, name: &str) -> Value {
        json!({"metadata": {"namespace": namespace, "name": name}})
    }

    #[test]
    fn a_list_of_one_namespace_holds_no_other() {
        let mut store = Store::new(Schema::default());
        for (namespace, name) in [("a", "z"), ("b", "a"), ("a", "b"), ("ab", "c")] {
            store.put(&PODS, pod(namespace, name));
        }
        let names: Vec<_> = store
            .list(&PODS, "a")
            .iter()
            .map(|pod| json::text(pod, "/metadata/name").to_owned())
            .collect();
        assert_eq!(names, ["b", "z"]);
        assert_eq!(store.list(&PODS, "").len(), 4);
    }

    #[test]
    fn changes_after_a_version_are_all_of_them_once() {
        let mut store = Store::new(Schema::default());
        store.put(&PODS, pod("a", "1"));
        let seen = store.version();
        store.put(&PODS, pod("a", "1"));
        store.remove(&PODS, "a", "1");
        let whats: Vec<_> = store
            .since(seen)
            .map(|changes| changes.map(|change| change.what).collect())
            .unwrap_or_default();
        assert_eq!(whats, [What::Modified, What::Deleted]);
    }

    #[test]
    fn a_forgotten_history_is_told_and_not_passed_over() {
        let mut store = Store::new(Schema::default());
        let seen = store.version();
        store.put(&PODS, pod("a", "1"));
        store.compact();
        assert!(store.since(seen).is_err());
        assert!(store.since(store.version()).is_ok());
    }
}
