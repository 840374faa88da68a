//! A report file: written beside the one it replaces, so that a good report is not lost to a run that dies, or does nothing.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::local::input::kind;

/// A file that will stand in its place once [`ReportFile::place`] is called.
pub(super) struct ReportFile {
    path: PathBuf,
    aside: PathBuf,
    file: File,
    /// There was a file in its place when this one was opened.
    replaces: bool,
    placed: bool,
}

/// Why a report cannot be kept there: a sentence that the file's name stands before, and what to do.
pub(super) struct Unkept {
    pub why: String,
    pub hint: String,
}

// === impl Unkept ===

impl Unkept {
    pub(super) fn of(path: &Path, error: &io::Error) -> Self {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).display();
        Self {
            why: format!("cannot be written: {error}"),
            hint: match error.kind() {
                io::ErrorKind::NotFound => format!("make the folder {folder}, or name another file"),
                _ => format!("make {} and its folder writable, or name another file", path.display()),
            },
        }
    }
}

// === impl ReportFile ===

impl ReportFile {
    /// Opens the file for a run with this id. What stands in its place must be a regular file, whose mode and owner it gets.
    pub(super) fn open(path: &Path, run: &str) -> Result<Self, Unkept> {
        let replaced = standing(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = path.with_file_name(format!(".{name}.{run}"));
        let file = create(&aside, replaced.is_some()).map_err(|error| Unkept::of(path, &error))?;
        let opened = Self {
            path: path.to_owned(),
            aside,
            file,
            replaces: replaced.is_some(),
            placed: false,
        };
        if let Some(replaced) = replaced {
            take_after(&opened.file, &replaced).map_err(|error| Unkept {
                why: format!("has an owner or a mode that could not be kept: {error}"),
                hint: "name a file of yours, or one that is not there yet".to_owned(),
            })?;
        }
        Ok(opened)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another file is in its place, and would be lost.
    pub(super) fn would_replace(&self) -> bool {
        self.replaces && !self.placed
    }

    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())
    }

    /// Puts it in its place; what is written later is written there.
    pub(super) fn place(&mut self) -> io::Result<()> {
        if self.placed {
            return Ok(());
        }
        self.file.sync_all()?;
        // Somebody may have put something else there meanwhile.
        standing(&self.path).map_err(|unkept| io::Error::other(format!("it {}", unkept.why)))?;
        fs::rename(&self.aside, &self.path)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for ReportFile {
    /// A command that came to nothing leaves no empty files beside the good ones.
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// What is in the place of a report: nothing, or a regular file that may be written to.
fn standing(path: &Path) -> Result<Option<Metadata>, Unkept> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unkept::of(path, &error)),
    };
    if !there.is_file() {
        let hint = if there.is_symlink() {
            "name the file that it leads to: a link is neither followed nor replaced"
        } else {
            "name a regular file, or one that is not there yet; for stdout use -o json"
        };
        return Err(Unkept {
            why: format!("is {}", kind(there.file_type())),
            hint: hint.to_owned(),
        });
    }
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let there = options.open(path).and_then(|file| file.metadata());
    there.map(Some).map_err(|error| Unkept::of(path, &error))
}

/// Makes the file; one that replaces another is nobody else's until it has that one's mode.
fn create(aside: &Path, private: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if private { 0o600 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = private;
    options.open(aside)
}

/// Gives a file the owner and the mode of another.
fn take_after(file: &File, other: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let ours = file.metadata()?;
        let differs = |ours: u32, other: u32| (ours != other).then_some(other);
        let (owner, group) = (differs(ours.uid(), other.uid()), differs(ours.gid(), other.gid()));
        if owner.is_some() || group.is_some() {
            fchown(file, owner, group)?;
        }
    }
    file.set_permissions(other.permissions())
}
