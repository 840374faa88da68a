//! Chooses what runs the agent on the nodes: its double, or in tests the real script where that is possible.

use std::{collections::BTreeMap, sync::Arc};

#[cfg(all(feature = "script-nodes", target_os = "linux"))]
use anyhow::Context as _;

#[cfg(feature = "script-nodes")]
use super::options::AgentKind;
#[cfg(all(feature = "script-nodes", target_os = "linux"))]
use super::script_node::ScriptNode;
use super::{double::DoubleNode, host::Node, options::Options, world};

/// Above this many VMs the script's processes would slow the machine down.
#[cfg(feature = "script-nodes")]
const SCRIPT_VMS: usize = 50;

/// The nodes' machinery by node; for nodes that run the script also as what they are.
#[derive(Default)]
pub(crate) struct Hosts {
    pub(crate) nodes: BTreeMap<String, Arc<dyn Node>>,
    #[cfg(all(feature = "script-nodes", target_os = "linux"))]
    pub(crate) scripts: BTreeMap<String, Arc<ScriptNode>>,
}

/// Makes the machinery of all nodes.
pub(crate) fn make(options: &Options) -> anyhow::Result<Hosts> {
    let mut hosts = Hosts::default();
    for name in world::node_names(options.nodes) {
        #[cfg(feature = "script-nodes")]
        if runs_script(options) {
            add_script(&mut hosts, name)?;
            continue;
        }
        let double = DoubleNode::with(options.looking, options.seed);
        hosts.nodes.insert(name, Arc::new(double));
    }
    Ok(hosts)
}

#[cfg(feature = "script-nodes")]
fn runs_script(options: &Options) -> bool {
    match options.agent {
        AgentKind::Script => true,
        AgentKind::Double => false,
        AgentKind::Auto => cfg!(target_os = "linux") && options.vms <= SCRIPT_VMS,
    }
}

#[cfg(all(feature = "script-nodes", target_os = "linux"))]
fn add_script(hosts: &mut Hosts, name: String) -> anyhow::Result<()> {
    let context = || format!("making the files of {name} of the practice cluster");
    let node = Arc::new(ScriptNode::new().with_context(context)?);
    hosts.nodes.insert(name.clone(), Arc::clone(&node) as Arc<dyn Node>);
    hosts.scripts.insert(name, node);
    Ok(())
}

#[cfg(all(feature = "script-nodes", not(target_os = "linux")))]
fn add_script(_hosts: &mut Hosts, name: String) -> anyhow::Result<()> {
    anyhow::bail!("{name} of the practice cluster cannot run the agent's script: it needs Linux; use its double")
}
