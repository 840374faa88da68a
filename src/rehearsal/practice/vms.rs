//! Knobs for VMs: move, restart, delete and pause them, and look at what their kernel has.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{PATIENCE, Practice};
use crate::{
    api::{
        delete,
        resources::{VMIMS, VMIS},
    },
    host::{Foreign, Node},
    json as fields,
    kubevirt::{self, launcher},
};

impl Practice {
    /// Live-migrates a VMI, to that node or wherever there is room, and waits until it is said to be there with its new address.
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
        // A moment after the migration has succeeded.
        self.wait_for(&VMIS, namespace, name, |vmi| {
            !fields::present(vmi, "/metadata/labels/kubevirt.io~1migrationTargetNodeName")
        })
        .await
    }

    /// Makes the next migration of a VMI fail with that reason.
    pub fn fail_migration(&self, namespace: &str, name: &str, reason: &str) {
        let reason = reason.to_owned();
        self.cluster
            .migrations
            .change(namespace, name, |play| play.fail = Some(reason));
    }

    /// Keeps the migrations of a VMI in a phase, until they are let go (`None`).
    pub fn stick_migrations(&self, namespace: &str, name: &str, phase: Option<&str>) {
        let phase = phase.map(str::to_owned);
        self.cluster
            .migrations
            .change(namespace, name, |play| play.stuck_in = phase);
    }

    /// Whether the namespace's quota has no room for the target pod of a VMI.
    pub fn over_quota(&self, namespace: &str, name: &str, over: bool) {
        self.cluster
            .migrations
            .change(namespace, name, |play| play.over_quota = over);
    }

    /// The migrations of a VMI go post-copy once they run: they can no longer be cancelled.
    pub fn post_copy(&self, namespace: &str, name: &str) {
        self.cluster
            .migrations
            .change(namespace, name, |play| play.post_copy = true);
    }

    /// The migrations of a VMI run before anybody can see the phases before.
    pub fn fast_migrations(&self, namespace: &str, name: &str) {
        self.cluster.migrations.change(namespace, name, |play| play.fast = true);
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
        if let Some(vmi) = self.cluster.get(&VMIS, namespace, name) {
            delete::terminate(&self.cluster, &VMIS, &vmi, 0);
        }
    }

    /// Pauses a VMI, or lets it go on.
    pub fn pause(&self, namespace: &str, name: &str, paused: bool) {
        kubevirt::pause(&self.cluster, namespace, name, paused);
    }

    /// The root qdisc of every device of a VMI's active launcher, as the kernel of its node would say: `(device,
    /// line)`. Empty when it has none.
    pub fn qdiscs(&self, namespace: &str, vmi: &str) -> Vec<(String, String)> {
        let on_its_node = self.on_its_node(namespace, vmi);
        on_its_node.map(|(host, uid)| host.qdiscs(&uid)).unwrap_or_default()
    }

    /// What cuts packets in the network namespace of a VMI's active launcher: `nft TABLE`, `DEVICE clsact`, `DEVICE HOOK
    /// flower PREF HANDLE`. Empty when there is nothing, or no launcher.
    pub fn filters(&self, namespace: &str, vmi: &str) -> Vec<String> {
        let on_its_node = self.on_its_node(namespace, vmi);
        on_its_node.map(|(host, uid)| host.filters(&uid)).unwrap_or_default()
    }

    /// Somebody else puts something on a device of a VMI's active launcher.
    pub fn put_foreign(&self, namespace: &str, vmi: &str, device: &str, what: Foreign) -> anyhow::Result<()> {
        let (host, uid) = self
            .on_its_node(namespace, vmi)
            .with_context(|| format!("VMI \"{namespace}/{vmi}\" has no running launcher"))?;
        host.put_foreign(&uid, device, what)
            .with_context(|| format!("putting {what:?} on {device} of {namespace}/{vmi}"))
    }

    /// The node of a VMI's active launcher, and the launcher's UID.
    fn on_its_node(&self, namespace: &str, vmi: &str) -> Option<(&Arc<dyn Node>, String)> {
        let pod = self.launcher(namespace, vmi)?;
        let host = self.cluster.nodes.host(fields::text(&pod, "/spec/nodeName"))?;
        Some((host, fields::text(&pod, "/metadata/uid").to_owned()))
    }

    /// Runs `tc` in the network namespace of a VMI's launcher, as somebody else on its node might; its exit code and
    /// what it printed.
    #[cfg(all(feature = "script-nodes", target_os = "linux"))]
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
    #[cfg(all(feature = "script-nodes", target_os = "linux"))]
    pub fn script_node(&self, node: &str) -> Option<Arc<crate::script_node::ScriptNode>> {
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
}
