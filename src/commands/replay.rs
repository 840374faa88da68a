//! `--replay FILE`: what a record says is run once more, on the same VMs of the same server.

use std::path::Path;

use serde_json::Value;

use super::stop::Stop;
use crate::cli::{self, Action, DryRun, Invocation, ReplayRequest};
use crate::cluster::{Cluster, Connection, without_login};
use crate::escape::escape;
use crate::local::input;

/// Where a recorded run took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    context: String,
    server: String,
}

/// The recorded command, and where it has to take place.
pub(super) fn read(request: &ReplayRequest) -> Result<(Invocation, Recorded), Stop> {
    let file = &request.file;
    let text = input::read(file).map_err(|why| {
        let told = Stop::refused("replay", format!("the record {} {why}", file.display()));
        told.hint("name the .json or .jsonl file that --report has written")
    })?;
    let document = document(&text).ok_or_else(|| no_record(file, "it holds no run"))?;
    let words = document["command"].as_array().into_iter().flatten();
    let command: Vec<&str> = words.filter_map(Value::as_str).collect();
    let Some((name, rest)) = command.split_first() else {
        return Err(no_record(
            file,
            "it names no command: the recorded run ended before its VMs were chosen",
        ));
    };
    if *name != request.command {
        return Err(Stop::usage(format!(
            "{} is the record of another command: {}",
            file.display(),
            escape(name)
        ))
        .hint(format!("kubectl vmchaos {} --replay {}", escape(name), file.display())));
    }
    let argv = |more: &[String]| -> Vec<String> {
        let recorded = rest.iter().map(ToString::to_string);
        ["kubectl-vmchaos".to_owned(), request.command.clone()]
            .into_iter()
            .chain(recorded)
            .chain(more.iter().cloned())
            .collect()
    };
    let alone = cli::parse(argv(&[])).map_err(|error| no_record(file, &error.kind().to_string()))?;
    if !only_says_what(&alone) {
        return Err(no_record(file, "its command says more than what is done to which VMs"));
    }
    let invocation = cli::parse(argv(&request.more)).map_err(|error| no_record(file, &error.kind().to_string()))?;
    let place = |name: &str| document[name].as_str().map(str::to_owned).unwrap_or_default();
    let recorded = Recorded {
        context: place("context"),
        server: without_login(&place("server")),
    };
    Ok((invocation, recorded))
}

/// A file from elsewhere must not bring its own yes, nor its own cluster.
fn only_says_what(invocation: &Invocation) -> bool {
    let (writing, records) = match &invocation.action {
        Action::Fault(request) => (&request.writing, &request.records),
        Action::Migrate(request) => (&request.writing, &request.records),
        Action::Outage(request) => (&request.writing, &request.records),
        _ => return false,
    };
    invocation.connection == Connection::default()
        && !writing.yes
        && writing.dry_run == DryRun::None
        && records.is_empty()
}

/// The document of a .json report, or the newest one in the lines of a .jsonl report: of a run that died, too.
fn document(text: &str) -> Option<Value> {
    let is_run = |document: &Value| document["kind"] == "Run";
    if let Some(document) = serde_json::from_str::<Value>(text).ok().filter(is_run) {
        return Some(document);
    }
    let lines = text
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|mut line| line["document"].take()).find(is_run)
}

fn no_record(file: &Path, why: &str) -> Stop {
    Stop::refused("replay", format!("{} cannot be run again: {why}", file.display()))
        .hint("a record is what --report FILE.json or FILE.jsonl writes, or -o json prints")
}

impl Recorded {
    /// Refuses another server than the recorded one. A rehearsal's port is another one each time: there the context tells.
    pub(super) fn is_here(&self, cluster: &Cluster, rehearsed: bool) -> Result<(), Stop> {
        let server = cluster.server.as_str();
        let same = if rehearsed {
            self.context == cluster.context
        } else {
            self.server == server
        };
        if same {
            return Ok(());
        }
        let place = |context: &str, server: &str| format!("{} ({})", escape(context), escape(server));
        Err(Stop::refused(
            "other-server",
            format!(
                "the run was recorded on {}, and this is {}",
                place(&self.context, &self.server),
                place(&cluster.context, server)
            ),
        )
        .hint("name the recorded cluster's context with --context"))
    }
}
