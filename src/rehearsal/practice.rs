//! The handle on a practice cluster: starts it, and turns its knobs.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle, time::timeout};

use super::{
    api::{
        access::Grant,
        admission::Webhook,
        delete,
        faults::Rule,
        resources::{self, NAMESPACES, NODES, PODS, Resource, VMIMS, VMIS, VMS},
    },
    cluster::Cluster,
    host::Signal,
    hosts,
    http::{kubeconfig::Kubeconfig, log::Request, server, tls},
    json as fields,
    kubevirt::{self, launcher},
    node::{Nodes, kubelet},
    options::Options,
    world,
};

/// The longest that a knob waits for what it asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A practice cluster. It ends, with everything in it, when this is dropped.
pub struct Practice {
    cluster: Arc<Cluster>,
    kubeconfig: Kubeconfig,
    url: String,
    tasks: Vec<AbortHandle>,
}

impl Drop for Practice {
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
        let cluster = Arc::new(Cluster::new(options, nodes));
        world::build(&cluster);
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("opening a port on 127.0.0.1 for the practice cluster")?;
        let url = format!("https://{}", listener.local_addr()?);
        let tls = tls::make()?;
        let kubeconfig = Kubeconfig::write(&url, &tls.authority, &cluster.token, &cluster.token[..8])?;
        kubevirt::settle(&cluster);
        let seen = cluster.store().version();
        let tasks = vec![
            tokio::spawn(kubelet::run(Arc::clone(&cluster))).abort_handle(),
            tokio::spawn(kubevirt::run(Arc::clone(&cluster), seen)).abort_handle(),
            tokio::spawn(server::serve(listener, tls.acceptor, Arc::clone(&cluster))).abort_handle(),
        ];
        let practice = Self {
            cluster,
            kubeconfig,
            url,
            tasks,
        };
        practice.wait_for_launchers().await?;
        Ok(practice)
    }

    /// Until every launcher of the world has its network namespace.
    async fn wait_for_launchers(&self) -> anyhow::Result<()> {
        let mut started = self.cluster.nodes.subscribe();
        let launchers: Vec<String> = self
            .pods("", |pod| {
                fields::text(pod, "/metadata/labels/kubevirt.io") == "virt-launcher"
            })
            .iter()
            .map(|pod| fields::text(pod, "/metadata/uid").to_owned())
            .collect();
        let all = started.wait_for(|_| launchers.iter().all(|uid| self.cluster.nodes.container(uid).is_some()));
        timeout(PATIENCE, all)
            .await
            .context("the launchers of the practice cluster did not come up")??;
        Ok(())
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

    /// Takes a permission away (`*` = all; an empty subresource is the resource itself): 403 in RBAC's words, and access reviews say no.
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

    /// Gives all permissions back.
    pub fn allow_all(&self) {
        self.cluster.access().clear();
    }

    /// Pod Security: from now on the namespace takes no pods beyond this level (`baseline`, `restricted`; `privileged` takes all).
    pub fn admission_deny(&self, namespace: &str, level: &str) {
        self.cluster.edit(&NAMESPACES, "", namespace, |namespace| {
            fields::set(namespace, "/metadata/labels/pod-security.kubernetes.io~1enforce", level);
        });
    }

    /// Pod Security: the namespace warns of pods beyond this level.
    pub fn admission_warn(&self, namespace: &str, level: &str) {
        self.cluster.edit(&NAMESPACES, "", namespace, |namespace| {
            fields::set(namespace, "/metadata/labels/pod-security.kubernetes.io~1warn", level);
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

    // VMs.

    /// Live-migrates a VMI, to that node or wherever there is room, and waits for the end.
    pub async fn migrate(&self, namespace: &str, name: &str, to: Option<&str>) -> anyhow::Result<()> {
        let mut spec = json!({"vmiName": name});
        if let Some(node) = to {
            fields::set(&mut spec, "/addedNodeSelector/kubernetes.io~1hostname", node);
        }
        let mut migration = json!({"metadata": {"generateName": "rehearsal-", "namespace": namespace}, "spec": spec});
        kubevirt::admission::on_create(&self.cluster, &VMIMS, &mut migration)
            .map_err(|error| anyhow::anyhow!("migrating {namespace}/{name}: {}", error.message()))?;
        let migration = self
            .cluster
            .create(&VMIMS, namespace, migration)
            .map_err(|error| anyhow::anyhow!("migrating {namespace}/{name}: {}", error.message()))?;
        let ended = self.cluster.until(
            &VMIMS,
            namespace,
            fields::text(&migration, "/metadata/name"),
            |migration| matches!(fields::text(migration, "/status/phase"), "Succeeded" | "Failed"),
        );
        let ended = timeout(PATIENCE, ended)
            .await
            .with_context(|| format!("the migration of {namespace}/{name} did not end"))?;
        let phase = ended
            .map(|migration| fields::text(&migration, "/status/phase").to_owned())
            .unwrap_or_default();
        anyhow::ensure!(
            phase == "Succeeded",
            "the migration of {namespace}/{name} ended as {phase:?}"
        );
        Ok(())
    }

    /// Makes the next migration of a VMI fail with that reason.
    pub fn fail_migration(&self, namespace: &str, name: &str, reason: &str) {
        self.cluster.fail_migration(namespace, name, reason);
    }

    /// Restarts a VM: its VMI goes and another one comes, and runs when this returns.
    pub async fn restart_vmi(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        let old = self.uid(&VMIS, namespace, name)?;
        kubevirt::request(&self.cluster, namespace, name, &["Stop", "Start"]);
        self.wait_for(&VMIS, namespace, name, move |vmi| {
            fields::text(vmi, "/metadata/uid") != old && fields::text(vmi, "/status/phase") == "Running"
        })
        .await
    }

    /// Deletes a VMI; what comes after it is its VM's run strategy's affair.
    pub fn delete_vmi(&self, namespace: &str, name: &str) {
        delete::terminate(&self.cluster, &VMIS, namespace, name, 0);
    }

    /// Pauses a VMI, or lets it go on.
    pub fn pause(&self, namespace: &str, name: &str, paused: bool) {
        kubevirt::pause(&self.cluster, namespace, name, paused);
    }

    /// The root qdisc of every device of a VMI's active launcher, as the kernel of its node would say: `(device, line)`. Empty when it has none.
    pub fn qdiscs(&self, namespace: &str, vmi: &str) -> Vec<(String, String)> {
        let pod = self.launcher(namespace, vmi).unwrap_or_default();
        let host = self.cluster.nodes.host(fields::text(&pod, "/spec/nodeName"));
        host.map(|host| host.qdiscs(fields::text(&pod, "/metadata/uid")))
            .unwrap_or_default()
    }

    /// Runs `tc` in the network namespace of a VMI's launcher, as somebody else on its node might; its exit code and what it printed.
    #[cfg(target_os = "linux")]
    pub fn tc(&self, namespace: &str, vmi: &str, args: &[&str]) -> anyhow::Result<std::process::Output> {
        let pod = self
            .launcher(namespace, vmi)
            .with_context(|| format!("VMI \"{namespace}/{vmi}\" has no running launcher"))?;
        let node = fields::text(&pod, "/spec/nodeName");
        let script = self
            .script_node(node)
            .with_context(|| format!("{node} does not run the agent as a script"))?;
        Ok(script.tc(fields::text(&pod, "/metadata/uid"), args)?)
    }

    /// A node that runs the agent as a script, to change what its kernel has.
    #[cfg(target_os = "linux")]
    pub fn script_node(&self, node: &str) -> Option<Arc<super::script_node::ScriptNode>> {
        self.cluster.nodes.script(node).cloned()
    }

    /// The running launcher that a VMI is in.
    pub fn launcher(&self, namespace: &str, vmi: &str) -> Option<Value> {
        let vmi = self.cluster.get(&VMIS, namespace, vmi)?;
        let node = fields::text(&vmi, "/status/nodeName");
        let is_it = |pod: &Value| {
            fields::text(pod, "/spec/nodeName") == node && fields::text(pod, "/status/phase") == "Running"
        };
        Some((*launcher::of(&self.cluster, &vmi).into_iter().find(|pod| is_it(pod))?).clone())
    }

    // Nodes and pods.

    /// A node stops reporting: it is not ready, and its kubelet does nothing with new pods.
    pub fn node_not_ready(&self, node: &str) {
        self.cluster.edit(&NODES, "", node, |node| {
            for condition in node
                .pointer_mut("/status/conditions")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
                .filter(|condition| fields::text(condition, "/type") == "Ready")
            {
                fields::set(condition, "/status", "Unknown");
                fields::set(condition, "/reason", "NodeStatusUnknown");
                fields::set(condition, "/message", "Kubelet stopped posting node status.");
            }
        });
    }

    /// Pulls of this image, or all pulls on this node, fail from now on.
    pub fn image_pull_fails(&self, image_or_node: &str) {
        self.cluster.nodes.fail_pulls(image_or_node);
    }

    /// New pods on this node stay at `ContainerCreating`.
    pub fn pod_never_starts(&self, node: &str) {
        self.cluster.nodes.never_start(node);
    }

    /// Closes every attach to the node's containers, as a kubelet's restart does: the clients see it and the containers read end of file.
    pub fn drop_attach(&self, node: &str) {
        self.change_wires(node, |wire| (wire.cuts, wire.stdin_survives) = (wire.cuts + 1, false));
    }

    /// Closes every attach for the clients only, as containerd's death does: the containers read no end of file.
    pub fn drop_attach_for_clients(&self, node: &str) {
        self.change_wires(node, |wire| (wire.cuts, wire.stdin_survives) = (wire.cuts + 1, true));
    }

    /// Lets nothing through the attaches of a node any more, and tells nobody; or lets it flow again.
    pub fn freeze_attach(&self, node: &str, frozen: bool) {
        self.change_wires(node, |wire| wire.frozen = frozen);
    }

    fn change_wires(&self, node: &str, change: impl Fn(&mut super::node::Wire)) {
        for container in self.cluster.nodes.containers_on(node) {
            container.change_wire(&change);
        }
    }

    /// Signals a pod's container, as something on its node might.
    pub fn kill_container(&self, namespace: &str, pod: &str, signal: Signal) {
        let container = self
            .cluster
            .get(&PODS, namespace, pod)
            .and_then(|pod| self.cluster.nodes.container(fields::text(&pod, "/metadata/uid")));
        if let Some(container) = container {
            container.kill(signal);
        }
    }

    /// Ends a pod as an eviction does: with its grace period.
    pub fn evict(&self, namespace: &str, pod: &str) {
        let grace = self.cluster.get(&PODS, namespace, pod).and_then(|pod| {
            pod.pointer("/spec/terminationGracePeriodSeconds")
                .and_then(Value::as_u64)
        });
        delete::terminate(&self.cluster, &PODS, namespace, pod, grace.unwrap_or(30));
    }

    // Objects.

    /// An object as it is now, by its kind (`Pod`, `VirtualMachineInstance` …); an empty namespace for kinds without one.
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

    /// Puts an object as it is, new or in the place of the one of that name, past all checks. It must say its `apiVersion` and `kind`.
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

    fn pods(&self, namespace: &str, which: impl Fn(&Value) -> bool) -> Vec<Arc<Value>> {
        let mut pods = self.cluster.list(&PODS, namespace);
        pods.retain(|pod| which(pod));
        pods
    }

    fn uid(&self, resource: &'static Resource, namespace: &str, name: &str) -> anyhow::Result<String> {
        let object = self
            .cluster
            .get(resource, namespace, name)
            .with_context(|| format!("{} \"{namespace}/{name}\" is not there", resource.plural))?;
        Ok(fields::text(&object, "/metadata/uid").to_owned())
    }
}

fn by_kind(kind: &str) -> Option<&'static Resource> {
    if kind == "VirtualMachine" {
        return Some(&VMS);
    }
    resources::served(true).find(|resource| resource.kind == kind && !resource.verbs.is_empty())
}
