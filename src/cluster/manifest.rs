//! The manifest of a VMI: what makes it again, without what belongs to the one there is.

use kube::api::Api;
use kube::core::Request;
use serde_json::Value;

use super::Cluster;
use super::error::{Ask, ClusterError, ErrorKind};
use super::vmi::VirtualMachineInstance;

/// Labels KubeVirt keeps for itself: its webhook takes no VMI that brings them along.
const KUBEVIRTS_LABELS: [&str; 6] = [
    "kubevirt.io/nodeName",
    "kubevirt.io/created-by",
    "kubevirt.io/migrationTargetNodeName",
    "kubevirt.io/migrationJobUID",
    "kubevirt.io/outdatedLauncherImage",
    "vmchaos.dev/run",
];

/// What the server decides of an object.
const SERVERS: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "finalizers",
    "selfLink",
];

/// Reads a VMI as it is, all of it; refused when another one has its name by now.
pub(crate) async fn read(cluster: &Cluster, namespace: &str, name: &str, uid: &str) -> Result<Value, ClusterError> {
    let ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances")
        .namespace(namespace)
        .name(name);
    let explain = |error: &kube::Error| cluster.explain(error, &ask);
    let path = <VirtualMachineInstance as kube::Resource>::url_path(&(), Some(namespace));
    let request = Request::new(path)
        .get(name, &kube::api::GetParams::default())
        .map_err(|error| explain(&kube::Error::BuildRequest(error)))?;
    let object: Value = cluster.client.request(request).await.map_err(|error| explain(&error))?;
    if object.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid) {
        return Err(ClusterError::new(
            ErrorKind::Conflict,
            format!("VMI {namespace}/{name} has been replaced by another one meanwhile"),
        ));
    }
    Ok(of(object))
}

/// Takes out what belongs to the one object there is.
fn of(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
        for (map, keys) in [
            ("labels", &KUBEVIRTS_LABELS[..]),
            ("annotations", &[crate::fault::undo::UNDO]),
        ] {
            if let Some(map) = metadata.get_mut(map).and_then(Value::as_object_mut) {
                map.retain(|key, _| !keys.contains(&key.as_str()));
            }
        }
    }
    object
}

/// Makes a VMI from its manifest.
pub(crate) async fn create(
    cluster: &Cluster,
    namespace: &str,
    manifest: &Value,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let ask = Ask::new("create", "kubevirt.io", "virtualmachineinstances").namespace(namespace);
    let explain = |error: &kube::Error| cluster.explain(error, &ask);
    let params = kube::api::PostParams {
        dry_run,
        field_manager: Some(super::MANAGER.to_owned()),
    };
    let path = <VirtualMachineInstance as kube::Resource>::url_path(&(), Some(namespace));
    let request = Request::new(path)
        .create(&params, manifest.to_string().into_bytes())
        .map_err(|error| explain(&kube::Error::BuildRequest(error)))?;
    cluster
        .client
        .request::<Value>(request)
        .await
        .map(drop)
        .map_err(|error| explain(&error))
}

/// One API of VMIs.
pub(super) fn vmis(cluster: &Cluster, namespace: &str) -> Api<VirtualMachineInstance> {
    Api::namespaced(cluster.client.clone(), namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_manifest_is_what_kubevirt_would_take_again() {
        let vmi = json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
            "metadata": {
                "name": "lone-1", "namespace": "lab", "uid": "u", "resourceVersion": "5", "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["foregroundDeleteVirtualMachine"], "managedFields": [],
                "labels": { "app": "lab", "kubevirt.io/nodeName": "node-1" }, "annotations": { "a": "b", "vmchaos.dev/undo": "{}" },
            },
            "spec": { "domain": { "firmware": { "uuid": "keep" } } },
            "status": { "phase": "Running" },
        });
        let expected = json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
            "metadata": { "name": "lone-1", "namespace": "lab", "labels": { "app": "lab" }, "annotations": { "a": "b" } },
            "spec": { "domain": { "firmware": { "uuid": "keep" } } },
        });
        assert_eq!(of(vmi), expected);
    }
}
