//! The files of a game day, and its faults read as command lines are.

use std::cell::RefCell;

use super::files;
use super::step_fault::{StepFault, step_fault};
use crate::cli::{self, ForAllSteps, GameDayRequest};
use crate::escape::escape;
use crate::faults::Fault as _;
use crate::faults::registry::FAULTS;
use crate::gameday::file::yaml::Path;
use crate::gameday::file::{self, FileProblem, GameDay, Reading, Text};
use crate::gameday::step::Step;
use crate::stop::Stop;

/// More problems than that are not read at once.
const SHOWN: usize = 50;

/// A game day and its faults, in the order of its file.
pub(super) struct Asked {
    pub(super) day: GameDay,
    pub(super) faults: Vec<Box<dyn StepFault>>,
    /// Files that others name, under the names that those have for them.
    pub(super) named: Vec<Text>,
}

/// Reads all of it; what is wrong with it is told at once.
pub(super) fn read(request: &GameDayRequest) -> Result<Asked, Stop> {
    read_texts(request, &files::all(&request.files)?)
}

/// The same of files that are read already.
pub(super) fn read_texts(request: &GameDayRequest, texts: &[Text]) -> Result<Asked, Stop> {
    let named = RefCell::new(Vec::new());
    let open = |name: &str| {
        let text = files::named(name)?;
        let as_named = Text {
            name: name.to_owned(),
            text: text.text.clone(),
        };
        named.borrow_mut().push(as_named);
        Ok(text)
    };
    let known: Vec<&'static str> = FAULTS.iter().map(|kind| kind.command).collect();
    let reading = Reading {
        given: &request.values,
        faults: &known,
        as_krkn: request.as_krkn,
        open: &open,
    };
    let mut day = file::read(texts, &reading).map_err(|problems| wrong(&problems))?;
    let mut problems = Vec::new();
    let namespace = namespace(&day, &request.for_all, &mut problems);
    let (mut faults, mut remarks) = (Vec::new(), Vec::new());
    for (n, (step, fault)) in day.steps.iter().flat_map(Step::faults).enumerate() {
        let for_all = ForAllSteps {
            namespace: namespace.clone(),
            // Each step draws for itself.
            seed: request.for_all.seed.wrapping_add(n as u64),
            ..request.for_all.clone()
        };
        let whole = if step.source == 0 {
            step.path.key(fault.command)
        } else {
            step.path.clone()
        };
        let mut read = match cli::step(fault, &for_all) {
            Ok(read) => read,
            Err(wrong) => {
                let told = wrong.into_iter().map(|one| {
                    let path = one
                        .setting
                        .and_then(|n| fault.settings.get(n))
                        .map(|setting| &setting.path);
                    day.problem(step, path.unwrap_or(&whole), one.message)
                });
                problems.extend(told);
                continue;
            }
        };
        remarks.extend(read.remarks.iter().map(|remark| format!("{}: {remark}", step.name)));
        read_writing(&mut read.request, request);
        if let Some(by) = request.speed {
            hasten(&mut read.request, by);
        }
        let asked = step_fault(read);
        if let Err(stop) = asked.must_choose() {
            problems.push(day.problem(step, &whole, stop.problem.message));
        }
        faults.push(asked);
    }
    if !problems.is_empty() {
        return Err(wrong(&problems));
    }
    day.remarks.extend(remarks);
    if let Some(by) = request.speed {
        day.steps.iter_mut().for_each(|step| step.hasten(by));
        let told = format!("--speed {by}: waits, durations and intervals take 1/{by} of what the file says");
        day.remarks.push(told);
    }
    day.namespace = namespace;
    let named = named.into_inner();
    Ok(Asked { day, faults, named })
}

macro_rules! read_writing {
    ($($command:literal: $name:ident($flags:path) => $fault:ty,)*) => {
        /// Whether it is a dry run, which is said of the whole game day.
        fn read_writing(fault: &mut cli::FaultRequest, request: &GameDayRequest) {
            match fault {
                $(cli::FaultRequest::$name(of) => of.writing = request.writing.clone(),)*
            }
        }
    };
}
crate::faults::registry::each_fault!(read_writing);

macro_rules! hasten {
    ($($command:literal: $name:ident($flags:path) => $fault:ty,)*) => {
        fn hasten(fault: &mut cli::FaultRequest, by: u32) {
            match fault {
                $(cli::FaultRequest::$name(of) => of.fault.hasten(by),)*
            }
        }
    };
}
crate::faults::registry::each_fault!(hasten);

/// Where VMs are that name no namespace: the file's word, where `-n` says nothing else.
fn namespace(day: &GameDay, all: &ForAllSteps, problems: &mut Vec<FileProblem>) -> Option<String> {
    match (&day.namespace, &all.namespace) {
        (Some(said), Some(asked)) if said != asked => {
            let at = Path::default().key("metadata").key("namespace");
            if let Some(step) = day.steps.first() {
                problems.push(day.problem(step, &at, format!("is {said}, and -n says {asked}")));
            }
            None
        }
        (said, asked) => said.clone().or_else(|| asked.clone()),
    }
}

/// The command line, or what it names, is wrong.
fn wrong(problems: &[FileProblem]) -> Stop {
    let mut files: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    files.dedup();
    let count = match problems.len() {
        1 => "a problem".to_owned(),
        count => format!("{count} problems"),
    };
    let shown = problems.iter().take(SHOWN);
    let mut lines: Vec<String> = shown
        .map(|problem| format!("  {}", escape(&problem.to_string())))
        .collect();
    if problems.len() > SHOWN {
        lines.push(format!("  and {} more", problems.len() - SHOWN));
    }
    let have = if files.len() == 1 { "has" } else { "have" };
    Stop::usage(format!(
        "{} {have} {count}\n{}",
        escape(&files.join(", ")),
        lines.join("\n")
    ))
}
