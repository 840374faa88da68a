//! From what was typed to the VMs of a run: find, pick or draw, and say why when there is none.

use super::{Context, same_again};
use crate::cli::{HowMany, Wanted};
use crate::cluster::Cluster;
use crate::fault::Unfit;
use crate::faults::{Chosen, Found};
use crate::plan::draw::Draw;
use crate::problem::Reason;
use crate::report::ExitCode;
use crate::stop::Stop;
use crate::ui::{Pick, Picker};

/// The flags that choose where nothing can be picked.
const FLAGS: &str =
    "name VMIs (web-1 or vmi/web-1/NAMESPACE), or use --target REGEX, --namespaces REGEX or -l SELECTOR";

/// Off a terminal something has to choose; found out before anything is read from the cluster.
pub(super) fn must_choose(context: &Context, wanted: &Wanted) -> Result<(), Stop> {
    if wanted.chosen || (context.printer.interactive() && context.printer.look().live) {
        return Ok(());
    }
    Err(Stop::usage("no VMI chosen, and this is not a terminal to pick one on").hint(FLAGS))
}

/// Draws from what was found; asks with a picker where nothing was said that chooses.
pub(super) async fn choose<T: Clone>(
    context: &Context,
    cluster: &Cluster,
    wanted: &Wanted,
    found: Found<T>,
) -> Result<Chosen<T>, Stop> {
    if wanted.chosen {
        drawn(cluster, wanted, found)
    } else {
        // Not raced against signals: the picker ends itself and puts the terminal back.
        picked(context, cluster, found).await
    }
}

fn drawn<T>(cluster: &Cluster, wanted: &Wanted, survey: Found<T>) -> Result<Chosen<T>, Stop> {
    let named = !wanted.selection.names.is_empty();
    if let Some(missing) = survey.missing.first() {
        return Err(Stop::refused(Reason::NotFound, missing)
            .hint(format!("to see the VMIs: {}", cluster.again("kubectl vmchaos list -A"))));
    }
    let (mut fit, mut left_out) = (Vec::new(), survey.stopped);
    for row in survey.rows {
        match row.fault {
            Ok(target) => fit.push(target),
            Err(unfit) => left_out.push(unfit),
        }
    }
    if let Some((first, others)) = left_out.split_first().filter(|_| named) {
        return Err(cannot(first, others));
    }
    if fit.is_empty() {
        return Err(nothing(cluster, wanted, &left_out));
    }
    let matched = fit.len();
    let count = match wanted.how_many {
        HowMany::All => matched,
        HowMany::AtMost(count) => count as usize,
        HowMany::Share(share) => share.of(matched).max(1),
    };
    let (targets, seed) = if count < matched {
        let seed = wanted.seed.unwrap_or_else(Draw::seed);
        (Draw::new(seed).some(fit, count), Some(seed))
    } else {
        (fit, None)
    };
    Ok(Chosen {
        targets,
        matched,
        seed,
        left_out,
        around: survey.around,
    })
}

/// Of every VM that was named and cannot take it, why; the hint is that of the first that has one.
fn cannot(unfit: &Unfit, others: &[Unfit]) -> Stop {
    let all = || std::iter::once(unfit).chain(others);
    let words: Vec<String> = all()
        .map(|unfit| format!("{}/{} {}", unfit.namespace, unfit.name, unfit.reason))
        .collect();
    let stop = Stop::refused(Reason::Unfit, words.join("; "));
    match all().find_map(|unfit| unfit.hint.as_ref()) {
        Some(hint) => stop.hint(hint),
        None => stop,
    }
}

fn nothing(cluster: &Cluster, wanted: &Wanted, left_out: &[Unfit]) -> Stop {
    let place = match (&wanted.selection.namespace, &wanted.selection.namespaces) {
        (_, Some(_)) => "in the namespaces that match".to_owned(),
        _ if wanted.selection.all_namespaces => "in any namespace".to_owned(),
        (Some(namespace), _) => format!("in namespace {namespace}"),
        _ => format!("in namespace {} (the context's)", cluster.namespace),
    };
    if left_out.is_empty() {
        return Stop::refused(Reason::NoMatch, format!("no VMI matches {place}")).hint(format!(
            "--target must match the whole name; to see all VMIs: {}",
            cluster.again("kubectl vmchaos list -A")
        ));
    }
    let reasons: Vec<String> = left_out
        .iter()
        .take(5)
        .map(|unfit| format!("{}/{} {}", unfit.namespace, unfit.name, unfit.reason))
        .collect();
    let more = if left_out.len() > 5 {
        format!("; and {} more", left_out.len() - 5)
    } else {
        String::new()
    };
    Stop::refused(
        Reason::NoMatch,
        format!(
            "no VMI that matches {place} can take the fault: {}{more}",
            reasons.join("; ")
        ),
    )
}

async fn picked<T: Clone>(context: &Context, cluster: &Cluster, survey: Found<T>) -> Result<Chosen<T>, Stop> {
    let headers = ["NAMESPACE", "NAME", "NODE", "PHASE", "IP", "BINDINGS"];
    let mut picker = Picker::new("Which VMIs?", headers, FLAGS);
    for row in &survey.rows {
        let refused = row.fault.as_ref().err().map(|unfit| unfit.reason.as_str());
        picker.row(row.cells.clone(), refused);
    }
    let matched = survey.rows.iter().filter(|row| row.fault.is_ok()).count();
    if matched == 0 {
        return Err(
            Stop::refused(Reason::NoMatch, "there is no VMI here that could take the fault")
                .hint("to see all VMIs and what they can take: kubectl vmchaos list -A"),
        );
    }
    let signals = context.signals.clone();
    match picker.pick(&context.printer, signals.any()).await {
        Ok(Pick::Picked(rows)) => {
            let names = rows.iter().map(|row| &survey.rows[*row].cells);
            let names: Vec<_> = names
                .map(|[namespace, name, ..]| (namespace.clone(), name.clone()))
                .collect();
            same_again::tell(context, cluster, &names, &context.given);
            let targets = rows
                .into_iter()
                .filter_map(|row| survey.rows[row].fault.clone().ok())
                .collect();
            Ok(Chosen {
                targets,
                matched,
                seed: None,
                left_out: Vec::new(),
                around: survey.around,
            })
        }
        Ok(Pick::Cancelled) => Err(Stop::refused(
            Reason::NothingPicked,
            "nothing was picked; nothing was changed",
        )),
        Ok(Pick::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Usage)),
    }
}
