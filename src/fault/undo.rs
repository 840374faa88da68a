//! The way back from what an outage changes about a VM: written on the VM before the change, so that anybody can go it.

use serde::{Deserialize, Serialize};

use super::RunField;
use crate::name::is_label_value;

/// Annotation that holds it, on the VM, or on a VMI without one.
pub const UNDO: &str = "vmchaos.dev/undo";

/// What was changed, by whom, and how it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Undo {
    /// Id of the run.
    pub run: String,
    /// The outage's `--mode`, e.g. `pause`.
    pub mode: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// RFC 3339
    pub at: String,
    /// How long it is to stay so, e.g. `60s`.
    pub duration: String,
    /// Name of the VMI.
    pub vmi: String,
    /// Where it ran then; empty where an older version wrote this.
    #[serde(default)]
    pub node: String,
    /// The run strategy before, and as it is meanwhile.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub strategy: Option<Strategy>,
    /// The guest is paused.
    #[serde(default)]
    pub paused: bool,
}

/// A change of the field that says whether a VM runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strategy {
    pub before: RunField,
    /// As this run, or KubeVirt on its behalf, leaves it meanwhile: anything else is somebody else's doing.
    pub during: RunField,
}

/// What is to be done to the field that says whether a VM runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// It is as it was.
    Nothing,
    Put(RunField),
    /// Somebody else has changed it meanwhile: it is left alone.
    Theirs,
}

// === impl Undo ===

impl Undo {
    /// As the annotation of the VM or VMI called `holder` has it; `None` for what none of ours wrote there: whoever may edit
    /// an annotation must not choose what else is started or unpaused.
    pub fn parse(text: &str, holder: &str) -> Option<Self> {
        let undo: Self = serde_json::from_str(text).ok()?;
        let fields = undo
            .strategy
            .iter()
            .flat_map(|strategy| [&strategy.before, &strategy.during]);
        let are_words = fields.into_iter().all(RunField::is_word);
        (undo.vmi == holder && is_label_value(&undo.run) && are_words).then_some(undo)
    }

    /// The annotation's text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What has to be done to the field, as it is `now`.
    pub fn restore(&self, now: &RunField) -> Restore {
        match &self.strategy {
            None => Restore::Nothing,
            Some(strategy) if *now == strategy.before => Restore::Nothing,
            Some(strategy) if *now == strategy.during => Restore::Put(strategy.before.clone()),
            Some(_) => Restore::Theirs,
        }
    }

    /// Whether the VM, once its run strategy is back, still has to be told to start: Always and Once start by themselves.
    pub fn needs_start(&self) -> bool {
        let strategy = self.strategy.as_ref().map(|strategy| strategy.before.in_force());
        matches!(strategy, Some("Manual" | "RerunOnFailure"))
    }

    /// The change in words, e.g. `stop (run strategy Once)`.
    pub fn words(&self) -> String {
        match &self.strategy {
            Some(strategy) => format!("{} (run strategy {})", self.mode, strategy.before.in_force()),
            None => self.mode.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(before: RunField, during: RunField) -> Undo {
        Undo {
            run: "k3f9ab".into(),
            mode: "stop".into(),
            user: None,
            reason: Some("game day".into()),
            at: "2026-11-20T12:00:00.000Z".into(),
            duration: "60s".into(),
            vmi: "web-1".into(),
            node: "node-1".into(),
            strategy: Some(Strategy { before, during }),
            paused: false,
        }
    }

    fn strategy(name: &str) -> RunField {
        RunField::RunStrategy(name.into())
    }

    #[test]
    fn what_can_be_no_run_strategy_is_not_followed() {
        let is_read = |before: &str| Undo::parse(&undo(strategy(before), strategy("Halted")).text(), "web-1").is_some();
        assert!(is_read("RerunOnFailure") && is_read("WaitAsReceiver"));
        assert!(!is_read("$(reboot)") && !is_read("") && !is_read("Always\n"));
    }

    #[test]
    fn exactly_what_was_there_is_put_back() {
        for (before, during) in [
            (strategy("Once"), strategy("Halted")),
            (RunField::Running(true), RunField::Running(false)),
            (RunField::Running(true), strategy("Manual")),
        ] {
            let undo = undo(before.clone(), during.clone());
            assert_eq!(Undo::parse(&undo.text(), "web-1").as_ref(), Some(&undo));
            assert_eq!(undo.restore(&during), Restore::Put(before.clone()));
            assert_eq!(undo.restore(&before), Restore::Nothing);
        }
    }

    #[test]
    fn what_somebody_else_set_meanwhile_is_theirs() {
        let held = undo(strategy("Once"), strategy("Manual"));
        assert_eq!(held.restore(&strategy("Always")), Restore::Theirs);
        assert_eq!(held.restore(&RunField::Running(true)), Restore::Theirs);
        // The same in another field, or where the stop leaves the field as it is.
        let stopped = undo(strategy("Always"), strategy("Halted"));
        assert_eq!(stopped.restore(&RunField::Running(false)), Restore::Theirs);
        let unchanged = undo(strategy("Manual"), strategy("Manual"));
        assert_eq!(unchanged.restore(&strategy("Halted")), Restore::Theirs);
        assert_eq!(unchanged.restore(&strategy("Manual")), Restore::Nothing);
    }

    #[test]
    fn only_what_does_not_start_by_itself_is_started() {
        for (name, start) in [
            ("Always", false),
            ("Once", false),
            ("Manual", true),
            ("RerunOnFailure", true),
        ] {
            assert_eq!(undo(strategy(name), strategy("Halted")).needs_start(), start, "{name}");
        }
    }

    #[test]
    fn a_strange_annotation_is_none_of_ours() {
        assert_eq!(Undo::parse("{}", "web-1"), None);
        assert_eq!(Undo::parse("not json", "web-1"), None);
    }

    #[test]
    fn an_annotation_that_names_another_object_is_none_of_ours() {
        let own = undo(strategy("Once"), strategy("Halted"));
        assert_eq!(Undo::parse(&own.text(), "web-2"), None);
        for run in ["", "a/b", "a\n| sudo sh", "--all"] {
            let odd = Undo {
                run: run.into(),
                ..own.clone()
            };
            assert_eq!(Undo::parse(&odd.text(), "web-1"), None, "{run}");
        }
    }
}
