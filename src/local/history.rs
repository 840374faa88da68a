//! The documents of the newest runs, each in a file of its own: `$XDG_STATE_HOME/kubectl-vmchaos/runs`.
//!
//! A file is called by when its run began and by its id, so that the names sort by time. Only the user may read them.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::folders;
use super::input::{self, Unread};

/// So many are kept.
const KEPT: usize = 200;
const END: &str = ".json";

/// A run that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
}

fn folder() -> io::Result<PathBuf> {
    let state = folders::state().ok_or_else(|| io::Error::other("the home directory is not known"))?;
    Ok(state.join("runs"))
}

/// Keeps the document of a run, and forgets the oldest; `began` is when the run began, in digits that sort.
pub(crate) fn keep(id: &str, began: &str, document: &str) -> io::Result<()> {
    let folder = folder()?;
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    let path = folder.join(format!("{began}-{id}{END}"));
    // Whole or not at all.
    let aside = folder.join(format!(".{began}-{id}"));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&aside).and_then(|mut file| {
        file.write_all(document.as_bytes())?;
        fs::rename(&aside, &path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written?;
    let kept = all()?;
    for old in kept.iter().skip(KEPT) {
        let _ = fs::remove_file(&old.path);
    }
    Ok(())
}

/// All that are kept, the newest first.
pub(crate) fn all() -> io::Result<Vec<Kept>> {
    let folder = folder()?;
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let mut kept: Vec<Kept> = paths.into_iter().filter_map(of_path).collect();
    kept.sort_by(|a, b| b.path.cmp(&a.path));
    Ok(kept)
}

/// The run with this id.
pub(crate) fn find(id: &str) -> io::Result<Option<Kept>> {
    Ok(all()?.into_iter().find(|kept| kept.id == id))
}

fn of_path(path: PathBuf) -> Option<Kept> {
    let name = path.file_name()?.to_str()?.strip_suffix(END)?;
    let (began, id) = name.rsplit_once('-')?;
    let is_ours = !began.starts_with('.') && !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let id = is_ours.then(|| id.to_owned())?;
    Some(Kept { id, path })
}

// === impl Kept ===

impl Kept {
    /// The document.
    pub(crate) fn read(&self) -> Result<String, Unread> {
        input::read_up_to(&self.path, MOST)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The document of a long game day has some hundred thousand samples, in bytes.
const MOST: u64 = 256 * 1024 * 1024;
