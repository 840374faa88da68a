//! A run of migrations for a person: the plan with its whole schedule, and how it went.

use std::fmt::Write;

use crate::cluster::Cluster;
use crate::command_line::CommandLine;
use crate::faults::migrate::driver::Ran;
use crate::faults::migrate::plan::MigrationPlan;
use crate::faults::migrate::screen::seconds;
use crate::faults::migrate::spec::Extent;
use crate::faults::packets::plan_text::{context_line, in_short, left_out_line, rows};
use crate::problem::Problem;
use crate::ui::Printer;
use crate::ui::{Table, escape};

/// So many rounds are shown before the question; a dry run shows all there are.
const SHOWN: u64 = 5;

/// Everything that will be done; `all` rounds for a dry run, which is read at leisure.
pub(crate) fn plan_text(plan: &MigrationPlan, cluster: &Cluster, all: bool) -> String {
    let mut text = String::new();
    let mut line = |what: String| {
        text.push_str(what.trim_end());
        text.push('\n');
    };
    line(format!("migrate: {}", how_long(plan)));
    line(context_line(cluster));
    line(format!(
        "  VMs        {} of {} match{}",
        plan.pool.len(),
        plan.matched,
        seed(plan)
    ));
    line(format!(
        "  each       {} at a time, cancelled after {}{}",
        plan.spec.parallel,
        plan.spec.timeout,
        destination(plan)
    ));
    line(format!(
        "  by         VirtualMachineInstanceMigrations vmchaos-{}-…, run {}",
        plan.run, plan.run
    ));
    line(String::new());
    rows(&table(plan, all), all).into_iter().for_each(&mut line);
    let left_out = plan.left_out.iter().map(left_out_line).collect();
    in_short(left_out, all).into_iter().for_each(&mut line);
    if plan.spec.parallel > plan.limits.in_cluster {
        line(format!(
            "  warning: KubeVirt lets {} migrations be under way at once (parallelMigrationsPerCluster): the others wait, and \
             their time runs",
            plan.limits.in_cluster
        ));
    }
    line(String::new());
    schedule(plan, all).lines().for_each(|row| line(format!("  {row}")));
    text
}

fn how_long(plan: &MigrationPlan) -> String {
    let every = match plan.spec.interval {
        _ if plan.schedule.rounds() == Some(1) => String::new(),
        Some((min, max)) if min == max => format!(", {} between rounds", min.in_seconds()),
        Some((min, max)) => format!(", {} to {} between rounds", min.in_seconds(), max.in_seconds()),
        None => String::new(),
    };
    match plan.spec.extent {
        Extent::Once => format!("every VM once{every}"),
        Extent::Rounds(1) => format!("1 round{every}"),
        Extent::Rounds(rounds) => format!("{rounds} rounds{every}"),
        Extent::Endless => format!("until interrupted{every}"),
        Extent::For(time) => format!("rounds for {}{every}", time.in_seconds()),
    }
}

fn seed(plan: &MigrationPlan) -> String {
    if plan.schedule.is_drawn() || plan.pool.len() < plan.matched {
        format!(", drawn with --seed {}", plan.schedule.seed)
    } else {
        String::new()
    }
}

fn destination(plan: &MigrationPlan) -> String {
    let destination = &plan.spec.destination;
    match &destination.node {
        Some(node) => format!(", to node {}", escape(node)),
        None if destination.selector.is_empty() => String::new(),
        None => format!(", to nodes with {}", escape(&destination.selector_text())),
    }
}

fn table(plan: &MigrationPlan, all: bool) -> Table {
    let mut table = Table::new(["NAMESPACE", "VM", "NODE", "COULD GO TO"]);
    for vm in &plan.pool {
        let to = match vm.to.as_deref() {
            None => "not known: nodes may not be listed".to_owned(),
            Some([first, second, third, rest @ ..]) if !rest.is_empty() && !all => {
                format!("{first}, {second}, {third} and {} more", rest.len())
            }
            Some(nodes) => nodes.join(", "),
        };
        table.row([vm.namespace.clone(), vm.name.clone(), vm.node.clone(), to]);
    }
    table
}

/// The rounds in their order, with who is migrated, and the time before each.
fn schedule(plan: &MigrationPlan, all: bool) -> String {
    let whole = plan.schedule.rounds();
    let limit = if all { plan.shown() } else { SHOWN };
    let mut text = String::new();
    let mut shown = 0;
    for (number, gap, members) in plan.rounds(limit) {
        let vms: Vec<String> = members.iter().map(|vm| escape(&plan.pool[*vm].key())).collect();
        let pause = if gap.is_zero() {
            String::new()
        } else {
            format!("after {}, ", seconds(gap))
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "round {number}: {pause}{}", vms.join(", "));
        shown = number;
    }
    match whole {
        Some(rounds) if rounds > shown => {
            let _ = writeln!(text, "and {} more rounds; --dry-run shows all", rounds - shown);
        }
        Some(_) => {}
        None if shown < limit => text.push_str("and no more: the time is over\n"),
        None => text.push_str("and so on\n"),
    }
    text
}

/// What is said last: what ended it early, what failed, and what may still be under way.
pub(crate) fn tell_end(printer: &Printer, cluster: &Cluster, plan: &MigrationPlan, ran: &Ran) {
    if let Some(who) = &ran.halted_by {
        printer.line(&format!("ended early: the run was halted by {who}"));
    }
    if let Some(problem) = &ran.problem {
        let hint = problem.hint.clone().map(|hint| cluster.lead(hint));
        printer.problem(&Problem {
            hint,
            ..problem.clone()
        });
    }
    let lost = ran
        .flights
        .iter()
        .filter_map(|flight| Some((flight, flight.lost.as_ref()?)));
    let mut any = false;
    for (flight, why) in lost {
        any = true;
        let key = &ran.vms[flight.vm].key;
        printer.line(&format!("{key} may still be migrating: {why}"));
    }
    if any {
        let halt = cluster.again(CommandLine::new("kubectl vmchaos halt").arg(&plan.run));
        printer.line(&format!("to cancel it: {halt}"));
    }
}
