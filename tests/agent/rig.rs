//! A node with launchers, and an operator that speaks the agent's protocol by hand.

use std::sync::Arc;
use std::time::Duration;

use kubectl_vmchaos::testing::node::script::SCRIPT;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use vmchaos_rehearsal::host::{Agent, Device, DeviceKind, Node, Spec, Stdin, Stdout, VmOnNode};
use vmchaos_rehearsal::script_node::ScriptNode;

pub(crate) use crate::processes::{has_ended, helpers, signal, skip};

/// How long anything may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const HANDLE: &str = "7a31:";

pub(crate) fn uid(vm: usize) -> String {
    format!("0a1b2c3d-0000-4000-8000-{vm:012x}")
}

pub(crate) fn container(vm: usize) -> String {
    format!("{:064x}", 0x00ab_c000 + vm)
}

pub(crate) fn address(vm: usize) -> String {
    format!("10.42.0.{}", vm + 10)
}

pub(crate) fn launcher(vm: usize) -> VmOnNode {
    VmOnNode {
        pod_uid: uid(vm),
        container_id: container(vm),
        devices: vec![
            Device::new("eth0", DeviceKind::Veth, "noqueue"),
            Device::new("k6t-eth0", DeviceKind::Bridge, "noqueue"),
            Device::new("tap0", DeviceKind::Tap, "fq_codel").on("k6t-eth0"),
        ],
        address: address(vm),
    }
}

