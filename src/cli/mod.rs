//! The command line: clap types, and the requests that are made of what was typed. Does no I/O; only `commands` uses it.
//!
//! ```text
//! argv ── clap (one value at a time) ── request() (values that need each other) ──> Invocation
//!            └──────────── exit 2, clap's look ────────────┘
//! ```

pub mod completion;
mod config_file;
mod connection;
mod fault_flags;
mod filter;
mod given;
pub mod guide;
mod history;
mod migrate;
mod netem;
mod outage;
mod output;
mod record;
mod rehearse;
mod replayed;
mod request;
mod run;
mod runs;
mod selection;
mod step;
mod target;
mod unattended;
mod usage;
mod value_parser;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use completion::Shell;
pub use config_file::ConfigFile;
pub use guide::GuideRequest;
pub use history::HistoryRequest;
pub use output::Output;
pub use record::{ReplayRequest, ReportFile, ReportForm};
pub use rehearse::{RehearseRequest, Rehearsed};
pub use replayed::{NotReplayed, replayed};
pub use request::{DryRun, Request, Writing};
pub use run::GameDayRequest;
pub use runs::{CheckRequest, HaltRequest, ListRequest, StatusRequest};
pub use selection::{HowMany, Wanted};
pub use step::{ForAllSteps, StepRequest, step, step_keys};
pub use unattended::ManifestsRequest;
use usage::{Rejected, into_clap};

use crate::cluster::Connection;
use crate::faults::registry::each_fault;
use crate::problem::Problem;

/// Exit codes, as every long help shows them.
const EXIT_CODES: &str = "\
Exit codes:
  0    done, and verified gone (--detach: injected and verified; dry run: would go through)
  1    tried and failed, or ended early, and everything is back
  2    the command line alone is wrong
  3    something may still be in place; the command that removes it is on stderr
  4    refused before any change
  5    the fault was as asked, but a VM did not recover or migrate in time
  6    a game day's hypothesis did not hold, and everything is back
  130  interrupted, and everything is back";

const EXAMPLES: &str = "\
Examples:
  # Be asked for everything, on a terminal
  kubectl vmchaos

  # What can be done to which VM here
  kubectl vmchaos list

  # Look at the plan, change nothing
  kubectl vmchaos netem web-1 --latency 100ms --dry-run

  # 100 ms each way and 10 % of loss, for two minutes
  kubectl vmchaos netem web-1 --latency 100ms --loss 10%

  # No DNS for a minute
  kubectl vmchaos filter web-1 --ports 53 --duration 1m

  # Migrate each of these VMs once, and time every phase
  kubectl vmchaos migrate -l app=web

  # Roll back everything that is in place, from any machine
  kubectl vmchaos halt --all";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-vmchaos",
    bin_name = "kubectl vmchaos",
    version,
    about = "Put faults on the network of KubeVirt VMs, migrate and end them, and prove what was there and that it is gone",
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    max_term_width = 120,
    disable_help_subcommand = false
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// `kubectl vmchaos` alone, which guides.
#[derive(Debug, Parser)]
#[command(name = "kubectl-vmchaos", bin_name = "kubectl vmchaos", version)]
struct Alone {
    #[command(flatten)]
    global: GlobalArgs,
}

/// Flags that every command takes.
#[derive(Debug, clap::Args)]
struct GlobalArgs {
    #[command(flatten)]
    output: output::OutputArgs,
    #[command(flatten)]
    connection: connection::ConnectionArgs,
    #[command(flatten)]
    config: config_file::ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Fault(FaultArgs),
    Run(Box<run::RunArgs>),
    History(history::HistoryArgs),
    List(runs::ListArgs),
    Status(runs::StatusArgs),
    Halt(runs::HaltArgs),
    Check(runs::CheckArgs),
    Rehearse(rehearse::RehearseArgs),
    Completion(completion::CompletionArgs),
}

