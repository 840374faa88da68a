//! The debug pod's spec: one a node a run, short-lived, and readable with `kubectl describe`.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Container, EnvVar, LocalObjectReference, Pod, PodSpec, ResourceRequirements, SecurityContext, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;

use crate::fault::AgentImage;

/// The container's name in every debug pod.
pub(crate) const CONTAINER: &str = "agent";
pub(crate) const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(crate) const MANAGED_BY: &str = "kubectl-vmchaos";
pub(crate) const LABEL_RUN: &str = "vmchaos.dev/run";
pub(crate) const LABEL_FAULT: &str = "vmchaos.dev/fault";

/// Annotation of every debug pod: which image it runs, by whose choice, in which namespace and as which service account.
pub(crate) const RUNS: &str = "vmchaos.dev/runs";

/// Seconds between TERM and KILL. The agent needs at most 1 s to drain queues and a few ms a VM to undo.
pub(crate) const GRACE_SECONDS: i64 = 10;

/// What differs between one debug pod and the next.
#[derive(Debug, Clone)]
pub(crate) struct DebugPod {
    pub run: String,
    /// What tells it from the run's other pods: a number, or `sweep-…`.
    pub suffix: String,
    /// The fault's command, e.g. `netem`.
    pub fault: String,
    pub node: String,
    pub namespace: String,
    pub image: AgentImage,
    pub service_account: Option<String>,
    /// `None` tolerates every taint.
    pub tolerations: Option<Vec<Toleration>>,
    pub annotations: BTreeMap<String, String>,
    /// Lines of the node's plan, as `agent.sh` reads them.
    pub plan: String,
    /// When Kubernetes ends the pod whatever happens; a little past the fault's own end.
    pub active_deadline: Duration,
}

// === impl DebugPod ===

impl DebugPod {
    pub(crate) fn name(&self) -> String {
        format!("vmchaos-{}-{}", self.run, self.suffix)
    }

    /// The object to create.
    pub(crate) fn object(&self, script: &str) -> Pod {
        let quantities = |cpu: &str, memory: &str| {
            Some(BTreeMap::from([
                ("cpu".to_owned(), Quantity(cpu.to_owned())),
                ("memory".to_owned(), Quantity(memory.to_owned())),
            ]))
        };
        let container = Container {
            name: CONTAINER.to_owned(),
            image: Some(self.image.image().to_owned()),
            image_pull_policy: Some("IfNotPresent".to_owned()),
            command: Some(vec![
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                unexpanded(script),
                "vmchaos-agent".to_owned(),
            ]),
            env: Some(vec![env("VMCHAOS_RUN", &self.run), env("VMCHAOS_PLAN", &self.plan)]),
            // The attach stream is the agent's leash: its end is the fault's end.
            stdin: Some(true),
            stdin_once: Some(true),
            security_context: Some(SecurityContext {
                privileged: Some(true),
                run_as_user: Some(0),
                run_as_non_root: Some(false),
                ..SecurityContext::default()
            }),
            resources: Some(ResourceRequirements {
                requests: quantities("10m", "16Mi"),
                limits: quantities("1", "256Mi"),
                ..ResourceRequirements::default()
            }),
            ..Container::default()
        };
        Pod {
            metadata: self.metadata(),
            spec: Some(PodSpec {
                // Set here: the scheduler has no say in which node a VM runs on.
                node_name: Some(self.node.clone()),
                host_pid: Some(true),
                host_network: Some(false),
                restart_policy: Some("Never".to_owned()),
                automount_service_account_token: Some(false),
                enable_service_links: Some(false),
                termination_grace_period_seconds: Some(GRACE_SECONDS),
                active_deadline_seconds: Some(i64::try_from(self.active_deadline.as_secs()).unwrap_or(i64::MAX).max(1)),
                service_account_name: self.service_account.clone(),
                image_pull_secrets: self.pull_secrets(),
                tolerations: Some(self.tolerations.clone().unwrap_or_else(|| {
                    vec![Toleration {
                        operator: Some("Exists".to_owned()),
                        ..Toleration::default()
                    }]
                })),
                containers: vec![container],
                ..PodSpec::default()
            }),
            status: None,
        }
    }

    fn pull_secrets(&self) -> Option<Vec<LocalObjectReference>> {
        let names = self.image.pull_secrets(&self.namespace);
        let secrets = names.iter().map(|name| LocalObjectReference { name: name.clone() });
        (!names.is_empty()).then(|| secrets.collect())
    }

