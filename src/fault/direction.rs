//! Directions, always as the guest sees them.

use std::fmt;

use super::Interface;

use crate::problem::Problem;

/// One way through a VM's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// What goes into the guest.
    Ingress,
    /// What comes out of the guest.
    Egress,
}

/// The ways a fault works; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directions {
    ingress: bool,
    egress: bool,
}

impl Direction {
    /// The device whose root qdisc shapes this direction: a qdisc shapes what a device sends, and the tap sends into the guest.
    pub fn device(self, interface: &Interface) -> &str {
        match self {
            Self::Ingress => &interface.tap,
            Self::Egress => &interface.uplink,
        }
    }

    /// `into the guest`, `out of the guest`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Ingress => "into the guest",
            Self::Egress => "out of the guest",
        }
    }
}

impl Directions {
    pub const BOTH: Self = Self {
        ingress: true,
        egress: true,
    };
    pub const INGRESS: Self = Self {
        ingress: true,
        egress: false,
    };
    pub const EGRESS: Self = Self {
        ingress: false,
        egress: true,
    };

    pub fn new(ingress: bool, egress: bool) -> Result<Self, Problem> {
        if ingress || egress {
            Ok(Self { ingress, egress })
        } else {
            Err(Problem::usage(
                "--ingress false and --egress false leave no direction for the fault",
                "leave one of the two out",
            ))
        }
    }

    pub fn ingress(self) -> bool {
        self.ingress
    }

    pub fn egress(self) -> bool {
        self.egress
    }

    pub fn both(self) -> bool {
        self.ingress && self.egress
    }

    /// The directions, ingress first.
    pub fn iter(self) -> impl Iterator<Item = Direction> {
        [(self.ingress, Direction::Ingress), (self.egress, Direction::Egress)]
            .into_iter()
            .filter_map(|(on, d)| on.then_some(d))
    }
}

impl Default for Directions {
    fn default() -> Self {
        Self::BOTH
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_direction_is_no_fault() {
        assert!(
            Directions::new(false, false)
                .unwrap_err()
                .message
                .contains("--ingress false and --egress false")
        );
        assert_eq!(Directions::new(true, true), Ok(Directions::default()));
        assert_eq!(Directions::EGRESS.iter().collect::<Vec<_>>(), [Direction::Egress]);
    }
}
