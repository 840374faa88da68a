//! One pod on its node, from its acceptance by the kubelet to its end.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{Container, expand, fitness, kubelet::FORCED, launcher_life, pod_status};
use crate::{
    api::{
        delete,
        resources::{NODES, PODS},
        validation,
    },
    cluster::Cluster,
    host::{Signal, Spec},
    json as fields,
    kubevirt::vmi_end,
};

/// What a kubelet takes to see that a container has ended: later writers of its termination log are still heard within
/// it.
const SEEN_LATE: Duration = Duration::from_millis(300);

/// One pod on its node.
pub(crate) struct Life {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) pod: Arc<Value>,
    pub(crate) stop: watch::Receiver<Option<u64>>,
}

/// Why a pod's container is ended from outside.
enum End {
    Asked(u64),
    Deadline,
    Itself(i32),
}

impl Life {
    /// From its acceptance to its end.
    pub(crate) async fn live(mut self) {
        let uid = self.text("/metadata/uid").to_owned();
        if self.start().await {
            self.hold().await;
        } else if fields::present(&self.pod, "/metadata/labels/kubevirt.io~1created-by") && self.stop.borrow().is_some()
        {
            self.report(pod_status::never_started);
        }
        if fields::text(&self.pod, "/metadata/labels/kubevirt.io") == "virt-launcher" {
            launcher_life::down(&self.cluster, &self.pod);
        }
        // The object goes when its deletion was asked for, before or after the container's end. Forgotten first: who asks
        // from now on finds no task and ends the object himself.
        self.cluster.nodes.forget(&uid);
        if self.stop.borrow().is_some() {
            delete::terminate(&self.cluster, &PODS, &self.pod, 0);
        }
    }

    fn text(&self, pointer: &str) -> &str {
        fields::text(&self.pod, pointer)
    }

    /// A normal event about the pod.
    pub(super) fn event(&self, reason: &str, message: &str, component: &str) {
        self.cluster.event(&self.pod, "Normal", reason, message, component);
    }

    /// Writes the pod's status, unless the pod is gone or another one has its name.
    pub(super) fn report(&self, change: impl FnOnce(&mut Value)) {
        let uid = self.text("/metadata/uid");
        self.cluster.edit(
            &PODS,
            self.text("/metadata/namespace"),
            self.text("/metadata/name"),
            |pod| {
                if fields::text(pod, "/metadata/uid") == uid {
                    change(pod);
                }
            },
        );
    }

    /// From acceptance to a running container; false when it never runs.
    async fn start(&mut self) -> bool {
        let node = self.text("/spec/nodeName").to_owned();
        if fields::text(&self.pod, "/status/phase") == "Running" {
            // Part of the world the cluster starts with.
            launcher_life::up(&self.cluster, &self.pod);
            self.cluster
                .nodes
                .started(self.text("/metadata/uid"), Container::idle(&node));
            return true;
        }
        let object = self.cluster.get(&NODES, "", &node).unwrap_or_default();
        if let Some(taint) = fitness::untolerated(&object, &self.pod, &["NoExecute"]) {
            let message = format!(
                "Pod was rejected: Predicate TaintToleration failed: node(s) had untolerated taint {{{}: {}}}",
                fields::text(taint, "/key"),
                fields::text(taint, "/value")
            );
            self.report(|pod| pod_status::failed(pod, "TaintToleration", &message));
            return false;
        }
        let address = launcher_life::node_address(&self.cluster, &node);
        self.report(|pod| pod_status::accepted(pod, &address));
        self.event(
            "Scheduled",
            &format!(
                "Successfully assigned {}/{} to {node}",
                self.text("/metadata/namespace"),
                self.text("/metadata/name")
            ),
            "default-scheduler",
        );
        let image = self.text("/spec/containers/0/image").to_owned();
        if self.cluster.nodes.pull_fails(&image, &node) {
            return self.fail_pull(&image).await;
        }
        if self.cluster.nodes.never_starts(&node) {
            let _ = self.stop.wait_for(Option::is_some).await;
            return false;
        }
        tokio::select! {
            () = sleep(self.cluster.options.pod_start) => {}
            _ = self.stop.wait_for(Option::is_some) => return false,
        }
        let address = launcher_life::pod_address(&self.cluster, &node);
        self.starts("/spec/initContainers");
        self.report(|pod| pod_status::initialized(pod, &address, || self.cluster.ids().hex(64)));
        match self.container(&node) {
            Ok(container) => {
                self.cluster.nodes.started(self.text("/metadata/uid"), container);
                self.starts("/spec/containers");
            }
            Err(message) => {
                self.report(|pod| {
                    pod_status::ended(pod, 128, &message);
                    if let Some(status) = pod.pointer_mut("/status/containerStatuses/0/state/terminated") {
                        fields::set(status, "/reason", "StartError");
                    }
                });
                return false;
            }
        }
        // The status follows; a container that ends at once is never seen running.
        sleep(self.cluster.options.running_lag).await;
        self.report(|pod| pod_status::running(pod, || self.cluster.ids().hex(64)));
        launcher_life::up(&self.cluster, &self.pod);
        true
    }

