//! How many of a check's last looks have failed, and when that is too many.

use std::collections::VecDeque;

/// So many failed looks among so many end a game day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    after: u32,
    of: u32,
}

/// The last looks of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    abort: Abort,
    /// Whether each has failed, the newest last.
    last: VecDeque<bool>,
}

// === impl Abort ===

impl Abort {
    /// `None` where no number of failed looks could ever be too many, or none would be enough.
    pub fn new(after: u32, of: u32) -> Option<Self> {
        (after >= 1 && of >= after).then_some(Self { after, of })
    }

    pub fn after(self) -> u32 {
        self.after
    }

    pub fn of(self) -> u32 {
        self.of
    }
}

// === impl Window ===

impl Window {
    pub fn new(abort: Abort) -> Self {
        Self {
            abort,
            last: VecDeque::new(),
        }
    }

    /// Takes one more look; whether now too many have failed.
    pub fn take(&mut self, failed: bool) -> bool {
        self.last.push_back(failed);
        while self.last.len() > self.abort.of as usize {
            self.last.pop_front();
        }
        self.last.iter().filter(|failed| **failed).count() >= self.abort.after as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_the_last_five() {
        let mut window = Window::new(Abort::new(3, 5).unwrap());
        let took = [true, true, false, false, false, true, true, true];
        let took: Vec<bool> = took.into_iter().map(|failed| window.take(failed)).collect();
        assert_eq!(took, [false, false, false, false, false, false, false, true]);
    }

    #[test]
    fn what_could_never_be_is_none() {
        assert_eq!(Abort::new(0, 5), None);
        assert_eq!(Abort::new(3, 2), None);
        let mut window = Window::new(Abort::new(1, 1).unwrap());
        assert!(window.take(true) && !window.take(false));
    }
}
