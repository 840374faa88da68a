//! What a kubelet tells of a pod's containers, and of those of a launcher whose guest has ended.

use serde_json::Value;
use tokio::time::sleep;

use super::{pod_life::Life, pod_status};
use crate::{json as fields, kubevirt::vmi_end};

impl Life {
    /// Tells of each container's start.
    pub(super) fn starts(&self, containers: &str) {
        for container in fields::list(&self.pod, containers) {
            let image = fields::text(container, "/image");
            let present =
                format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
            self.event("Pulled", &present, "kubelet");
            self.event("Created", "Container created", "kubelet");
            self.event("Started", "Container started", "kubelet");
        }
    }

    /// virt-launcher outlives its guest for a moment, and is ended with the VMI where that is deleted.
    pub(super) async fn outlives(&mut self, well: bool) {
        let deleted = vmi_end::guest_ended(&self.cluster, &self.pod, well)
            && tokio::select! {
                () = sleep(self.cluster.options.guest / 2) => false,
                _ = self.stop.wait_for(Option::is_some) => true,
            };
        if deleted {
            self.stops();
            return;
        }
        self.report(pod_status::ends);
        for sidecar in self.sidecars() {
            self.event(
                "Killing",
                &format!("Stopping container {}", fields::text(sidecar, "/name")),
                "kubelet",
            );
        }
    }

    /// Init containers that stay.
    fn sidecars(&self) -> impl Iterator<Item = &Value> {
        let all = fields::list(&self.pod, "/spec/initContainers").iter();
        all.filter(|one| fields::text(one, "/restartPolicy") == "Always")
    }

    /// Tells of the end of each container that runs.
    pub(super) fn stops(&self) {
        for one in fields::list(&self.pod, "/spec/containers")
            .iter()
            .chain(self.sidecars())
        {
            self.event(
                "Killing",
                &format!("Stopping container {}", fields::text(one, "/name")),
                "kubelet",
            );
        }
    }
}
