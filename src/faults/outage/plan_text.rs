//! A run of outages for a person: the plan with what will become of each VMI, and how it went.

use std::path::Path;

use crate::cluster::Cluster;
use crate::fault::Execution;
use crate::faults::debug_pods;
use crate::faults::outage::back;
use crate::faults::outage::driver::Ran;
use crate::faults::outage::kill::NODE_COMMAND;
use crate::faults::outage::plan::{OutagePlan, PlannedOutage};
use crate::faults::outage::recovery::Comeback;
use crate::faults::outage::spec::{Mode, OutageTarget, Owner};
use crate::faults::outage::vm::{Outage, Outcome, Step};
use crate::faults::packets::plan_text::{context_line, in_short, left_out_line, rows};
use crate::node::pod::service_account;
use crate::problem::Problem;
use crate::ui::Printer;
use crate::ui::{Table, escape};

/// Everything that will be done, and what is expected to become of it; `all` of it for a dry run, which is read at leisure.
pub(crate) fn plan_text(plan: &OutagePlan, cluster: &Cluster, all: bool) -> String {
    let mut text = String::new();
    let mut line = |what: String| {
        text.push_str(what.trim_end());
        text.push('\n');
    };
    line(format!("outage: {}", what(plan)));
    line(context_line(cluster));
    line(format!(
        "  VMs        {} of {} match{}",
        plan.vms.len(),
        plan.matched,
        drawn(plan)
    ));
    line(format!("  duration   {}", how_long(plan)));
    match &plan.pods {
        None => line(format!("  run        {}", plan.run)),
        Some(pods) => {
            line(format!(
                "  by         a debug pod on each VM's node, in namespace {} as service account {}, run {}: {NODE_COMMAND} of its QEMU",
                escape(&pods.namespace),
                escape(service_account(pods.options.service_account.as_deref())),
                plan.run
            ));
            let nodes = plan.vms.iter().map(|vm| vm.target.node.as_str());
            let images = nodes.map(|node| (node, pods.options.images.on(node)));
            for image in debug_pods::image_lines(images) {
                line(format!("  image      {image}"));
            }
        }
    }
    let folder = plan
        .vms
        .first()
        .and_then(|vm| vm.file.parent())
        .unwrap_or(Path::new("."));
    line(format!("  manifests  kept in {} first", folder.display()));
    line(String::new());
    rows(&table(plan), all).into_iter().for_each(&mut line);
    line(String::new());
    let why = |vm: &PlannedOutage| format!("  {}: {}", escape(&vm.target.key()), vm.prediction.why);
    let loses = |target: &OutageTarget| {
        let key = escape(&target.key());
        format!("  {key}: data that a new guest does not have: {}", lost(target))
    };
    let of_each: [Vec<String>; 4] = [
        plan.vms.iter().map(why).collect(),
        plan.losing().map(loses).collect(),
        plan.left_out.iter().map(left_out_line).collect(),
        by_hand(plan, cluster)
            .iter()
            .map(|words| format!("  {words}"))
            .collect(),
    ];
    for lines in of_each {
        in_short(lines, all).into_iter().for_each(&mut line);
    }
    text
}

/// What is done, as a question begins.
pub(crate) fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Delete => "Delete",
        Mode::Kill => "Kill the QEMU process of",
        Mode::Pod => "Delete the launcher pod of",
        Mode::Pause => "Pause",
        Mode::Stop => "Stop",
        Mode::Reset => "Reset",
    }
}

fn what(plan: &OutagePlan) -> String {
    let spec = &plan.spec;
    let what = match spec.mode {
        Mode::Delete => "the VMI is deleted: its guest is told to shut down".to_owned(),
        Mode::Kill => "the guest's QEMU process gets SIGKILL on its node, as in a crash".to_owned(),
        Mode::Pod => format!(
            "the launcher pod is deleted, grace period {}s",
            spec.grace_period.unwrap_or(0)
        ),
        Mode::Pause => "the guest is paused".to_owned(),
        Mode::Stop => "the VM is stopped".to_owned(),
        Mode::Reset => "the guest is reset".to_owned(),
    };
    format!("{}, {what}", spec.mode.name())
}

fn drawn(plan: &OutagePlan) -> String {
    plan.seed
        .map(|seed| format!(", drawn with --seed {seed}"))
        .unwrap_or_default()
}

fn how_long(plan: &OutagePlan) -> String {
    let spec = &plan.spec;
    let order = match spec.execution {
        _ if plan.vms.len() < 2 => "",
        Execution::Serial => "; one VM after the other",
        Execution::Parallel => "; all VMs at once",
    };
    let (duration, timeout) = (spec.duration, spec.timeout);
    let how = match spec.mode {
        Mode::Reset => format!("{timeout} at most until Ready again"),
        _ if spec.is_held() => format!("{duration}, then {timeout} at most until Ready again"),
        _ if spec.no_recover => {
            format!("the platform has {duration} to begin, {timeout} to be Ready; nothing else is done")
        }
        _ => format!("the platform has {duration} to begin, {timeout} to be Ready; then this command brings it back"),
    };
    format!("{how}{order}")
}

