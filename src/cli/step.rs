//! A fault in a file: its keys are the flags of its command in camelCase, read by what reads the command line.

use std::sync::LazyLock;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

use super::guide::words;
use super::{Action, FaultRequest, parse};
use crate::gameday::file::{FaultKeys, Flag};
use crate::gameday::step::{FaultStep, Setting};

/// Headings of flags that say who agreed, where the cluster is, and what is kept: none of a step's.
const NOT_OF_A_STEP: [&str; 3] = ["Safety", "Connection", "Records"];
/// Of the others: what runs privileged is the operator's word, and somebody always stays with a game day.
const OPERATORS: [&str; 3] = ["image", "pod-namespace", "detach"];
/// The outage that has debug pods.
const OUTAGE: &str = "outage";
const KILL: &str = "--mode=kill";
/// The VMs by name, which are no flag on the command line.
const VMS: &str = "vms";
/// A connection flag that a step may have.
const NAMESPACE: &str = "namespace";

/// All commands with all their flags; building them takes longer than reading a step.
static COMMANDS: LazyLock<Command> = LazyLock::new(|| {
    let mut root = super::command();
    root.build();
    root
});

/// What was said on the command line for all steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForAllSteps {
    /// `-n`
    pub namespace: Option<String>,
    /// Draws VMs, and schedules.
    pub seed: u64,
    pub reason: Option<String>,
    /// Flags about debug pods without their dashes, and the words they were given as.
    pub pods: Vec<(String, Vec<String>)>,
}

impl ForAllSteps {
    /// What a flag about debug pods was given as, by its name without dashes.
    pub fn pod_flag(&self, name: &str) -> Option<&str> {
        let (_, words) = self.pods.iter().find(|(of, _)| of == name)?;
        let last = words.last()?;
        Some(last.split_once('=').map_or(last.as_str(), |(_, value)| value))
    }
}

/// A fault of a file as a command line would have asked for it.
#[derive(Debug, Clone)]
pub struct StepRequest {
    pub request: FaultRequest,
    /// The command and its own flags, as a record keeps them.
    pub recorded: Vec<String>,
    /// What the step says and is not done, a sentence each.
    pub remarks: Vec<String>,
}

/// What is wrong with a fault of a file; `setting` is `None` where it is the fault as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongStep {
    pub setting: Option<usize>,
    pub message: String,
}

/// The keys that a step of a fault may have.
pub fn step_keys(fault: &'static str) -> FaultKeys {
    let root = super::command();
    let command = root.find_subcommand(fault);
    let about = command.and_then(Command::get_about).map(ToString::to_string);
    let vms = Flag {
        key: VMS.to_owned(),
        help: "VMs by name: NAME or NAMESPACE/NAME".to_owned(),
        words: Vec::new(),
        is_list: true,
        is_switch: false,
    };
    let flags = flags(&root, fault);
    let of_flags = flags.iter().map(|arg| Flag {
        key: camel(arg.get_long().unwrap_or_default()),
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        words: arg
            .get_possible_values()
            .iter()
            .map(|word| word.get_name().to_owned())
            .collect(),
        is_list: is_list(arg),
        is_switch: is_switch(arg),
    });
    FaultKeys {
        command: fault,
        about: about.unwrap_or_default(),
        flags: [vms].into_iter().chain(of_flags).collect(),
    }
}

