//! Which VMIs are meant, and how many of them.

use clap::Args;
use clap::builder::{Resettable, Str};
use regex::Regex;

use super::target::parse_target;
use super::value_parser::{count, seed, selector, value};
use crate::cluster::selection::{NamedTarget, Selection};
use crate::fault::full_match;
use crate::fault::{Given, Percent, ValueError};
use crate::problem::Problem;

const HEADING: &str = "Choosing targets";
/// Arguments stand under clap's own heading, above all others.
const NO_HEADING: Resettable<Str> = Resettable::Reset;

/// What of everything that matches is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowMany {
    All,
    /// Drawn by the seed; all of them when there are not more.
    AtMost(u32),
    /// This share of them, rounded down, and at least one; drawn by the seed.
    Share(Percent),
}

/// The VMIs somebody wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub selection: Selection,
    /// Whether anything was said that chooses; if not, a picker asks, or off a terminal the command ends.
    pub chosen: bool,
    pub how_many: HowMany,
    /// The flag that says how many.
    pub count_flag: &'static str,
    pub seed: Option<u64>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct MatchArgs {
    /// VMIs by name: NAME, or TYPE/NAME[/NAMESPACE] as `kubectl get vmi -o name` prints it
    #[arg(value_name = "TARGET", value_parser = optional_target, help_heading = NO_HEADING)]
    targets: Vec<Given<NamedTarget>>,
    /// VMIs whose whole name matches this regular expression
    #[arg(long, value_name = "REGEX", alias = "vm-name", value_parser = pattern)]
    target: Option<Given<Pattern>>,
    /// VMIs in every namespace whose whole name matches this regular expression
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    namespaces: Option<Given<Pattern>>,
    /// VMIs with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", alias = "label-selector", value_parser = selector)]
    selector: Option<Given<String>>,
    /// Leave out VMIs whose whole name matches this regular expression
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    exclude: Option<Given<Pattern>>,
    /// Look in all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = HEADING)]
pub(super) struct DrawArgs {
    /// Take so many of what matches, or this share of it (50%), drawn at random; 0 takes all [default: 1, and all that are named]
    #[arg(long, value_name = "N", conflicts_with_all = ["instance_count", "kill_count"], allow_hyphen_values = true, value_parser = amount)]
    count: Option<Given<Amount>>,
    // Names of krknctl, each a flag of its own: what is wrong with a number is said of the name that was typed.
    #[arg(long, hide = true, value_name = "N", conflicts_with = "kill_count", allow_hyphen_values = true, value_parser = count)]
    instance_count: Option<Given<u32>>,
    #[arg(long, hide = true, value_name = "N", allow_hyphen_values = true, value_parser = count)]
    kill_count: Option<Given<u32>>,
    /// Take all that matches
    #[arg(long)]
    all: bool,
    /// Draw the same VMIs again; printed with every draw
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true, value_parser = seed)]
    seed: Option<Given<u64>>,
}

/// What `--count` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    Count(u32),
    Share(Percent),
}

fn amount(text: &str) -> Result<Given<Amount>, ValueError> {
    if text.trim_end().ends_with('%') {
        return Given::parse(text, |text| Percent::parse(text).map(Amount::Share));
    }
    count(text).map(|given| Given(given.0.map(Amount::Count)))
}

/// A regular expression for whole names. Compared and shown by its text.
#[derive(Debug, Clone)]
struct Pattern(Regex);

fn pattern(text: &str) -> Result<Given<Pattern>, ValueError> {
    Given::parse(text, |text| {
        full_match(text).map(Pattern).map_err(|error| {
            // The first line names the problem, those before it draw it.
            let shown = error.to_string();
            let problem = shown
                .lines()
                .last()
                .unwrap_or("not a regular expression")
                .trim_start_matches("error: ");
            ValueError::new(
                format!("not a regular expression: {}", problem.escape_debug()),
                "'web-.*'",
            )
        })
    })
}

fn optional_target(text: &str) -> Result<Given<NamedTarget>, ValueError> {
    if text.is_empty() {
        Ok(Given(None))
    } else {
        parse_target(text).map(|target| Given(Some(target)))
    }
}

