//! The name of a run's objects in the kernel.

use std::fmt;
use std::str::FromStr;

use rand::RngExt;

/// Major number of a qdisc handle, drawn per run from `7000:` to `7fff:`.
///
/// With one fixed handle the loser of two runs on the same tap would delete the winner's qdisc; numbers that the kernel
/// gives out itself begin at `8000:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(u16);

impl Handle {
    pub const FIRST: u16 = 0x7000;
    pub const LAST: u16 = 0x7fff;

    /// `None` outside the range that is ours.
    pub fn new(major: u16) -> Option<Self> {
        (Self::FIRST..=Self::LAST).contains(&major).then_some(Self(major))
    }

    /// The number itself, 0x7000 to 0x7fff.
    pub fn major(self) -> u16 {
        self.0
    }

    pub fn draw(rng: &mut impl rand::Rng) -> Self {
        Self(rng.random_range(Self::FIRST..=Self::LAST))
    }
}

/// `7a31:`, as `tc` writes it.
impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:", self.0)
    }
}

/// Reads what `Display` writes; anything else is not a handle of ours.
impl FromStr for Handle {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let major = text.strip_suffix(':').ok_or(())?;
        Self::new(u16::from_str_radix(major, 16).map_err(|_| ())?).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_stay_in_the_range_that_is_ours() {
        assert_eq!(Handle::new(0x6fff), None);
        assert_eq!(Handle::new(0x8000), None);
        assert_eq!("7a31:".parse(), Ok(Handle(0x7a31)));
        for other in ["0:", "8001:", "7a31", "7a31:1", ""] {
            assert_eq!(other.parse::<Handle>(), Err(()), "{other}");
        }
        let mut rng = rand::rng();
        for _ in 0..1000 {
            let drawn = Handle::draw(&mut rng);
            assert_eq!(drawn.to_string().parse(), Ok(drawn));
        }
    }
}
