//! What ends, freezes and starts guests: deletions, and KubeVirt's subresources.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};
use serde_json::{Map, Value, json};

use super::Cluster;
use super::error::{Ask, ClusterError, ErrorKind, is_no_such_path};
use super::manifest::vmis;
use super::path;

/// A subresource of `subresources.kubevirt.io/v1`; each is a `PUT`, and its RBAC verb is `update`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Pause,
    Unpause,
    Reset,
}

// === impl Action ===

impl Action {
    /// Whether KubeVirt can be asked without doing it; 1.9 ignores `dryRun` of a reset.
    pub(crate) fn has_dry_run(self) -> bool {
        self != Self::Reset
    }

    /// The resource with its subresource, as RBAC has it.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Start => "virtualmachines/start",
            Self::Stop => "virtualmachines/stop",
            Self::Pause => "virtualmachineinstances/pause",
            Self::Unpause => "virtualmachineinstances/unpause",
            Self::Reset => "virtualmachineinstances/reset",
        }
    }
}

/// Deletes a VMI, unless another one has its name by now. Its guest shuts down in its own time: a grace period of the request
/// means nothing to a custom resource.
pub(crate) async fn delete_vmi(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    uid: &str,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let ask = Ask::new("delete", "kubevirt.io", "virtualmachineinstances")
        .namespace(namespace)
        .name(name);
    let (vmis, params) = (vmis(cluster, namespace), only(uid, dry_run));
    let answer = vmis.delete(name, &params).await;
    answer.map(drop).map_err(|error| cluster.explain(&error, &ask))
}

/// Deletes a pod, unless another one has its name by now ([`ErrorKind::Conflict`]). `grace` are the seconds it gets to end, its own
/// where there are none.
pub(crate) async fn delete_pod(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    uid: &str,
    grace: Option<u32>,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let ask = Ask::new("delete", "", "pods").namespace(namespace).name(name);
    let params = DeleteParams {
        grace_period_seconds: grace,
        ..only(uid, dry_run)
    };
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace);
    let answer = pods.delete(name, &params).await;
    answer.map(drop).map_err(|error| cluster.explain(&error, &ask))
}

/// This object, and no other of its name.
pub(super) fn only(uid: &str, dry_run: bool) -> DeleteParams {
    DeleteParams {
        dry_run,
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    }
}

/// Asks KubeVirt for it; `grace` is for [`Action::Stop`].
pub(crate) async fn act(
    cluster: &Cluster,
    action: Action,
    namespace: &str,
    name: &str,
    grace: Option<u32>,
    dry_run: bool,
) -> Result<(), ClusterError> {
    let ask = Ask::new("update", "subresources.kubevirt.io", action.resource())
        .namespace(namespace)
        .name(name);
    if dry_run && !action.has_dry_run() {
        let why = format!("{} has no dry run", action.resource());
        return Err(ClusterError::new(ErrorKind::Other, why));
    }
    let mut options = Map::new();
    if dry_run {
        options.insert("dryRun".to_owned(), json!(["All"]));
    }
    if let Some(grace) = grace {
        options.insert("gracePeriod".to_owned(), json!(grace));
    }
    let (plural, verb) = action.resource().split_once('/').unwrap_or((action.resource(), ""));
    let path = path::object("subresources.kubevirt.io/v1", namespace, plural, name, Some(verb));
    let request = http::Request::put(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Value::Object(options).to_string().into_bytes())
        .map_err(|error| {
            ClusterError::new(
                ErrorKind::Other,
                format!("could not ask for {}: {error}", action.resource()),
            )
        })?;
    // 202 without a body.
    let answer = cluster.client.request_text(request).await;
    answer.map(drop).map_err(|error| {
        let told = cluster.explain(&error, &ask);
        match action {
            Action::Reset if is_no_such_path(&error) => {
                told.hint("KubeVirt before 1.5 has no reset: take another --mode")
            }
            _ => told,
        }
    })
}