/// The shells the script has to work in; a shell that is not installed skips its tests and says so.
pub(crate) fn shell(name: &str) -> Option<Vec<&'static str>> {
    let words: Vec<&'static str> = match name {
        "bash" => vec!["bash"],
        "dash" => vec!["dash"],
        _ => vec!["busybox", "sh"],
    };
    let found = std::process::Command::new(words[0])
        .args(&words[1..])
        .args(["-c", ":"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !found {
        skip(&format!("{name} is not installed"));
    }
    found.then_some(words)
}

/// The plan of one VM: both directions, or what a test makes of it.
pub(crate) fn plan_of(vm: usize, hold: &str, handle: &str) -> String {
    let (uid, container) = (uid(vm), container(vm));
    format!(
        "vm {vm} {uid} {container}\nhold {vm} {hold}\ntap {vm} tap0 k6t-eth0\nuplink {vm} eth0 -\nneed {vm} sch_netem\n\
         own {vm} qdisc tap0 {handle}\nown {vm} qdisc eth0 {handle}\n\
         apply {vm} tc qdisc add dev tap0 root handle {handle} netem limit 1000 delay 100ms\n\
         apply {vm} tc qdisc add dev eth0 root handle {handle} netem limit 1000 delay 100ms loss 5%\n\
         ease {vm} 100\n\
         ease+ {vm} tc qdisc change dev tap0 root handle {handle} netem limit 1000 delay 0ms loss 0%\n\
         ease+ {vm} tc qdisc change dev eth0 root handle {handle} netem limit 1000 delay 0ms loss 0%\n\
         undo {vm} tc qdisc del dev tap0 root handle {handle}\n\
         undo {vm} tc qdisc del dev eth0 root handle {handle}\n"
    )
}

pub(crate) fn plan(vms: usize, hold: &str) -> String {
    (0..vms).map(|vm| plan_of(vm, hold, HANDLE)).collect()
}

/// The container of a run.
pub(crate) fn spec(plan: &str, env: &[(&str, &str)]) -> Spec {
    let mut all = vec![
        ("VMCHAOS_RUN".to_owned(), "k3f9ab".to_owned()),
        ("VMCHAOS_PLAN".to_owned(), plan.to_owned()),
    ];
    all.extend(
        env.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    Spec {
        env: all,
        script: script(),
    }
}

/// The script under test: the built-in one, or the mutated one in the file that `tests/mutants/run` names.
fn script() -> String {
    let file = std::env::var_os("VMCHAOS_TEST_SCRIPT");
    file.map_or_else(|| SCRIPT.to_owned(), |file| std::fs::read_to_string(file).unwrap())
}

/// A node with some launchers.
pub(crate) struct Rig {
    pub(crate) node: Arc<ScriptNode>,
}

impl Rig {
    pub(crate) fn new(shell: &[&str], vms: usize) -> Self {
        let node = Arc::new(ScriptNode::with_shell(shell).unwrap());
        for vm in 0..vms {
            node.add_pod(launcher(vm));
        }
        Self { node }
    }

    pub(crate) fn start(&self, plan: &str, env: &[(&str, &str)]) -> Operator {
        Operator::start(&*self.node, plan, env)
    }

    /// A run that has been armed for all VMs of the plan.
    pub(crate) async fn armed(&self, plan: &str, env: &[(&str, &str)]) -> Operator {
        let mut operator = self.start(plan, env);
        let vms = plan.lines().filter(|line| line.starts_with("vm ")).count();
        operator.say("hello 0").await;
        operator.wait("found", vms).await;
        operator.say("arm").await;
        operator.wait("ready", vms).await;
        operator
    }

    /// A run whose fault is in place, which the kernel confirms.
    pub(crate) async fn injected(&self, plan: &str, env: &[(&str, &str)]) -> Operator {
        let mut operator = self.armed(plan, env).await;
        let vms = plan.lines().filter(|line| line.starts_with("vm ")).count();
        operator.say("go").await;
        operator.wait("injected", vms).await;
        for vm in 0..vms {
            assert_eq!(self.netems(vm), 2, "VM {vm} has the fault in both directions");
        }
        operator
    }

    /// How many roots of a VM are netem now.
    pub(crate) fn netems(&self, vm: usize) -> usize {
        self.node
            .qdiscs(&uid(vm))
            .iter()
            .filter(|(_, line)| line.starts_with("qdisc netem "))
            .count()
    }

    /// Waits until the kernel has nothing of a fault any more, and the termination log the verdict of so many VMs.
    pub(crate) async fn clean(&self, operator: &Operator, vms: usize) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let left: usize = (0..vms).map(|vm| self.netems(vm)).sum();
            let verdicts = operator.verdicts().len();
            if left == 0 && verdicts >= vms {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{left} qdiscs left, {verdicts} verdicts"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The scratch directory of the only run.
    pub(crate) fn scratch(&self) -> std::path::PathBuf {
        let mut all = std::fs::read_dir(self.node.root().join("shm")).unwrap();
        all.next().unwrap().unwrap().path()
    }

    /// A process ID that the run keeps in its scratch directory.
    pub(crate) fn pid_of(&self, what: &str) -> String {
        let text = std::fs::read_to_string(self.scratch().join(what)).unwrap();
        text.split_whitespace().next().unwrap().to_owned()
    }

    /// Replaces one of the node's tools; `REAL` stands for the one that was there.
    pub(crate) fn replace_tool(&self, name: &str, script: &str) {
        let tools = self.node.root().join("tools");
        let real = tools.join(format!("{name}.real"));
        std::fs::rename(tools.join(name), &real).unwrap();
        // The real one finds its files by its own place.
        let text = script.replace("REAL", real.to_str().unwrap());
        // Written by another process: one this process has open for writing could not be executed by a child of another thread.
        let written = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" >\"$2\" && chmod +x \"$2\"", "sh", &text])
            .arg(tools.join(name))
            .status();
        assert!(written.unwrap().success());
    }
}

/// The other end of the attach stream.
pub(crate) struct Operator {
    pub(crate) agent: Arc<dyn Agent>,
    pub(crate) events: Vec<Value>,
    stdin: Option<Stdin>,
    lines: Lines<BufReader<Stdout>>,
}

impl Operator {
    pub(crate) fn start(node: &dyn Node, plan: &str, env: &[(&str, &str)]) -> Self {
        Self::of(node.start(&spec(plan, env)).unwrap())
    }

    /// The operator of a container that has just been started.
    pub(crate) fn of(agent: Arc<dyn Agent>) -> Self {
        let stdin = agent.stdin();
        let lines = BufReader::new(agent.stdout().unwrap()).lines();
        Self {
            agent,
            events: Vec::new(),
            stdin,
            lines,
        }
    }

    pub(crate) async fn say(&mut self, words: &str) {
        self.write(&format!("{words}\n")).await;
    }

    /// To an agent that may have gone.
    pub(crate) async fn try_say(&mut self, words: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(format!("{words}\n").as_bytes()).await;
            let _ = stdin.flush().await;
        }
    }

    pub(crate) async fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// Closes the stream: the agent reads end of file.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// The next event; `None` at the end of the stream. Every line has to be one JSON object.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line())
            .await
            .unwrap_or_else(|_| panic!("nothing comes after {:#?}", self.events))
            .unwrap()?;
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            event["s"].is_u64() && event["t"].is_number() && event["ev"].is_string(),
            "{line}"
        );
        self.events.push(event.clone());
        Some(event)
    }

    /// Reads on until so many distinct events of a kind were seen; returns them. `a|b` is either kind.
    pub(crate) async fn wait(&mut self, kinds: &str, count: usize) -> Vec<Value> {
        loop {
            let found = self.seen(kinds);
            if found.len() >= count {
                return found;
            }
            let more = self.next().await.is_some();
            assert!(more, "the stream ended before {count} of {kinds}: {:#?}", self.events);
        }
    }

    /// The distinct events of a kind so far, in the order of their numbers.
    pub(crate) fn seen(&self, kinds: &str) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        for event in &self.events {
            if kinds.split('|').any(|kind| event["ev"] == kind) && !found.iter().any(|other| other["s"] == event["s"]) {
                found.push(event.clone());
            }
        }
        found.sort_by_key(|event| event["s"].as_u64());
        found
    }

    /// Says goodbye, reads to the end of the stream, and returns the exit code.
    pub(crate) async fn bye(&mut self) -> i32 {
        self.say("bye").await;
        self.end().await
    }

    /// Reads to the end of the stream and returns the exit code.
    pub(crate) async fn end(&mut self) -> i32 {
        while self.next().await.is_some() {}
        self.ended().await
    }

    /// Waits for the end of the agent's first process, and returns its exit code.
    pub(crate) async fn ended(&self) -> i32 {
        let ended = tokio::time::timeout(PATIENCE, self.agent.wait()).await;
        ended.unwrap_or_else(|_| panic!("the agent does not end after {:#?}", self.events))
    }

    /// The verdicts in the termination log.
    pub(crate) fn verdicts(&self) -> Vec<Value> {
        let text = self.agent.termination_message();
        serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|log| log["vms"].as_array().cloned())
            .unwrap_or_default()
    }
}