macro_rules! fault_commands {
    ($($command:literal: $name:ident($flags:path) => $fault:ty,)*) => {
        /// The commands that put a fault on VMs.
        #[derive(Debug, Subcommand)]
        enum FaultArgs {
            $(#[command(name = $command)] $name(Box<$flags>),)*
        }

        /// Which fault is to be put on which VMs.
        #[derive(Debug, Clone)]
        pub enum FaultRequest {
            $($name(Box<Request<$fault>>),)*
        }

        impl FaultArgs {
            fn request(self, namespace: Option<String>) -> Result<FaultRequest, Problem> {
                Ok(match self {
                    $(Self::$name(args) => FaultRequest::$name(Box::new(args.request(namespace)?)),)*
                })
            }
        }
    };
}
each_fault!(fault_commands);

/// A command line that makes sense.
#[derive(Debug, Clone)]
pub struct Invocation {
    pub connection: Connection,
    pub config: ConfigFile,
    /// `None` is the table.
    pub output: Option<Output>,
    /// kubectl's `-v`: 0 says nothing, 1 what is done, 6 also the requests, 8 everything.
    pub verbosity: u8,
    /// The command and its own flags as they were given, without those that choose VMs or agree.
    pub given: Vec<String>,
    /// The same without what is about one run of it, such as its reason: what a record keeps.
    pub recorded: Vec<String>,
    /// Of a rehearsed command: the rehearsal, as it was given.
    pub rehearsal: Option<Vec<String>>,
    pub action: Action,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Asks for everything.
    Guide(GuideRequest),
    Fault(FaultRequest),
    GameDay(GameDayRequest),
    /// Prints the JSON Schema of game days.
    Schema,
    /// Prints an example of a game day, by its name.
    Example(String),
    /// Runs what a record says.
    Replay(ReplayRequest),
    History(HistoryRequest),
    List(ListRequest),
    Status(StatusRequest),
    Halt(HaltRequest),
    Check(CheckRequest),
    Rehearse(RehearseRequest),
    Completion(Shell),
}

/// Reads a command line, the program's name first. The error is to be printed as it is; its exit code is 2, or 0 for
/// `--help` and `--version`.
pub fn parse<I, T>(args: I) -> Result<Invocation, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut root = Cli::command();
    let matches = match root.try_get_matches_from_mut(&args) {
        Ok(matches) => matches,
        Err(error) => return alone(&args, rehearse::told(&args, error)),
    };
    let given = given::command(&root, &matches);
    let recorded = given::recorded(&root, &matches);
    let replay = record::replay(&root, &matches);
    let words = run::words(&root, &matches);
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut root))?;
    let name = matches.subcommand_name().unwrap_or_default();
    let invocation = match replay {
        Ok(None) => cli.invocation(given, words),
        Ok(Some(replay)) => Ok(cli.global.invocation(Action::Replay(replay), given)),
        Err(usage) => Err(Rejected::Usage(usage)),
    };
    let invocation = invocation.map_err(|rejected| match rejected {
        Rejected::Usage(problem) => into_clap(&problem, &mut command_for(name)),
        Rejected::Nested(error) => error,
    })?;
    Ok(Invocation { recorded, ..invocation })
}

/// Without a command it is the guide's turn; where it cannot be, the error stands.
fn alone(args: &[OsString], error: clap::Error) -> Result<Invocation, clap::Error> {
    let without = [
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    if !without.contains(&error.kind()) {
        return Err(error);
    }
    let Ok(Alone { global }) = Alone::try_parse_from(args) else {
        return Err(error);
    };
    let request = GuideRequest {
        namespace: global.connection.namespace(),
        otherwise: std::sync::Arc::new(error),
    };
    Ok(global.invocation(Action::Guide(request), Vec::new()))
}

/// The clap command, for help, man pages and completion.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The subcommand, so that an error shows its usage and not that of the whole program.
fn command_for(name: &str) -> clap::Command {
    let mut root = Cli::command();
    root.build();
    root.find_subcommand(name).cloned().unwrap_or(root)
}

// === impl Cli ===

impl Cli {
    fn invocation(self, given: Vec<String>, words: run::Words) -> Result<Invocation, Rejected> {
        let namespace = self.global.connection.namespace();
        let action = match self.command {
            Command::Fault(args) => Action::Fault(args.request(namespace)?),
            Command::Run(args) => args.action(namespace, words)?,
            Command::History(args) => Action::History(args.request()),
            Command::List(args) => Action::List(args.request(namespace)?),
            Command::Status(args) => Action::Status(args.request(namespace)),
            Command::Halt(args) => Action::Halt(args.request(namespace)?),
            Command::Check(args) => Action::Check(args.request(namespace)?),
            Command::Rehearse(args) => Action::Rehearse(args.request(&self.global.connection)?),
            Command::Completion(args) => Action::Completion(args.shell),
        };
        Ok(self.global.invocation(action, given))
    }
}

impl GlobalArgs {
    fn invocation(self, action: Action, given: Vec<String>) -> Invocation {
        Invocation {
            connection: self.connection.connection(),
            config: self.config.file(),
            output: self.output.output(),
            verbosity: self.connection.verbosity(),
            given,
            recorded: Vec::new(),
            rehearsal: None,
            action,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_subcommand_is_found_by_its_name() {
        let root = command();
        assert!(root.get_subcommands().count() >= 10);
        for name in root.get_subcommands().map(clap::Command::get_name) {
            assert_eq!(command_for(name).get_name(), name);
        }
    }
}
