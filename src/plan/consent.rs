//! That somebody has agreed to a plan: without it no plan can be run.

use std::collections::BTreeSet;

/// A plan somebody has agreed to. Only this can be run.
#[derive(Debug)]
pub(crate) struct Confirmed<P>(P);

/// Somebody's word that the plan may be run.
#[derive(Debug)]
pub(crate) struct Consent(());

/// Consent to a game day, whose steps are planned again just before each begins: it confirms only plans for VMs that were shown.
#[derive(Debug)]
pub(crate) struct Agreed(Vec<Vms>);

/// Namespaces and names.
pub(crate) type Vms = BTreeSet<(String, String)>;

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

    /// For the faults of a game day, each on these VMs.
    #[allow(clippy::unused_self, reason = "it is used up: one answer confirms one game day")]
    pub(crate) fn for_game_day(self, faults: Vec<Vms>) -> Agreed {
        Agreed(faults)
    }
}

// === impl Agreed ===

impl Agreed {
    /// The plan of a fault, if it is for no other VMs than those that were shown.
    pub(crate) fn to<P>(&self, fault: usize, vms: &Vms, plan: P) -> Option<Confirmed<P>> {
        let shown = self.0.get(fault)?;
        vms.is_subset(shown).then_some(Confirmed(plan))
    }
}

// === impl Confirmed ===

impl<P> Confirmed<P> {
    pub(crate) fn plan(&self) -> &P {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vms(names: &[&str]) -> Vms {
        names
            .iter()
            .map(|name| ("default".to_owned(), (*name).to_owned()))
            .collect()
    }

    #[test]
    fn a_game_day_is_agreed_to_for_the_vms_that_were_shown_and_no_others() {
        let consent = Consent::by_answer(true).unwrap();
        let agreed = consent.for_game_day(vec![vms(&["a", "b"]), vms(&["c"])]);
        assert!(agreed.to(0, &vms(&["a", "b"]), ()).is_some());
        assert!(agreed.to(0, &vms(&["b"]), ()).is_some());
        for (fault, others) in [(0, vms(&["a", "c"])), (1, vms(&["a"])), (2, vms(&["c"]))] {
            assert!(agreed.to(fault, &others, ()).is_none(), "{fault}: {others:?}");
        }
    }
}