    fn metadata(&self) -> ObjectMeta {
        let mut annotations = self.annotations.clone();
        let account = service_account(self.service_account.as_deref());
        let runs = format!(
            "{}, in namespace {} as service account {account}",
            self.image, self.namespace
        );
        annotations.insert(RUNS.to_owned(), runs);
        // OpenShift 4.11: take this security context constraint or refuse, instead of the highest-priority one.
        annotations.insert("openshift.io/required-scc".to_owned(), "privileged".to_owned());
        ObjectMeta {
            name: Some(self.name()),
            namespace: Some(self.namespace.clone()),
            labels: Some(BTreeMap::from([
                (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
                (LABEL_RUN.to_owned(), self.run.clone()),
                (LABEL_FAULT.to_owned(), self.fault.clone()),
            ])),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }
    }
}

/// The service account a pod runs as that names none, or this one.
pub(crate) fn service_account(named: Option<&str>) -> &str {
    named.unwrap_or("default")
}

fn env(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(unexpanded(value)),
        value_from: None,
    }
}

/// Kubernetes expands `$(NAME)` and turns `$$` into `$` in a container's command, args and env.
fn unexpanded(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::ImageSource;
    use serde_json::json;

    fn pod() -> Pod {
        debug_pod().object("echo $HOME $$ $(id)")
    }

    fn debug_pod() -> DebugPod {
        let kubevirt = ImageSource::VirtHandler("kubevirt".to_owned());
        DebugPod {
            run: "abc123".to_owned(),
            suffix: "0".to_owned(),
            fault: "netem".to_owned(),
            node: "node-1".to_owned(),
            namespace: "kubevirt".to_owned(),
            image: AgentImage::new("registry/launcher:v1", kubevirt).with_pull_secrets(vec!["registry".to_owned()]),
            service_account: None,
            tolerations: None,
            annotations: BTreeMap::new(),
            plan: "vm 0 u c".to_owned(),
            active_deadline: Duration::from_secs(180),
        }
    }

    #[test]
    fn the_pod_says_what_it_runs_and_by_whose_choice() {
        let pod = pod();
        assert_eq!(
            pod.metadata.annotations.unwrap()[RUNS],
            "registry/launcher:v1 (from KubeVirt's virt-handler in namespace kubevirt), in namespace kubevirt as service account default"
        );
        assert_eq!(
            pod.spec.unwrap().containers[0].image.as_deref(),
            Some("registry/launcher:v1")
        );
    }

    #[test]
    fn kubevirts_pull_secrets_are_named_in_kubevirts_namespace_alone() {
        let secrets = |namespace: &str| {
            let namespace = namespace.to_owned();
            let pod = DebugPod {
                namespace,
                ..debug_pod()
            }
            .object("");
            pod.spec.unwrap().image_pull_secrets.unwrap_or_default().len()
        };
        assert_eq!((secrets("kubevirt"), secrets("vmchaos")), (1, 0));
    }

    #[test]
    fn the_script_reaches_the_shell_as_it_is() {
        let spec = pod().spec.unwrap();
        let command = spec.containers[0].command.clone().unwrap();
        assert_eq!(command[2], "echo $$HOME $$$$ $$(id)");
    }

    #[test]
    fn the_pod_has_what_it_takes_ends_by_itself_and_holds_no_token() {
        let pod = serde_json::to_value(debug_pod().object("")).unwrap();
        let container = json!({
            "name": "agent", "image": "registry/launcher:v1", "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/sh", "-c", "", "vmchaos-agent"],
            "env": [{"name": "VMCHAOS_RUN", "value": "abc123"}, {"name": "VMCHAOS_PLAN", "value": "vm 0 u c"}],
            "stdin": true, "stdinOnce": true,
            "securityContext": {"privileged": true, "runAsUser": 0, "runAsNonRoot": false},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        });
        let spec = json!({
            "nodeName": "node-1", "hostPID": true, "hostNetwork": false, "restartPolicy": "Never",
            "automountServiceAccountToken": false, "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 10, "activeDeadlineSeconds": 180,
            "imagePullSecrets": [{"name": "registry"}], "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        });
        assert_eq!(pod["spec"], spec);
        let metadata = &pod["metadata"];
        assert_eq!(
            (&metadata["namespace"], &metadata["name"]),
            (&json!("kubevirt"), &json!("vmchaos-abc123-0"))
        );
        let labels = json!({"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "abc123", "vmchaos.dev/fault": "netem"});
        assert_eq!(metadata["labels"], labels);
        assert_eq!(metadata["annotations"]["openshift.io/required-scc"], "privileged");
    }

    #[test]
    fn a_pod_runs_as_the_account_and_where_the_taints_are_that_were_named() {
        let tolerations = vec![Toleration {
            key: Some("dedicated".to_owned()),
            ..Toleration::default()
        }];
        let pod = DebugPod {
            service_account: Some("chaos".to_owned()),
            tolerations: Some(tolerations.clone()),
            ..debug_pod()
        };
        let spec = pod.object("").spec.unwrap();
        assert_eq!(spec.service_account_name.as_deref(), Some("chaos"));
        assert_eq!(spec.tolerations, Some(tolerations));
    }
}
