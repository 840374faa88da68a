//! Files of game days: from disk, all those of a folder, or stdin.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::escape::escape;
use crate::gameday::file::Text;
use crate::local::input;
use crate::problem::Reason;
use crate::stop::Stop;

/// No game day is larger, in bytes.
const MOST: u64 = 1024 * 1024;
/// What of a folder is read.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];

/// All that was named with `-f`; `-` is stdin, and of a folder every file that is YAML or JSON by its name, sorted.
pub(super) fn all(named: &[PathBuf]) -> Result<Vec<Text>, Stop> {
    let mut texts = Vec::new();
    for path in named {
        if path == Path::new("-") {
            texts.push(stdin()?);
        } else if path.is_dir() {
            let files = of_folder(path)?;
            texts.extend(files.iter().map(|file| one(file)).collect::<Result<Vec<_>, _>>()?);
        } else {
            texts.push(one(path)?);
        }
    }
    Ok(texts)
}

/// A file that another one names.
///
/// # Errors
/// Why it cannot be read, as a sentence.
pub(super) fn named(name: &str) -> Result<Text, String> {
    let text = input::read(Path::new(name)).map_err(|why| format!("{name} {why}"))?;
    Ok(Text {
        name: escape(name),
        text,
    })
}

fn one(path: &Path) -> Result<Text, Stop> {
    let name = escape(&path.display().to_string());
    match input::read(path) {
        Ok(text) => Ok(Text { name, text }),
        Err(why) => Err(unread(&name, &why.to_string())),
    }
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let name = escape(&folder.display().to_string());
    let entries = folder.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| unread(&name, &format!("cannot be read: {error}")))?;
    let is_ours = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| ENDS.iter().any(|known| end == *known))
    };
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).filter(is_ours).collect();
    if files.is_empty() {
        return Err(unread(&name, "has no file that ends in .yaml, .yml or .json"));
    }
    files.sort();
    Ok(files)
}

fn stdin() -> Result<Text, Stop> {
    let failed = |why: &str| unread("stdin", &format!("cannot be read: {why}"));
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(&error.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(failed("it is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text"))?;
    let name = "stdin".to_owned();
    Ok(Text { name, text })
}

fn unread(name: &str, why: &str) -> Stop {
    Stop::refused(Reason::GameDay, format!("{name} {why}"))
        .hint("name a game day's file, a folder of files, or - for stdin")
}
