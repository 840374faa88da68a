//! Command lines that the grammar nearly has: read, compiled, and some of them run.

use std::time::Duration;

use kubectl_vmchaos::testing::cli;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::campaign::holds;
use super::mutate::ODD;
use super::replies::{ends_well, run};
use crate::support::Rehearsal;
use crate::support::compiled::compiled;
use crate::support::faults::{self, commands};

/// Values that some flag takes, next to those that none does.
const VALUES: [&str; 32] = [
    "web-1",
    "web-.*",
    "vmi/web-1/shop",
    "shop/db-0",
    "default",
    "app=web",
    "0",
    "1",
    "2",
    "50%",
    "0.02",
    "100",
    "20ms",
    "1.5s",
    "2m",
    "0ms",
    "100mbit",
    "1mbps",
    "53",
    "53,8000-8100",
    "tcp,udp",
    "all",
    "10.0.0.0/8",
    "fd00::/8",
    "true",
    "false",
    "json",
    "wide",
    "parallel",
    "stop",
    "3g",
    "isolate",
];

/// A subcommand's own flags and those of all commands, as they are typed.
fn flags(command: &str) -> Vec<String> {
    let root = cli::command();
    let own = root
        .find_subcommand(command)
        .into_iter()
        .flat_map(clap::Command::get_arguments);
    let all = own.chain(root.get_arguments());
    let mut flags: Vec<String> = all
        .flat_map(|arg| {
            let longs = arg
                .get_long_and_visible_aliases()
                .unwrap_or_default()
                .into_iter()
                .map(|long| format!("--{long}"));
            let hidden = arg
                .get_all_aliases()
                .unwrap_or_default()
                .into_iter()
                .map(|long| format!("--{long}"));
            let short = arg.get_short().map(|short| format!("-{short}"));
            longs.chain(hidden).chain(short).collect::<Vec<_>>()
        })
        .collect();
    flags.sort();
    flags
}

fn lines(commands: Vec<String>) -> impl Strategy<Value = Vec<String>> {
    let value = || {
        prop_oneof![
            8 => select(&VALUES[..]).prop_map(str::to_owned),
            2 => select(&ODD[..]).prop_map(str::to_owned),
            1 => any::<String>(),
        ]
        // No command line of an operating system has one.
        .prop_map(|text| text.replace('\0', ""))
    };
    select(commands).prop_flat_map(move |command| {
        let flag = select(flags(&command));
        let part = prop_oneof![
            4 => (flag.clone(), value()).prop_map(|(flag, value)| vec![flag, value]),
            2 => (flag.clone(), value()).prop_map(|(flag, value)| vec![format!("{flag}={value}")]),
            2 => flag.prop_map(|flag| vec![flag]),
            2 => value().prop_map(|value| vec![value]),
        ];
        vec(part, 0..7).prop_map(move |parts| {
            std::iter::once(command.clone())
                .chain(parts.into_iter().flatten())
                .collect()
        })
    })
}

#[test]
fn a_command_line_is_understood_or_wrong() {
    let mut all = commands(|_| true);
    all.extend(["help".to_owned(), String::new()]);
    holds(1024, &lines(all), |words| {
        match cli::parse(std::iter::once("kubectl-vmchaos".to_owned()).chain(words.iter().cloned())) {
            // What is understood can be compiled, or is refused.
            Ok(_) => drop(compiled(&words.join(" "))),
            Err(error) => {
                prop_assert!([0, 2].contains(&error.exit_code()));
                prop_assert!(!error.render().to_string().is_empty());
            }
        }
        Ok(())
    });
}

/// Whether it has a dry run, in which it changes nothing.
fn has_a_dry_run(command: &clap::Command) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some("dry-run"))
}

#[test]
fn a_command_that_is_run_ends_with_a_code_of_the_contract() {
    let rehearsal = Rehearsal::new();
    let harmless = commands(|command| command.get_name() != "rehearse");
    let dry = commands(has_a_dry_run);
    assert!(dry.len() > faults::names().len(), "{dry:?}");
    holds(24, &lines(harmless), |mut words| {
        // These last, write files, or reach for other servers.
        let kept = [
            "--watch",
            "-w",
            "--report",
            "--replay",
            "--server",
            "-s",
            "--kubeconfig",
            "--pod-running-timeout",
        ];
        words.retain(|word| !kept.iter().any(|flag| word.starts_with(flag)));
        if dry.contains(&words[0]) {
            words.push("--dry-run".to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ended = run(rehearsal.command(&words), Duration::from_secs(60))?;
        ends_well(&ended, words.contains(&"json"))?;
        prop_assert_eq!(rehearsal.writes(), Vec::<String>::new());
        Ok(())
    });
}
