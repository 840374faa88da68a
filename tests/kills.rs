//! The random kill campaign: random faults, something or somebody killed at a random moment, and nothing may be left.
//!
//! A few seconds of it run with all other tests; `tests/run kills --seconds N --seed S` goes on for longer, and
//! `tests/run kills --seed S --case C` repeats one case. A case is drawn from the two numbers alone; when exactly things happen
//! on the machine is not, so that a rare failure may need some repeats.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "helpers of a test")]

mod case;
mod judge;
mod killer;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use case::Case;

/// A setting of the campaign, from the environment.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: `{text}` is no number")))
}

#[test]
fn random_kills_leave_nothing() {
    let seed = setting("VMCHAOS_KILLS_SEED").unwrap_or(1);
    let seconds = setting("VMCHAOS_KILLS_SECONDS").unwrap_or(10);
    let only = setting("VMCHAOS_KILLS_CASE");
    let next = AtomicU64::new(only.unwrap_or(0));
    let until = Instant::now() + Duration::from_secs(seconds);
    let took: Mutex<BTreeMap<String, Vec<Duration>>> = Mutex::default();
    let failed: Mutex<Vec<String>> = Mutex::default();
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if only.is_some_and(|only| number > only) || (only.is_none() && Instant::now() >= until) {
                return;
            }
            let case = Case::draw(seed, number);
            match catch_unwind(AssertUnwindSafe(|| judge::holds(&case))).unwrap_or_else(|panic| Err(words(&*panic))) {
                Ok(clean) => {
                    println!("case {number}: {case}: clean after {:.2} s", clean.as_secs_f64());
                    took.lock().unwrap().entry(case.killer.name()).or_default().push(clean);
                }
                Err(problem) => {
                    let problem = format!(
                        "case {number}: {case}\n{problem}\nto repeat it: tests/run kills --seed {seed} --case {number}"
                    );
                    println!("{problem}\n");
                    failed.lock().unwrap().push(problem);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..setting("VMCHAOS_KILLS_JOBS").unwrap_or(3) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    let took = took.into_inner().unwrap();
    println!("{}", table(&took));
    let cases = took.values().map(Vec::len).sum::<usize>() + failed.len();
    assert!(cases > 0, "no case was begun");
    assert!(
        failed.is_empty(),
        "{} of {cases} cases of seed {seed} failed",
        failed.len()
    );
    println!("seed {seed}: {cases} cases, and nothing was left");
}

/// How long it took until nothing was left in the kernel, by what was killed.
fn table(took: &BTreeMap<String, Vec<Duration>>) -> String {
    let mut text = format!("{:<28} {:>5} {:>9} {:>9}\n", "killed", "cases", "median s", "most s");
    for (killer, times) in took {
        let mut times = times.clone();
        times.sort();
        let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
        let line = format!(
            "{killer:<28} {:>5} {:>9.2} {:>9.2}\n",
            times.len(),
            median.as_secs_f64(),
            most.as_secs_f64()
        );
        text.push_str(&line);
    }
    text
}

/// What a failed assertion said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}
