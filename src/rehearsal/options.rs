//! What a practice cluster is made of, and how fast things happen in it.

use std::time::Duration;

use super::api::pruning::Schema;

/// How the nodes run the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AgentKind {
    /// The real script where this build has it (tests), it is possible (Linux) and bearable (at most 50 VMs); else the
    /// double.
    #[default]
    Auto,
    /// The real script under fakes of nsenter and tc.
    #[cfg(feature = "script-nodes")]
    Script,
    /// The in-process double that speaks the same protocol, and starts no process.
    Double,
}

/// The size, the speed and the kind of a practice cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// VMs besides the named ones of the standard world; 0 = the standard world only.
    pub vms: usize,
    /// Worker nodes, `node-1` and up; at least 1.
    pub nodes: usize,
    /// Names, uids and addresses are drawn from it: the same seed makes the same world.
    pub seed: u64,
    /// Added to every request before it is answered.
    pub latency: Duration,
    /// From a pod's acceptance by the kubelet to its container running.
    pub pod_start: Duration,
    /// By how much `phase: Running` lags behind the running container (attach works in between).
    pub running_lag: Duration,
    /// From the agent's first word to its word about the VMs it has looked for; on a node that runs the double.
    pub looking: Duration,
    /// Time of each phase of a live migration.
    pub migration_step: Duration,
    /// What a guest takes to shut down, and to boot.
    pub guest: Duration,
    /// How the nodes run the agent.
    pub agent: AgentKind,
    /// How long the nodes let an agent hear nothing of its operator; the agent's own limit where there is none.
    pub silence: Option<Duration>,
    /// Whether `KubeVirt` is installed.
    pub kubevirt: bool,
    /// Answer an attach to a container that is not there as API servers since 1.30 do (a status inside the WebSocket)
    /// instead of with HTTP 500.
    pub translate_attach: bool,
    /// The resource types of the `KubeVirt` installed; without any, what is written is kept whole.
    pub schema: Schema,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vms: 0,
            nodes: 3,
            seed: 1,
            latency: Duration::ZERO,
            pod_start: Duration::from_millis(150),
            running_lag: Duration::from_millis(150),
            looking: Duration::ZERO,
            migration_step: Duration::from_millis(250),
            guest: Duration::from_millis(500),
            agent: AgentKind::Auto,
            silence: None,
            kubevirt: true,
            translate_attach: false,
            schema: Schema::default(),
        }
    }
}
