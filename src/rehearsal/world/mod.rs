//! The world a practice cluster starts with: the same for the same options, so that what is rehearsed today can be
//! rehearsed again tomorrow.

mod base;
mod catalogue;
mod vms;

use super::cluster::Cluster;

pub(crate) use self::base::node_names;

/// Fills an empty cluster.
pub(crate) fn build(cluster: &Cluster) {
    base::nodes(cluster);
    base::namespaces(cluster);
    if cluster.options.kubevirt {
        base::kubevirt(cluster);
        vms::build(cluster);
    }
}
