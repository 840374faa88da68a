//! What a migration waits for, and what ends the wait: the VMI's end, the target's, a cancellation where one counts.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::{migration::Migration, migration_end::Failure, migration_play::Play, vmi};
use crate::{
    api::resources::{PODS, VMIMS, VMIS},
    json as fields,
};

impl Migration {
    pub(super) fn play(&self) -> Play {
        self.cluster.migrations.of(&self.namespace, &self.vmi_name)
    }

    /// Until the quota and KubeVirt's limits on migrations leave room for one more from this node.
    pub(super) async fn wait_for_room(&self, node: &str) -> Result<(), Failure> {
        let room = async {
            if self.play().over_quota {
                self.condition("migrationRejectedByResourceQuota", "True");
                let plays = &self.cluster.migrations;
                plays
                    .until(&self.namespace, &self.vmi_name, |play| !play.over_quota)
                    .await;
                self.condition("migrationRejectedByResourceQuota", "");
            }
            let mut changed = self.cluster.store().subscribe();
            loop {
                changed.mark_unchanged();
                if self
                    .cluster
                    .under_way
                    .enter(&self.cluster, fields::text(&self.object, "/metadata/uid"), node)
                {
                    return;
                }
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = room => Ok(()),
            () = self.deleted() => Err(Failure::aborted()),
        }
    }

    fn condition(&self, kind: &str, status: &str) {
        self.cluster.edit(&VMIMS, &self.namespace, &self.name, |object| {
            vmi::condition(object, kind, status, "", "");
        });
    }

    async fn unstuck(&self, phase: &str) {
        let free = |play: &Play| play.stuck_in.as_deref() != Some(phase);
        self.cluster
            .migrations
            .until(&self.namespace, &self.vmi_name, free)
            .await;
    }

    /// Until the migration is cancelled.
    pub(super) async fn deleted(&self) {
        let deleted = |object: &Value| fields::present(object, "/metadata/deletionTimestamp");
        self.cluster.until(&VMIMS, &self.namespace, &self.name, deleted).await;
    }

    async fn vmi_ended(&self, vmi: &Value) {
        let uid = fields::text(vmi, "/metadata/uid");
        let ended = |now: &Value| {
            fields::text(now, "/metadata/uid") != uid
                || vmi::is_final(now)
                || fields::present(now, "/metadata/deletionTimestamp")
        };
        self.cluster.until(&VMIS, &self.namespace, &self.vmi_name, ended).await;
    }

    /// As long as a phase before the hand-over is to last; a migration is cancelled at once then.
    pub(super) async fn wait_while_stuck(&self, vmi: &Value, phase: &str) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.unstuck(phase) => Ok(()),
            () = self.vmi_ended(vmi) => Err(Failure::vmi_ended()),
            () = self.deleted() => Err(Failure::aborted()),
        }
    }

    /// Lets time pass, unless the VMI, the target or the migration is ended meanwhile. From the hand-over to the nodes until
    /// it runs, and in post-copy, nobody acts on a cancellation.
    pub(super) async fn wait(&self, vmi: &Value, pod: &Value, time: Duration, phase: &str) -> Result<(), Failure> {
        let pod_name = fields::text(pod, "/metadata/name");
        let cancellable = phase == "Running" && !self.play().post_copy;
        let passed = async {
            sleep(time).await;
            self.unstuck(phase).await;
        };
        tokio::select! {
            () = passed => Ok(()),
            () = self.vmi_ended(vmi) => Err(Failure::vmi_ended()),
            _ = self.cluster.until(&PODS, &self.namespace, pod_name, |pod| fields::text(pod, "/status/phase") != "Running" || fields::present(pod, "/metadata/deletionTimestamp")) => {
                Err(Failure::new("Migration failed because target pod shutdown during migration", "Target pod is down"))
            }
            () = self.deleted(), if cancellable => Err(Failure::aborted()),
        }
    }
}
