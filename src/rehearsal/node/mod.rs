//! The nodes: kubelets that start and end pods, and the two ways into a container, attach and logs.

pub(crate) mod attach;
mod container;
pub(crate) mod expand;
pub(crate) mod fitness;
pub(crate) mod kubelet;
mod launcher_life;
pub(crate) use self::launcher_life::{node_address, pod_address};
pub(crate) mod logs;
mod pod_events;
mod pod_life;
pub(crate) mod pod_status;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use hyper::body::Bytes;
use tokio::sync::watch;

pub(crate) use self::container::{Container, Wire};
use super::{cluster::lock, host, hosts::Hosts};

/// What goes wrong on a node, on demand.
#[derive(Debug, Default)]
struct Troubles {
    images: HashSet<String>,
    never: HashSet<String>,
}

/// All nodes, what runs on them, and their troubles.
pub(crate) struct Nodes {
    hosts: Hosts,
    running: Arc<Mutex<HashMap<String, Arc<Container>>>>,
    starts: watch::Sender<usize>,
    stops: Mutex<HashMap<String, watch::Sender<Option<u64>>>>,
    logs: Mutex<HashMap<String, Bytes>>,
    troubles: Mutex<Troubles>,
    /// The last address that each node has given to a pod.
    addresses: Mutex<HashMap<String, u8>>,
}

impl Nodes {
    pub(crate) fn new(hosts: Hosts) -> Self {
        let running: Arc<Mutex<HashMap<String, Arc<Container>>>> = Arc::default();
        for node in hosts.nodes.values() {
            let running = Arc::clone(&running);
            // A launcher whose guest has crashed fails.
            node.on_crash(Arc::new(move |pod_uid| {
                if let Some(container) = lock(&running).get(pod_uid) {
                    container.kill(host::Signal::Kill);
                }
            }));
        }
        Self {
            hosts,
            running,
            starts: watch::Sender::new(0),
            stops: Mutex::default(),
            logs: Mutex::default(),
            troubles: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    pub(crate) fn host(&self, node: &str) -> Option<&Arc<dyn host::Node>> {
        self.hosts.nodes.get(node)
    }

    /// A node that runs the real script, as what it is.
    #[cfg(all(feature = "script-nodes", target_os = "linux"))]
    pub(crate) fn script(&self, node: &str) -> Option<&Arc<super::script_node::ScriptNode>> {
        self.hosts.scripts.get(node)
    }

    /// The container of a pod, while there is one that can be attached to.
    pub(crate) fn container(&self, pod_uid: &str) -> Option<Arc<Container>> {
        lock(&self.running).get(pod_uid).cloned()
    }

    fn started(&self, pod_uid: &str, container: Arc<Container>) {
        lock(&self.running).insert(pod_uid.to_owned(), container);
        self.starts.send_modify(|starts| *starts += 1);
    }

    /// Wakes whenever a container has started.
    pub(crate) fn subscribe(&self) -> watch::Receiver<usize> {
        self.starts.subscribe()
    }

    /// Ends everything that runs: the cluster is gone.
    pub(crate) fn end(&self) {
        for container in lock(&self.running).values() {
            container.close_stdin();
            container.kill(host::Signal::Kill);
        }
        // Not left to the last one who lets go of a node: a task may outlive this.
        for node in self.hosts.nodes.values() {
            node.end();
        }
    }

    /// The containers on a node.
    pub(crate) fn containers_on(&self, node: &str) -> Vec<Arc<Container>> {
        lock(&self.running)
            .values()
            .filter(|container| container.node() == node)
            .cloned()
            .collect()
    }

    /// Every later pull of this image, or any pull on this node, fails.
    pub(crate) fn fail_pulls(&self, image_or_node: &str) {
        lock(&self.troubles).images.insert(image_or_node.to_owned());
    }

    fn pull_fails(&self, image: &str, node: &str) -> bool {
        let troubles = lock(&self.troubles);
        troubles.images.contains(image) || troubles.images.contains(node)
    }

    /// Every later pod on this node stays at `ContainerCreating`.
    pub(crate) fn never_start(&self, node: &str) {
        lock(&self.troubles).never.insert(node.to_owned());
    }

    fn never_starts(&self, node: &str) -> bool {
        lock(&self.troubles).never.contains(node)
    }

    /// Takes note of a pod; false when it was known already.
    fn know(&self, pod_uid: &str) -> Option<watch::Receiver<Option<u64>>> {
        let mut stops = lock(&self.stops);
        if stops.contains_key(pod_uid) {
            return None;
        }
        let (stop, stopped) = watch::channel(None);
        stops.insert(pod_uid.to_owned(), stop);
        Some(stopped)
    }

    /// Tells a pod's task to end it, with that many seconds of grace; false when no task has it.
    fn stop(&self, pod_uid: &str, grace: u64) -> bool {
        lock(&self.stops).get(pod_uid).is_some_and(|stop| {
            stop.send_if_modified(|now| {
                let shorter = now.is_none_or(|now| grace < now);
                if shorter {
                    *now = Some(grace);
                }
                shorter
            });
            true
        })
    }

    /// Keeps the log of a container that has ended, until its pod object goes.
    fn keep_log(&self, pod_uid: &str, log: Bytes) {
        lock(&self.logs).insert(pod_uid.to_owned(), log);
    }

    fn drop_log(&self, pod_uid: &str) {
        lock(&self.logs).remove(pod_uid);
    }

    fn kept_log(&self, pod_uid: &str) -> Option<Bytes> {
        lock(&self.logs).get(pod_uid).cloned()
    }

    /// The last number of a new pod's address: one after the other, as CNI's host-local gives them, so that no two pods of a
    /// node share one before 253 have been.
    fn next_address(&self, node: &str) -> u8 {
        let mut addresses = lock(&self.addresses);
        let last = addresses.entry(node.to_owned()).or_insert(1);
        *last = if *last >= 254 { 2 } else { *last + 1 };
        *last
    }

    fn forget(&self, pod_uid: &str) {
        lock(&self.stops).remove(pod_uid);
        lock(&self.running).remove(pod_uid);
    }
}
