//! The numbers that matter, on the practice cluster: every request takes 25 ms longer, a pod takes 2 s to start.
//!
//! Prints medians and what each is held against; it judges nothing, for machines differ.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "game_day.rs"]
mod game_day;
#[path = "../support/mod.rs"]
mod support;

use support::Rehearsal;
use vmchaos_rehearsal::{AgentKind, Options};

const POD_START: Duration = Duration::from_secs(2);

fn options(agent: AgentKind) -> Options {
    Options {
        latency: Duration::from_millis(25),
        pod_start: POD_START,
        agent,
        ..Options::default()
    }
}

fn main() {
    // `cargo test --benches` runs this too; only `cargo bench` measures.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("0 passed; 0 failed");
        return;
    }
    row("what", "median", "held against");
    one_vm();
    for (agent, name) in [(AgentKind::Script, "agent script"), (AgentKind::Double, "double")] {
        twenty_vms(agent, name);
    }
    game_day::plan();
    game_day::abort();
    help();
    size();
}

fn row(what: &str, median: &str, against: &str) {
    println!("{what:<62} {median:>10}  {against}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn one_vm() {
    let hold = Duration::from_secs(1);
    let rehearsal = Rehearsal::with(options(AgentKind::Script));
    let mut requests = 0;
    let times = (0..5).map(|_| {
        rehearsal.practice.clear_requests();
        let began = Instant::now();
        rehearsal
            .run(&["netem", "web-1", "--latency", "1ms", "--duration", "1s", "-y"])
            .expect(0);
        requests = rehearsal.practice.requests().len();
        began.elapsed().saturating_sub(hold + POD_START)
    });
    row(
        "1 VM: whole run less hold and pod start",
        &seconds(median(times.collect())),
        "<= 0.6 s (krkn 8.9 s)",
    );
    row("1 VM: requests, Events included", &requests.to_string(), "krkn 58");
}

fn twenty_vms(agent: AgentKind, name: &str) {
    let rehearsal = Rehearsal::with(Options {
        vms: 40,
        nodes: 4,
        ..options(agent)
    });
    let (mut spreads, mut rollbacks, mut requests, mut events, mut memory) = (vec![], vec![], 0, 0, 0);
    for _ in 0..3 {
        rehearsal.practice.clear_requests();
        let args = [
            "netem",
            "-A",
            "--target",
            ".*",
            "--count",
            "20",
            "--seed",
            "7",
            "--execution",
            "parallel",
            "--latency",
            "1ms",
            "--duration",
            "10m",
            "--yes=vmchaos-rehearsal",
            "-o",
            "json",
        ];
        let mut run = rehearsal.spawn(&args);
        for _ in 0..20 {
            run.wait_for("injected");
        }
        memory = memory.max(resident(run.pid()));
        let began = Instant::now();
        run.signal("INT");
        for _ in 0..20 {
            run.wait_for("restored");
        }
        rollbacks.push(began.elapsed());
        let document = run.end().expect(130).json();
        spreads.push(spread(&document));
        let all = rehearsal.practice.requests();
        events = all.iter().filter(|request| request.path.ends_with("/events")).count();
        requests = all.len() - events;
    }
    let row =
        |what: &str, median: &str, against: &str| row(&format!("20 VMs on 4 nodes, {name}: {what}"), median, against);
    row("requests without Events", &requests.to_string(), "<= 40 (krkn 1,162)");
    row("Events (one a VM injected, one restored)", &events.to_string(), "");
    row("first to last fault", &seconds(median(spreads)), "<= 0.050 s");
    row("Ctrl-C to last one restored", &seconds(median(rollbacks)), "<= 0.5 s");
    row("resident memory", &format!("{} MiB", memory / 1024), "<= 40 MB");
}

/// From the first to the last injection, as the command heard of them.
fn spread(document: &serde_json::Value) -> Duration {
    let times: Vec<jiff::Timestamp> = document["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["injectedAt"].as_str().unwrap().parse().unwrap())
        .collect();
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    last.duration_since(*first).unsigned_abs()
}

/// Peak resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn help() {
    let times = (0..20).map(|_| {
        let began = Instant::now();
        Command::new(env!("CARGO_BIN_EXE_kubectl-vmchaos"))
            .arg("--help")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        began.elapsed()
    });
    row("--help", &seconds(median(times.collect())), "<= 0.010 s");
}

fn size() {
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_kubectl-vmchaos")).unwrap().len();
    row("release binary", &format!("{:.1} MB", size as f64 / 1e6), "<= 12 MB");
}
