//! Where the scenarios run: the practice cluster, or the real one that the environment names.

mod kernel;
mod permissions;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use vmchaos_rehearsal::{Options, Practice};

use crate::support::{self, Ended, Running};

/// Kubeconfigs of the real cluster: of an operator with no more permissions than are needed, and of an administrator.
const OPERATOR: &str = "VMCHAOS_SCENARIOS_OPERATOR";
const ADMIN: &str = "VMCHAOS_SCENARIOS_ADMIN";
/// A program that runs a command in a VM's network namespace: `PROGRAM NAMESPACE VMI COMMAND…`.
const NODE: &str = "VMCHAOS_SCENARIOS_NODE";

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const DEBUG_PODS: &str = "/api/v1/pods?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dkubectl-vmchaos";

pub(crate) struct Backend {
    place: Place,
    kubeconfig: PathBuf,
    client: Client,
    runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
    /// Names of the Events that were there before.
    before: BTreeSet<String>,
    /// Rules of the operator's roles before something was taken away, by the role's path.
    taken: Vec<(String, Value)>,
}

enum Place {
    Practice(Box<Practice>),
    Real { node: PathBuf },
}

impl Backend {
    pub(crate) fn new() -> Self {
        let runtime = support::runtime();
        let (place, kubeconfig, admin) = if let Some(operator) = std::env::var_os(OPERATOR) {
            let path = |name: &str| PathBuf::from(std::env::var_os(name).unwrap());
            (Place::Real { node: path(NODE) }, PathBuf::from(operator), path(ADMIN))
        } else {
            let practice = runtime.block_on(Practice::start(Options::default())).unwrap();
            let kubeconfig = practice.kubeconfig().to_owned();
            (Place::Practice(Box::new(practice)), kubeconfig.clone(), kubeconfig)
        };
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(admin).unwrap();
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
            Client::try_from(config).unwrap()
        });
        let mut backend = Self {
            place,
            kubeconfig,
            client,
            runtime,
            home: tempfile::tempdir().unwrap(),
            before: BTreeSet::new(),
            taken: Vec::new(),
        };
        let names = backend.items(EVENTS);
        backend.before = names
            .iter()
            .map(|event| event["metadata"]["name"].to_string())
            .collect();
        backend
    }

    /// The name of the kubeconfig's context.
    pub(crate) fn context(&self) -> String {
        Kubeconfig::read_from(&self.kubeconfig)
            .unwrap()
            .current_context
            .unwrap()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        Running::start(support::program(args, self.home.path(), &self.kubeconfig))
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args).end()
    }

    /// Asks the API server as an administrator.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> kube::Result<Value> {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(
                "content-type",
                if method == "PATCH" {
                    "application/merge-patch+json"
                } else {
                    "application/json"
                },
            )
            .body(if body.is_null() {
                Vec::new()
            } else {
                serde_json::to_vec(body).unwrap()
            })
            .unwrap();
        self.runtime.block_on(self.client.request(request))
    }

    /// An object, unless it is not there.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        match self.ask("GET", path, &Value::Null) {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    pub(crate) fn items(&self, path: &str) -> Vec<Value> {
        let list = self.get(path).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Value {
        self.ask("PATCH", path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn delete(&self, path: &str) {
        self.ask("DELETE", path, &Value::Null)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// A VMI of the namespace `default`.
    pub(crate) fn vmi(&self, name: &str) -> Option<Value> {
        self.get(&format!(
            "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/{name}"
        ))
    }

    pub(crate) fn vm(&self, name: &str) -> Value {
        self.get(&format!(
            "/apis/kubevirt.io/v1/namespaces/default/virtualmachines/{name}"
        ))
        .unwrap()
    }

    /// The UID of a VMI that runs, else nothing.
    pub(crate) fn uid(&self, name: &str) -> Option<String> {
        let vmi = self.vmi(name).filter(|vmi| vmi["status"]["phase"] == "Running")?;
        Some(vmi["metadata"]["uid"].as_str().unwrap().to_owned())
    }

    /// The node a VM is on.
    pub(crate) fn node(&self, name: &str) -> String {
        let vmi = self.vmi(name).unwrap();
        vmi["status"]["nodeName"].as_str().unwrap().to_owned()
    }

    /// Debug pods there are, as (path, phase).
    pub(crate) fn debug_pods(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pods = self.items(DEBUG_PODS).into_iter().map(|pod| {
            let (namespace, name) = (text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
            (
                format!("/api/v1/namespaces/{namespace}/pods/{name}"),
                text(&pod["status"]["phase"]),
            )
        });
        pods.collect()
    }

    /// Reasons of the Events that this scenario left on a VMI, in order.
    pub(crate) fn events(&self, name: &str) -> Vec<String> {
        let mut events = self.items(EVENTS);
        events.retain(|event| {
            event["regarding"]["name"] == name
                && event["reason"].as_str().unwrap_or_default().starts_with("VMChaos")
                && !self.before.contains(&event["metadata"]["name"].to_string())
        });
        events.sort_by_key(|event| event["eventTime"].to_string());
        let reasons = events.iter().filter_map(|event| event["reason"].as_str());
        reasons.map(str::to_owned).collect()
    }

    /// Waits for a state of the cluster; the limit is patience.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        support::until(what, Duration::from_millis(20), || condition(self));
    }

    /// Neither rule nor debug pod is there.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        assert_eq!(
            (self.qdiscs("web-1"), self.tables("web-1"), self.debug_pods()),
            (vec![], vec![], vec![])
        );
    }
}
