//! The whole of a run before anything of it is done: which debug pods, which commands, on which VMs. What a dry run prints,
//! what is confirmed, and what is run are this one value.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::command_line::CommandLine;
use crate::fault::{AgentImage, Execution, Target, Unfit};
use crate::faults::packets::compile::{NodeVm, Order, compile, node_plan};
use crate::faults::packets::relocate::Moved;
use crate::faults::packets::spec::PacketSpec;
use crate::node::pod::DebugPod;
use crate::plan::agent_lines::CompileError;
use crate::plan::handle::Handle;
use crate::plan::pod_options::{DETACH, DURATION, FAULT, PLAN, PodOptions, TARGETS, TOTAL};

/// Past the fault's end, before Kubernetes ends the pod: starting, arming, draining and undoing.
const MARGIN: Duration = Duration::from_secs(60);

/// Everything a run does.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Six of `[a-z0-9]`: in the names of all that the run makes.
    pub run: String,
    pub handle: Handle,
    pub spec: PacketSpec,
    pub vms: Vec<PlannedVm>,
    /// One debug pod each.
    pub nodes: Vec<PlannedNode>,
    /// How many VMIs the selection matched that can take the fault.
    pub matched: usize,
    /// `None` when nothing was drawn.
    pub seed: Option<u64>,
    /// Matched, and cannot take the fault.
    pub left_out: Vec<Unfit>,
    /// Where the debug pods go; empty until one is found that takes them.
    pub namespace: String,
    pub pod: PodOptions,
}

/// A VM and what is done to it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedVm {
    pub target: Target,
    /// Position in [`Plan::nodes`].
    pub node: usize,
    /// Position in that node's plan.
    pub index: usize,
    pub compiled: NodeVm,
}

/// A node and its debug pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedNode {
    pub name: String,
    /// Positions in [`Plan::vms`].
    pub vms: Vec<usize>,
}

// === impl Plan ===

impl Plan {
    /// Puts a fault on VMs: one pod a node, in the order of the VMs.
    pub(crate) fn new(
        run: String,
        spec: PacketSpec,
        targets: Vec<Target>,
        pod: PodOptions,
    ) -> Result<Self, CompileError> {
        let handle = Handle::draw(&mut rand::rng());
        let mut nodes: Vec<PlannedNode> = Vec::new();
        let mut vms = Vec::with_capacity(targets.len());
        for target in targets {
            let node = nodes
                .iter()
                .position(|node| node.name == target.node)
                .unwrap_or_else(|| {
                    nodes.push(PlannedNode {
                        name: target.node.clone(),
                        vms: Vec::new(),
                    });
                    nodes.len() - 1
                });
            let index = nodes[node].vms.len();
            let hold = Duration::from_secs_f64(spec.duration.as_secs_f64());
            let order = Order {
                fault: &spec.fault,
                directions: spec.directions,
                run: &run,
                handle,
                probes: &spec.probes,
            };
            let compiled = compile(&order, &target, index, hold)?;
            nodes[node].vms.push(vms.len());
            vms.push(PlannedVm {
                target,
                node,
                index,
                compiled,
            });
        }
        let plan = Self {
            run,
            handle,
            spec,
            matched: vms.len(),
            vms,
            nodes,
            seed: None,
            left_out: Vec::new(),
            namespace: String::new(),
            pod,
        };
        plan.check_length()?;
        Ok(plan)
    }

    fn check_length(&self) -> Result<(), CompileError> {
        for (number, node) in self.nodes.iter().enumerate() {
            let bytes = self.node_text(number).len();
            if bytes > CompileError::LONGEST {
                return Err(CompileError::TooLong {
                    node: node.name.clone(),
                    vms: node.vms.len(),
                    bytes,
                });
            }
        }
        Ok(())
    }

    /// What is put on every VM.
    fn order(&self) -> Order<'_> {
        Order {
            fault: &self.spec.fault,
            directions: self.spec.directions,
            run: &self.run,
            handle: self.handle,
            probes: &self.spec.probes,
        }
    }

    /// The same fault for one VM that moved, for the time that is left.
    pub(crate) fn moved(&self, target: &Target, remaining: Duration) -> Result<NodeVm, CompileError> {
        compile(&self.order(), target, 0, remaining)
    }

    /// How long each VM is under the fault.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_secs_f64(self.spec.duration.as_secs_f64())
    }

    /// How long all of it takes, without the pods' start.
    pub(crate) fn total_hold(&self) -> Duration {
        match self.spec.execution {
            Execution::Serial => self
                .hold()
                .saturating_mul(u32::try_from(self.vms.len()).unwrap_or(u32::MAX)),
            Execution::Parallel => self.hold(),
        }
    }

    /// The text of `VMCHAOS_PLAN` for one node.
    pub(crate) fn node_text(&self, node: usize) -> String {
        node_plan(
            &self.order(),
            self.nodes[node].vms.iter().map(|&vm| &self.vms[vm].compiled),
        )
    }

    /// What the debug pod on a node runs.
    pub(crate) fn image(&self, node: usize) -> &AgentImage {
        self.pod.images.on(&self.nodes[node].name)
    }

    /// Name of the debug pod on a node.
    pub(crate) fn pod_name(&self, node: usize) -> String {
        format!("vmchaos-{}-{node}", self.run)
    }

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
        let text = node_plan(&self.order(), [compiled]);
        let image = self.pod.images.on(&moved.node);
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

    /// What ends the run from any machine, without the flags that lead to the cluster.
    pub(crate) fn halt_command(&self) -> CommandLine {
        CommandLine::new("kubectl vmchaos halt")
            .arg(&self.run)
            .args(self.pod.halt_flags())
    }

    /// What a pod says of its run to whoever looks at it: everything that `status` and `halt` of another machine need.
    pub(crate) fn annotations(&self, vms: &[(&Target, &NodeVm)]) -> BTreeMap<String, String> {
        let mut annotations = self.pod.annotations.clone();
        annotations.insert(PLAN.to_owned(), commands_in_brief(vms));
        annotations.insert(FAULT.to_owned(), self.spec.fault.to_string());
        annotations.insert(DURATION.to_owned(), self.spec.duration.to_string());
        annotations.insert(TOTAL.to_owned(), format!("{}s", self.total_hold().as_secs()));
        if self.spec.detach {
            annotations.insert(DETACH.to_owned(), "true".to_owned());
        }
        let targets: Vec<String> = vms.iter().map(|(target, _)| target.key()).collect();
        annotations.insert(TARGETS.to_owned(), targets.join(","));
        annotations
    }
}

/// The commands on these VMs, cut where they are long: all annotations of an object may take 256 KiB
/// (`TotalAnnotationSizeLimitB`), and the document of the run has every word.
fn commands_in_brief(vms: &[(&Target, &NodeVm)]) -> String {
    const LONGEST_COMMAND: usize = 240;
    const LONGEST: usize = 96 * 1024;
    let mut text = String::new();
    for (told, (target, compiled)) in vms.iter().enumerate() {
        let mut block = format!("# {}\n", target.key());
        for command in &compiled.commands_for_people {
            let short: String = command.chars().take(LONGEST_COMMAND).collect();
            block.push_str(&short);
            block.push_str(if short.len() < command.len() { " …\n" } else { "\n" });
        }
        if text.len() + block.len() > LONGEST {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# and on {} more VMs", vms.len() - told);
            break;
        }
        text.push_str(&block);
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests;