/// What a fault of a file asks for.
///
/// # Errors
/// All that is wrong with it.
pub fn step(fault: &FaultStep, all: &ForAllSteps) -> Result<StepRequest, Vec<WrongStep>> {
    let root = &*COMMANDS;
    let known = flags(root, fault.command);
    let (mut wrong, mut remarks, mut line) = (Vec::new(), Vec::new(), Vec::new());
    for (n, setting) in fault.settings.iter().enumerate() {
        match words_of(root, &known, fault.command, setting, all) {
            Ok(Said::Words(words)) => line.extend(words),
            Ok(Said::Nothing(remark)) => remarks.push(remark),
            Err(message) => wrong.push(WrongStep {
                setting: Some(n),
                message,
            }),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut beside = Vec::new();
    for (long, words) in &all.pods {
        let takes = root
            .find_subcommand(fault.command)
            .is_some_and(|command| command.get_arguments().any(|arg| arg.get_long() == Some(long)));
        // Of an outage only a kill has debug pods, and no other takes flags about them.
        let has_pods = fault.command != OUTAGE || line.iter().any(|word| word == KILL);
        if takes && has_pods {
            // The operator's word stands above the file's.
            let flag = format!("--{long}=");
            line.retain(|word| !word.starts_with(&flag));
            beside.extend(words.iter().cloned());
        }
    }
    let has = |long: &str| {
        let flag = format!("--{long}");
        line.iter()
            .any(|word| *word == flag || word.starts_with(&format!("{flag}=")))
    };
    if !has("seed") {
        beside.push(format!("--seed={}", all.seed));
    }
    if let Some(namespace) = all
        .namespace
        .as_ref()
        .filter(|_| !has(NAMESPACE) && !has("namespaces") && !has("all-namespaces"))
    {
        beside.push(format!("--namespace={namespace}"));
    }
    beside.extend(all.reason.iter().map(|reason| format!("--reason={reason}")));
    let program = ["kubectl-vmchaos", fault.command].into_iter().map(str::to_owned);
    let parsed = parse(program.chain(line).chain(beside)).map_err(|error| {
        vec![WrongStep {
            setting: None,
            message: words(&error),
        }]
    })?;
    match parsed.action {
        Action::Fault(request) => Ok(StepRequest {
            request,
            recorded: parsed.recorded,
            remarks,
        }),
        // The words began with a fault.
        _ => Err(vec![WrongStep {
            setting: None,
            message: "is no fault".to_owned(),
        }]),
    }
}

/// What a setting comes to.
enum Said {
    Words(Vec<String>),
    /// It is taken and not done, and why.
    Nothing(String),
}

fn words_of(
    root: &Command,
    known: &[Arg],
    command: &str,
    setting: &Setting,
    all: &ForAllSteps,
) -> Result<Said, String> {
    if setting.key == VMS {
        let target = |name: &String| match name.split_once('/') {
            Some((namespace, name)) => format!("vmi/{name}/{namespace}"),
            None => format!("vmi/{name}"),
        };
        return Ok(Said::Words(setting.values.iter().map(target).collect()));
    }
    if setting.key == "image" {
        let image = setting.values.join(",");
        return Ok(Said::Nothing(format!(
            "image {image} is not used: what runs privileged on a node is not a file's choice; --image is yours"
        )));
    }
    let long = kebab(&setting.key);
    if OPERATORS.contains(&long.as_str()) {
        return Err(match long.as_str() {
            "detach" => "a game day stays with its faults".to_owned(),
            _ => format!("is not a file's choice; give --{long} on the command line"),
        });
    }
    let Some(arg) = known.iter().find(|arg| arg.get_long() == Some(&long)) else {
        return Err(unknown(root, known, command, &setting.key));
    };
    if long == NAMESPACE
        && let (Some(asked), [said]) = (&all.namespace, setting.values.as_slice())
        && asked != said
    {
        return Err(format!("is {said}, and -n says {asked}"));
    }
    let values = setting.values.iter().filter(|value| !value.is_empty());
    if is_switch(arg) {
        return match setting.values.as_slice() {
            [value] if value == "true" => Ok(Said::Words(vec![format!("--{long}")])),
            [value] if value == "false" || value.is_empty() => Ok(Said::Words(Vec::new())),
            _ => Err("must be true or false".to_owned()),
        };
    }
    if setting.values.len() > 1 && !is_list(arg) {
        return Err("takes one value, and is a list".to_owned());
    }
    for value in values.clone() {
        alone(root, command, &format!("--{long}={value}")).map_err(|error| why(&error, &long))?;
    }
    Ok(Said::Words(values.map(|value| format!("--{long}={value}")).collect()))
}

/// What is wrong with a value, without the flag's name and without what is said of command lines alone.
fn why(error: &clap::Error, long: &str) -> String {
    let told = words(error);
    let flag = format!("' for '--{long}");
    match told.split_once(&flag) {
        Some((value, rest)) => {
            let rest = rest.split_once('\'').map_or("", |(_, rest)| rest);
            format!("{value}'{rest}")
        }
        None => told,
    }
}

/// A command line of one flag.
fn alone(root: &Command, command: &str, flag: &str) -> Result<(), clap::Error> {
    let Some(command) = root.find_subcommand(command) else {
        return Ok(());
    };
    command
        .clone()
        .no_binary_name(true)
        .try_get_matches_from([flag])
        .map(|_| ())
}

fn unknown(root: &Command, known: &[Arg], command: &str, key: &str) -> String {
    let error = alone(root, command, &format!("--{}=x", kebab(key))).err();
    let near = error.and_then(|error| match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(flag)) => Some(camel(flag.trim_start_matches("--"))),
        _ => None,
    });
    match near {
        Some(near)
            if known
                .iter()
                .any(|arg| arg.get_long().map(camel).as_ref() == Some(&near)) =>
        {
            format!("unknown key `{key}`; there is `{near}`")
        }
        _ => format!("unknown key `{key}`; the keys are the flags of `kubectl vmchaos {command}` in camelCase"),
    }
}

/// The flags that a step may have.
fn flags(root: &Command, fault: &str) -> Vec<Arg> {
    let Some(command) = root.find_subcommand(fault) else {
        return Vec::new();
    };
    let is_ours = |arg: &&Arg| {
        let heading = arg.get_help_heading().unwrap_or_default();
        let long = arg.get_long().unwrap_or_default();
        !long.is_empty()
            && !arg.is_hide_set()
            && !arg.is_global_set()
            && !NOT_OF_A_STEP.contains(&heading)
            && !OPERATORS.contains(&long)
            && !["help", "version"].contains(&long)
    };
    let own = command.get_arguments().filter(is_ours);
    let namespace = root.get_arguments().filter(|arg| arg.get_long() == Some(NAMESPACE));
    own.chain(namespace).cloned().collect()
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some()
}

/// `on-migration` as a key: `onMigration`.
pub(super) fn camel(long: &str) -> String {
    let mut parts = long.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |key, part| {
        let mut letters = part.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        key + &head.into_iter().chain(letters).collect::<String>()
    })
}

/// `onMigration` as a flag: `on-migration`.
fn kebab(key: &str) -> String {
    let mut long = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            long.push('-');
        }
        long.push(letter.to_ascii_lowercase());
    }
    long
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
