//! A node of the practice cluster without processes: the agent's protocol in tokio tasks, for thousands of VMs and for
//! systems that have no `/proc`. Held to the script by tests that run against both.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::double_agent;
use super::double_plan;
use super::flower::{Clsact, Filter};
use super::host::{Agent, Crashed, Feature, Foreign, Node, Presence, Signal, Spec, Stdin, Stdout, VmOnNode, exit_code};
use super::nft::{Abilities, Hook, Tables};
use super::qdisc::Root;
use super::traffic::seed_of;

/// A launcher on the node: its devices and what is on them.
pub(super) struct Launcher {
    pub(super) vm: VmOnNode,
    pub(super) pid: u32,
    /// Its QEMU; `None` once that has crashed.
    pub(super) guest: Option<u32>,
    pub(super) roots: BTreeMap<String, Root>,
    pub(super) clsacts: BTreeMap<String, Clsact>,
    pub(super) tables: Tables,
}

/// What the node's agents share: the kernel, so to say.
pub(super) struct Kernel {
    launchers: Mutex<HashMap<String, Launcher>>,
    /// Agents that want to know of a launcher's end.
    agents: Mutex<Vec<mpsc::UnboundedSender<Order>>>,
    /// What is not as on a common node.
    features: Mutex<HashMap<Feature, Presence>>,
    pub(super) booted: Instant,
    /// What an agent takes to look for its VMs.
    pub(super) looking: Duration,
    seed: u64,
    tell_of_crashes: OnceLock<Crashed>,
}

/// What reaches an agent from outside its streams.
pub(super) enum Order {
    Signal(Signal),
    /// The pod of this UID is gone, and its namespaces with it.
    Gone(String),
}

impl Kernel {
    pub(super) fn launchers(&self) -> MutexGuard<'_, HashMap<String, Launcher>> {
        self.launchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn presence(&self, feature: Feature) -> Presence {
        let features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        features.get(&feature).copied().unwrap_or_default()
    }

    /// The guest of a launcher has crashed.
    pub(super) fn crashed(&self, pod_uid: &str) {
        if let Some(tell) = self.tell_of_crashes.get() {
            tell(pod_uid);
        }
    }

    fn agents(&self) -> MutexGuard<'_, Vec<mpsc::UnboundedSender<Order>>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many VMs a plan names, as an agent's double reads it; the error is what is wrong with its first bad line.
pub fn read_plan(text: &str) -> Result<usize, String> {
    let (_, vms, bad) = double_plan::parse(text);
    bad.map_or(Ok(vms.len()), Err)
}

/// A node whose agents are tokio tasks.
pub struct DoubleNode {
    kernel: Arc<Kernel>,
}

impl Default for DoubleNode {
    fn default() -> Self {
        Self::new()
    }
}

impl DoubleNode {
    /// A node without launchers.
    pub fn new() -> Self {
        Self::with(Duration::ZERO, 1)
    }

    /// The same, whose agents take so long to look for their VMs, and whose seed says which packets are lost.
    pub fn with(looking: Duration, seed: u64) -> Self {
        Self {
            kernel: Arc::new(Kernel {
                launchers: Mutex::default(),
                agents: Mutex::default(),
                features: Mutex::default(),
                booted: Instant::now(),
                looking,
                seed,
                tell_of_crashes: OnceLock::new(),
            }),
        }
    }
}

impl Node for DoubleNode {
    fn add_pod(&self, vm: VmOnNode) {
        let mut launchers = self.kernel.launchers();
        let roots = vm
            .devices
            .iter()
            .map(|device| {
                let seed = seed_of(self.kernel.seed, &format!("{} {}", vm.pod_uid, device.name));
                (device.name.clone(), Root::new(&device.root, seed))
            })
            .collect();
        // As on a node that runs the script: beyond every process ID of Linux.
        let pid = 5_000_001 + u32::try_from(launchers.len()).unwrap_or(0) * 10;
        let launcher = Launcher {
            pid,
            guest: Some(pid + 3),
            roots,
            clsacts: BTreeMap::new(),
            tables: Tables::default(),
            vm,
        };
        launchers.insert(launcher.vm.pod_uid.clone(), launcher);
    }

    fn on_crash(&self, tell: Crashed) {
        let _ = self.kernel.tell_of_crashes.set(tell);
    }

    fn remove_pod(&self, pod_uid: &str) {
        self.kernel.launchers().remove(pod_uid);
        self.kernel
            .agents()
            .retain(|agent| agent.send(Order::Gone(pod_uid.to_owned())).is_ok());
    }

