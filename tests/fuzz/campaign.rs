//! Runs a property on many cases of a seed.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

/// The seed where none is given: that of every build, so that one that fails fails again.
const SEED: u64 = 14;

/// A round of `cases`, or as many as fit into `VMCHAOS_FUZZ_SECONDS`, from `VMCHAOS_FUZZ_SEED` on; the failing input is shrunk
/// and printed with the seed that leads to it.
#[track_caller]
pub(crate) fn holds<S>(cases: u32, inputs: &S, property: impl Fn(S::Value) -> TestCaseResult)
where
    S: Strategy,
    S::Value: Debug,
{
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().unwrap());
    let first = number("VMCHAOS_FUZZ_SEED").unwrap_or(SEED);
    let limit = Duration::from_secs(number("VMCHAOS_FUZZ_SECONDS").unwrap_or(0));
    let begun = Instant::now();
    let mut seed = first;
    loop {
        let config = Config {
            cases,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            max_shrink_iters: 4 * cases,
            ..Config::default()
        };
        if let Err(why) = TestRunner::new(config).run(inputs, &property) {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            panic!("{why}\nthe same again: tests/run fuzz --seed {seed} {name}");
        }
        seed = seed.wrapping_add(1);
        if begun.elapsed() >= limit {
            return;
        }
    }
}
