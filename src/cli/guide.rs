//! The command line of a fault as questions: what a form asks is what the flags are, with their help, defaults, words and
//! checks.

use std::sync::Arc;

use super::step::camel;
use crate::faults::registry::FAULTS;
use crate::gameday::file::yaml::Path;
use crate::gameday::step::{FaultStep, Setting};

use clap::{Arg, ArgAction, Command};

/// Headings of flags that say which VMs, by what means, and who agreed: none of what the fault is.
const NOT_ASKED: [&str; 4] = ["Choosing targets", "Debug pod", "Safety", "Connection"];
/// Asked all the same.
const REASON: &str = "reason";
/// Not asked all the same: it says everything by itself.
const REPLAY: &str = "replay";

/// `kubectl vmchaos` alone.
#[derive(Debug, Clone)]
pub struct GuideRequest {
    /// `-n`
    pub namespace: Option<String>,
    /// What is said where nobody can be guided.
    pub otherwise: Arc<clap::Error>,
}

/// A flag as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Without its dashes.
    pub flag: String,
    pub help: String,
    /// What holds when nothing is answered, in words; empty where that is nothing.
    pub default: String,
    /// The words it can be, each with its help; empty where it is a text.
    pub choices: Vec<(String, String)>,
    /// It has no value: the words are `yes` and `no`.
    pub is_switch: bool,
}

/// The faults there are: name, and what it is.
pub fn faults() -> Vec<(&'static str, String)> {
    let root = super::command();
    let about = |name| {
        let command = root.find_subcommand(name).and_then(Command::get_about);
        command.map(ToString::to_string).unwrap_or_default()
    };
    FAULTS.iter().map(|kind| (kind.command, about(kind.command))).collect()
}

/// What there is to say about a fault; the preset first, as the others build on it.
pub fn questions(fault: &str) -> Vec<Question> {
    let mut questions: Vec<Question> = asked(fault).iter().map(question).collect();
    questions.sort_by_key(|question| question.flag != "preset");
    questions
}

/// Whether a flag can have this value; the error is what the command line would say.
pub fn check(fault: &str, flag: &str, value: &str) -> Result<(), String> {
    let args = asked(fault);
    let Some(arg) = args.iter().find(|arg| arg.get_long() == Some(flag)) else {
        return Ok(());
    };
    if value.is_empty() || is_switch(arg) {
        return Ok(());
    }
    let alone = Command::new("kubectl vmchaos").no_binary_name(true).arg(arg.clone());
    match alone.try_get_matches_from([format!("--{flag}={value}")]) {
        Ok(_) => Ok(()),
        Err(error) => Err(words(&error)),
    }
}

/// The command line that does what was answered, the program's name first. `vms` are namespaces and names; `answers` are
/// flags and values, empty for what was left as it is.
pub fn argv(fault: &str, vms: &[(String, String)], answers: &[(Question, String)]) -> Vec<String> {
    let mut argv = vec!["kubectl-vmchaos".to_owned(), fault.to_owned()];
    argv.extend(vms.iter().map(|(namespace, name)| format!("vmi/{name}/{namespace}")));
    argv.extend(answers.iter().filter_map(|(question, answer)| {
        let flag = &question.flag;
        match (question.is_switch, answer.as_str()) {
            (_, "") | (true, "no") => None,
            (true, _) => Some(format!("--{flag}")),
            (false, value) => Some(format!("--{flag}={value}")),
        }
    }));
    argv
}

/// What was answered as a step of a game day.
pub fn step(fault: &'static str, vms: &[(String, String)], answers: &[(Question, String)]) -> FaultStep {
    let setting = |key: String, values| Setting {
        key,
        path: Path::default(),
        values,
    };
    let vms = vms
        .iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    let flags = answers.iter().filter_map(|(question, answer)| {
        let word = match (question.is_switch, answer.as_str()) {
            (_, "") | (true, "no") => return None,
            (true, _) => "true",
            (false, value) => value,
        };
        Some(setting(camel(&question.flag), vec![word.to_owned()]))
    });
    FaultStep {
        command: fault,
        settings: [setting("vms".to_owned(), vms)].into_iter().chain(flags).collect(),
    }
}

/// What is wrong with a command line, in one line: clap's words without the usage.
pub fn words(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .map(|line| line.trim_start_matches("error: ").trim_start_matches("hint: "))
        .collect();
    said.join("; ")
}

