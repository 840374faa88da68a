//! The objects with which a cluster runs a game day.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::text::shown;
use super::bundle::{Bundle, FOLDER, GAME_DAY};
use super::secrets::Secrets;
use crate::cli::ManifestsRequest;
use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::gameday::file::GameDay;
use crate::permissions::least::Least;
use crate::permissions::roles::yaml;

/// Where a pod keeps what a run keeps: the history, and manifests of what an outage makes again.
const STATE: &str = "/var/lib/kubectl-vmchaos";
const USER: u32 = 65532;
/// The longest name of a `CronJob`, whose Jobs have 11 characters more.
const NAME: usize = 52;
/// A run that could not begin for so long is left out, in seconds.
const LATE: u32 = 300;

/// All that is printed.
pub(super) struct Manifests<'a> {
    pub(super) day: &'a GameDay,
    pub(super) asked_for: &'a ManifestsRequest,
    pub(super) least: &'a Least,
    pub(super) args: Vec<String>,
    /// Of the Job, and of its debug pods.
    pub(super) namespace: String,
    pub(super) bundle: &'a Bundle,
    pub(super) secrets: &'a Secrets,
    pub(super) programs: &'a [String],
    /// When the last step ends at the latest.
    pub(super) ends: Duration,
    pub(super) deadline: Duration,
    /// For everything to be put back.
    pub(super) grace: Duration,
}

// === impl Manifests ===

impl Manifests<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = self.words();
        for object in self.objects() {
            text.push_str("---\n");
            text.push_str(&yaml(&object));
        }
        text
    }

    /// What all of it is called: of the game day's name what a name can hold.
    fn name(&self) -> String {
        let mut name = "vmchaos".to_owned();
        let words = self.day.name.split(|c: char| !c.is_ascii_alphanumeric());
        for word in words.filter(|word| !word.is_empty()) {
            name.push('-');
            name.push_str(&word.to_ascii_lowercase());
        }
        name.truncate(NAME);
        name.trim_end_matches('-').to_owned()
    }

    /// The comment above: what it is, who may use it, and what has to be there beside it.
    fn words(&self) -> String {
        let (name, namespace) = (self.name(), &self.namespace);
        let what = match &self.asked_for.schedule {
            Some(cron) => format!("as a CronJob, {cron} (UTC)"),
            None => "as a Job".to_owned(),
        };
        let mut text = format!(
            "# Game day {} of {}, {what}.\n",
            escape(&self.day.name),
            self.day.files()
        );
        let mut line = |words: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {words}");
        };
        line(&format!(
            "It ends after {} at the latest; what is in place {} after it was made is rolled back, within {}.",
            shown(self.ends),
            shown(self.deadline),
            shown(self.grace)
        ));
        line(&format!(
            "Whoever may make pods in namespace {namespace} can use its service account {name}: only operators should."
        ));
        if self.asked_for.schedule.is_none() {
            let again = CommandLine::new("kubectl delete job").arg(&name).flag("-n", namespace);
            line(&format!("To run it again: {again}, and apply this once more."));
        }
        for program in self.programs {
            line(&format!("The image has to have: {}", escape(program)));
        }
        if !self.secrets.is_empty() {
            line(&format!(
                "What it must not hold is read from Secret {name}, which is not made here:"
            ));
            let mut create = CommandLine::new("kubectl create secret generic")
                .arg(&name)
                .flag("-n", namespace);
            for variable in &self.secrets.variables {
                create = create.arg(format!("--from-file={variable}=FILE"));
            }
            for (path, key) in &self.secrets.files {
                create = create.arg(format!("--from-file={key}={path}"));
            }
            line(&format!("  {create}"));
        }
        text
    }

    fn metadata(&self, name: &str, namespace: Option<&str>) -> Value {
        let mut metadata = json!({"name": name});
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.into();
        }
        // Not the label of debug pods: this one is not ended with them.
        metadata["labels"] =
            json!({"app.kubernetes.io/part-of": "kubectl-vmchaos", "vmchaos.dev/game-day": self.name()});
        metadata
    }

    fn objects(&self) -> Vec<Value> {
        let name = self.name();
        let own = || self.metadata(&name, Some(&self.namespace));
        let mut all = vec![
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own()}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": own(), "data": self.bundle.data()}),
        ];
        let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": self.namespace});
        for (namespace, rules) in self.least.roles() {
            let (kind, name) = match &namespace {
                Some(_) => ("Role", name.clone()),
                // Those are nobody's namespace's.
                None => ("ClusterRole", format!("{name}-{}", self.namespace)),
            };
            let group = "rbac.authorization.k8s.io";
            let version = format!("{group}/v1");
            let metadata = self.metadata(&name, namespace.as_deref());
            all.push(json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}));
            all.push(json!({
                "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
                "roleRef": {"apiGroup": group, "kind": kind, "name": name}, "subjects": [subject],
            }));
        }
        let job = self.job();
        all.push(match &self.asked_for.schedule {
            None => json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": own(), "spec": job}),
            Some(cron) => json!({
                "apiVersion": "batch/v1", "kind": "CronJob", "metadata": own(),
                "spec": {
                    "schedule": cron.to_string(), "timeZone": "Etc/UTC", "concurrencyPolicy": "Forbid",
                    "startingDeadlineSeconds": LATE, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 3,
                    "jobTemplate": {"metadata": {"labels": own()["labels"]}, "spec": job},
                },
            }),
        });
        all
    }

    fn job(&self) -> Value {
        json!({
            "activeDeadlineSeconds": whole(self.deadline), "backoffLimit": 0,
            "template": {
                "metadata": {
                    "labels": self.metadata("", None)["labels"],
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
                },
                "spec": self.pod(),
            },
        })
    }

    fn pod(&self) -> Value {
        let name = self.name();
        let mut env = vec![json!({"name": "XDG_STATE_HOME", "value": "/var/lib"})];
        env.extend(self.secrets.env(&name));
        let mut mounts = vec![
            json!({"name": "files", "mountPath": FOLDER, "readOnly": true}),
            json!({"name": "state", "mountPath": STATE}),
        ];
        mounts.extend(self.secrets.mounts());
        let mut volumes = vec![
            json!({"name": "files", "configMap": {"name": name, "items": self.bundle.items()}}),
            json!({"name": "state", "emptyDir": {"sizeLimit": "64Mi"}}),
        ];
        volumes.extend(self.secrets.volume(&name));
        json!({
            "serviceAccountName": name, "restartPolicy": "Never", "enableServiceLinks": false,
            "terminationGracePeriodSeconds": whole(self.grace),
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "vmchaos", "image": self.asked_for.image, "args": self.args, "workingDir": GAME_DAY, "env": env,
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"},
                },
                "volumeMounts": mounts,
            }],
            "volumes": volumes,
        })
    }
}

/// In seconds, none of it lost.
fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