fn table(plan: &OutagePlan) -> Table {
    let mut table = Table::new(["NAMESPACE", "VM", "NODE", "OWNER", "COMES BACK"]);
    for vm in &plan.vms {
        let target = &vm.target;
        let owner = match &target.owner {
            Owner::Nobody => "none".to_owned(),
            Owner::Vm(field) => format!("VM, {}", field.in_force()),
            Owner::ReplicaSet { name, .. } => format!("replica set {name}"),
            Owner::Other { kind, name } => format!("{kind} {name}"),
        };
        let by = match vm.prediction.by {
            Comeback::Platform => "by itself",
            Comeback::Us if plan.spec.no_recover => "no",
            Comeback::Us => "by this command",
        };
        table.row([
            target.namespace.clone(),
            target.name.clone(),
            target.node.clone(),
            owner,
            by.to_owned(),
        ]);
    }
    table
}

fn lost(target: &OutageTarget) -> String {
    let volumes = target.volatile.iter();
    let names: Vec<String> = volumes
        .map(|volume| format!("{} ({})", escape(&volume.name), volume.kind))
        .collect();
    names.join(", ")
}

/// What to do where this command is lost half-way.
fn by_hand(plan: &OutagePlan, cluster: &Cluster) -> Vec<String> {
    if plan.spec.is_held() {
        return vec![
            "no timer undoes this: it stays until this command, or somebody, undoes it".to_owned(),
            format!("to undo it from any machine: {}", cluster.again(plan.halt_command())),
        ];
    }
    let ours = plan.vms.iter().filter(|vm| vm.prediction.by == Comeback::Us);
    let commands = ours.filter_map(|vm| back::by_hand(plan.spec.mode, vm));
    let mut lines: Vec<String> = commands
        .map(|command| cluster.again(command).to("to bring it back by hand: ").into())
        .collect();
    if !lines.is_empty() {
        let what = "nothing on the cluster remembers this: if this command dies, status and halt know nothing of it";
        lines.insert(0, what.to_owned());
    }
    lines
}

/// What somebody can do about a VMI that is not back.
fn next_step(cluster: &Cluster, plan: &OutagePlan, planned: &PlannedOutage) -> String {
    let look = cluster.again(back::look_command(&planned.target));
    let by_hand = back::by_hand(plan.spec.mode, planned);
    match by_hand.filter(|_| planned.prediction.by == Comeback::Us) {
        Some(command) => cluster.again(command).to("to bring it back: ").into(),
        None if planned.prediction.by == Comeback::Us => format!("to look: {look}"),
        None => format!(
            "it is to come back by itself ({}); to look: {look}",
            planned.prediction.why
        ),
    }
}

/// What failed, and what may be left and how to put it right.
pub(crate) fn tell_end(printer: &Printer, cluster: &Cluster, plan: &OutagePlan, ran: &Ran) {
    for (vm, planned) in ran.vms.iter().zip(&plan.vms) {
        match &vm.step {
            Step::Over(Outcome::Recovered(Some(problem)) | Outcome::Failed(problem) | Outcome::Leaked(problem)) => {
                tell(printer, vm, problem);
                if matches!(vm.step, Step::Over(Outcome::Failed(_))) && vm.times.acted.is_some() {
                    let kept = planned.file.display();
                    printer.line(&format!("its manifest is kept in {kept}"));
                    if vm.out_of_sight || (problem.hint.is_none() && vm.new.is_none() && plan.spec.mode.ends_guest()) {
                        printer.line(&next_step(cluster, plan, planned));
                    }
                }
            }
            Step::Over(_) | Step::Waiting | Step::Looking => {}
            _ => left(printer, cluster, plan, vm, planned),
        }
    }
}

fn tell(printer: &Printer, vm: &Outage, problem: &Problem) {
    printer.problem(&problem.clone().context(vm.target.key()));
}

/// A second signal came before it was over.
fn left(printer: &Printer, cluster: &Cluster, plan: &OutagePlan, vm: &Outage, planned: &PlannedOutage) {
    let key = vm.target.key();
    if vm.in_place {
        let halt = cluster.again(plan.halt_command());
        printer.line(&format!("{key} was left before it was undone; to undo it: {halt}"));
    } else {
        let next = next_step(cluster, plan, planned);
        printer.line(&format!("{key} was left before it was back; {next}"));
    }
}
