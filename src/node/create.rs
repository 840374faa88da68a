//! Creating a debug pod, so that none is ever forgotten.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use tokio::time::sleep;

use super::pod::LABEL_RUN;
use crate::cluster::MANAGER;

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
            // The last answer may be lost as well.
            if may_pass
                && let Ok(Some(found)) = api.get_opt(&pod.name_any()).await
                && is_ours(&found)
            {
                return Ok(found);
            }
            return Err(error);
        }
        tries += 1;
        sleep(CREATE_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Request, Response};
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::BoxError;

    use super::*;

    /// Pods on a server that loses every answer to a creation, and has this one.
    fn lossy(there: &Value) -> Api<Pod> {
        let text = there.to_string();
        let answer = move |request: Request<Body>| {
            let answer = if request.method() == Method::POST {
                Err(BoxError::from("lost"))
            } else {
                Ok(Response::new(Body::from(text.clone().into_bytes())))
            };
            std::future::ready(answer)
        };
        Api::namespaced(Client::new(tower::service_fn(answer), "vmchaos"), "vmchaos")
    }

    fn pod(run: &str) -> Value {
        json!({"metadata": {"name": "vmchaos-k3f9ab-0", "uid": "u", "labels": {LABEL_RUN: run}}})
    }

    #[tokio::test]
    async fn a_pod_that_was_made_is_not_forgotten_when_every_answer_is_lost() {
        let ours: Pod = serde_json::from_value(pod("k3f9ab")).unwrap();
        let of_another = lossy(&pod("zzzzzz"));
        let lossy = lossy(&pod("k3f9ab"));
        let (made, other) = tokio::join!(create(&lossy, &ours), create(&of_another, &ours));
        assert_eq!(made.unwrap().metadata.uid.as_deref(), Some("u"));
        assert!(other.is_err(), "another run's");
    }
}