// === impl MatchArgs ===

impl MatchArgs {
    /// The selection, with `-n` as it was given.
    pub(super) fn selection(&self, namespace: Option<String>) -> Result<Selection, Problem> {
        let regex = |pattern: &Option<Given<Pattern>>| pattern.clone().and_then(|p| p.0).map(|p| p.0);
        let mut names = Vec::new();
        for name in super::value_parser::given(&self.targets) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let selection = Selection {
            names,
            target: regex(&self.target),
            namespaces: regex(&self.namespaces),
            namespace,
            all_namespaces: self.all_namespaces,
            selector: self.selector.clone().and_then(|selector| selector.0),
            exclude: regex(&self.exclude),
        };
        check(&selection)?;
        Ok(selection)
    }
}

pub(super) fn check(selection: &Selection) -> Result<(), Problem> {
    let others = [
        (selection.target.is_some(), "--target"),
        (selection.selector.is_some(), "-l"),
        (selection.all_namespaces, "-A"),
        (selection.namespaces.is_some(), "--namespaces"),
    ];
    if let (Some(named), Some((_, flag))) = (selection.names.first(), others.iter().find(|(given, _)| *given)) {
        return Err(Problem::usage(
            format!(
                "names and {flag} do not go together: `{}` is one VMI, {flag} is a search",
                named.name
            ),
            format!(
                "leave one of the two out; several names are fine, also as vmi/{}/NAMESPACE",
                named.name
            ),
        ));
    }
    if let Some(namespace) = &selection.namespace {
        if selection.all_namespaces {
            return Err(Problem::usage(
                format!("-n {namespace} and -A contradict each other"),
                "leave one of the two out",
            ));
        }
        if selection.namespaces.is_some() {
            return Err(Problem::usage(
                format!("-n {namespace} and --namespaces contradict each other"),
                "leave one of the two out",
            ));
        }
        let elsewhere = |target: &&NamedTarget| target.namespace.as_ref().is_some_and(|n| n != namespace);
        if let Some(target) = selection.names.iter().find(elsewhere) {
            let other = target.namespace.as_deref().unwrap_or_default();
            return Err(Problem::usage(
                format!("-n {namespace} contradicts vmi/{}/{other}", target.name),
                "leave out -n, or the namespace of the TARGET",
            ));
        }
    }
    Ok(())
}

// === impl Amount ===

impl Amount {
    fn is_zero(self) -> bool {
        match self {
            Self::Count(count) => count == 0,
            Self::Share(share) => share.is_zero(),
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
        }
    }
}

// === impl DrawArgs ===

impl DrawArgs {
    /// What is wanted of a selection; `usual` of what matches when nothing is said, and all of what is named.
    pub(super) fn wanted(&self, selection: Selection, usual: HowMany) -> Result<Wanted, Problem> {
        let amount = |count: Option<Given<u32>>| value(count).map(Amount::Count);
        let given = [
            ("--count", value(self.count)),
            ("--instance-count", amount(self.instance_count)),
            ("--kill-count", amount(self.kill_count)),
        ];
        let given = given.into_iter().find_map(|(flag, count)| Some((flag, count?)));
        let (count_flag, count) = given.map_or(("--count", None), |(flag, count)| (flag, Some(count)));
        let how_many = match (count, self.all) {
            (Some(amount), true) if !amount.is_zero() => {
                return Err(Problem::usage(
                    format!("{count_flag} {amount} and --all contradict each other"),
                    "leave one of the two out",
                ));
            }
            (Some(amount), _) if amount.is_zero() => HowMany::All,
            (_, true) => HowMany::All,
            (Some(Amount::Count(count)), false) => HowMany::AtMost(count),
            (Some(Amount::Share(share)), false) => HowMany::Share(share),
            (None, false) if !selection.names.is_empty() => HowMany::All,
            (None, false) => usual,
        };
        // Where to look and what to leave out do not say what to hit.
        let chosen = !selection.names.is_empty()
            || selection.target.is_some()
            || selection.selector.is_some()
            || selection.namespaces.is_some();
        Ok(Wanted {
            selection,
            chosen,
            how_many,
            count_flag,
            seed: value(self.seed),
        })
    }
}
