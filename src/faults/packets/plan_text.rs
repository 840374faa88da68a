//! The plan for a person: where, what, on which VMs, and by which commands.

use crate::cluster::Cluster;
use crate::fault::{Direction, Execution, Unfit};
use crate::faults::debug_pods;
use crate::faults::packets::compile;
use crate::faults::packets::plan::Plan;
use crate::faults::packets::words;
use crate::node::pod::service_account;
use crate::ui::{Table, escape};

/// Commands are shown for so many VMs before the question; those of the others differ only in the names of devices.
const SHOWN_COMMANDS: usize = 1;
/// So many lines of a kind, one a VM, are shown before the question.
const SHOWN: usize = 20;

/// Everything that will be done; `all` of it for a dry run, which is read at leisure.
pub(crate) fn plan_text(plan: &Plan, cluster: &Cluster, namespace: &str, all: bool) -> String {
    let mut text = String::new();
    let mut line = |what: String| {
        text.push_str(&what);
        text.push('\n');
    };
    let spec = &plan.spec;
    line(format!("{}: {}", spec.fault.kind(), spec.fault));
    line(context_line(cluster));
    line(format!("  VMs        {}", how_many(plan)));
    line(format!("  duration   {}", how_long(plan)));
    let pods = if plan.nodes.len() == 1 {
        "a debug pod"
    } else {
        "debug pods"
    };
    line(format!(
        "  by         {pods} in namespace {} as service account {}, run {}",
        escape(namespace),
        escape(service_account(plan.pod.service_account.as_deref())),
        plan.run
    ));
    let nodes = plan.nodes.iter().map(|node| node.name.as_str());
    let images = nodes.map(|node| (node, plan.pod.images.on(node)));
    for image in debug_pods::image_lines(images) {
        line(format!("  image      {image}"));
    }
    line(String::new());
    rows(&table(plan), all).into_iter().for_each(&mut line);
    line(String::new());
    let targets = plan.vms.iter().map(|vm| &vm.target);
    let mut words = words::describe(&spec.fault, spec.directions, spec.duration, targets.clone());
    let probes = words::probes(spec, targets);
    words.effects.extend(probes.effects);
    words.warnings.extend(probes.warnings);
    words.effects.iter().for_each(|effect| line(format!("  {effect}")));
    for warning in &words.warnings {
        line(format!("  warning: {warning}"));
    }
    let left_out = plan.left_out.iter().map(left_out_line).collect();
    in_short(left_out, all).into_iter().for_each(&mut line);
    line(String::new());
    let shown = if all { plan.vms.len() } else { SHOWN_COMMANDS };
    for vm in plan.vms.iter().take(shown) {
        line(format!(
            "  on {} for {}:",
            escape(&vm.target.node),
            escape(&vm.target.key())
        ));
        vm.compiled
            .commands_for_people
            .iter()
            .for_each(|command| line(format!("    {command}")));
    }
    if plan.vms.len() > shown {
        line(format!(
            "  and the same for {} more; --dry-run shows all commands",
            plan.vms.len() - shown
        ));
    }
    text
}

/// Which cluster, and as whom.
pub(crate) fn context_line(cluster: &Cluster) -> String {
    format!(
        "  context    {} ({}), as {}",
        escape(&cluster.context),
        cluster.server,
        escape(&cluster.user)
    )
}

/// A VMI that was matched and cannot take it.
pub(crate) fn left_out_line(unfit: &Unfit) -> String {
    let (namespace, name) = (escape(&unfit.namespace), escape(&unfit.name));
    format!("  left out: {namespace}/{name} {}", escape(&unfit.reason))
}

/// A table's lines as a plan has them: of a run to be confirmed the first, and how many more there are.
pub(crate) fn rows(table: &Table, all: bool) -> Vec<String> {
    let text = table.render();
    let mut lines = text.lines().map(|line| format!("  {line}"));
    let head = lines.next();
    let rows = in_short(lines.collect(), all);
    head.into_iter().chain(rows).collect()
}

/// The first lines of a kind, and how many more there are.
pub(crate) fn in_short(mut lines: Vec<String>, all: bool) -> Vec<String> {
    let more = lines.len().saturating_sub(SHOWN);
    // A line that says so takes the place of one.
    if !all && more > 1 {
        lines.truncate(SHOWN);
        lines.push(format!("  and {more} more; --dry-run shows all"));
    }
    lines
}

fn how_many(plan: &Plan) -> String {
    let drawn = plan
        .seed
        .map(|seed| format!(", drawn with --seed {seed}"))
        .unwrap_or_default();
    format!("{} of {} match{drawn}", plan.vms.len(), plan.matched)
}

fn how_long(plan: &Plan) -> String {
    let each = format!("{}s", plan.spec.duration.seconds());
    let whole = plan.total_hold().as_secs();
    let order = match plan.spec.execution {
        Execution::Serial if plan.vms.len() > 1 => format!("{each} on each VM in turn, {whole}s in all"),
        Execution::Parallel if plan.vms.len() > 1 => format!("{each}, on all VMs at once"),
        _ => each,
    };
    if plan.spec.detach {
        format!("{order}; this command ends before that")
    } else {
        order
    }
}

fn table(plan: &Plan) -> Table {
    let mut table = Table::new(["NAMESPACE", "VM", "NODE", "NETWORK", "BINDING", "INGRESS", "EGRESS"]);
    for vm in &plan.vms {
        let target = &vm.target;
        for interface in &target.interfaces {
            let on = |direction| {
                let asked = plan.spec.directions.iter().any(|asked| asked == direction);
                let device = compile::device(&plan.spec.fault, direction, interface);
                if asked { device.to_owned() } else { String::new() }
            };
            table.row([
                target.namespace.clone(),
                target.name.clone(),
                target.node.clone(),
                interface.network.clone(),
                interface.binding.to_string(),
                on(Direction::Ingress),
                on(Direction::Egress),
            ]);
        }
    }
    table
}
