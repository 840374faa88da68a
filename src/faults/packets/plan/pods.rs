//! The debug pods of a plan: one a node, and one for a VM that moved.

use std::time::Duration;

use super::Plan;
use crate::fault::{AgentImage, Target};
use crate::faults::packets::compile::NodeVm;
use crate::faults::packets::relocate::Moved;
use crate::node::pod::DebugPod;

/// Past the fault's end, before Kubernetes ends the pod: starting, arming, draining and undoing.
const MARGIN: Duration = Duration::from_secs(60);

// === impl Plan ===

impl Plan {
    /// The debug pod for one of its nodes.
    pub(crate) fn debug_pod(&self, node: usize, namespace: &str) -> DebugPod {
        let planned = &self.nodes[node];
        let vms: Vec<_> = planned
            .vms
            .iter()
            .map(|&vm| (&self.vms[vm].target, &self.vms[vm].compiled))
            .collect();
        let text = self.node_text(node);
        let pod = self.pod_on(&planned.name, self.image(node), &vms, text, self.total_hold());
        DebugPod {
            suffix: node.to_string(),
            namespace: namespace.to_owned(),
            ..pod
        }
    }

    /// The debug pod that puts the fault of a VM that moved where it is now.
    pub(crate) fn moved_pod(&self, moved: &Moved, target: &Target, compiled: &NodeVm) -> DebugPod {
        let (text, image) = (self.moved_text(compiled), self.pod.images.on(&moved.node));
        let pod = self.pod_on(&moved.node, image, &[(target, compiled)], text, moved.remaining);
        DebugPod {
            suffix: moved.index.to_string(),
            namespace: moved.namespace.clone(),
            ..pod
        }
    }

    /// `hold` is how long its faults take.
    fn pod_on(
        &self,
        node: &str,
        image: &AgentImage,
        vms: &[(&Target, &NodeVm)],
        text: String,
        hold: Duration,
    ) -> DebugPod {
        DebugPod {
            run: self.run.clone(),
            suffix: String::new(),
            fault: self.spec.fault.kind().to_owned(),
            node: node.to_owned(),
            namespace: String::new(),
            image: image.clone(),
            service_account: self.pod.service_account.clone(),
            tolerations: self.pod.tolerations(),
            annotations: self.annotations(vms),
            plan: text,
            active_deadline: self.pod.start_limit + hold + MARGIN,
        }
    }
}
