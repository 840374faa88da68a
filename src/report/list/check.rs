//! What a preflight found.

use serde::Serialize;

use super::Item;
use crate::report::Time;
use crate::report::target::word;

/// One thing `check` looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckItem {
    pub check: Check,
    /// What was looked at, e.g. `create pods/attach in vmchaos`.
    pub subject: String,
    pub result: CheckResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What kind of thing is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// Whether the API server answers.
    Server,
    Kubevirt,
    /// What this KubeVirt allows.
    Limits,
    /// What debug pods run.
    Image,
    /// Whether a namespace takes debug pods.
    Admission,
    Permission,
    Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    Ok,
    Warning,
    Failed,
    /// Could not be found out; not the same as denied.
    Unknown,
}

// === impl ===

impl Check {
    pub fn word(self) -> String {
        word(self)
    }
}

impl Item for CheckItem {
    const KIND: &'static str = "CheckList";

    fn headers(wide: bool) -> Vec<&'static str> {
        if wide {
            vec!["check", "subject", "result", "detail", "fix"]
        } else {
            vec!["check", "subject", "result", "detail"]
        }
    }

    fn cells(&self, wide: bool, _now: Time) -> Vec<String> {
        let mut cells = vec![
            self.check.word(),
            self.subject.clone(),
            word(self.result),
            self.detail.clone().unwrap_or_default(),
        ];
        if wide {
            cells.push(self.fix.clone().unwrap_or_default());
        }
        cells
    }

    fn name(&self) -> String {
        format!("{}/{}", self.check.word(), self.subject)
    }
}