    async fn fail_pull(&mut self, image: &str) -> bool {
        let message = format!(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to do request: dial tcp: i/o timeout"
        );
        self.report(|pod| pod_status::waiting(pod, "ErrImagePull", &message));
        self.cluster.event(
            &self.pod,
            "Warning",
            "Failed",
            &format!("Failed to pull image \"{image}\": {message}"),
            "kubelet",
        );
        let mut stop = self.stop.clone();
        tokio::select! {
            () = sleep(self.cluster.options.pod_start) => self.report(|pod| pod_status::waiting(pod, "ImagePullBackOff", &format!("Back-off pulling image \"{image}\""))),
            _ = stop.wait_for(Option::is_some) => return false,
        }
        let _ = self.stop.wait_for(Option::is_some).await;
        false
    }

    /// Starts the container: the agent of a debug pod of ours on the node's own machinery, anything else as something
    /// that only waits.
    fn container(&self, node: &str) -> Result<Arc<Container>, String> {
        let container = self.pod.pointer("/spec/containers/0").cloned().unwrap_or_default();
        let mut environment = expand::environment(&self.pod, &container);
        let command = expand::command(&container, &environment);
        if let Some(silence) = self.cluster.options.silence {
            environment.push(("VMCHAOS_SILENCE".to_owned(), silence.as_secs().to_string()));
        }
        if command
            .iter()
            .chain(environment.iter().map(|(_, value)| value))
            .any(|word| word.len() >= validation::ARGUMENT)
        {
            return Err("failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: argument list too long".to_owned());
        }
        // Nothing else is ever run on the machine of the person who rehearses.
        let ours = fields::text(&self.pod, "/metadata/labels/app.kubernetes.io~1managed-by") == "kubectl-vmchaos";
        let (true, [shell, flag, script, _name, ..]) = (ours, command.as_slice()) else {
            return Ok(Container::idle(node));
        };
        if !shell.ends_with("sh") || flag != "-c" {
            return Ok(Container::idle(node));
        }
        let host = self.cluster.nodes.host(node).ok_or("the node is gone")?;
        let spec = Spec {
            env: environment,
            script: script.clone(),
        };
        let agent = host
            .start(&spec)
            .map_err(|error| format!("failed to create containerd task: {error}"))?;
        Ok(Container::of_agent(node, agent, container["stdin"] == true))
    }

    /// Until the container has ended, by itself or because it had to.
    async fn hold(&mut self) {
        let Some(container) = self.cluster.nodes.container(self.text("/metadata/uid")) else {
            return;
        };
        // It may be lowered on a pod that is there.
        let now = self
            .cluster
            .get(&PODS, self.text("/metadata/namespace"), self.text("/metadata/name"));
        let deadline = now
            .as_ref()
            .unwrap_or(&self.pod)
            .pointer("/spec/activeDeadlineSeconds")
            .and_then(Value::as_u64)
            .map(Duration::from_secs);
        let mut ended = container.ended();
        let end = tokio::select! {
            code = ended.wait_for(Option::is_some) => End::Itself(code.ok().and_then(|code| *code).unwrap_or(137)),
            grace = self.stop.wait_for(Option::is_some) => End::Asked(grace.ok().and_then(|grace| *grace).unwrap_or_default()),
            () = async { match deadline { Some(deadline) => sleep(deadline).await, None => std::future::pending().await } } => End::Deadline,
        };
        let grace = match end {
            End::Itself(_) => None,
            End::Asked(grace) => Some(grace.max(if grace == 0 { FORCED } else { 1 })),
            End::Deadline => self
                .pod
                .pointer("/spec/terminationGracePeriodSeconds")
                .and_then(Value::as_u64)
                .or(Some(30)),
        };
        if let Some(grace) = grace {
            self.terminate(&container, grace).await;
        }
        let code = ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|code| *code)
            .unwrap_or(137);
        if !matches!(end, End::Itself(0)) {
            sleep(SEEN_LATE).await;
        }
        let is_launcher = launcher_life::is_launcher(&self.pod);
        if is_launcher && matches!(end, End::Itself(_)) {
            self.outlives(code == 0).await;
        }
        // It ends well, however its guest has ended.
        let code = if is_launcher && matches!(end, End::Itself(_)) {
            0
        } else {
            code
        };
        let message = container.termination_message();
        self.cluster
            .nodes
            .keep_log(self.text("/metadata/uid"), container.log_from(0).0);
        self.report(|pod| {
            pod_status::ended(pod, code, &message);
            if matches!(end, End::Deadline) {
                pod_status::failed(
                    pod,
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline",
                );
            }
        });
    }

    /// TERM, the grace period (which a second request can shorten), KILL.
    async fn terminate(&mut self, container: &Container, grace: u64) {
        let started = Instant::now();
        let mut ended = container.ended();
        let is_launcher = launcher_life::is_launcher(&self.pod);
        if is_launcher {
            vmi_end::guest_ends(&self.cluster, &self.pod);
            // The guest shuts down first.
            tokio::select! {
                () = sleep(self.cluster.options.guest.min(Duration::from_secs(grace))) => {}
                _ = ended.wait_for(Option::is_some) => {}
            }
        }
        self.stops();
        if is_launcher && grace > 0 {
            vmi_end::guest_ended(&self.cluster, &self.pod, true);
        }
        container.kill(Signal::Term);
        let mut grace = grace;
        loop {
            tokio::select! {
                _ = ended.wait_for(Option::is_some) => return,
                () = sleep_until(started + Duration::from_secs(grace)) => {
                    container.kill(Signal::Kill);
                    return;
                }
                changed = self.stop.changed() => match (changed, *self.stop.borrow()) {
                    (Ok(()), Some(shorter)) => grace = grace.min(shorter),
                    (Ok(()), None) => {}
                    (Err(_), _) => grace = 0,
                }
            }
        }
    }
}
