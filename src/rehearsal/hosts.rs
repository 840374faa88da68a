//! TEMPORARY until the two node sides are merged.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    host::{Agent, Node, Spec, VmOnNode},
    options::Options,
    world,
};

struct Bare;

impl Node for Bare {
    fn add_pod(&self, _: VmOnNode) {}
    fn remove_pod(&self, _: &str) {}
    fn start(&self, _: &Spec) -> io::Result<Arc<dyn Agent>> {
        Err(io::Error::other("no agent"))
    }
    fn qdiscs(&self, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

pub(crate) fn make(options: &Options) -> anyhow::Result<BTreeMap<String, Arc<dyn Node>>> {
    Ok(world::node_names(options.nodes)
        .into_iter()
        .map(|name| (name, Arc::new(Bare) as Arc<dyn Node>))
        .collect())
}
