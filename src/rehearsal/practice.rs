//! The handle on a practice cluster: starts it, and turns its knobs.

mod access;
mod nodes;
pub(super) mod tenant;
mod vms;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, task::AbortHandle, time::timeout};

use super::{
    api::{
        faults::Rule,
        resources::{self, PODS, Resource, VMS},
    },
    cluster::Cluster,
    hosts,
    http::{kubeconfig::Kubeconfig, log::Request, server, tls},
    json as fields, kubevirt,
    node::{Nodes, kubelet},
    options::Options,
    store::What,
    world,
};

/// The longest that a knob waits for what it asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A change of an object, as a watch was told.
#[derive(Debug, Clone)]
pub struct Told {
    /// When the server made it.
    pub at: Timestamp,
    /// It was taken away; `object` is its last state.
    pub deleted: bool,
    pub object: Value,
}

/// A practice cluster. It ends, with everything in it, when this is dropped.
pub struct Practice {
    cluster: Arc<Cluster>,
    kubeconfig: Kubeconfig,
    url: String,
    /// The authority that clients have to trust, as PEM.
    authority: String,
    _running: Running,
}

/// What runs for a cluster; it ends when this is dropped, be it in the middle of a start.
struct Running {
    cluster: Arc<Cluster>,
    tasks: Vec<AbortHandle>,
}

impl Running {
    fn add(&mut self, task: impl Future<Output: Send> + Send + 'static) {
        self.tasks.push(tokio::spawn(task).abort_handle());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.cluster.nodes.end();
    }
}

