//! What the practice network sends: some packets a second on each hook and device, so that a fault is seen to hit something.
//! Nothing is sent for real.

use std::time::Instant;

/// On each hook of a device, and through each root qdisc. The first rule of a hook matches them.
const PACKETS_A_SECOND: u128 = 10;
/// Of so many bytes each: a TCP SYN.
const PACKET_BYTES: u64 = 60;

/// How many packets, and bytes, have come since then.
pub(super) fn counted(since: Instant) -> (u64, u64) {
    let packets = since.elapsed().as_millis() * PACKETS_A_SECOND / 1000;
    let packets = u64::try_from(packets).unwrap_or(u64::MAX);
    (packets, packets.saturating_mul(PACKET_BYTES))
}

/// The packets at a root qdisc that loses a share of them, and what has become of each. Which are lost depends on the seed and
/// on nothing else, spread so evenly that a tenth means about one in ten of any few dozen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traffic {
    since: Instant,
    sent: u64,
    fates: Fates,
    /// Those of probes: which probe is lost does not depend on when it is sent.
    of_probes: Fates,
    passed: u64,
    dropped: u64,
}

/// Which packets of a stream are lost: where the last one stands between 0 and 1, lost below the share.
#[derive(Debug, Clone, PartialEq)]
struct Fates(f64);

impl Traffic {
    /// From now on, by a seed.
    pub(super) fn begin(seed: u64) -> Self {
        Self {
            since: Instant::now(),
            sent: 0,
            fates: Fates::of(seed),
            of_probes: Fates::of(!seed),
            passed: 0,
            dropped: 0,
        }
    }

    /// All that has come since the last look, of which this share is lost.
    pub(super) fn catch_up(&mut self, share: f64) {
        let (due, _) = counted(self.since);
        for _ in self.sent..due {
            let lost = self.fates.next(share);
            self.count(lost);
        }
        self.sent = self.sent.max(due);
    }

    /// One packet besides, a probe's: whether it is lost.
    pub(super) fn probe(&mut self, share: f64) -> bool {
        let lost = self.of_probes.next(share);
        self.count(lost);
        lost
    }

    fn count(&mut self, lost: bool) {
        if lost {
            self.dropped += 1;
        } else {
            self.passed += 1;
        }
    }

    /// As the kernel counts: bytes and packets that went out, and packets that were dropped.
    pub(super) fn counters(&self) -> [(&'static str, u64); 3] {
        [
            ("bytes", self.passed.saturating_mul(PACKET_BYTES)),
            ("packets", self.passed),
            ("drops", self.dropped),
        ]
    }
}

impl Fates {
    fn of(seed: u64) -> Self {
        // The upper bits of a product by the golden ratio: seeds beside each other begin far apart.
        Self((seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Whether the next one is lost, of which this share is.
    fn next(&mut self, share: f64) -> bool {
        // Steps of the golden ratio fill the range evenly, however many they are.
        self.0 = (self.0 + 0.618_033_988_749_894_9).fract();
        self.0 < share
    }
}

/// A seed of its own for something that is named, from the seed of the world (FNV-1a).
pub(super) fn seed_of(world: u64, name: &str) -> u64 {
    name.bytes().fold(world ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of so many packets.
    fn fates(seed: u64, share: f64, packets: usize) -> Vec<bool> {
        let mut traffic = Traffic::begin(seed);
        let fates: Vec<bool> = (0..packets).map(|_| traffic.probe(share)).collect();
        let lost = fates.iter().filter(|lost| **lost).count() as u64;
        assert_eq!(
            traffic.counters()[1..],
            [("packets", packets as u64 - lost), ("drops", lost)]
        );
        fates
    }

    #[test]
    fn the_share_that_is_asked_for_is_lost_whatever_the_seed() {
        for seed in 0..200 {
            for (share, packets, least, most) in [
                (0.1, 40, 2, 6),
                (0.1, 100, 8, 12),
                (0.5, 30, 13, 17),
                (1.0, 10, 10, 10),
                (0.0, 50, 0, 0),
            ] {
                let lost = fates(seed, share, packets).iter().filter(|lost| **lost).count();
                assert!(
                    (least..=most).contains(&lost),
                    "seed {seed}: {lost} of {packets} at {share}"
                );
            }
        }
    }

    #[test]
    fn a_seed_says_which_are_lost() {
        let seed = seed_of(7, "uid tap0");
        assert_eq!(fates(seed, 0.3, 100), fates(seed, 0.3, 100));
        assert_ne!(fates(seed, 0.3, 100), fates(seed_of(8, "uid tap0"), 0.3, 100));
        assert_ne!(fates(seed, 0.3, 100), fates(seed_of(7, "uid eth0"), 0.3, 100));
    }
}
