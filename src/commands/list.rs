//! `kubectl vmchaos list`: the VMIs in reach, and for each which faults it can take and why not.

use super::Context;
use super::guards::Guards;
use crate::cli::ListRequest;
use crate::cluster::{Cluster, Selection, Survey, VmiRow, survey};
use crate::faults::registry;
use crate::problem::Reason;
use crate::report::{ExitCode, FaultAbility, Format, InterfaceReport, ListReport, Time, VmiTargetItem};
use crate::stop::Stop;

pub(super) async fn list(context: &mut Context, request: ListRequest) -> Result<ExitCode, Stop> {
    let guards = Guards::read(&context.config)?;
    let cluster = context.connect().await?;
    let selection = &request.selection;
    let search = survey(&cluster, selection, &[], None);
    let (mut found, protection) = guards.search(context, &cluster, selection, search).await?;
    registry::note_eligibility(&mut found, cluster.flags());
    let Survey {
        mut rows,
        stopped,
        missing,
        ..
    } = found;
    guards.keep_off_all(&cluster, &mut rows, &protection);
    let list = ListReport::new(rows.iter().map(item).collect());
    let text = list
        .print(context.format)
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)?;
    let stopped = stopped
        .iter()
        .map(|unfit| format!("{}/{} {}", unfit.namespace, unfit.name, unfit.reason));
    let absent: Vec<String> = missing.into_iter().chain(stopped).collect();
    for sentence in &absent {
        context.printer.failure(sentence, None);
    }
    if !absent.is_empty() {
        return Ok(ExitCode::Refused);
    }
    if list.items.is_empty() && !matches!(context.format, Format::Json | Format::Yaml) {
        context.printer.line(&nothing(selection, &cluster));
    }
    Ok(ExitCode::Done)
}

/// kubectl's words for an empty list.
fn nothing(selection: &Selection, cluster: &Cluster) -> String {
    if selection.all_namespaces || selection.namespaces.is_some() {
        return "No resources found".to_owned();
    }
    let namespace = selection.namespace.as_deref().unwrap_or(&cluster.namespace);
    format!("No resources found in {namespace} namespace.")
}

/// A VMI as the list shows it.
fn item(row: &VmiRow) -> VmiTargetItem {
    let reached = row
        .placed
        .iter()
        .flat_map(|target| &target.interfaces)
        .filter(|interface| !row.unreachable.iter().any(|one| one.network == interface.network))
        .map(|interface| InterfaceReport {
            network: interface.network.clone(),
            device: interface.tap.clone(),
            binding: interface.binding.to_string(),
        });
    let others = row.unreachable.iter().map(|one| InterfaceReport {
        network: one.network.clone(),
        device: String::new(),
        binding: one.binding.clone(),
    });
    let ability = |fault: &'static str| match row.unfit.get(fault) {
        None => (fault.to_owned(), FaultAbility::able()),
        Some(unfit) => (fault.to_owned(), FaultAbility::unable(&unfit.reason)),
    };
    VmiTargetItem {
        namespace: row.namespace.clone(),
        name: row.name.clone(),
        uid: row.uid.clone(),
        phase: row.phase.clone(),
        node: row.node.clone(),
        ip: row.ip.clone(),
        pod: row.placed.as_ref().ok().map(|target| target.launcher.name.clone()),
        created_at: row.created_at.map(Time),
        interfaces: reached.chain(others).collect(),
        faults: registry::FAULTS.iter().map(|kind| ability(kind.command)).collect(),
    }
}
