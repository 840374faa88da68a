//! A live migration, from its object to its end: a second launcher on another node, the hand-over, the move, and the
//! old launcher's end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{launcher, migration_end::Failure, vmi, vmi_life};
use crate::{
    api::resources::{PODS, VMIMS, VMIS},
    cluster::{Cluster, lock},
    json as fields, time,
};

/// How long a target pod may stay without a node, unless the migration says otherwise.
const UNSCHEDULABLE: Duration = Duration::from_secs(300);

/// A migration under way.
pub(super) struct Migration {
    pub(super) cluster: Arc<Cluster>,
    pub(super) object: Arc<Value>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) vmi_name: String,
    /// Phases that nobody is to see before the one that follows.
    unseen: Mutex<Vec<&'static str>>,
}

/// Carries a migration out.
pub(crate) async fn run(cluster: Arc<Cluster>, object: Arc<Value>) {
    let text = |pointer: &str| fields::text(&object, pointer).to_owned();
    let migration = Migration {
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        vmi_name: text("/spec/vmiName"),
        unseen: Mutex::default(),
        cluster,
        object,
    };
    match migration.carry_out().await {
        Ok(()) => {
            migration.event("SuccessfulMigration", "Source node reported migration succeeded");
            migration.finish("Succeeded", None);
            migration.settle().await;
        }
        Err(failure) => {
            migration.cluster.event(
                &migration.object,
                "Warning",
                "FailedMigration",
                failure.event,
                "virtualmachine-controller",
            );
            migration.undo(&failure);
            migration.finish("Failed", Some(&failure));
        }
    }
}

impl Migration {
    async fn carry_out(&self) -> Result<(), Failure> {
        let step = self.cluster.options.migration_step;
        self.cluster.edit(&VMIMS, &self.namespace, &self.name, vmi::observed);
        self.phase("Pending");
        let vmi = self.wait_for_vmi().await?;
        if let Ok(source) = self.source(&vmi) {
            self.cluster.edit(&VMIMS, &self.namespace, &self.name, |object| {
                fields::set(
                    object,
                    "/status/migrationState/sourcePod",
                    fields::text(&source, "/metadata/name"),
                );
            });
        }
        self.wait_for_room(fields::text(&vmi, "/status/nodeName")).await?;
        self.wait_while_stuck(&vmi, "Pending").await?;
        let (pod, source) = (self.target(&vmi).await?, self.source(&vmi)?);
        self.wait_while_stuck(&vmi, "Scheduling").await?;
        self.phase("Scheduled");
        self.event(
            "SuccessfulHandOver",
            "Migration target pod is ready for preparation by virt-handler.",
        );
        self.wait_while_stuck(&vmi, "Scheduled").await?;
        let (source_node, target_node) = (
            fields::text(&vmi, "/status/nodeName").to_owned(),
            fields::text(&pod, "/spec/nodeName").to_owned(),
        );
        self.state(&vmi, |vmi| {
            fields::set(vmi, "/metadata/labels/kubevirt.io~1migrationTargetNodeName", target_node.as_str());
            fields::set(vmi, "/status/migrationState", json!({
                "migrationUid": fields::text(&self.object, "/metadata/uid"), "sourceNode": source_node, "targetNode": target_node,
                "sourcePod": fields::text(&source, "/metadata/name"), "targetPod": fields::text(&pod, "/metadata/name"),
                "migrationConfiguration": {"allowAutoConverge": false, "allowPostCopy": false, "allowWorkloadDisruption": false, "bandwidthPerMigration": "0", "completionTimeoutPerGiB": 150, "nodeDrainTaintKey": "kubevirt.io/drain",
                    "parallelMigrationsPerCluster": 5, "parallelOutboundMigrationsPerNode": 2, "progressTimeout": 150, "unsafeMigrationOverride": false},
            }));
        })?;
        self.phase("PreparingTarget");
        self.wait(&vmi, &pod, step, "PreparingTarget").await?;
        let handlers = self.cluster.list(&PODS, "kubevirt");
        let handler = handlers.iter().find(|pod| {
            fields::text(pod, "/metadata/labels/kubevirt.io") == "virt-handler"
                && fields::text(pod, "/spec/nodeName") == target_node
        });
        let address = handler
            .map(|pod| fields::text(pod, "/status/podIP"))
            .unwrap_or_default();
        self.state(&vmi, |vmi| {
            fields::set(vmi, "/status/migrationState/targetNodeAddress", address);
            fields::set(
                vmi,
                "/status/migrationState/targetDirectMigrationNodePorts",
                json!({"36927": 0, "45527": 49152}),
            );
        })?;
        let listens = format!("Migration Target is listening at {address}, on ports: 36927,45527");
        for message in [listens.as_str(), "VirtualMachineInstance Migration Target Prepared."] {
            self.cluster
                .event(&vmi, "Normal", "PreparingTarget", message, "virt-handler");
        }
        self.phase("TargetReady");
        self.wait(&vmi, &pod, step, "TargetReady").await?;
        self.state(&vmi, |vmi| {
            fields::set(vmi, "/status/migrationState/startTimestamp", time::now());
            let mode = if self.play().post_copy { "PostCopy" } else { "PreCopy" };
            fields::set(vmi, "/status/migrationState/mode", mode);
        })?;
        self.phase("Running");
        self.cluster.event(
            &vmi,
            "Normal",
            "Migrating",
            "VirtualMachineInstance is migrating.",
            "virt-handler",
        );
        self.wait(&vmi, &pod, 2 * step, "Running").await?;
        if let Some(reason) = self.cluster.migrations.take_failure(&self.namespace, &self.vmi_name) {
            return Err(Failure::new("source node reported migration failed", &reason));
        }
        self.move_over(&vmi, &source, &pod, &source_node)
    }

