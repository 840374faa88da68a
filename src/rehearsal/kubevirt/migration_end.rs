//! How a migration ends: what is left of a failed one, and what its object says in the end.

use serde_json::{Value, json};

use super::{migration::Migration, vmi};
use crate::{
    api::{
        delete,
        resources::{PODS, VMIMS, VMIS},
    },
    json as fields, time,
};

/// Why a migration failed: the event's message, and the reason in the migration state.
pub(super) struct Failure {
    pub(super) event: &'static str,
    pub(super) reason: String,
    pub(super) aborted: bool,
}

impl Failure {
    pub(super) fn new(event: &'static str, reason: &str) -> Self {
        Self {
            event,
            reason: reason.to_owned(),
            aborted: false,
        }
    }

    pub(super) fn vmi_ended() -> Self {
        Self::new(
            "Migration failed vmi shutdown during migration.",
            "VMI is shutting down",
        )
    }

    pub(super) fn aborted() -> Self {
        Self {
            aborted: true,
            ..Self::new(
                "Migration failed due to being canceled",
                "Live migration has been aborted",
            )
        }
    }
}

impl Migration {
    /// After a failure the target's launcher goes, and the VMI's state says what happened.
    pub(super) fn undo(&self, failure: &Failure) {
        let uid = fields::text(&self.object, "/metadata/uid");
        for pod in self
            .cluster
            .list(&PODS, &self.namespace)
            .into_iter()
            .filter(|pod| fields::text(pod, "/metadata/labels/kubevirt.io~1migrationJobUID") == uid)
        {
            self.remove_target(&pod, failure.aborted);
        }
        // Looked up before the edit, which holds the store.
        let pods = self.cluster.list(&PODS, &self.namespace);
        self.cluster.edit(&VMIS, &self.namespace, &self.vmi_name, |vmi| {
            if fields::text(vmi, "/status/migrationState/migrationUid") != uid {
                return;
            }
            for (field, value) in [
                ("completed", json!(true)),
                ("failed", json!(true)),
                ("endTimestamp", json!(time::now())),
                ("failureReason", json!(failure.reason)),
            ] {
                fields::set(vmi, &format!("/status/migrationState/{field}"), value);
            }
            if failure.aborted {
                fields::set(vmi, "/status/migrationState/abortRequested", true);
                fields::set(vmi, "/status/migrationState/abortStatus", "Succeeded");
            }
            let (node, source) = (
                fields::text(vmi, "/status/nodeName").to_owned(),
                fields::text(vmi, "/status/migrationState/sourcePod").to_owned(),
            );
            fields::unset(vmi, "/metadata/labels/kubevirt.io~1migrationTargetNodeName");
            if let Some(pod) = pods.iter().find(|pod| fields::text(pod, "/metadata/name") == source) {
                fields::set(
                    vmi,
                    "/status/activePods",
                    json!({fields::text(pod, "/metadata/uid"): node}),
                );
            }
        });
    }

    /// Deletes the target's launcher.
    pub(super) fn remove_target(&self, pod: &Value, canceled: bool) {
        if fields::present(pod, "/metadata/deletionTimestamp") {
            return;
        }
        let grace = pod
            .pointer("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_u64)
            .unwrap_or(30);
        delete::terminate(&self.cluster, &PODS, pod, grace);
        if canceled {
            let message = format!(
                "migration canceled and pod {}/{} is deleted",
                self.namespace,
                fields::text(pod, "/metadata/name")
            );
            self.event("SuccessfulDelete", &message);
        }
    }

    /// The object's final state; it goes when it was deleted meanwhile.
    pub(super) fn finish(&self, phase: &str, failure: Option<&Failure>) {
        let state = self
            .cluster
            .get(&VMIS, &self.namespace, &self.vmi_name)
            .and_then(|vmi| vmi.pointer("/status/migrationState").cloned());
        let uid = fields::text(&self.object, "/metadata/uid");
        self.cluster.under_way.leave(uid);
        self.cluster.edit(&VMIMS, &self.namespace, &self.name, |object| {
            vmi::phase(object, phase);
            if let Some(state) = state.filter(|state| fields::text(state, "/migrationUid") == uid) {
                fields::set(object, "/status/migrationState", state);
            }
            if failure.is_some_and(|failure| failure.aborted) {
                vmi::condition(object, "migrationAbortRequested", "True", "", "");
            }
        });
        self.cluster.edit(&VMIMS, &self.namespace, &self.name, |object| {
            fields::unset(object, "/metadata/finalizers");
        });
        self.forget_old();
    }

    /// Only the newest finished migrations of a VM are kept.
    fn forget_old(&self) {
        const KEPT: usize = 5;
        let mut finished = self.cluster.list(&VMIMS, &self.namespace);
        finished.retain(|object| {
            fields::text(object, "/spec/vmiName") == self.vmi_name
                && matches!(fields::text(object, "/status/phase"), "Succeeded" | "Failed")
        });
        let age = |object: &Value| {
            let version = fields::text(object, "/metadata/resourceVersion").parse::<u64>();
            version.unwrap_or_default()
        };
        finished.sort_by_key(|object| std::cmp::Reverse(age(object)));
        for old in finished.iter().skip(KEPT) {
            self.cluster
                .remove(&VMIMS, &self.namespace, fields::text(old, "/metadata/name"));
        }
    }
}