    fn start(&self, spec: &Spec) -> io::Result<Arc<dyn Agent>> {
        let (stdin, agent_stdin) = tokio::io::duplex(64 * 1024);
        let (agent_stdout, stdout) = tokio::io::duplex(1024 * 1024);
        let (orders, inbox) = mpsc::unbounded_channel();
        let (send, exit) = watch::channel(None);
        let log = Arc::new(Mutex::new(String::new()));
        self.kernel.agents().push(orders.clone());
        let (kernel, spec, written) = (Arc::clone(&self.kernel), spec.clone(), Arc::clone(&log));
        tokio::spawn(async move {
            let code = double_agent::run(kernel, &spec, agent_stdin, agent_stdout, inbox, &written).await;
            let _ = send.send(Some(code));
        });
        Ok(Arc::new(DoubleAgent {
            stdin: Mutex::new(Some(Box::pin(stdin))),
            stdout: Mutex::new(Some(Box::pin(stdout))),
            orders,
            exit,
            log,
        }))
    }

    fn qdiscs(&self, pod_uid: &str) -> Vec<(String, String)> {
        let launchers = self.kernel.launchers();
        launchers
            .get(pod_uid)
            .map(|launcher| {
                launcher
                    .roots
                    .iter()
                    .map(|(device, root)| (device.clone(), root.text()))
                    .collect()
            })
            .unwrap_or_default()
    }

    fn filters(&self, pod_uid: &str) -> Vec<String> {
        let launchers = self.kernel.launchers();
        let mut all = launchers.get(pod_uid).map(Launcher::filters).unwrap_or_default();
        all.sort();
        all
    }

    fn put_foreign(&self, pod_uid: &str, device: &str, what: Foreign) -> io::Result<()> {
        let mut launchers = self.kernel.launchers();
        let put = launchers
            .get_mut(pod_uid)
            .ok_or("no such launcher")
            .and_then(|launcher| launcher.put_foreign(device, what));
        put.map_err(io::Error::other)
    }

    fn set_feature(&self, feature: Feature, presence: Presence) -> io::Result<()> {
        let mut features = self.kernel.features.lock().unwrap_or_else(PoisonError::into_inner);
        features.insert(feature, presence);
        Ok(())
    }
}

impl Launcher {
    fn filters(&self) -> Vec<String> {
        let mut all: Vec<String> = self.tables.iter().map(|table| format!("nft {}", table.name)).collect();
        for (device, clsact) in &self.clsacts {
            all.push(format!("{device} clsact"));
            all.extend(clsact.filters().iter().map(|filter| {
                let (hook, pref, handle) = (filter.hook.name(), filter.pref, filter.handle);
                format!("{device} {hook} flower {pref} {handle:#x}")
            }));
        }
        all
    }

    fn put_foreign(&mut self, device: &str, what: Foreign) -> Result<(), &'static str> {
        let root = self.roots.get_mut(device).ok_or("Cannot find device")?;
        match what {
            Foreign::Qdisc => root.put_foreign(),
            Foreign::NftTable => {
                let kernel = Abilities {
                    egress: true,
                    reject: true,
                };
                let table = self.tables.create("foreign")?;
                table.add_chain("ingress", Some((Hook::Ingress, device, 0)), kernel)
            }
            Foreign::Clsact | Foreign::Flower => {
                let clsact = self.clsacts.entry(device.to_owned()).or_default();
                if what == Foreign::Clsact {
                    return Ok(());
                }
                let words = ["ip_proto", "tcp", "dst_port", "25"];
                let filter = Filter::new(Hook::Ingress, "ip", 1, 1, &words).ok_or("no such filter")?;
                clsact.add(filter)
            }
        }
    }
}

/// A running, or ended, agent of a [`DoubleNode`].
struct DoubleAgent {
    stdin: Mutex<Option<Stdin>>,
    stdout: Mutex<Option<Stdout>>,
    orders: mpsc::UnboundedSender<Order>,
    exit: watch::Receiver<Option<i32>>,
    log: Arc<Mutex<String>>,
}

impl Agent for DoubleAgent {
    fn stdin(&self) -> Option<Stdin> {
        self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn stdout(&self) -> Option<Stdout> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn kill(&self, signal: Signal) {
        // An agent that has ended takes no signals.
        let _ = self.orders.send(Order::Signal(signal));
    }

    fn wait(&self) -> BoxFuture<'static, i32> {
        exit_code(&self.exit)
    }

    fn termination_message(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
