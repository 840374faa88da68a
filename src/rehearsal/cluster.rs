//! What all parts of the practice cluster share: the objects, the rules in force, the record of requests. Controllers
//! and the API both write through here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{
    api::{
        access::Access,
        admission::Admission,
        call::User,
        faults::Faults,
        resources::{EVENTS, Resource},
        status_error::{ApiError, ApiResult},
        users::Users,
        validation,
    },
    http::log::Log,
    ids::Ids,
    json as fields,
    kubevirt::{migration_limits::UnderWay, migration_play::Plays},
    node::Nodes,
    options::Options,
    store::Store,
    time,
};

/// The practice cluster.
pub(crate) struct Cluster {
    pub(crate) options: Options,
    /// The token of the one who rehearses.
    pub(crate) token: String,
    pub(crate) nodes: Nodes,
    store: Mutex<Store>,
    ids: Mutex<Ids>,
    users: Mutex<Users>,
    access: Mutex<Access>,
    admission: Mutex<Admission>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
    pub(crate) migrations: Plays,
    pub(crate) under_way: UnderWay,
}

/// A lock that outlives a panic of its holder: a failed test must not hide behind a poisoned cluster.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    pub(crate) fn new(options: Options, nodes: Nodes) -> anyhow::Result<Self> {
        let ids = Ids::new(options.seed);
        let mut users = Users::default();
        let token = users.add(User::rehearser())?;
        Ok(Self {
            token,
            nodes,
            store: Mutex::new(Store::new(options.schema.clone())),
            ids: Mutex::new(ids),
            users: Mutex::new(users),
            access: Mutex::default(),
            admission: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            migrations: Plays::default(),
            under_way: UnderWay::default(),
            options,
        })
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn ids(&self) -> MutexGuard<'_, Ids> {
        lock(&self.ids)
    }

    pub(crate) fn users(&self) -> MutexGuard<'_, Users> {
        lock(&self.users)
    }

    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
    }

    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        lock(&self.admission)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.store().get(resource, namespace, name)
    }

    pub(crate) fn list(&self, resource: &Resource, namespace: &str) -> Vec<Arc<Value>> {
        self.store().list(resource, namespace)
    }

    /// Fills in what the server decides of a new object (name, uid, times) and checks its name.
    pub(crate) fn stamp(&self, resource: &'static Resource, namespace: &str, object: &mut Value) -> ApiResult<()> {
        if fields::text(object, "/metadata/name").is_empty() {
            let prefix = fields::text(object, "/metadata/generateName").to_owned();
            if prefix.is_empty() {
                return Err(ApiError::invalid(
                    resource,
                    "",
                    "metadata.name",
                    "Required value: name or generateName is required",
                ));
            }
            validation::generate_name(resource, &prefix)?;
            // As the server: a long prefix is cut so that the whole is a valid name.
            let kept: String = prefix.chars().take(58).collect();
            let suffix = self.ids().suffix();
            fields::set(object, "/metadata/name", format!("{kept}{suffix}"));
        }
        validation::name(resource, fields::text(object, "/metadata/name"))?;
        fields::set(object, "/apiVersion", resource.api_version());
        fields::set(object, "/kind", resource.kind);
        if resource.namespaced {
            fields::set(object, "/metadata/namespace", namespace);
        } else {
            fields::unset(object, "/metadata/namespace");
        }
        let uid = self.ids().uid();
        fields::set(object, "/metadata/uid", uid);
        fields::set(object, "/metadata/creationTimestamp", time::now());
        for field in [
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            fields::unset(object, &format!("/metadata/{field}"));
        }
        if resource.custom {
            fields::set(object, "/metadata/generation", 1);
        }
        Ok(())
    }

    /// Stores a new object, stamped already or by this call when it has no uid.
    pub(crate) fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        mut object: Value,
    ) -> ApiResult<Arc<Value>> {
        if fields::text(&object, "/metadata/uid").is_empty() {
            self.stamp(resource, namespace, &mut object)?;
        }
        let mut store = self.store();
        let name = fields::text(&object, "/metadata/name");
        if store.get(resource, namespace, name).is_some() {
            return Err(ApiError::already_exists(resource, name));
        }
        Ok(store.put(resource, object))
    }

    /// Changes an object in one step; nothing is written when nothing changed. An object being deleted ends when its
    /// last finalizer goes.
    pub(crate) fn edit(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Arc<Value>> {
        let mut store = self.store();
        let before = store.get(resource, namespace, name)?;
        let mut object = (*before).clone();
        change(&mut object);
        Some(Self::write(&mut store, resource, &before, object))
    }

    /// Puts a changed object in the place of the one before it, by the rules all writers share.
    pub(crate) fn write(
        store: &mut Store,
        resource: &'static Resource,
        before: &Arc<Value>,
        mut object: Value,
    ) -> Arc<Value> {
        store.prune(resource, &mut object);
        if object == **before {
            return Arc::clone(before);
        }
        let (namespace, name) = (
            fields::text(before, "/metadata/namespace"),
            fields::text(before, "/metadata/name"),
        );
        if resource.custom && object.get("spec") != before.get("spec") {
            let generation = before
                .pointer("/metadata/generation")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            fields::set(&mut object, "/metadata/generation", generation + 1);
        }
        let ends = fields::present(&object, "/metadata/deletionTimestamp")
            && !fields::present(&object, "/metadata/finalizers")
            && !resource.is(&super::api::resources::PODS);
        if ends {
            // A watch is told of its end with the last state that it had.
            store.remove(resource, namespace, name);
            return Arc::new(object);
        }
        store.put(resource, object)
    }

    /// Takes an object away at once, finalizers or not.
    pub(crate) fn remove(&self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.store().remove(resource, namespace, name)
    }

    /// Waits until an object is as asked, or (nothing) until it is gone or another one has its name.
    pub(crate) async fn until(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        done: impl Fn(&Value) -> bool,
    ) -> Option<Arc<Value>> {
        let mut changed = self.store().subscribe();
        let uid = fields::text(&*self.get(resource, namespace, name)?, "/metadata/uid").to_owned();
        loop {
            changed.mark_unchanged();
            let object = self
                .get(resource, namespace, name)
                .filter(|object| fields::text(object, "/metadata/uid") == uid)?;
            if done(&object) {
                return Some(object);
            }
            changed.changed().await.ok()?;
        }
    }

    /// Records an event about an object, as a component of the cluster does.
    pub(crate) fn event(&self, about: &Value, kind: &str, reason: &str, message: &str, component: &str) {
        let namespace = match fields::text(about, "/metadata/namespace") {
            "" => "default",
            namespace => namespace,
        };
        let name = format!("{}.{}", fields::text(about, "/metadata/name"), self.ids().hex(16));
        let now = time::now();
        let event = json!({
            "metadata": {"name": name},
            "involvedObject": {
                "apiVersion": about["apiVersion"], "kind": about["kind"], "namespace": fields::text(about, "/metadata/namespace"),
                "name": fields::text(about, "/metadata/name"), "uid": fields::text(about, "/metadata/uid"), "resourceVersion": fields::text(about, "/metadata/resourceVersion"),
            },
            "type": kind, "reason": reason, "message": message, "count": 1, "firstTimestamp": now, "lastTimestamp": now, "eventTime": null,
            "source": {"component": component}, "reportingComponent": component, "reportingInstance": "",
        });
        // An event that cannot be written is lost, in a real cluster as here.
        let _ = self.create(&EVENTS, namespace, event);
    }
}
