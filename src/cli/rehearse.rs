//! `kubectl vmchaos rehearse`: the same commands on a practice cluster.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory};

use super::connection::ConnectionArgs;
use super::usage::{Rejected, into_clap};
use super::value_parser::{count, seed, value, wait};
use super::{Action, Invocation};
use crate::command_line::CommandLine;
use crate::fault::{Given, Time};
use crate::problem::Problem;

/// A VM takes about 130 kB.
const MOST_VMS: u32 = 10_000;
const MOST_NODES: u32 = 1_000;

/// Run the same commands on a built-in practice cluster, which touches nothing outside this machine
///
/// The practice cluster answers on loopback as an API server with KubeVirt would. Its VMs always have the same names
/// (web-1, db-1, …), its context is vmchaos-rehearsal, and KUBECONFIG is not looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl vmchaos rehearse -- list
  kubectl vmchaos rehearse -- netem web-1 --latency 100ms --duration 10s --yes
  kubectl vmchaos rehearse --serve")]
pub(super) struct RehearseArgs {
    /// Keep the practice cluster up until interrupted, and print its kubeconfig
    #[arg(long, conflicts_with = "command")]
    serve: bool,
    /// VMs in the practice cluster
    #[arg(long, value_name = "N", value_parser = count)]
    vms: Option<Given<u32>>,
    /// Nodes in the practice cluster
    #[arg(long, value_name = "N", value_parser = count)]
    nodes: Option<Given<u32>>,
    /// Make the same practice cluster again
    #[arg(long, value_name = "NUMBER", value_parser = seed)]
    seed: Option<Given<u64>>,
    /// Let every request take so much longer, e.g. 50ms
    #[arg(long = "latency", value_name = "TIME", value_parser = wait)]
    request_latency: Option<Given<Time>>,
    /// The command to rehearse, as it would stand behind `kubectl vmchaos`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// What `rehearse` was asked for.
#[derive(Debug, Clone)]
pub struct RehearseRequest {
    pub what: Rehearsed,
    /// `None` is what the practice cluster has by itself.
    pub vms: Option<u32>,
    pub nodes: Option<u32>,
    pub seed: Option<u64>,
    /// Added to every request.
    pub request_latency: Time,
}

/// What is done with the practice cluster.
#[derive(Debug, Clone)]
pub enum Rehearsed {
    /// It is kept up.
    Serve,
    Command(Box<Invocation>),
}

impl RehearseArgs {
    pub(super) fn request(&self, connection: &ConnectionArgs) -> Result<RehearseRequest, Rejected> {
        refuse_connection(connection)?;
        let what = match self.words() {
            _ if self.serve => Rehearsed::Serve,
            words => Rehearsed::Command(Box::new(nested(words)?)),
        };
        let (vms, nodes) = (value(self.vms), value(self.nodes));
        at_most("--vms", vms, MOST_VMS)?;
        at_most("--nodes", nodes, MOST_NODES)?;
        Ok(RehearseRequest {
            what,
            vms: vms.filter(|n| *n != 0),
            nodes: nodes.filter(|n| *n != 0),
            seed: value(self.seed),
            request_latency: value(self.request_latency).unwrap_or_default(),
        })
    }

    /// The command without the program's name, which may have been copied with it.
    fn words(&self) -> &[String] {
        match self.command.as_slice() {
            [kubectl, vmchaos, rest @ ..] if kubectl == "kubectl" && vmchaos == "vmchaos" => rest,
            [program, rest @ ..] if program == "kubectl-vmchaos" => rest,
            all => all,
        }
    }
}

/// The error with how a rehearsal is written, where a command stands in its place without `--`.
pub(super) fn told(args: &[OsString], mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let is_command = error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-');
    // `rehearse` takes no words but flags.
    let asked = super::Cli::command().ignore_errors(true).try_get_matches_from(args);
    let of_rehearse = asked.is_ok_and(|matches| matches.subcommand_name() == Some("rehearse"));
    let own = args.iter().position(|arg| arg == "rehearse");
    let own = own.filter(|_| is_command && of_rehearse).unwrap_or(args.len());
    let Some(at) = (own..args.len()).skip(1).find(|at| args[*at] == **word) else {
        return error;
    };
    let words = |args: &[OsString]| {
        args.iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    let (before, command) = args.split_at(at);
    let line = CommandLine::new("kubectl vmchaos")
        .args(words(before.get(1..).unwrap_or_default()))
        .own("--")
        .args(words(command));
    let tip = format!("to rehearse a command, put it behind `--`: {line}");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

fn at_most(flag: &str, asked: Option<u32>, most: u32) -> Result<(), Problem> {
    match asked {
        Some(asked) if asked > most => Err(Problem::usage(
            format!("{flag} {asked}: the practice cluster is kept in memory and takes at most {most}"),
            format!("{flag} {most}"),
        )),
        _ => Ok(()),
    }
}

/// The rehearsed command, parsed as it would be for real.
fn nested(words: &[String]) -> Result<Invocation, Rejected> {
    let program = "kubectl-vmchaos".to_owned();
    let mut invocation = super::parse(std::iter::once(&program).chain(words)).map_err(Rejected::Nested)?;
    if matches!(invocation.action, Action::Rehearse(_)) {
        return Err(Problem::usage("a rehearsal cannot be rehearsed", "leave out the second `rehearse`").into());
    }
    if let Action::Guide(guide) = &mut invocation.action {
        let usage = Problem::usage(
            "no command to rehearse",
            "put it behind `--`, as in `kubectl vmchaos rehearse -- list`, or give --serve",
        );
        guide.otherwise = into_clap(&usage, &mut super::command_for("rehearse")).into();
    }
    if invocation.connection.is_customised() {
        return Err(customised().into());
    }
    Ok(invocation)
}

fn refuse_connection(connection: &ConnectionArgs) -> Result<(), Problem> {
    if connection.connection().is_customised() {
        Err(customised())
    } else {
        Ok(())
    }
}

fn customised() -> Problem {
    Problem::usage(
        "a rehearsal runs on its own practice cluster: --kubeconfig, --context, --cluster, --user, --server and --token have no place in it",
        "leave them out; for a real cluster leave out `rehearse --`",
    )
}
