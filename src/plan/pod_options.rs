//! How the debug pods of a run are made, and what they say of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::command_line::flags;
use crate::fault::AgentImages;

/// Annotations of a debug pod: who started the run and why, what is done, to which VMs (`namespace/name`, by commas), for
/// how long to each, and for how long in all.
pub(crate) const USER: &str = "vmchaos.dev/user";
pub(crate) const REASON: &str = "vmchaos.dev/reason";
pub(crate) const PLAN: &str = "vmchaos.dev/plan";
pub(crate) const FAULT: &str = "vmchaos.dev/what";
pub(crate) const TARGETS: &str = "vmchaos.dev/targets";
pub(crate) const DURATION: &str = "vmchaos.dev/duration";
pub(crate) const TOTAL: &str = "vmchaos.dev/total-duration";
/// `true` on the pods of a run whose command does not stay: only the deadline, or `halt`, ends it.
pub(crate) const DETACH: &str = "vmchaos.dev/detach";

/// How the debug pods are made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PodOptions {
    pub images: AgentImages,
    /// Named by the user; where it was chosen for them, that is not known here.
    pub namespace: Option<String>,
    pub service_account: Option<String>,
    /// `None` tolerates every taint.
    pub tolerations: Option<Vec<crate::fault::Toleration>>,
    /// How long a pod may take to start.
    pub start_limit: Duration,
    pub annotations: BTreeMap<String, String>,
}

/// Who started a run and why, as annotations of what it makes.
pub(crate) fn started_by(user: &str, reason: Option<&String>) -> BTreeMap<String, String> {
    let reason = reason.map(|reason| (REASON.to_owned(), reason.clone()));
    std::iter::once((USER.to_owned(), user.to_owned()))
        .chain(reason)
        .collect()
}

// === impl PodOptions ===

impl PodOptions {
    /// The flags that `halt` needs to find the run's pods, and to make its own as they were made, and their values.
    pub(crate) fn halt_flags(&self) -> Vec<String> {
        flags([
            ("--pod-namespace", &self.namespace),
            ("--service-account", &self.service_account),
        ])
    }

    /// As a pod's spec has them.
    pub(crate) fn tolerations(&self) -> Option<Vec<k8s_openapi::api::core::v1::Toleration>> {
        let tolerations = self.tolerations.as_ref()?;
        Some(
            tolerations
                .iter()
                .map(|toleration| k8s_openapi::api::core::v1::Toleration {
                    key: Some(toleration.key.clone()),
                    operator: Some(if toleration.value.is_some() { "Equal" } else { "Exists" }.to_owned()),
                    value: toleration.value.clone(),
                    effect: Some(toleration.effect.name().to_owned()),
                    toleration_seconds: None,
                })
                .collect(),
        )
    }
}