    /// The VMI to move, once it runs.
    async fn wait_for_vmi(&self) -> Result<Arc<Value>, Failure> {
        let gone = || Failure::new("Migration failed because vmi does not exist.", "");
        let vmi = self
            .cluster
            .until(&VMIS, &self.namespace, &self.vmi_name, |vmi| {
                fields::text(vmi, "/status/phase") == "Running" || vmi::is_final(vmi)
            })
            .await
            .ok_or_else(gone)?;
        if vmi::is_final(&vmi) {
            Err(Failure::new("Migration failed vmi shutdown during migration.", ""))
        } else {
            Ok(vmi)
        }
    }

    fn source(&self, vmi: &Value) -> Result<Arc<Value>, Failure> {
        let node = fields::text(vmi, "/status/nodeName");
        launcher::of(&self.cluster, vmi)
            .into_iter()
            .find(|pod| fields::text(pod, "/spec/nodeName") == node && fields::text(pod, "/status/phase") == "Running")
            .ok_or_else(|| Failure::new("Migration failed vmi shutdown during migration.", ""))
    }

    /// The target's launcher, running on another node.
    async fn target(&self, vmi: &Value) -> Result<Arc<Value>, Failure> {
        let source = fields::text(vmi, "/status/nodeName").to_owned();
        let asked = self.object.pointer("/spec/addedNodeSelector");
        let mut nodes = vmi_life::candidates(&self.cluster, &[vmi.pointer("/spec/nodeSelector"), asked]);
        nodes.retain(|node| *node != source);
        let node = nodes.first().cloned();
        let marked = vmi_life::edit(&self.cluster, vmi, |vmi| {
            fields::set(vmi, "/metadata/annotations/kubevirt.io~1nonroot", "true");
        });
        let vmi = marked.as_deref().unwrap_or(vmi);
        let pod = launcher::create(
            &self.cluster,
            vmi,
            node.as_deref().unwrap_or_default(),
            Some(&self.object),
        )
        .map_err(|error| {
            Failure::new(
                "Migration target pod was removed during active migration.",
                error.message(),
            )
        })?;
        self.phase("Scheduling");
        vmi_life::edit(&self.cluster, vmi, |vmi| {
            let active = format!("/status/activePods/{}", fields::text(&pod, "/metadata/uid"));
            fields::set(vmi, &active, node.as_deref().unwrap_or_default());
        });
        let limit = fields::text(
            &self.object,
            "/metadata/annotations/kubevirt.io~1migrationUnschedulablePodTimeoutSeconds",
        )
        .parse()
        .map_or(UNSCHEDULABLE, Duration::from_secs);
        let name = fields::text(&pod, "/metadata/name").to_owned();
        let started = timeout(limit, async {
            tokio::select! {
                pod = self.cluster.until(&PODS, &self.namespace, &name, |pod| fields::text(pod, "/status/phase") != "Pending") => Ok(pod),
                _ = self.cluster.until(&VMIMS, &self.namespace, &self.name, |object| fields::present(object, "/metadata/deletionTimestamp")) => Err(Failure::aborted()),
            }
        });
        let gone = || {
            Failure::new(
                "Migration failed because target pod shutdown during migration",
                "Target pod is down",
            )
        };
        let result = started.await.unwrap_or_else(|_| Err(gone()));
        let pod_there = || self.cluster.get(&PODS, &self.namespace, &name);
        match result {
            Ok(Some(pod)) if fields::text(&pod, "/status/phase") == "Running" => Ok(pod),
            other => {
                let failure = other.err().unwrap_or_else(gone);
                if let Some(pod) = pod_there() {
                    self.remove_target(&pod, failure.aborted);
                }
                Err(failure)
            }
        }
    }

    pub(super) fn event(&self, reason: &str, message: &str) {
        self.cluster
            .event(&self.object, "Normal", reason, message, "virtualmachine-controller");
    }

    /// Writes the VMI that is being moved; an error when it is another one by now.
    pub(super) fn state(&self, vmi: &Value, change: impl FnOnce(&mut Value)) -> Result<(), Failure> {
        vmi_life::edit(&self.cluster, vmi, change)
            .map(drop)
            .ok_or_else(|| Failure::new("Migration failed vmi shutdown during migration.", ""))
    }

    fn phase(&self, phase: &'static str) {
        let mut unseen = lock(&self.unseen);
        unseen.push(phase);
        if self.play().fast && phase != "Running" {
            return;
        }
        let phases = std::mem::take(&mut *unseen);
        self.cluster.edit(&VMIMS, &self.namespace, &self.name, |object| {
            for phase in phases {
                vmi::phase(object, phase);
            }
        });
    }
}
