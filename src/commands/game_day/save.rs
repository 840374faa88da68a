//! What was chosen at prompts as a step of a game day's file.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::command_line::CommandLine;
use crate::escape::escape;
use crate::faults::registry::FAULTS;
use crate::gameday::file::append::{append, begin};
use crate::gameday::step::FaultStep;
use crate::local::input::{self, Unread};
use crate::problem::Reason;
use crate::stop::Stop;

/// Writes a new file, or adds a step to one that is there; what to do with it, as a line for a person.
pub(in crate::commands) fn save(file: &str, step: &FaultStep) -> Result<String, Stop> {
    let (path, shown) = (Path::new(file), escape(file));
    let refused = |why: String| Stop::refused(Reason::GameDay, format!("{shown} {why}; nothing was written"));
    let known: Vec<&'static str> = FAULTS.iter().map(|kind| kind.command).collect();
    let (did, name) = match input::read(path) {
        Ok(text) => {
            let added = append(&text, step, &known).map_err(refused)?;
            replace(path, &added.text).map_err(|error| refused(format!("cannot be written: {error}")))?;
            ("added to", added.name)
        }
        Err(Unread::Missing) => {
            let called = path.file_stem().unwrap_or_default().to_string_lossy();
            let begun = begin(&called, step);
            let written = fs::File::create_new(path).and_then(|mut new| new.write_all(begun.text.as_bytes()));
            written.map_err(|error| match error.kind() {
                ErrorKind::NotFound => refused("would be in a folder that is not there".to_owned()),
                _ => refused(format!("cannot be written: {error}")),
            })?;
            ("written to", begun.name)
        }
        Err(why) => return Err(refused(why.to_string())),
    };
    let run = CommandLine::new("kubectl vmchaos run").flag("-f", file).own("--plan");
    Ok(format!(
        "step {name} was {did} {shown}; {}",
        run.to("to see what it would do: ")
    ))
}

/// All of the new text or all of the old, whatever happens meanwhile.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link leads to, and not the link.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::File::create_new(&beside).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        new.set_permissions(fs::metadata(&path)?.permissions())?;
        new.sync_all()?;
        fs::rename(&beside, &path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
