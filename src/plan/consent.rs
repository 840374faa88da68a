//! That somebody has agreed to a plan: without it no plan can be run.

/// A plan somebody has agreed to. Only this can be run.
#[derive(Debug)]
pub(crate) struct Confirmed<P>(P);

/// Somebody's word that the plan may be run.
#[derive(Debug)]
pub(crate) struct Consent(());

// === impl Consent ===

impl Consent {
    /// `--yes` on the command line.
    pub(crate) fn by_flag(yes: bool) -> Option<Self> {
        yes.then_some(Self(()))
    }

    /// An answer to the question after the plan.
    pub(crate) fn by_answer(yes: bool) -> Option<Self> {
        yes.then_some(Self(()))
    }

    /// The plan that was agreed to.
    #[allow(clippy::unused_self, reason = "it is used up: one answer confirms one plan")]
    pub(crate) fn to<P>(self, plan: P) -> Confirmed<P> {
        Confirmed(plan)
    }
}

// === impl Confirmed ===

impl<P> Confirmed<P> {
    pub(crate) fn plan(&self) -> &P {
        &self.0
    }
}
