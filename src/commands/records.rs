//! The files that keep a run, or a game day: opened before anything is asked of the cluster, written as things happen or at the end. Files that
//! are there are replaced by those of a run that began, and by no other.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::report_file::{ReportFile, Unkept};
use crate::cli::{self, ReportForm};
use crate::problem::Reason;
use crate::report::{self, Document, Time};
use crate::stop::Stop;
use crate::ui::{Printer, Told};

/// The report files of one run.
#[derive(Default)]
pub(super) struct Records {
    run: String,
    /// Written at the end.
    files: Vec<(ReportForm, ReportFile)>,
    lines: Arc<Lines>,
    began: bool,
}

/// The files that are written line by line.
#[derive(Default)]
struct Lines(Mutex<Open>);

#[derive(Default)]
struct Open {
    files: Vec<ReportFile>,
    /// What went wrong, in words.
    failed: Vec<String>,
}

// === impl Records ===

impl Records {
    /// Opens all of them; a file that cannot be written refuses the run.
    pub(super) fn open(files: &[cli::ReportFile], run: &str) -> Result<Self, Stop> {
        let mut records = Self {
            run: run.to_owned(),
            ..Self::default()
        };
        let mut lines = Vec::new();
        for file in files {
            let open = ReportFile::open(&file.path, run).map_err(|unkept| refused(&file.path, &unkept))?;
            match file.form {
                ReportForm::Lines => lines.push(open),
                form => records.files.push((form, open)),
            }
        }
        records.lines.open().files = lines;
        Ok(records)
    }

    /// Lets what is shown be written, too.
    pub(super) fn listen(&self, printer: &Printer) {
        if self.lines.is_empty() {
            return;
        }
        let (lines, run) = (Arc::clone(&self.lines), self.run.clone());
        printer.listen(Arc::new(move |told: &Told<'_>| {
            lines.write(&line(
                &run,
                match told {
                    Told::Vm {
                        step: Some(step),
                        vmi,
                        node,
                        text,
                    } => json!({"event": "vm", "step": step, "vmi": vmi, "node": node, "text": text}),
                    Told::Vm { vmi, node, text, .. } => json!({"event": "vm", "vmi": vmi, "node": node, "text": text}),
                    Told::Note(text) => json!({"event": "note", "text": text}),
                },
            ));
        }));
    }

    /// A line of its own, e.g. `begun` or `planned`, with the document so far.
    pub(super) fn tell(&self, event: &str, report: &impl Document) {
        if self.lines.is_empty() {
            return;
        }
        let document = serde_json::to_value(report).unwrap_or_default();
        self.lines
            .write(&line(&self.run, json!({"event": event, "document": document})));
    }

    /// Something is done now: from here on files that are there are replaced, those of lines at once.
    pub(super) fn begin(&mut self) -> Result<(), Stop> {
        for file in &mut self.lines.open().files {
            let placed = file.place();
            placed.map_err(|error| refused(file.path(), &Unkept::of(file.path(), &error)))?;
        }
        self.began = true;
        Ok(())
    }

    /// Whether something was done.
    pub(super) fn began(&self) -> bool {
        self.began
    }

    /// Writes what is written at the end; what could not be, in words.
    pub(super) fn finish(mut self, printer: &Printer, report: &impl Document) -> Vec<String> {
        printer.listen(Arc::new(|_: &Told<'_>| {}));
        self.tell("ended", report);
        let Open { files, mut failed } = std::mem::take(&mut *self.lines.open());
        let lines = files.into_iter().map(|file| (ReportForm::Lines, file));
        for (form, mut file) in std::mem::take(&mut self.files).into_iter().chain(lines) {
            if file.would_replace() && !self.began {
                let path = file.path().display().to_string();
                printer.line(&format!(
                    "{path} is left as it was: nothing was done that it could tell of"
                ));
                continue;
            }
            let written = text(form, report).and_then(|text| file.write(&text));
            if let Err(error) = written.and_then(|()| file.place()) {
                failed.push(unwritten(file.path(), &error));
            }
        }
        failed
    }
}

impl Lines {
    fn is_empty(&self) -> bool {
        self.open().files.is_empty()
    }

    /// A file that cannot be written any more is given up, and told of at the end.
    fn write(&self, line: &str) {
        let mut open = self.open();
        let Open { files, failed } = &mut *open;
        files.retain_mut(|file| match file.write(line) {
            Ok(()) => true,
            Err(error) => {
                failed.push(unwritten(file.path(), &error));
                false
            }
        });
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(path: &Path, unkept: &Unkept) -> Stop {
    let why = format!(
        "the report cannot be kept: {} {}; nothing was done",
        path.display(),
        unkept.why
    );
    Stop::refused(Reason::Report, why).hint(&unkept.hint)
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("the report could not be written to {}: {error}", path.display())
}

fn line(run: &str, event: Value) -> String {
    let mut line = json!({"at": Time::now(), "run": run});
    if let (Some(line), Value::Object(event)) = (line.as_object_mut(), event) {
        line.extend(event);
    }
    format!("{line}\n")
}

fn text(form: ReportForm, report: &impl Document) -> io::Result<String> {
    Ok(match form {
        ReportForm::Json => report::json(report).map_err(io::Error::other)?,
        ReportForm::Markdown => report.markdown(),
        ReportForm::Html => report.html(),
        ReportForm::JUnit => report.junit(),
        // Written as things happen.
        ReportForm::Lines => String::new(),
    })
}
