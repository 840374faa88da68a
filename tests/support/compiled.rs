//! What a command line puts on the devices of a VM.

use std::time::Duration;

use kubectl_vmchaos::testing::cli::{self, Action, FaultRequest};
use kubectl_vmchaos::testing::fault::{Binding, Interface, Launcher, Target};
use kubectl_vmchaos::testing::faults::packets::compile::{NodeVm, Order, compile, node_plan};
use kubectl_vmchaos::testing::plan::Handle;

fn target() -> Target {
    Target {
        namespace: "shop".into(),
        name: "web-1".into(),
        uid: "5d2f".into(),
        node: "node-1".into(),
        launcher: Launcher {
            name: "virt-launcher-web-1-x".into(),
            uid: "0c8d".into(),
            container_id: None,
            address: None,
        },
        interfaces: vec![Interface {
            network: "default".into(),
            tap: "tap0".into(),
            bridge: "k6t-eth0".into(),
            uplink: "eth0".into(),
            binding: Binding::Masquerade,
        }],
        probes: Vec::new(),
    }
}

/// The part of a node's plan that is the VM's, and the plan; or why there is none.
pub(crate) fn compiled(line: &str) -> Result<(NodeVm, String), String> {
    let words = ["kubectl-vmchaos"].into_iter().chain(line.split_whitespace());
    let Ok(Action::Fault(FaultRequest::Netem(request) | FaultRequest::Filter(request))) =
        cli::parse(words).map(|invocation| invocation.action)
    else {
        return Err(format!("{line}: neither netem nor filter, or not understood"));
    };
    let spec = &request.fault.spec;
    let order = Order {
        fault: &spec.fault,
        directions: spec.directions,
        run: "abc123",
        handle: Handle::new(0x7a31).unwrap(),
        probes: &[],
    };
    let vm = compile(&order, &target(), 0, Duration::from_secs(1)).map_err(|error| format!("{line}: {error}"))?;
    let plan = node_plan(&order, [&vm]);
    Ok((vm, plan))
}
