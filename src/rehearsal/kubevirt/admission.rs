//! What KubeVirt's webhooks fill in and refuse, in their words.

use serde_json::{Value, json};

use super::{release, vmi, vmi_defaults};
use crate::{
    api::{
        call::User,
        resources::{Resource, VMIMS, VMIS, VMS},
        status_error::{ApiError, ApiResult},
    },
    cluster::Cluster,
    json as fields,
};

const MIGRATION: &str = "migration-create-validator.kubevirt.io";

/// A new VM, VMI or migration.
pub(crate) fn on_create(cluster: &Cluster, resource: &'static Resource, object: &mut Value) -> ApiResult<()> {
    if resource.is(&VMIMS) {
        migration(cluster, object)?;
        if !release::selects_nodes(cluster) {
            // Not in the schema of older versions, so that the API server drops it.
            fields::unset(object, "/spec/addedNodeSelector");
        }
        let name = fields::text(object, "/spec/vmiName").to_owned();
        fields::set(object, "/metadata/labels/kubevirt.io~1vmi-name", name);
        fields::set(
            object,
            "/metadata/finalizers",
            json!(["kubevirt.io/migrationJobFinalize"]),
        );
    } else if resource.is(&VMIS) {
        add_finalizer(object, "foregroundDeleteVirtualMachine");
        vmi_defaults::of_vmi(object);
    } else if resource.is(&VMS) {
        let (running, strategy) = (
            object.pointer("/spec/running").is_some(),
            object.pointer("/spec/runStrategy").is_some(),
        );
        if running && strategy {
            return Err(both_run_fields());
        }
        add_finalizer(object, "kubevirt.io/virtualMachineControllerFinalize");
        vmi::observed(object);
        vmi_defaults::of_vm(object);
    }
    Ok(())
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut finalizers = fields::list(object, "/metadata/finalizers").to_vec();
    if !finalizers.iter().any(|one| one == finalizer) {
        finalizers.push(json!(finalizer));
        fields::set(object, "/metadata/finalizers", finalizers);
    }
}

fn migration(cluster: &Cluster, object: &Value) -> ApiResult<()> {
    let (name, namespace) = (
        fields::text(object, "/spec/vmiName"),
        fields::text(object, "/metadata/namespace"),
    );
    if name.is_empty() {
        return Err(ApiError::webhook_invalid(
            MIGRATION,
            "spec.vmiName",
            "FieldValueRequired",
            "vmiName is missing",
        ));
    }
    if fields::present(object, "/spec/priority") {
        return Err(ApiError::webhook_invalid(
            MIGRATION,
            "spec.priority",
            "FieldValueNotSupported",
            "Migration priority queue, only virt-controller is allowed to set priority field",
        ));
    }
    let Some(target) = cluster.get(&VMIS, namespace, name) else {
        return Err(refused(
            MIGRATION,
            &format!("the VMI \"{namespace}/{name}\" does not exist"),
        ));
    };
    if vmi::is_final(&target) {
        return Err(refused(MIGRATION, "Cannot migrate VMI in finalized state."));
    }
    if let Some(condition) = fields::list(&target, "/status/conditions").iter().find(|condition| {
        fields::text(condition, "/type") == "LiveMigratable" && fields::text(condition, "/status") == "False"
    }) {
        return Err(refused(
            MIGRATION,
            &format!(
                "Cannot migrate VMI, Reason: {}, Message: {}",
                fields::text(condition, "/reason"),
                fields::text(condition, "/message")
            ),
        ));
    }
    let running = cluster.list(&VMIMS, namespace).into_iter().find(|other| {
        fields::text(other, "/spec/vmiName") == name
            && !matches!(fields::text(other, "/status/phase"), "Succeeded" | "Failed")
    });
    if let Some(running) = running {
        let uid = fields::text(&running, "/metadata/uid");
        return Err(refused(
            MIGRATION,
            &format!(
                "in-flight migration detected. Active migration job ({uid}) is currently already in progress for VMI {name}."
            ),
        ));
    }
    Ok(())
}

/// Labels of a VMI that only KubeVirt itself may change, as its update webhook knows them.
const RESERVED: &[&str] = &[
    "kubevirt.io/created-by",
    "kubevirt.io/domain",
    "kubevirt.io/migrationJobUID",
    "kubevirt.io/migrationTargetNodeName",
    "kubevirt.io/nodeName",
    "kubevirt.io/schedulable",
    "kubevirt.io/install-strategy-version",
    "kubevirt.io/memfd",
];

/// A change of a VMI or a migration by somebody else than KubeVirt: of a spec or a reserved label it is refused, of a VMI's
/// status undone without a word.
pub(crate) fn on_update(resource: &'static Resource, before: &Value, after: &mut Value, user: &User) -> ApiResult<()> {
    if user.name.starts_with("system:serviceaccount:kubevirt:") {
        return Ok(());
    }
    if resource.is(&VMS) && after.pointer("/spec/running").is_some() && after.pointer("/spec/runStrategy").is_some() {
        return Err(both_run_fields());
    }
    let changed = before.get("spec") != after.get("spec");
    if resource.is(&VMIS) {
        let label = |object: &Value, name: &str| object["metadata"]["labels"][name].clone();
        if RESERVED.iter().any(|name| label(before, name) != label(after, name)) {
            return Err(ApiError::webhook_invalid(
                "virtualmachineinstances-update-validator.kubevirt.io",
                "",
                "FieldValueNotSupported",
                "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited",
            ));
        }
        fields::set(after, "/status", before["status"].clone());
    }
    if changed && resource.is(&VMIS) {
        return Err(ApiError::webhook_invalid(
            "virtualmachineinstances-update-validator.kubevirt.io",
            "",
            "FieldValueNotSupported",
            "update of VMI object is restricted",
        ));
    }
    if changed && resource.is(&VMIMS) {
        return Err(ApiError::webhook_invalid(
            "migration-update-validator.kubevirt.io",
            "",
            "FieldValueNotSupported",
            "update of Migration object's spec is restricted",
        ));
    }
    Ok(())
}

/// Of an error that is no verdict on a field virt-api gives no reason.
fn refused(webhook: &str, message: &str) -> ApiError {
    ApiError::webhook(webhook, 400, "", message)
}

fn both_run_fields() -> ApiError {
    ApiError::webhook_invalid(
        "virtualmachine-validator.kubevirt.io",
        "spec.running",
        "FieldValueInvalid",
        "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead",
    )
}
