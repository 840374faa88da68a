//! The flags of a command as they were given, for a command line that does the same.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// What chooses VMs, which others name, and who agreed, which nobody can say beforehand.
const NOT_REPEATED: [&str; 9] = [
    "targets",
    "target",
    "namespaces",
    "selector",
    "exclude",
    "all_namespaces",
    "count",
    "all",
    "yes",
];

/// The command in `matches`, and its flags under their full names, each a word or two; without those that choose VMs or agree,
/// and without those that every command takes.
pub(super) fn command(root: &Command, matches: &ArgMatches) -> Vec<String> {
    let name = matches.subcommand_name().map(str::to_owned);
    name.into_iter()
        .chain(flags(root, matches, |id| !NOT_REPEATED.contains(&id)))
        .collect()
}

/// What a record keeps of the command: as above, and without what is about one run of it.
pub(super) fn recorded(root: &Command, matches: &ArgMatches) -> Vec<String> {
    let name = matches.subcommand_name().map(str::to_owned);
    let of_one_run = ["dry_run", "reason", "report", "replay"];
    name.into_iter()
        .chain(flags(root, matches, |id| {
            !NOT_REPEATED.contains(&id) && !of_one_run.contains(&id)
        }))
        .collect()
}

/// The command's own flags that were given and are wanted, by their clap IDs.
pub(super) fn flags(root: &Command, matches: &ArgMatches, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let Some((name, given)) = matches.subcommand() else {
        return Vec::new();
    };
    let args = root.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
    let repeated = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        !arg.is_global_set() && wanted(id) && given.value_source(id) == Some(ValueSource::CommandLine)
    };
    args.filter(repeated).flat_map(|arg| words(arg, given)).collect()
}

/// The TARGETs, as they were given.
pub(super) fn targets(matches: &ArgMatches) -> Vec<String> {
    let given = matches
        .subcommand()
        .and_then(|(_, of)| of.try_get_raw("targets").ok().flatten());
    given
        .into_iter()
        .flatten()
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

fn words(arg: &Arg, given: &ArgMatches) -> Vec<String> {
    let Some(long) = arg.get_long() else {
        return Vec::new();
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return vec![format!("--{long}")];
    }
    let occurrences = given.get_raw_occurrences(arg.get_id().as_str()).into_iter().flatten();
    let values = occurrences.map(|values| {
        let values: Vec<_> = values.map(std::ffi::OsStr::to_string_lossy).collect();
        values.join(",")
    });
    // Given without its value, which it can do without: `--yes`.
    let bare = |value: &String| value.is_empty() && arg.get_num_args().is_some_and(|range| range.min_values() == 0);
    values
        // Any other flag with an empty value is one that was not given.
        .filter(|value| !value.is_empty() || bare(value))
        .flat_map(|value| {
            if value.is_empty() {
                vec![format!("--{long}")]
            } else if arg.is_require_equals_set() || value.starts_with('-') {
                vec![format!("--{long}={value}")]
            } else {
                vec![format!("--{long}"), value]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    fn given(line: &str) -> Vec<String> {
        let words = std::iter::once("kubectl-vmchaos").chain(line.split(' '));
        super::super::parse(words).unwrap().given
    }

    #[test]
    fn flags_are_repeated_under_their_names_and_what_chooses_is_not() {
        assert_eq!(
            given(
                "netem --exclude db.* --latency=20ms --chaos-duration 1m -y --detach --execution parallel --context x"
            ),
            [
                "netem",
                "--latency",
                "20ms",
                "--duration",
                "1m",
                "--execution",
                "parallel",
                "--detach"
            ]
        );
        assert_eq!(
            given("filter web-1 --peer 10.0.0.0/8,fd00::/8"),
            ["filter", "--peer", "10.0.0.0/8,fd00::/8"]
        );
        assert_eq!(given("migrate --dry-run -l a=b"), ["migrate", "--dry-run=client"]);
    }
}
