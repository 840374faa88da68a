//! Probes that go the same way as the fault: failing them makes KubeVirt act, which is not the fault that was asked for.

use crate::fault::{KubeletProbe, KubeletProbeKind, Target, Time};

/// How sure it is that a probe fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    Surely,
    Perhaps,
}

/// What will happen to the probes of a VM, without its name; `fails` says whether the fault hits one.
pub(crate) fn warnings(fails: impl Fn(&KubeletProbe) -> Option<Fails>, hold: Time, target: &Target) -> Vec<String> {
    let told = |probe: &KubeletProbe| warning(fails(probe)?, hold, probe);
    target.probes.iter().filter_map(told).collect()
}

fn warning(fails: Fails, hold: Time, probe: &KubeletProbe) -> Option<String> {
    let until = u64::from(probe.failure_threshold.max(1)) * u64::from(probe.period_seconds.max(1));
    // Too short to fail often enough in a row.
    if hold < Time::from_millis(until.saturating_sub(u64::from(probe.period_seconds)) * 1_000) {
        return None;
    }
    let (certainty, will) = match fails {
        Fails::Surely => ("fails", "KubeVirt"),
        Fails::Perhaps => ("may fail", "if it does, KubeVirt"),
    };
    let consequence = match probe.kind {
        KubeletProbeKind::Liveness => format!(
            "{will} restarts the VM after {} failures, some {until}s",
            probe.failure_threshold
        ),
        KubeletProbeKind::Readiness => format!("{will} takes the VM out of its Services after some {until}s"),
    };
    Some(format!(
        "the {} probe ({}, timeout {}s) goes the same way and {certainty}: {consequence}",
        probe.kind,
        probe.action.to_string().escape_debug(),
        probe.timeout_seconds
    ))
}
