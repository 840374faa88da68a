//! Flags about the record of a run: files that keep it, and one that is run again.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};

use super::given;

use crate::problem::Problem;

/// What a report file is written as, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// The document.
    Json,
    /// A line of JSON for everything that happens, written at once.
    Lines,
    Markdown,
    Html,
    JUnit,
}

/// A file that is to keep a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    pub path: PathBuf,
    pub form: ReportForm,
}

/// A recorded run that is to be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// The command it was asked of, which must be that of the record.
    pub command: String,
    pub file: PathBuf,
    /// What was said beside it: `--dry-run`, `--yes`, `--reason`, `--report`, and what is never taken from a file.
    pub more: Vec<String>,
}

/// Flags about files that keep a run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Records")]
pub(super) struct ReportArgs {
    /// Keep a report in this file, also after a signal: .json, .md, .html, .xml (`JUnit`), or .jsonl, which is written as things
    /// happen; several may be given. A file that is there is replaced once something is done: not by a dry run or a refusal
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    report: Vec<ReportFile>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Records")]
pub(super) struct RecordArgs {
    #[command(flatten)]
    report: ReportArgs,
    /// Run what a .json or .jsonl report, or a run of `history`, says once more: the same fault on the same VMs of the same server; --image,
    /// --pod-namespace, --service-account and --detach are never taken from a file, and have to be given anew
    #[arg(long, value_name = "FILE|ID")]
    replay: Option<PathBuf>,
}

/// Flags that may stand beside `--replay`; those that every command takes may, too.
pub(super) const BESIDE: [&str; 8] = [
    "dry_run",
    "yes",
    "reason",
    "report",
    "image",
    "pod_namespace",
    "service_account",
    "detach",
];
/// Of those, what a record keeps and a replay still never takes from it: what runs privileged on a node, where and as whom, and
/// that nobody stays to watch.
pub(super) const GIVEN_ANEW: [&str; 4] = ["image", "pod_namespace", "service_account", "detach"];

fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let form = match path.extension().and_then(std::ffi::OsStr::to_str) {
        Some("json") => ReportForm::Json,
        Some("jsonl") => ReportForm::Lines,
        Some("md") => ReportForm::Markdown,
        Some("html") => ReportForm::Html,
        Some("xml") => ReportForm::JUnit,
        _ => {
            return Err(
                "the name's end says what is written: .json, .jsonl, .md, .html or .xml; for stdout use -o json"
                    .to_owned(),
            );
        }
    };
    Ok(ReportFile { path, form })
}

// === impl RecordArgs ===

impl RecordArgs {
    pub(super) fn files(&self) -> Result<Vec<ReportFile>, Problem> {
        self.report.files()
    }
}

// === impl ReportArgs ===

impl ReportArgs {
    pub(super) fn files(&self) -> Result<Vec<ReportFile>, Problem> {
        let mut files: Vec<ReportFile> = Vec::new();
        for file in &self.report {
            if files.iter().any(|other| other.path == file.path) {
                return Err(Problem::usage(
                    format!("--report {} is given twice", file.path.display()),
                    "name each file once",
                ));
            }
            files.push(file.clone());
        }
        Ok(files)
    }
}

/// The run that is to be run again, where `--replay` asks for one: nothing else may then say what is to be done.
pub(super) fn replay(root: &Command, matches: &ArgMatches) -> Result<Option<ReplayRequest>, Problem> {
    let Some((name, args)) = matches.subcommand() else {
        return Ok(None);
    };
    let known = args.try_contains_id("replay").unwrap_or(false);
    let Some(file) = known.then(|| args.get_one::<PathBuf>("replay")).flatten() else {
        return Ok(None);
    };
    let command = root.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
    for arg in command {
        let id = arg.get_id().as_str();
        let other = !arg.is_global_set() && id != "replay" && !BESIDE.contains(&id);
        if other && args.value_source(id) == Some(ValueSource::CommandLine) {
            let flag = arg
                .get_long()
                .map_or_else(|| "a TARGET".to_owned(), |long| format!("--{long}"));
            return Err(Problem::usage(
                format!("{flag} and --replay do not go together: the record says what is done, and to which VMs"),
                format!("leave one of the two out; for something else: kubectl vmchaos {name} without --replay"),
            ));
        }
    }
    Ok(Some(ReplayRequest {
        command: name.to_owned(),
        file: file.clone(),
        more: given::flags(root, matches, |id| BESIDE.contains(&id)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_name_says_what_is_written() {
        let form = |name: &str| report_file(name).map(|file| file.form);
        assert_eq!(form("a/b.json"), Ok(ReportForm::Json));
        assert_eq!(form("x.jsonl"), Ok(ReportForm::Lines));
        assert_eq!(form("x.y.html"), Ok(ReportForm::Html));
        for bad in ["-", "x", "x.txt", ".json", ""] {
            assert!(form(bad).unwrap_err().contains(".jsonl"), "{bad}");
        }
    }
}
