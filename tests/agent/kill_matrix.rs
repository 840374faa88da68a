//! Every process of a run killed, alone and together with every other, and some of them stopped, in namespaces of a real kernel:
//! what is left of them ends the fault, says so, and leaves nothing behind. Needs root, as `real.rs` does.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::launcher::{Launcher, RealOperator};
use crate::real::tbf_plan;
use crate::rig::{HANDLE, helpers};

crate::under_every_shell! {
    killed_while_the_fault_holds
    killed_before_go
    the_keeper_and_the_warden_stopped_and_the_sentinel_killed
    the_sentinel_stopped_and_the_agent_and_the_warden_killed
}

/// All processes of a run with one VM. Those before the warden are in the debug pod, the others where PID 1 is.
const PROCESSES: [&str; 10] = [
    "agent", "listener", "clock", "warden", "keeper", "relay", "nsenter", "sentinel", "sleep", "reader",
];
const IN_THE_POD: [&str; 3] = ["agent", "listener", "clock"];

/// Sets of three and more that somebody is left of.
const LARGER: [&[&str]; 16] = [
    &["sentinel", "keeper", "warden"],
    &["sentinel", "keeper", "agent"],
    &["sentinel", "keeper", "listener"],
    &["sentinel", "keeper", "clock"],
    &["sentinel", "keeper", "nsenter"],
    &["sentinel", "keeper", "listener", "clock"],
    &["sentinel", "keeper", "warden", "clock"],
    &["agent", "sentinel", "nsenter"],
    &["agent", "reader", "keeper"],
    &["agent", "warden", "keeper"],
    // The relay alone knows that the agent is gone, and does the keeper's work.
    &["agent", "warden", "keeper", "reader"],
    &["agent", "warden", "keeper", "sentinel"],
    &[
        "agent", "listener", "clock", "warden", "keeper", "nsenter", "sentinel", "sleep", "reader",
    ],
    // The sentinel and its sleep are left alone.
    &[
        "agent", "listener", "clock", "warden", "keeper", "relay", "nsenter", "reader",
    ],
    // Everything in the pod; everything that is not.
    &["agent", "listener", "clock"],
    &["warden", "keeper", "relay", "nsenter", "sentinel", "sleep", "reader"],
];

/// How long a machine with other things to do may take; nothing else ends these faults within it.
const PATIENCE: Duration = Duration::from_secs(60);
const HOLD: &str = "3600";

struct Run {
    launcher: Launcher,
    operator: RealOperator,
    pids: Vec<(&'static str, String)>,
}

impl Run {
    async fn start(shell: &[&str], hold: &str, with_go: bool) -> Option<Self> {
        let launcher = Launcher::start()?;
        let limits = ["SILENCE", "GO_LIMIT", "HELLO_LIMIT", "ARM_LIMIT"].map(|name| format!("VMCHAOS_{name}"));
        let limits: Vec<(&str, &str)> = limits.iter().map(|name| (name.as_str(), "3600")).collect();
        let mut operator = launcher.start_agent(shell, &tbf_plan(&launcher, hold), &limits);
        if with_go {
            operator.injected().await;
        } else {
            operator.ready().await;
        }
        let agent = operator.pid_of("agent");
        let own = helpers(&agent);
        let mut pids = vec![("agent", agent)];
        pids.extend(PROCESSES[1..4].iter().copied().zip(own));
        for name in &PROCESSES[4..] {
            let file = format!("{name}.0");
            if with_go || !["sleep", "reader"].contains(name) {
                while operator.maybe_pid_of(&file).is_none() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                pids.push((name, operator.pid_of(&file)));
            }
        }
        // Whoever ends the container does not reach them.
        let outside = pids.iter().filter(|(name, _)| !IN_THE_POD.contains(name));
        let moved: Vec<&str> = outside.map(|(_, pid)| pid.as_str()).collect();
        std::fs::write(operator.dir.join("moved"), moved.join("\n")).unwrap();
        Some(Self {
            launcher,
            operator,
            pids,
        })
    }

    /// All of them before any of them can do anything about another's end.
    fn kill(&self, names: &[&str]) {
        self.stop(names);
        // Stopped processes whose group has lost its leader get a SIGHUP from the kernel, and may be gone by now.
        self.signal(names, "-KILL");
    }

    fn stop(&self, names: &[&str]) {
        let said = self.signal(names, "-STOP");
        assert!(said.status.success(), "{names:?}: {said:?}");
    }

    fn signal(&self, names: &[&str], signal: &str) -> std::process::Output {
        let to = self.pids.iter().filter(|(name, _)| names.contains(name));
        // No sleep is long: it is another one by now.
        let now = |(name, pid): &(&str, String)| match *name {
            "sleep" => self.operator.maybe_pid_of("sleep.0").unwrap_or_else(|| pid.clone()),
            _ => pid.clone(),
        };
        std::process::Command::new("kill")
            .arg(signal)
            .args(to.map(now))
            .output()
            .unwrap()
    }

