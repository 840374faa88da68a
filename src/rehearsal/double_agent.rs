//! The agent of a [`DoubleNode`](super::double::DoubleNode): one task that holds the dialogue and all VMs of a run.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::mpsc;

use super::double::{Kernel, Order};
use super::double_engine::Engine;
use super::double_plan::{self, VmPlan};
use super::double_probes::{Flight, Probed};
use super::double_rules::Rules;
use super::host::{Signal, Spec};

/// How far a VM is.
pub(super) enum Phase {
    Found,
    Armed {
        until: Instant,
        before: Vec<(String, String)>,
    },
    Held {
        since: Instant,
        before: Vec<(String, String)>,
    },
    Easing {
        until: Instant,
        by: &'static str,
        held: f64,
        before: Vec<(String, String)>,
    },
    Ended(&'static str),
}

pub(super) struct Double {
    pub(super) kernel: Arc<Kernel>,
    pub(super) run: String,
    pub(super) rules: Rules,
    /// What cuts packets, once it has been tried what can.
    pub(super) engine: Option<Engine>,
    pub(super) plans: Vec<VmPlan>,
    pub(super) phases: Vec<Phase>,
    pub(super) verdicts: Vec<Value>,
    pub(super) events: Vec<String>,
    pub(super) unsaid: usize,
    pub(super) failed: Vec<usize>,
    pub(super) over: bool,
    pub(super) detached: bool,
    pub(super) ended: bool,
    pub(super) greeted: bool,
    pub(super) heard: Instant,
    /// The VMs that are probed, and the probes under way.
    pub(super) probed: BTreeMap<usize, Probed>,
    pub(super) flights: Vec<Flight>,
}

/// Seconds from the environment.
fn seconds(spec: &Spec, name: &str, default: u64) -> Duration {
    spec.env(name)
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(Duration::from_secs(default))
}

/// To hundredths, as the node's clock counts.
pub(super) fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).floor() / 100.0
}

/// Holds a run from start to end; returns the exit code. `log` is the termination log.
pub(super) async fn run(
    kernel: Arc<Kernel>,
    spec: &Spec,
    stdin: DuplexStream,
    mut stdout: DuplexStream,
    mut inbox: mpsc::UnboundedReceiver<Order>,
    log: &Mutex<String>,
) -> i32 {
    let (silence, hello, go) = (
        seconds(spec, "VMCHAOS_SILENCE", 7),
        seconds(spec, "VMCHAOS_HELLO_LIMIT", 5),
        seconds(spec, "VMCHAOS_GO_LIMIT", 60),
    );
    let (rules, plans, bad) = double_plan::parse(spec.env("VMCHAOS_PLAN").unwrap_or_default());
    let mut double = Double {
        kernel,
        run: spec.env("VMCHAOS_RUN").unwrap_or_default().to_owned(),
        phases: plans.iter().map(|_| Phase::Found).collect(),
        rules,
        engine: None,
        plans,
        verdicts: Vec::new(),
        events: Vec::new(),
        unsaid: 0,
        failed: Vec::new(),
        over: false,
        detached: false,
        ended: false,
        greeted: false,
        heard: Instant::now(),
        probed: BTreeMap::new(),
        flights: Vec::new(),
    };
    double.write_log(log);
    double.greet(bad.is_none());
    if !double.kernel.looking.is_zero() {
        // Nothing is heard meanwhile.
        let _ = double.speak(&mut stdout).await;
        tokio::time::sleep(double.kernel.looking).await;
    }
    double.find(bad.as_deref());
    // What was said so far is heard now, however long it took to look.
    double.heard = Instant::now();
    let mut lines = BufReader::new(stdin).lines();
    let mut open = true;
    loop {
        double.settle();
        double.write_log(log);
        let said = double.speak(&mut stdout).await;
        if double.ended && (double.over || double.detached) {
            return if double
                .phases
                .iter()
                .any(|phase| matches!(phase, Phase::Ended("leaked")))
            {
                3
            } else {
                0
            };
        }
        if said.is_err() {
            open = false;
        }
        let limit = if double.over || double.detached {
            None
        } else {
            Some(double.heard + if double.greeted { silence } else { hello })
        };
        let next = double.next_deadline().into_iter().chain(limit).min();
        let line = async { if open { lines.next_line().await } else { pending().await } };
        let timer = async {
            if let Some(next) = next {
                tokio::time::sleep_until(next.into()).await;
            } else {
                pending::<()>().await;
            }
        };
        tokio::select! {
            line = line => {
                if let Ok(Some(line)) = line {
                    double.hear(&line, go);
                } else {
                    open = false;
                    if !double.detached { double.leave("lost-operator"); }
                }
            }
            () = timer => {
                if limit.is_some_and(|limit| Instant::now() >= limit) { double.leave("silence"); }
            }
            order = inbox.recv() => match order {
                Some(Order::Signal(Signal::Term)) => double.leave("term"),
                Some(Order::Gone(uid)) => double.gone(&uid),
                Some(Order::Signal(Signal::Kill)) | None => {
                    double.killed();
                    double.write_log(log);
                    return 137;
                }
            },
        }
    }
}

