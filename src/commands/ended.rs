//! What is said on stderr when a run is over: what may be left and how to remove it, what ended early, what failed.

use super::Context;
use crate::cluster::Cluster;
use crate::plan::run_plan::Plan;
use crate::run::driver::Ran;
use crate::run::vm::{Cause, STREAM_LOST, Vm};

pub(super) fn tell(context: &Context, cluster: &Cluster, plan: &Plan, ran: &Ran) {
    let halt = cluster.again(plan.halt_command());
    if ran.vms.iter().any(|vm| vm.leaked().is_some()) {
        for vm in &ran.vms {
            if let Some(left) = vm.leaked() {
                context
                    .printer
                    .line(&format!("{} may still have the fault: {left}", vm.key));
            }
        }
        context.printer.line(&format!("to remove it: {halt}"));
    } else {
        for pod in &ran.pods_left {
            context.printer.warn(&format!(
                "the finished debug pod could not be deleted: {pod}; later: {halt}"
            ));
        }
    }
    if plan.spec.detach && ran.vms.iter().all(|vm| vm.trouble.is_none()) && ran.signals == 0 {
        context
            .printer
            .line(&format!("in place until the deadline; to end it sooner: {halt}"));
    }
    for vm in &ran.vms {
        if let Some(why) = ended_early(vm) {
            context.printer.line(&format!("{}: {why}; everything is back", vm.key));
        } else if let Some(trouble) = &vm.trouble {
            let message = format!("{}: {}", vm.key, trouble.message);
            context.printer.failure(&message, trouble.hint.as_deref());
        }
    }
}

/// Why a fault did not last as long as was asked, where that is no failure of its own.
fn ended_early(vm: &Vm) -> Option<&'static str> {
    if vm.leaked().is_some() || vm.trouble.as_ref().is_some_and(|trouble| trouble.reason != STREAM_LOST) {
        return None;
    }
    match vm.cause {
        Some(Cause::Cleanup) => Some("ended early: its debug pod was deleted, by a `halt` or by somebody else"),
        Some(Cause::Migration) => Some("ended early: the VM migrated, and --on-migration is stop"),
        Some(Cause::Gone) => Some("ended early: the guest has ended or was restarted"),
        Some(Cause::LostOperator) => Some(
            "ended early: the stream to its debug pod was lost (a restarted API server, kubelet or load balancer ends a \
             fault), and the node rolled it back by itself",
        ),
        _ => None,
    }
}
