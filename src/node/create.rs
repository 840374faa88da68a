//! Creating a debug pod, so that none is ever forgotten.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use tokio::time::sleep;

use super::pod::LABEL_RUN;
use crate::cluster::client::MANAGER;

/// How often the pod is tried to be made when the server is busy or its answer is lost, and the time between.
const CREATE_TRIES: u32 = 3;
const CREATE_PAUSE: Duration = Duration::from_secs(1);

/// Creates the pod. Nobody else makes one of its name, so a busy server can be asked again, and after an answer that was
/// lost the pod is looked for: one that is there must not be forgotten.
pub(super) async fn create(api: &Api<Pod>, pod: &Pod) -> kube::Result<Pod> {
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    let is_ours = |found: &Pod| found.labels().get(LABEL_RUN) == pod.labels().get(LABEL_RUN);
    let mut tries = 1;
    loop {
        let error = match api.create(&params, pod).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        let may_pass = match &error {
            kube::Error::Api(status) if status.is_already_exists() && tries > 1 => {
                let found = api.get(&pod.name_any()).await?;
                return if is_ours(&found) { Ok(found) } else { Err(error) };
            }
            kube::Error::Api(status) => matches!(status.code, 429 | 500 | 503 | 504),
            _ => true,
        };
        if !may_pass || tries == CREATE_TRIES {
            return Err(error);
        }
        tries += 1;
        sleep(CREATE_PAUSE).await;
    }
}
