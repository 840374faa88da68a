//! Reading a file that somebody named, or may have put there: a regular one, small, and never waited for.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// No config file and no report is larger, in bytes.
const MOST: u64 = 1024 * 1024;

/// Why a file is not read; a sentence that the file's name stands before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("cannot be read: it is not there")]
    Missing,
    #[error("cannot be read: {} is a link that leads nowhere", .0.display())]
    Dangling(PathBuf),
    #[error("cannot be read: it is {0}, and only a regular file is read")]
    Irregular(&'static str),
    #[error("cannot be read: it is larger than {} MiB, which none that is meant is", .0 / 1024 / 1024)]
    TooLarge(u64),
    #[error("cannot be read: it is not UTF-8 text")]
    NotText,
    #[error("cannot be read: {0}")]
    Failed(io::Error),
}

/// The text of a regular file of at most 1 MiB.
pub(crate) fn read(path: &Path) -> Result<String, Unread> {
    read_up_to(path, MOST)
}

/// The text of a regular file of at most so many bytes.
pub(crate) fn read_up_to(path: &Path, most: u64) -> Result<String, Unread> {
    let file = open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => dangling(path).map_or(Unread::Missing, Unread::Dangling),
        // A socket.
        _ if irregular(path) => Unread::Irregular("no file"),
        _ => Unread::Failed(error),
    })?;
    // Of what was opened: the name may mean another file by now.
    let there = file.metadata().map_err(Unread::Failed)?;
    if !there.is_file() {
        return Err(Unread::Irregular(kind(there.file_type())));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(Unread::Failed)?;
    if bytes.len() as u64 > most {
        return Err(Unread::TooLarge(most));
    }
    String::from_utf8(bytes).map_err(|_| Unread::NotText)
}

/// Whether [`read`] would read it, for a file that somebody else reads. One that is not there is left to them.
pub(crate) fn check(path: &Path) -> Result<(), Unread> {
    match path.metadata() {
        Ok(there) if !there.is_file() => Err(Unread::Irregular(kind(there.file_type()))),
        Ok(there) if there.len() > MOST => Err(Unread::TooLarge(MOST)),
        _ => Ok(()),
    }
}

/// Opens without waiting for whoever is to write into a fifo, and without making a terminal ours.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    options.open(path)
}

/// The link on the way to a file that is not there, if one is to blame.
fn dangling(path: &Path) -> Option<PathBuf> {
    let leads_nowhere = |path: &&Path| path.is_symlink() && !path.exists();
    path.ancestors().find(leads_nowhere).map(Path::to_owned)
}

fn irregular(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| !there.is_file())
}

/// What is no regular file, in a word.
pub(crate) fn kind(of: FileType) -> &'static str {
    if of.is_dir() {
        return "a directory";
    }
    if of.is_symlink() {
        return "a symbolic link";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if of.is_fifo() {
            return "a fifo";
        }
        if of.is_char_device() || of.is_block_device() {
            return "a device";
        }
        if of.is_socket() {
            return "a socket";
        }
    }
    "no file"
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_files_of_text_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let put = |name: &str, bytes: &[u8]| std::fs::write(path(name), bytes).unwrap();
        let why = |path: &Path| read(path).unwrap_err().to_string();
        put("good", b"text");
        put("most", &vec![b'a'; 1024 * 1024]);
        put("more", &vec![b'a'; 1024 * 1024 + 1]);
        put("bytes", &[0xff]);
        std::os::unix::fs::symlink("good", path("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("lost")).unwrap();
        std::os::unix::fs::symlink("lost", path("loster")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path("fifo")).status();
        assert!(made.unwrap().success());
        assert_eq!(read(&path("good")).unwrap(), "text");
        assert_eq!(read(&path("link")).unwrap(), "text");
        assert_eq!(read(&path("most")).unwrap().len(), 1024 * 1024);
        assert!(matches!(read(&path("absent")), Err(Unread::Missing)));
        assert!(why(&path("more")).contains("larger than 1 MiB"));
        assert!(why(&path("bytes")).contains("UTF-8"));
        assert!(why(&path("lost")).contains("leads nowhere"));
        assert!(why(&path("loster/in/it")).contains("leads nowhere"));
        assert!(why(&path("fifo")).contains("is a fifo"));
        assert!(why(folder.path()).contains("is a directory"));
        assert!(why(Path::new("/dev/zero")).contains("is a device"));
        assert!(matches!(read(&path("socket")), Err(Unread::Irregular(_))));
    }
}
