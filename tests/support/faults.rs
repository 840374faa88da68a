//! The faults there are, so that a test of all of them is one of the next, too.

use kubectl_vmchaos::testing::cli;

/// Their commands.
pub(crate) fn names() -> Vec<&'static str> {
    cli::guide::faults().into_iter().map(|(name, _)| name).collect()
}

/// The commands of the program, those for faults among them, and their other names; `is_meant` says which.
pub(crate) fn commands(is_meant: impl Fn(&clap::Command) -> bool) -> Vec<String> {
    let root = cli::command();
    let meant = root.get_subcommands().filter(|command| is_meant(command));
    let names = meant.flat_map(|command| std::iter::once(command.get_name()).chain(command.get_visible_aliases()));
    names.map(str::to_owned).collect()
}

/// A command line of each fault, without its VMs.
pub(crate) const LEAST: [&[&str]; 4] = [
    &["netem", "--latency", "20ms", "--duration", "1s"],
    &["filter", "--ports", "53", "--duration", "1s"],
    &["migrate"],
    &["outage", "--mode", "pause", "--duration", "1s"],
];