    /// Waits until the kernel has nothing of the run, then until the log tells how it ended, all processes are gone, and the
    /// scratch directory is.
    async fn ends(self, names: &[&str]) {
        self.ends_by("sentinel", names).await;
    }

    async fn ends_by(mut self, asked: &str, names: &[&str]) {
        let until = Instant::now() + PATIENCE;
        self.until(until, names, "the fault", |run| !run.launcher.qdiscs().contains(HANDLE))
            .await;
        self.until(until, names, "no verdict", |run| !run.operator.verdicts().is_empty())
            .await;
        self.operator.try_say("bye").await;
        self.until(until, names, "a process", |run| run.processes().is_empty())
            .await;
        let scratch = std::fs::read_dir(&self.operator.dir).unwrap().flatten();
        let left: Vec<_> = scratch
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name.starts_with("vmchaos."))
            .collect();
        // Without all of those it goes with the container.
        if !["agent", "warden", "keeper"].iter().all(|name| names.contains(name)) {
            assert_eq!(left, Vec::<String>::new(), "{names:?}");
        }
        let verdict = self.operator.verdicts().remove(0);
        assert_eq!(verdict[1], "restored", "{names:?}: {verdict}");
        let by = verdict[2].as_str().unwrap();
        assert!([asked, "lost-operator"].contains(&by), "{names:?}: {verdict}");
        if !names.contains(&"agent") {
            assert_eq!(by, asked, "{names:?}: nobody was lost");
            assert_eq!(self.operator.end().await, 0, "{names:?}");
        }
        let armed = self.operator.agent.termination_message();
        assert!(armed.contains("\"armed\":0"), "{names:?}: {armed}");
    }

    /// Waits, with heartbeats as an operator sends them.
    async fn until(&mut self, end: Instant, names: &[&str], what: &str, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            assert!(
                Instant::now() < end,
                "{names:?} killed: {what} is left; {:?}, {:?}",
                self.processes(),
                self.operator.events
            );
            self.operator.try_say("hb").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Everything that was started by the run has its environment.
    fn processes(&self) -> Vec<String> {
        let mark = format!("VMCHAOS_SCRATCH={}", self.operator.dir.display());
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| {
            let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
            let mut environment = read("environ").into_iter().collect::<Vec<u8>>();
            environment.push(0);
            let is_ours = environment.split(|byte| *byte == 0).any(|word| word == mark.as_bytes());
            is_ours.then(|| {
                let stat = String::from_utf8_lossy(&read("stat")).into_owned();
                stat.split(' ').take(4).collect::<Vec<_>>().join(" ")
            })
        })
        .collect()
    }
}

/// All sets of one or two, and those above.
fn sets() -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = LARGER.iter().map(|set| set.to_vec()).collect();
    for (n, one) in PROCESSES.iter().enumerate() {
        all.push(vec![one]);
        all.extend(PROCESSES[n + 1..].iter().map(|other| vec![*one, *other]));
    }
    all
}

async fn killed_while_the_fault_holds(shell: &[&str]) {
    each(sets(), |set| async move {
        if let Some(run) = Run::start(shell, HOLD, true).await {
            run.kill(&set);
            run.ends(&set).await;
        }
    })
    .await;
}

async fn killed_before_go(shell: &[&str]) {
    let sets = sets().into_iter().filter(|set| set.len() != 2).map(|set| {
        let is_there = |name: &&str| !["sleep", "reader"].contains(name);
        set.into_iter().filter(is_there).collect::<Vec<_>>()
    });
    each(sets.filter(|set| !set.is_empty()).collect(), |set| async move {
        if let Some(mut run) = Run::start(shell, HOLD, false).await {
            run.kill(&set);
            run.operator.try_say("go").await;
            run.ends(&set).await;
        }
    })
    .await;
}

/// The agent alone is left to keep the deadline.
async fn the_keeper_and_the_warden_stopped_and_the_sentinel_killed(shell: &[&str]) {
    if let Some(run) = Run::start(shell, "2", true).await {
        run.stop(&["keeper", "warden"]);
        run.kill(&["sentinel"]);
        run.ends_by("deadline", &["sentinel"]).await;
    }
}

/// The keeper waits for the sentinel, and only its relay knows that the agent is gone.
async fn the_sentinel_stopped_and_the_agent_and_the_warden_killed(shell: &[&str]) {
    for stopped in [&["sentinel"][..], &["sentinel", "reader"]] {
        if let Some(run) = Run::start(shell, HOLD, true).await {
            run.stop(stopped);
            run.kill(&["agent", "warden"]);
            run.ends(&["agent", "warden"]).await;
        }
    }
}

/// A few at a time: most of it is waiting.
async fn each<F: Future<Output = ()>>(sets: Vec<Vec<&'static str>>, kill: impl Fn(Vec<&'static str>) -> F) {
    stream::iter(sets).for_each_concurrent(3, kill).await;
}