impl Double {
    pub(super) fn emit(&mut self, body: Value) {
        let mut event = Map::new();
        event.insert("s".into(), (self.events.len() + 1).into());
        event.insert(
            "t".into(),
            json!(hundredths(self.kernel.booted.elapsed().as_secs_f64())),
        );
        if let Value::Object(body) = body {
            event.extend(body);
        }
        self.events.push(Value::Object(event).to_string());
    }

    async fn speak(&mut self, stdout: &mut DuplexStream) -> io::Result<()> {
        while let Some(event) = self.events.get(self.unsaid) {
            self.unsaid += 1;
            stdout.write_all(format!("{event}\n").as_bytes()).await?;
        }
        stdout.flush().await
    }

    pub(super) fn refuse(&mut self, vm: usize, (reason, detail, device): double_plan::Refused) {
        let mut event = json!({"ev": "refused", "vm": vm, "reason": reason});
        if let Some(device) = device {
            event["device"] = device.into();
        }
        event["detail"] = detail.into();
        self.verdicts.push(json!([vm, "refused", reason, 0]));
        self.phases[vm] = Phase::Ended("refused");
        self.emit(event);
    }

    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self.phases.iter().enumerate().filter_map(|(vm, phase)| match phase {
            Phase::Armed { until, .. } | Phase::Easing { until, .. } => Some(*until),
            Phase::Held { since, .. } => Some(*since + self.plans[vm].hold),
            Phase::Found | Phase::Ended(_) => None,
        });
        deadlines.chain(self.probe_deadline()).min()
    }

    /// Everything that is due, and the last event when nothing more can come.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        self.keep_probing(now);
        for vm in 0..self.phases.len() {
            match &self.phases[vm] {
                Phase::Armed { until, .. } if *until <= now => self.end(vm, "silence"),
                Phase::Held { since, .. } if *since + self.plans[vm].hold <= now => {
                    self.end(vm, "deadline");
                }
                _ => {}
            }
            if matches!(&self.phases[vm], Phase::Easing { until, .. } if *until <= now)
                && let Phase::Easing { by, held, before, .. } = std::mem::replace(&mut self.phases[vm], Phase::Found)
            {
                self.undo(vm, by, Some(held), &before);
            }
        }
        let settled = self
            .phases
            .iter()
            .all(|phase| matches!(phase, Phase::Ended(_)) || (self.over && matches!(phase, Phase::Found)));
        if settled && !self.ended && !self.probing_lasts() {
            self.ended = true;
            let count = |word: &str| {
                (0..self.phases.len())
                    .filter(|vm| {
                        matches!(self.phases[*vm], Phase::Ended(end) if end == word) && !self.failed.contains(vm)
                    })
                    .count()
            };
            let event = json!({"ev": "end", "restored": count("restored"), "failed": self.failed.len(), "leaked": count("leaked"), "gone": count("gone"), "refused": count("refused")});
            self.emit(event);
        }
    }

    /// The termination log: at most 4096 bytes, what was restored goes first when it is too long.
    fn write_log(&self, log: &Mutex<String>) {
        let in_place = |phase: &&Phase| !matches!(phase, Phase::Found | Phase::Ended(_));
        let armed = self.phases.iter().filter(in_place).count();
        let mut text = json!({"run": self.run, "vms": self.verdicts, "armed": armed}).to_string();
        if text.len() > 4000 {
            let mut shown: Vec<&Value> = self
                .verdicts
                .iter()
                .filter(|verdict| verdict[1] != "restored")
                .collect();
            while shown.iter().map(|verdict| verdict.to_string().len() + 1).sum::<usize>() > 3900 {
                shown.pop();
            }
            let more = self.verdicts.len() - shown.len();
            text = json!({"run": self.run, "vms": shown, "more": more, "armed": armed}).to_string();
        }
        *log.lock().unwrap_or_else(PoisonError::into_inner) = text + "\n";
    }
}
