//! Requests to the practice cluster as one of its users, as `kubectl` or `curl` would send them.

use std::path::Path;

use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use super::Rehearsal;

/// A user of the practice cluster by a kubeconfig.
pub(crate) struct User<'a> {
    rehearsal: &'a Rehearsal,
    client: kube::Client,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    /// The JSON of the body, or its text.
    pub(crate) body: Value,
}

impl Rehearsal {
    /// The user whose kubeconfig this is: `rehearsal.practice.tenant("shop")?.kubeconfig()`, or the rehearser's own.
    pub(crate) fn user(&self, kubeconfig: &Path) -> User<'_> {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let client = self.runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .unwrap();
            config.default_retry = false;
            kube::Client::try_from(config).unwrap()
        });
        User {
            rehearsal: self,
            client,
        }
    }
}

impl User<'_> {
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn create(&self, path: &str, object: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send("POST", path, &json, &object.to_string())
    }

    /// A JSON merge patch.
    pub(crate) fn patch(&self, path: &str, change: &Value) -> Answer {
        let merge = [("content-type", "application/merge-patch+json")];
        self.send("PATCH", path, &merge, &change.to_string())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "")
    }

    /// Any request; `path` with its query.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.as_bytes().to_vec())).unwrap();
        self.rehearsal.runtime.block_on(async {
            let answer = self.client.send(request).await.unwrap();
            let code = answer.status().as_u16();
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Answer {
                code,
                body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            }
        })
    }
}

impl Answer {
    /// Fails unless the server answered with this status.
    #[track_caller]
    pub(crate) fn expect(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{:.500}", self.body.to_string());
        self
    }

    /// The message of a `Status`.
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}
