//! The files that keep a run: opened before anything is asked of the cluster, written as things happen or at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::stop::Stop;
use crate::cli::{ReportFile, ReportForm};
use crate::report::{self, RunReport, Time};
use crate::ui::{Printer, Told};

/// The report files of one run.
#[derive(Default)]
pub(super) struct Records {
    run: String,
    files: Vec<Kept>,
    lines: Arc<Lines>,
}

/// A file that is written at the end, beside the one it will replace: a good report is not lost to a run that dies.
struct Kept {
    path: PathBuf,
    form: ReportForm,
    /// `None` for what is no regular file, such as a fifo: that is written as it is.
    aside: Option<PathBuf>,
}

/// The files that are written line by line.
#[derive(Default)]
struct Lines(Mutex<Open>);

#[derive(Default)]
struct Open {
    files: Vec<(PathBuf, File)>,
    /// What went wrong, in words.
    failed: Vec<String>,
}

// === impl Records ===

impl Records {
    /// Opens all of them; a file that cannot be written refuses the run.
    pub(super) fn open(files: &[ReportFile], report: &RunReport) -> Result<Self, Stop> {
        let mut records = Self {
            run: report.id.clone(),
            files: Vec::new(),
            lines: Arc::default(),
        };
        let mut lines = Vec::new();
        for file in files {
            let refused = |error: io::Error| {
                Stop::refused(
                    "report",
                    format!(
                        "the report cannot be kept in {}: {error}; nothing was done",
                        file.path.display()
                    ),
                )
                .hint(match error.kind() {
                    io::ErrorKind::NotFound => {
                        format!("make the folder {}, or name another file", file.folder().display())
                    }
                    _ => format!("make {} writable, or name another file", file.folder().display()),
                })
            };
            if file.form == ReportForm::Lines {
                let open = File::create(&file.path).map_err(refused)?;
                lines.push((file.path.clone(), open));
                continue;
            }
            let aside = aside(&file.path, &report.id);
            let probe = aside.as_deref().unwrap_or(&file.path);
            OpenOptions::new()
                .write(true)
                .create(aside.is_some())
                .open(probe)
                .map_err(refused)?;
            records.files.push(Kept {
                path: file.path.clone(),
                form: file.form,
                aside,
            });
        }
        records.lines = Arc::new(Lines(Mutex::new(Open {
            files: lines,
            failed: Vec::new(),
        })));
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
                    Told::Vm { vmi, node, text } => json!({"event": "vm", "vmi": vmi, "node": node, "text": text}),
                    Told::Note(text) => json!({"event": "note", "text": text}),
                },
            ));
        }));
    }

    /// A line of its own, e.g. `begun` or `planned`, with the document so far.
    pub(super) fn tell(&self, event: &str, report: &RunReport) {
        if self.lines.is_empty() {
            return;
        }
        let document = serde_json::to_value(report).unwrap_or_default();
        self.lines
            .write(&line(&self.run, json!({"event": event, "document": document})));
    }

    /// Writes what is written at the end; what could not be, in words.
    pub(super) fn finish(mut self, printer: &Printer, report: &RunReport) -> Vec<String> {
        printer.listen(Arc::new(|_: &Told<'_>| {}));
        self.tell("ended", report);
        let mut failed = self.lines.failed();
        for kept in std::mem::take(&mut self.files) {
            let written = text(kept.form, report).and_then(|text| kept.write(&text));
            if let Err(error) = written {
                failed.push(format!(
                    "the report could not be written to {}: {error}",
                    kept.path.display()
                ));
            }
        }
        failed
    }
}

impl Drop for Records {
    /// A command line that came to nothing leaves no empty files beside the good ones.
    fn drop(&mut self) {
        for aside in self.files.iter().filter_map(|kept| kept.aside.as_ref()) {
            let _ = fs::remove_file(aside);
        }
    }
}

impl Kept {
    fn write(&self, text: &str) -> io::Result<()> {
        let Some(aside) = &self.aside else {
            return OpenOptions::new()
                .write(true)
                .open(&self.path)?
                .write_all(text.as_bytes());
        };
        let mut file = File::create(aside)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(aside, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(aside);
        }
        written
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
        files.retain_mut(|(path, file)| match file.write_all(line.as_bytes()) {
            Ok(()) => true,
            Err(error) => {
                failed.push(format!(
                    "the report could not be written to {}: {error}",
                    path.display()
                ));
                false
            }
        });
    }

    fn failed(&self) -> Vec<String> {
        std::mem::take(&mut self.open().failed)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn aside(path: &Path, run: &str) -> Option<PathBuf> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return None;
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some(path.with_file_name(format!(".{name}.{run}")))
}

fn line(run: &str, event: Value) -> String {
    let mut line = json!({"at": Time::now(), "run": run});
    if let (Some(line), Value::Object(event)) = (line.as_object_mut(), event) {
        line.extend(event);
    }
    format!("{line}\n")
}

fn text(form: ReportForm, report: &RunReport) -> io::Result<String> {
    Ok(match form {
        ReportForm::Json => report::json(report).map_err(io::Error::other)?,
        ReportForm::Markdown => report.markdown(),
        ReportForm::Html => report.html(),
        ReportForm::JUnit => report.junit(),
        // Written as things happen.
        ReportForm::Lines => String::new(),
    })
}
