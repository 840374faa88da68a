//! The practice cluster: an API server with KubeVirt's behaviour, in this process, on loopback. People rehearse on it,
//! and the tests run against it.
//!
//! ```text
//! client ──HTTPS──> http ──> api ──> store <── kubevirt (controllers, webhooks)
//!                            │         ^
//!                          attach      └────── node (kubelets) ──> host: the agent's double, in tests also its script
//! ```
//!
//! Whatever it answers is what a real API server answers, in the same words: a client that works here must work there.
//! Only `commands::rehearse` and tests know it.
//!
//! What ships runs nothing that it is sent: its nodes are doubles, which speak for the agent of this program's own debug
//! pods and start no process. Nodes that run the real script, as the user who started them, are there for tests, which hold
//! the double to them: behind the feature `script-nodes`, which only this package's dev-dependencies turn on.

mod api;
mod cluster;
pub mod double;
mod double_agent;
mod double_cut;
mod double_dialogue;
mod double_engine;
mod double_kill;
mod double_plan;
mod double_probes;
mod double_rules;
mod double_sweep;
mod double_vm;
mod flower;
pub mod host;
mod hosts;
mod http;
mod ids;
mod json;
mod kubevirt;
mod nft;
mod node;
mod options;
mod practice;
mod qdisc;
mod qdisc_options;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
pub mod script_agent;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
mod script_guest;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
mod script_launcher;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
mod script_netns;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
pub mod script_node;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
mod script_tools;
mod secret;
mod store;
mod time;
mod traffic;
mod units;
mod world;

pub use self::{
    api::{
        access::Grant,
        faults::{Answer, Rule},
        pruning::Schema,
    },
    http::log::Request,
    options::{AgentKind, Options},
    practice::{Practice, Told, tenant::Tenant},
};
