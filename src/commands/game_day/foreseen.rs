//! What a step comes to, as far as its file says it: no cluster is asked.

use std::time::Duration;

use super::super::guards::Guards;
use super::step_fault::Of;
use crate::cli::HowMany;
use crate::cluster::selection::Scope;
use crate::faults::{Choice, Fault};
use crate::permissions::least::Need;

/// A fault of a step, before its VMs are known.
pub(super) trait Foreseen {
    /// What it needs permission for. `current` is where a VM is that names no namespace.
    fn need(&self, current: &str, guards: &Guards) -> Need;

    /// Whether its VMs are where the context says.
    fn is_in_context(&self) -> bool;

    /// The longest that it takes, as far as that does not depend on how many VMs match.
    fn at_most(&self) -> AtMost;

    /// The longest that it takes to put everything back once it is interrupted.
    fn back_within(&self) -> Duration;
}

/// How long a step takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtMost {
    Time(Duration),
    /// It depends on how many VMs there are.
    ByVms,
    /// Until somebody ends it.
    Endless,
}

impl<F: Fault> Foreseen for Of<F> {
    fn need(&self, current: &str, guards: &Guards) -> Need {
        let selection = &self.request.wanted.selection;
        let scope = selection.scope(current);
        let pods = self.request.fault.pods();
        let choice = Choice {
            everywhere: scope == Scope::Cluster,
            image_given: guards.image(pods.and_then(|pods| pods.image.as_ref())).is_some(),
        };
        Need {
            rules: self.request.fault.needs(choice),
            vmis: match scope {
                Scope::Cluster => Vec::new(),
                Scope::Namespaces(namespaces) => namespaces.into_iter().collect(),
            },
        }
    }

    fn is_in_context(&self) -> bool {
        // No namespace is called so.
        match self.request.wanted.selection.scope("") {
            Scope::Cluster => false,
            Scope::Namespaces(all) => all.contains(""),
        }
    }

    fn at_most(&self) -> AtMost {
        let wanted = &self.request.wanted;
        let named = wanted.selection.named("").len();
        let vms = match wanted.how_many {
            HowMany::AtMost(most) if named == 0 => Some(most as usize),
            HowMany::AtMost(most) => Some(named.min(most as usize)),
            HowMany::All | HowMany::Share(_) => Some(named).filter(|named| *named > 0),
        };
        let fault = &self.request.fault;
        let one = fault.at_most(1);
        let time = match vms {
            Some(vms) => fault.at_most(vms),
            None if one == fault.at_most(2) => one,
            None => return AtMost::ByVms,
        };
        time.map_or(AtMost::Endless, AtMost::Time)
    }

    fn back_within(&self) -> Duration {
        self.request.fault.back_within()
    }
}
