//! What each command does, a file for each. The faults share one, `fault`: select, plan, confirm, run, report. Only this room knows both
//! what was typed and what it is done with.

mod check;
mod completion;
mod confirm;
mod fault;
mod game_day;
mod guards;
mod guide;
mod halt;
mod history;
mod keyboard;
mod list;
mod log;
mod lookup;
mod prepare;
mod records;
mod rehearse;
mod replay;
mod report_file;
mod same_again;
mod status;
mod targets;

use std::sync::Arc;

use crate::cli::{Action, ConfigFile, FaultRequest, Invocation, Output, Writing};
use crate::cluster::{Cluster, ClusterError, Connection, WarningSink};
use crate::command_line::quoted;
use crate::escape::escape;
use crate::faults::registry::each_fault;
use crate::problem::Reason;
use crate::report::{ExitCode, Format};
use crate::run::signals::Signals;
use crate::ui::Printer;

use crate::stop::Stop;
pub use lookup::lookup;

/// What every command has at hand.
struct Context {
    printer: Printer,
    signals: Signals,
    connection: Connection,
    config: ConfigFile,
    format: Format,
    output: Option<Output>,
    verbosity: u8,
    /// The command and its own flags as they were given, without those that choose VMs or agree.
    given: Vec<String>,
    /// The same without what is about one run of it: what a record keeps.
    recorded: Vec<String>,
    /// Where the run took place that is run again.
    replays: Option<replay::Place>,
    /// Of a rehearsed command: the rehearsal, as it was given.
    rehearsal: Option<Vec<String>>,
}

/// Runs a command line that was understood.
pub async fn run(invocation: Invocation, printer: &Printer, signals: Signals) -> ExitCode {
    let Invocation {
        connection,
        config,
        output,
        action,
        verbosity,
        given,
        recorded,
        rehearsal,
    } = invocation;
    log::init(verbosity, printer);
    let mut context = Context {
        printer: printer.clone(),
        signals,
        connection,
        config,
        format: format(output),
        output,
        verbosity,
        given,
        recorded,
        replays: None,
        rehearsal,
    };
    let action = match context.action(action) {
        Ok(action) => action,
        Err(stop) => {
            stop.print(printer);
            return stop.exit;
        }
    };
    let result = match action {
        Action::Fault(request) => return run_fault(&mut context, request).await,
        Action::GameDay(request) => return Box::pin(game_day::game_day(&context, request)).await,
        Action::Schema => game_day::schema(&context),
        Action::Example(name) => game_day::example(&context, &name),
        // Read above, and never what a record says.
        Action::Replay(_) => Ok(ExitCode::Usage),
        Action::Guide(request) => Box::pin(guide::guide(&context, &request)).await,
        Action::Rehearse(request) => rehearse::rehearse(&mut context, request).await,
        Action::Completion(shell) => completion::print(printer, shell),
        Action::History(request) => history::history(&context, &request),
        Action::List(request) => list::list(&mut context, request).await,
        Action::Status(request) => Box::pin(status::status(&mut context, request)).await,
        Action::Halt(request) => Box::pin(halt::halt(&mut context, request)).await,
        Action::Check(request) => Box::pin(check::check(&mut context, request)).await,
    };
    result.unwrap_or_else(|stop| {
        stop.print(printer);
        stop.exit
    })
}

macro_rules! run_fault {
    ($($command:literal: $name:ident($flags:path) => $fault:ty,)*) => {
        async fn run_fault(context: &mut Context, request: FaultRequest) -> ExitCode {
            match request {
                $(FaultRequest::$name(request) => Box::pin(fault::fault(context, *request)).await,)*
            }
        }
    };
}
each_fault!(run_fault);

fn format(output: Option<Output>) -> Format {
    match output {
        None => Format::Table,
        Some(Output::Wide) => Format::Wide,
        Some(Output::Json) => Format::Json,
        Some(Output::Yaml) => Format::Yaml,
        Some(Output::Name) => Format::Name,
    }
}

// === impl Context ===

impl Context {
    /// What is to be done; for a record that is run again what it says.
    fn action(&mut self, action: Action) -> Result<Action, Stop> {
        let Action::Replay(request) = action else {
            return Ok(action);
        };
        let (invocation, place) = replay::read(&request)?;
        self.given = invocation.given;
        self.recorded = invocation.recorded;
        self.replays = Some(place);
        Ok(invocation.action)
    }

    /// Whether the y/N question is answered by the command line. A context named with `--yes` must be the one in use.
    fn confirmed_by_flag(writing: &Writing, cluster: &Cluster) -> Result<bool, Stop> {
        match &writing.yes_context {
            Some(named) if named != cluster.typed_name() => Err(Stop::refused(
                Reason::OtherContext,
                format!(
                    "{} names another context than the one in use, {}",
                    quoted(&format!("--yes={named}")),
                    escape(cluster.typed_name())
                ),
            )
            .hint(format!(
                "look which one is meant; for this one: {}",
                quoted(&format!("--yes={}", cluster.typed_name()))
            ))),
            _ => Ok(writing.yes),
        }
    }

    /// Connects, unless a signal comes while a credential plugin asks its questions; no request is sent yet.
    async fn connect(&self) -> Result<Cluster, Stop> {
        let connect = async { Ok(Cluster::connect(&self.connection, self.warnings()).await?) };
        self.unless_signalled(connect).await
    }

    fn warnings(&self) -> WarningSink {
        let printer = self.printer.clone();
        Arc::new(move |warning: &str| printer.warn(warning))
    }

    /// Ends with an interruption when a signal comes before the work is done. For work that writes nothing.
    async fn unless_signalled<T>(&self, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
        let signals = &self.signals;
        tokio::select! {
            biased;
            () = signals.any() => Err(Stop::interrupted()),
            result = work => result,
        }
    }

    /// Prints a document or a table on stdout.
    fn print(&self, text: &str) -> Result<(), Stop> {
        self.printer
            .out(text)
            .map_err(|error| Stop::failed(Reason::Output, format!("stdout cannot be written to: {error}")))
    }
}

impl From<ClusterError> for Stop {
    fn from(error: ClusterError) -> Self {
        Self::of_cluster(&error)
    }
}