fn asked(fault: &str) -> Vec<Arg> {
    let root = super::command();
    let Some(command) = root.find_subcommand(fault) else {
        return Vec::new();
    };
    let is_asked = |arg: &&Arg| {
        let heading = arg.get_help_heading();
        let of_the_fault = heading.is_some_and(|heading| !NOT_ASKED.contains(&heading)) && !arg.is_hide_set();
        match arg.get_long() {
            None | Some(REPLAY) => false,
            Some(long) => !arg.is_global_set() && (of_the_fault || long == REASON),
        }
    };
    command.get_arguments().filter(is_asked).cloned().collect()
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn question(arg: &Arg) -> Question {
    let help = arg
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default()
        .replace('`', "");
    let (help, default) = match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), default.trim_end_matches(']').to_owned()),
        None => (help, String::new()),
    };
    let is_switch = is_switch(arg);
    let choices = if is_switch {
        vec![("no".to_owned(), String::new()), ("yes".to_owned(), help.clone())]
    } else {
        let words = arg.get_possible_values();
        let help = |word: &clap::builder::PossibleValue| word.get_help().map(ToString::to_string).unwrap_or_default();
        words
            .iter()
            .map(|word| (word.get_name().to_owned(), help(word)))
            .collect()
    };
    Question {
        flag: arg.get_long().unwrap_or_default().to_owned(),
        help,
        default: if is_switch { "no".to_owned() } else { default },
        choices,
        is_switch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(fault: &str) -> Vec<String> {
        questions(fault).into_iter().map(|question| question.flag).collect()
    }

    #[test]
    fn what_a_fault_is_is_asked_and_nothing_else() {
        let netem = flags("netem");
        assert_eq!(netem[..3], ["preset", "latency", "jitter"]);
        for flag in [
            "loss",
            "bandwidth",
            "duration",
            "ingress",
            "execution",
            "detach",
            "reason",
        ] {
            assert!(netem.iter().any(|asked| asked == flag), "{flag}: {netem:?}");
        }
        for flag in [
            "target", "count", "image", "yes", "dry-run", "context", "output", "filename", "replay",
        ] {
            assert!(!netem.iter().any(|asked| asked == flag), "{flag}: {netem:?}");
        }
        assert!(flags("filter").contains(&"ports".to_owned()));
        assert!(flags("migrate").contains(&"to-node".to_owned()));
        assert!(flags("outage").contains(&"mode".to_owned()));
    }

    #[test]
    fn defaults_and_words_are_those_of_the_help() {
        let questions = questions("netem");
        let find = |flag: &str| questions.iter().find(|question| question.flag == flag).unwrap();
        assert_eq!(find("duration").default, "120s");
        assert_eq!(find("latency").default, "");
        assert_eq!(find("execution").choices[1].0, "parallel");
        assert!(find("preset").choices[0].1.contains("latency 2000ms"));
        assert!(find("detach").is_switch);
    }

    #[test]
    fn a_value_is_refused_in_the_words_of_the_command_line() {
        let typed = super::super::parse(["kubectl-vmchaos", "netem", "web-1", "--latency", "100"]).unwrap_err();
        let asked = check("netem", "latency", "100").unwrap_err();
        assert_eq!(asked, words(&typed));
        assert!(asked.contains("invalid value '100' for '--latency <TIME>'"), "{asked}");
        assert_eq!(check("netem", "latency", "100ms"), Ok(()));
        assert_eq!(check("netem", "latency", ""), Ok(()));
        assert!(check("filter", "ports", "53,x").is_err());
        for fault in FAULTS {
            for question in questions(fault.command) {
                // Every flag can be looked at alone.
                let _ = check(fault.command, &question.flag, "1");
            }
        }
    }

    #[test]
    fn answers_are_a_command_line() {
        let questions = questions("outage");
        let answers: Vec<_> = questions
            .into_iter()
            .map(|question| {
                let answer = match question.flag.as_str() {
                    "mode" => "pause",
                    "duration" => "30s",
                    "no-recover" => "no",
                    "reason" => "-x y",
                    _ => "",
                };
                (question, answer.to_owned())
            })
            .collect();
        let argv = argv("outage", &[("shop".into(), "web-1".into())], &answers);
        assert_eq!(
            argv,
            [
                "kubectl-vmchaos",
                "outage",
                "vmi/web-1/shop",
                "--mode=pause",
                "--duration=30s",
                "--reason=-x y"
            ]
        );
        assert!(super::super::parse(argv).is_ok());
    }
}
