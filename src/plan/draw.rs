//! Draws VMs by a seed: the same seed and the same candidates give the same draw, on every machine and version.

/// Steele, Lea and Flood's `SplitMix64`: 64 bits of state, and nothing in it that a library update could change.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

// === impl Draw ===

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A new seed, short enough to be typed again.
    pub(crate) fn seed() -> u64 {
        rand::random_range(0..1_000_000)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not 0; the bias of the high-word method is below 2^-32 for any list in memory.
    #[allow(clippy::cast_possible_truncation)]
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A stream of its own for the `number`-th step, whatever was drawn in those before.
    #[must_use]
    pub(crate) fn step(seed: u64, number: u64) -> Self {
        let mut draw = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        draw.0 = draw.next();
        draw
    }

    /// A number from `min` to `max`, both included.
    pub(crate) fn between(&mut self, min: u64, max: u64) -> u64 {
        let width = u128::from(max.saturating_sub(min)) + 1;
        // Below `width`, so that it fits.
        min + u64::try_from((u128::from(self.next()) * width) >> 64).unwrap_or(0)
    }

    /// Puts `items` in any order, each as likely as the others (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// `count` of `items`, never the same twice, in their own order; all of them when there are not more.
    pub(crate) fn some<T>(&mut self, mut items: Vec<T>, count: usize) -> Vec<T> {
        while items.len() > count {
            let out = self.below(items.len());
            items.remove(out);
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, count: usize) -> Vec<u32> {
        Draw::new(seed).some((0..10).collect(), count)
    }

    #[test]
    fn a_seed_draws_the_same_every_time_and_on_every_version() {
        assert_eq!(drawn(42, 3), drawn(42, 3));
        assert_eq!(drawn(42, 3), vec![5, 6, 8]);
    }

    #[test]
    fn nothing_is_drawn_twice_and_more_than_there_is_means_all() {
        for seed in 0..200 {
            let mut some = drawn(seed, 7);
            some.dedup();
            assert_eq!(some.len(), 7);
            assert!(some.is_sorted());
        }
        assert_eq!(drawn(1, 99), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn every_candidate_is_drawn_about_as_often() {
        let mut seen = [0_u32; 10];
        for seed in 0..10_000 {
            seen[drawn(seed, 1)[0] as usize] += 1;
        }
        // 1,000 expected, standard deviation 30.
        assert!(seen.iter().all(|count| (820..1180).contains(count)), "{seen:?}");
    }
}
