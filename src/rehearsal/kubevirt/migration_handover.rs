//! The hand-over of a migration: the guest is on the target, and its VMI and launcher follow.

use serde_json::Value;
use tokio::time::sleep;

use super::{launcher, migration::Migration, migration_end::Failure, vmi, vmi_end, vmi_life};
use crate::{
    api::resources::{PODS, VMIS},
    host::Signal,
    json as fields,
    node::pod_status,
    time,
};

impl Migration {
    /// The guest is on the target now. Its address is still the old one, and its launcher not ready.
    pub(super) fn move_over(&self, vmi: &Value, source: &Value, pod: &Value, source_node: &str) -> Result<(), Failure> {
        let target = fields::text(pod, "/spec/nodeName");
        self.state(vmi, |vmi| {
            fields::set(vmi, "/status/migrationState/targetNodeDomainDetected", true);
        })?;
        self.state(vmi, |vmi| {
            let now = time::now();
            fields::set(vmi, "/status/migrationState/endTimestamp", now.as_str());
            fields::set(vmi, "/status/migrationState/targetNodeDomainReadyTimestamp", now);
            fields::set(vmi, "/metadata/labels/kubevirt.io~1nodeName", target);
            fields::set(vmi, "/status/nodeName", target);
            fields::unset(vmi, "/status/launcherContainerImageVersion");
            fields::unset(vmi, "/status/evacuationNodeName");
        })?;
        let pod_name = fields::text(pod, "/metadata/name");
        self.cluster.edit(&PODS, &self.namespace, pod_name, |pod| {
            let now = time::now().replace('T', " ").replace('Z', " +0000 UTC");
            fields::set(
                pod,
                "/metadata/annotations/kubevirt.io~1migration-target-ready-timestamp",
                now,
            );
        });
        let message = format!("The VirtualMachineInstance migrated to node {target}.");
        self.cluster.event(vmi, "Normal", "Migrated", &message, "virt-handler");
        self.state(vmi, |vmi| fields::set(vmi, "/status/migrationState/completed", true))?;
        tracing::debug!(vmi = self.vmi_name, from = source_node, "migrated");
        self.cluster
            .event(vmi, "Normal", "Deleted", "Signaled Deletion", "virt-handler");
        // The old launcher ends and stays as a finished pod.
        if let Some(container) = self.cluster.nodes.container(fields::text(source, "/metadata/uid")) {
            container.kill(Signal::Term);
        }
        Ok(())
    }

    /// What comes after a migration has succeeded: the VMI has the address of its new launcher, which becomes ready.
    pub(super) async fn settle(&self) {
        let Some(vmi) = self.cluster.get(&VMIS, &self.namespace, &self.vmi_name) else {
            return;
        };
        let target = fields::text(&vmi, "/status/migrationState/targetPod");
        let Some(pod) = self.cluster.get(&PODS, &self.namespace, target) else {
            return;
        };
        let uid = fields::text(&self.object, "/metadata/uid");
        if fields::text(&vmi, "/status/migrationState/migrationUid") != uid || vmi::is_final(&vmi) {
            return;
        }
        vmi_life::edit(&self.cluster, &vmi, |vmi| {
            fields::set(vmi, "/status/launcherContainerImageVersion", launcher::IMAGE);
            vmi::ready(vmi, Some(&pod));
        });
        // About a second on a real cluster.
        sleep(self.cluster.options.migration_step).await;
        vmi_life::edit(&self.cluster, &vmi, |vmi| {
            fields::unset(vmi, "/metadata/labels/kubevirt.io~1migrationTargetNodeName");
            vmi::runs(&self.cluster, vmi, &pod);
            let agent = vmi::is(vmi, "AgentConnected");
            vmi::agent(vmi, agent);
        });
        launcher::on_node(&self.cluster, &pod);
        self.cluster
            .edit(&PODS, &self.namespace, target, |pod| vmi_end::open(pod, &vmi));
        self.cluster.edit(&PODS, &self.namespace, target, pod_status::ready);
    }
}
