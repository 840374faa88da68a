//! `kubectl vmchaos history`: the runs kept on this machine.

use serde_json::Value;

use super::Context;
use crate::cli::HistoryRequest;
use crate::local::history::{self, Kept};
use crate::problem::Reason;
use crate::report::{Document, ExitCode, Format, KeptItem, ListReport, json, yaml};
use crate::stop::Stop;
use crate::ui::escape;

/// Keeps the document of a run that did something; that it cannot be kept is a warning and no more.
pub(super) fn keep(context: &Context, document: &impl Document) {
    let kept = json(document).map_err(std::io::Error::other);
    let kept = kept.and_then(|text| history::keep(document.id(), &document.began(), &text));
    if let Err(error) = kept {
        context
            .printer
            .warn(&format!("the run is not kept for `history`: {error}"));
    }
}

pub(super) fn history(context: &Context, request: &HistoryRequest) -> Result<ExitCode, Stop> {
    let unread = |error: std::io::Error| {
        Stop::failed(
            Reason::Output,
            format!("the runs that are kept cannot be read: {error}"),
        )
    };
    let Some(id) = &request.id else {
        return list(context, &history::all().map_err(unread)?);
    };
    let Some(kept) = history::find(id).map_err(unread)? else {
        let told = format!("there is no run {} among those that are kept", escape(id));
        return Err(Stop::refused(Reason::NotFound, told).hint("to see them: kubectl vmchaos history"));
    };
    let document = read(&kept)?;
    let text = match context.format {
        Format::Json => json(&document),
        Format::Name => Ok(format!("{}\n", kept.id)),
        Format::Table | Format::Wide | Format::Yaml => yaml(&document),
    };
    let text = text.map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)?;
    Ok(ExitCode::Done)
}

fn list(context: &Context, kept: &[Kept]) -> Result<ExitCode, Stop> {
    let items = kept.iter().filter_map(|kept| match read(kept) {
        Ok(document) => Some(KeptItem::of(&document)),
        Err(stop) => {
            context.printer.warn(&stop.problem.message);
            None
        }
    });
    let list = ListReport::new(items.collect());
    let text = list
        .print(context.format)
        .map_err(|error| Stop::broken(Reason::Output, &error))?;
    context.print(&text)?;
    if list.items.is_empty() && !matches!(context.format, Format::Json | Format::Yaml) {
        context.printer.line("No runs are kept yet.");
    }
    Ok(ExitCode::Done)
}

fn read(kept: &Kept) -> Result<Value, Stop> {
    let path = escape(&kept.path().display().to_string());
    let text = kept
        .read()
        .map_err(|why| Stop::failed(Reason::Output, format!("{path} {why}")))?;
    serde_json::from_str(&text).map_err(|error| Stop::failed(Reason::Output, format!("{path} is no document: {error}")))
}
