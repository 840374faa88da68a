//! What is said on stderr when a run is over: what may be left and how to remove it, what ended early, what failed.

use crate::cluster::Cluster;
use crate::command_line::CommandLine;
use crate::faults::packets::driver::Ran;
use crate::faults::packets::plan::Plan;
use crate::faults::packets::pods::{NotGone, PodLeft};
use crate::faults::packets::vm::{Cause, End, Vm};
use crate::problem::Reason;
use crate::ui::Printer;

pub(crate) fn tell(printer: &Printer, cluster: &Cluster, plan: &Plan, ran: &Ran) {
    let halt = cluster.again(plan.halt_command());
    if ran.vms.iter().any(|vm| vm.leaked().is_some()) {
        for vm in &ran.vms {
            if let Some(left) = vm.leaked() {
                printer.line(&format!("{} may still have the fault: {left}", vm.key));
            }
        }
        printer.line(&format!("to remove it: {halt}"));
    }
    for left in &ran.pods_left {
        printer.warn(&pod_left(left, &halt));
    }
    if plan.spec.detach && ran.vms.iter().all(|vm| vm.problem.is_none()) && ran.signals == 0 {
        printer.line(&format!("in place until the deadline; to end it sooner: {halt}"));
    }
    for vm in &ran.vms {
        if let Some(why) = ended_early(vm) {
            let by = rolled_back_by(vm);
            printer.line(&format!("{}: {why}{by}; everything is back", vm.key));
        } else if let Some(problem) = &vm.problem {
            printer.problem(&problem.clone().context(&vm.key));
            if let Some(End::Swept(removed)) = vm.last_end().filter(|_| vm.leaked().is_none()) {
                printer.line(&format!("{}: {}; everything is back", vm.key, swept(removed)));
            }
        }
    }
}

/// A debug pod that is not gone, though nothing of the fault is left.
fn pod_left(left: &PodLeft, halt: &CommandLine) -> String {
    let PodLeft { pod, why, over } = left;
    let state = if *over { "has ended" } else { "may still run" };
    match why {
        NotGone::Ending => format!("debug pod {pod} was told to end and is not gone yet; it holds nothing any more"),
        NotGone::Refused(why) => {
            format!("debug pod {pod} {state} and could not be deleted: {why}; to delete it: {halt}")
        }
        NotGone::Untold => format!("debug pod {pod} {state} and was not told to end; to delete it: {halt}"),
    }
}

/// Who removed a fault whose debug pod was not asked to.
fn rolled_back_by(vm: &Vm) -> String {
    match vm.last_end() {
        Some(End::Restored(_)) if vm.cause == Some(Cause::LostOperator) => {
            ", and the node rolled it back by itself".to_owned()
        }
        Some(End::Swept(removed)) => format!(", and {}", swept(removed)),
        _ => String::new(),
    }
}

fn swept(removed: &[String]) -> String {
    if removed.is_empty() {
        return "nothing of it was there when this command looked by another debug pod".to_owned();
    }
    format!("this command removed it by another debug pod ({})", removed.join(", "))
}

/// Why a fault did not last as long as was asked, where that is no failure of its own.
fn ended_early(vm: &Vm) -> Option<&'static str> {
    if vm.leaked().is_some()
        || vm
            .problem
            .as_ref()
            .is_some_and(|problem| problem.reason != Reason::StreamLost)
    {
        return None;
    }
    match vm.cause {
        Some(Cause::Cleanup) => Some("ended early: its debug pod was deleted, by a `halt` or by somebody else"),
        Some(Cause::Migration) => Some("ended early: the VM migrated, and --on-migration is stop"),
        Some(Cause::Gone) => Some("ended early: the guest has ended or was restarted"),
        Some(Cause::LostOperator) => Some(
            "ended early: the stream to its debug pod was lost (a restarted API server, kubelet or load balancer ends a \
             fault)",
        ),
        _ => None,
    }
}
