//! `--replay FILE`: what a record says is run once more, on the same VMs of the same server.

use std::path::Path;

use crate::cli::{self, Invocation, NotReplayed, ReplayRequest};
use crate::cluster::{Cluster, without_login};
use crate::command_line::{CommandLine, quoted};
use crate::escape::escape;
use crate::faults::registry::FAULTS;
use crate::local::history::{self, Kept};
use crate::local::input::{self, Unread};
use crate::problem::Reason;
use crate::report::Recorded;
use crate::stop::Stop;

/// Where a recorded run took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    context: String,
    server: String,
}

/// The recorded command, and where it has to take place.
pub(super) fn read(request: &ReplayRequest) -> Result<(Invocation, Place), Stop> {
    let file = &request.file;
    let text = match input::read(file) {
        // A run's id is no path.
        Err(Unread::Missing) if kept(file).is_some() => kept(file).map_or(Err(Unread::Missing), |kept| kept.read()),
        read => read,
    };
    let text = text.map_err(|why| {
        let told = Stop::refused(Reason::Replay, format!("the record {} {why}", shown(file)));
        told.hint("name the .json or .jsonl file that --report has written, or a run of `kubectl vmchaos history`")
    })?;
    let Recorded {
        command,
        context,
        server,
    } = Recorded::parse(&text).map_err(|why| no_record(file, &why))?;
    let name = command.first().map_or("", String::as_str);
    let commands = FAULTS.iter().map(|kind| kind.command);
    let of_another = commands
        .into_iter()
        .find(|known| *known == name && name != request.command);
    if let Some(name) = of_another {
        let line = CommandLine::new("kubectl vmchaos").arg(name);
        return Err(
            Stop::usage(format!("{} is the record of another command: {name}", shown(file)))
                .hint(line.flag("--replay", file.to_string_lossy())),
        );
    }
    if name != request.command {
        return Err(no_record(
            file,
            &format!("`command` is none that can be run again: {name}"),
        ));
    }
    let invocation = cli::replayed(request, &command).map_err(|not| refused(file, &not))?;
    let server = without_login(&server);
    Ok((invocation, Place { context, server }))
}

/// The run of that id, among those that are kept.
fn kept(id: &Path) -> Option<Kept> {
    history::find(id.to_str()?).ok().flatten()
}

fn refused(file: &Path, not: &NotReplayed) -> Stop {
    match not {
        NotReplayed::Unknown(error) => no_record(
            file,
            &format!("`command` is no command line of this version ({})", error.kind()),
        ),
        NotReplayed::SaysMore(flags) => no_record(
            file,
            &format!(
                "`command` says more than what is done to which VMs: {}; that is never taken from a file",
                flags.join(", ")
            ),
        ),
        NotReplayed::ToBeGiven(words) => {
            let flags = words.iter().filter_map(|word| word.split('=').next());
            let flags: Vec<&str> = flags.filter(|word| word.starts_with("--")).collect();
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            Stop::refused(
                Reason::Replay,
                format!(
                    "{} was recorded with {}: what runs privileged on a node, where and as whom, and that nobody stays with it, \
                     is never taken from a file",
                    shown(file),
                    words.join(" ")
                ),
            )
            .hint(format!(
                "say it anew beside --replay, where it is what you want: {}",
                flags.join(", ")
            ))
        }
    }
}

fn no_record(file: &Path, why: &str) -> Stop {
    Stop::refused(
        Reason::Replay,
        format!("{} cannot be run again: {}", shown(file), escape(why)),
    )
    .hint("a record is what --report FILE.json or FILE.jsonl writes, or -o json prints")
}

fn shown(file: &Path) -> String {
    escape(&file.to_string_lossy())
}

// === impl Place ===

impl Place {
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
            Reason::OtherServer,
            format!(
                "the run was recorded on {}, and this is {}",
                place(&self.context, &self.server),
                place(&cluster.context, server)
            ),
        )
        .hint("name the recorded cluster's context with --context"))
    }
}