impl Practice {
    /// Starts a cluster on a free port of 127.0.0.1.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let nodes = Nodes::new(hosts::make(&options)?);
        let cluster = Arc::new(Cluster::new(options, nodes)?);
        let mut running = Running {
            cluster: Arc::clone(&cluster),
            tasks: Vec::new(),
        };
        world::build(&cluster);
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("opening a port on 127.0.0.1 for the practice cluster")?;
        let url = format!("https://{}", listener.local_addr()?);
        let tls = tls::make()?;
        kubevirt::settle(&cluster);
        let seen = cluster.store().version();
        running.add(kubelet::run(Arc::clone(&cluster)));
        running.add(kubevirt::run(Arc::clone(&cluster), seen));
        running.add(server::serve(listener, tls.acceptor, Arc::clone(&cluster)));
        wait_for_launchers(&cluster).await?;
        // Last: a start that fails, or is killed, leaves no file.
        let kubeconfig = Kubeconfig::write(&url, &tls.authority, &cluster.token, "default")?;
        Ok(Self {
            cluster,
            kubeconfig,
            url,
            authority: tls.authority,
            _running: running,
        })
    }

    /// The kubeconfig that leads here: context `vmchaos-rehearsal`, namespace `default`.
    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token that the kubeconfig holds.
    pub fn token(&self) -> &str {
        &self.cluster.token
    }

    // Requests and their fate.

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.cluster.log().all()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.cluster.log().clear();
    }

    /// Makes requests fail.
    pub fn fail(&self, rule: Rule) {
        self.cluster.faults().add(rule);
    }

    /// Lets every request through again.
    pub fn clear_faults(&self) {
        self.cluster.faults().clear();
    }

    /// Forgets the history of changes: watches that go on from an earlier version are told 410 Gone.
    pub fn compact(&self) {
        self.cluster.store().compact();
    }

    // Objects.

    /// An object as it is now, by its kind (`Pod`, `VirtualMachineInstance` …); an empty namespace for kinds without
    /// one.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        Some((*self.cluster.get(by_kind(kind)?, namespace, name)?).clone())
    }

    /// All objects of a kind, of one namespace or (empty) of all.
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        by_kind(kind)
            .map(|resource| {
                self.cluster
                    .list(resource, namespace)
                    .iter()
                    .map(|object| (**object).clone())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// What watches of a kind were told, oldest first, with the server's own times.
    pub fn told(&self, kind: &str, namespace: &str) -> Vec<Told> {
        let store = self.cluster.store();
        let Some((resource, all)) = by_kind(kind).zip(store.since(store.oldest()).ok()) else {
            return Vec::new();
        };
        all.filter(|change| change.is_of(resource) && fields::text(&change.object, "/metadata/namespace") == namespace)
            .map(|change| Told {
                at: change.at,
                deleted: change.what == What::Deleted,
                object: (*change.object).clone(),
            })
            .collect()
    }

    /// Puts an object as it is, new or in the place of the one of that name, past all checks. It must say its
    /// `apiVersion` and `kind`.
    pub fn put(&self, object: Value) -> anyhow::Result<()> {
        let (version, kind) = (fields::text(&object, "/apiVersion"), fields::text(&object, "/kind"));
        let resource = resources::by_kind(version, kind)
            .with_context(|| format!("the practice cluster has no kind {kind} in {version}"))?;
        let mut object = object;
        let (namespace, name) = (
            fields::text(&object, "/metadata/namespace").to_owned(),
            fields::text(&object, "/metadata/name").to_owned(),
        );
        match self.cluster.get(resource, &namespace, &name) {
            Some(old) => fields::set(&mut object, "/metadata/uid", fields::text(&old, "/metadata/uid")),
            None => self
                .cluster
                .stamp(resource, &namespace, &mut object)
                .map_err(|error| anyhow::anyhow!("{}", error.message()))?,
        }
        self.cluster.store().put(resource, object);
        Ok(())
    }

    /// Changes an object, past all checks; false when it is not there.
    pub fn edit(&self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> bool {
        by_kind(kind).is_some_and(|resource| self.cluster.edit(resource, namespace, name, change).is_some())
    }

    /// Takes an object away at once, past finalizers and grace.
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) {
        if let Some(resource) = by_kind(kind) {
            self.cluster.remove(resource, namespace, name);
        }
    }

    /// Waits until an object of that name is as asked (also when there is none yet); an error after a minute.
    pub async fn until(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        done: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<()> {
        let resource = by_kind(kind).with_context(|| format!("the practice cluster has no kind {kind}"))?;
        self.wait_for(resource, namespace, name, done).await
    }

    async fn wait_for(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        done: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<()> {
        let mut changed = self.cluster.store().subscribe();
        let there = async {
            while !self
                .cluster
                .get(resource, namespace, name)
                .is_some_and(|object| done(&object))
            {
                changed.changed().await?;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, there).await.with_context(|| {
            format!(
                "{} {namespace}/{name} did not come to be as awaited within {} s",
                resource.kind,
                PATIENCE.as_secs()
            )
        })?
    }

    fn uid(&self, resource: &'static Resource, namespace: &str, name: &str) -> anyhow::Result<String> {
        let object = self
            .cluster
            .get(resource, namespace, name)
            .with_context(|| format!("{} \"{namespace}/{name}\" is not there", resource.plural))?;
        Ok(fields::text(&object, "/metadata/uid").to_owned())
    }
}

/// Until every launcher of a new world has its network namespace.
async fn wait_for_launchers(cluster: &Cluster) -> anyhow::Result<()> {
    let mut started = cluster.nodes.subscribe();
    let launchers: Vec<String> = cluster
        .list(&PODS, "")
        .iter()
        .filter(|pod| fields::text(pod, "/metadata/labels/kubevirt.io") == "virt-launcher")
        .map(|pod| fields::text(pod, "/metadata/uid").to_owned())
        .collect();
    let running = |uid: &String| cluster.nodes.container(uid).is_some();
    let all = started.wait_for(|starts| *starts >= launchers.len() && launchers.iter().all(running));
    timeout(PATIENCE, all)
        .await
        .context("the launchers of the practice cluster did not come up")??;
    Ok(())
}

fn by_kind(kind: &str) -> Option<&'static Resource> {
    if kind == "VirtualMachine" {
        return Some(&VMS);
    }
    resources::served(true).find(|resource| resource.kind == kind && !resource.verbs.is_empty())
}
