//! The command line of a record that is run again. A file from elsewhere says what is done to which VMs, and nothing else: not
//! what runs privileged on a node, not where the cluster is, and not that somebody agrees.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use super::record::{BESIDE, GIVEN_ANEW, ReplayRequest};
use super::{Cli, Invocation, given, parse};

/// Why a record's command line is not run again.
#[derive(Debug)]
pub enum NotReplayed {
    /// It is no command line of this version.
    Unknown(clap::Error),
    /// Flags that no record has.
    SaysMore(Vec<String>),
    /// Flags of the record, with their values, that are never taken from a file and were not given anew.
    ToBeGiven(Vec<String>),
}

/// What the recorded words mean, with what was said beside `--replay`.
pub fn replayed(request: &ReplayRequest, recorded: &[String]) -> Result<Invocation, NotReplayed> {
    let root = Cli::command();
    let (name, rest) = recorded
        .split_first()
        .map_or(("", recorded), |(name, rest)| (name, rest));
    let words = ["kubectl-vmchaos", name].into_iter().map(str::to_owned);
    let matches = root
        .clone()
        .try_get_matches_from(words.chain(rest.iter().cloned()))
        .map_err(NotReplayed::Unknown)?;
    let known: Vec<Arg> = arguments(&root, &matches);
    let is_given = |arg: &&Arg| {
        let source = matches
            .subcommand()
            .and_then(|(_, of)| of.value_source(arg.get_id().as_str()));
        source == Some(ValueSource::CommandLine)
    };
    let is_own = |arg: &Arg| {
        let id = arg.get_id().as_str();
        !arg.is_global_set() && id != "replay" && (GIVEN_ANEW.contains(&id) || !BESIDE.contains(&id))
    };
    let says_more = known.iter().filter(is_given).filter(|arg| !is_own(arg));
    let says_more: Vec<String> = says_more
        .filter_map(Arg::get_long)
        .map(|long| format!("--{long}"))
        .collect();
    if !says_more.is_empty() {
        return Err(NotReplayed::SaysMore(says_more));
    }
    let given_now = |arg: &Arg| {
        let flag = arg.get_long().map(|long| format!("--{long}")).unwrap_or_default();
        let with_value = format!("{flag}=");
        let mut more = request.more.iter();
        more.any(|word| *word == flag || word.starts_with(&with_value))
    };
    let to_be_given = known
        .iter()
        .filter(is_given)
        .filter(|arg| GIVEN_ANEW.contains(&arg.get_id().as_str()) && !given_now(arg))
        .flat_map(|arg| given::flags(&root, &matches, |id| arg.get_id().as_str() == id));
    let to_be_given: Vec<String> = to_be_given.collect();
    if !to_be_given.is_empty() {
        return Err(NotReplayed::ToBeGiven(to_be_given));
    }
    let kept = given::flags(&root, &matches, |id| !GIVEN_ANEW.contains(&id));
    let line = ["kubectl-vmchaos", name].into_iter().map(str::to_owned);
    let line = line
        .chain(given::targets(&matches))
        .chain(kept)
        .chain(request.more.iter().cloned());
    parse(line).map_err(NotReplayed::Unknown)
}

fn arguments(root: &Command, matches: &ArgMatches) -> Vec<Arg> {
    let name = matches.subcommand_name().unwrap_or_default();
    let own = root.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
    own.chain(root.get_arguments()).cloned().collect()
}
