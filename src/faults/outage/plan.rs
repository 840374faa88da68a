//! The whole of a run of outages before anything of it is done.

use std::path::PathBuf;

use serde_json::Value;

use super::recovery::Prediction;
use crate::cluster::kubevirt::Release;
use crate::command_line::CommandLine;
use crate::fault::Unfit;
use crate::fault::undo::{Strategy, Undo};
use crate::faults::outage::spec::{Mode, OutageSpec, OutageTarget};
use crate::plan::pod_options::PodOptions;

/// Everything a run of outages does.
#[derive(Debug, Clone)]
pub(crate) struct OutagePlan {
    /// Six of `[a-z0-9]`.
    pub run: String,
    pub spec: OutageSpec,
    pub vms: Vec<PlannedOutage>,
    /// How many VMIs the selection matched that can take the outage.
    pub matched: usize,
    /// `None` when nothing was drawn.
    pub seed: Option<u64>,
    /// Matched, and cannot take it.
    pub left_out: Vec<Unfit>,
    pub user: String,
    pub reason: Option<String>,
    /// The debug pods of `kill`, one a VMI; no other mode needs any.
    pub pods: Option<Pods>,
    /// KubeVirt's, where it may be known.
    pub release: Option<Release>,
}

/// Where debug pods go, and how they are made.
#[derive(Debug, Clone)]
pub(crate) struct Pods {
    pub namespace: String,
    pub options: PodOptions,
}

/// A VMI, and what is known to become of it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedOutage {
    pub target: OutageTarget,
    pub prediction: Prediction,
    /// What makes it again.
    pub manifest: Value,
    /// Where that is kept.
    pub file: PathBuf,
}

// === impl OutagePlan ===

impl OutagePlan {
    /// What ends the run from any machine, without the flags that lead to the cluster.
    pub(crate) fn halt_command(&self) -> CommandLine {
        let flags = self.pods.as_ref().map(|pods| pods.options.halt_flags());
        CommandLine::new("kubectl vmchaos halt")
            .arg(&self.run)
            .args(flags.unwrap_or_default())
    }

    /// The way back from what is changed about a VM; `None` where nothing outlasts this command.
    pub(crate) fn undo(&self, target: &OutageTarget, at: String) -> Option<Undo> {
        if !self.spec.is_held() {
            return None;
        }
        let field = target.run_field();
        let strategy = field.and_then(|before| Some((before, self.spec.field_during(before, self.release)?)));
        Some(Undo {
            run: self.run.clone(),
            mode: self.spec.mode.name().to_owned(),
            user: Some(self.user.clone()).filter(|user| !user.is_empty()),
            reason: self.reason.clone(),
            at,
            duration: self.spec.duration.to_string(),
            vmi: target.name.clone(),
            node: target.node.clone(),
            strategy: strategy.map(|(before, during)| Strategy {
                before: before.clone(),
                during,
            }),
            paused: self.spec.mode == Mode::Pause,
        })
    }

    /// VMIs that lose data, or their place in the guest, with it.
    pub(crate) fn losing(&self) -> impl Iterator<Item = &OutageTarget> {
        let loses = self.spec.mode.ends_guest();
        let all = self.vms.iter().map(|vm| &vm.target);
        all.filter(move |target| loses && !target.volatile.is_empty())
    }
}
