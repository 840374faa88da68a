//! Programs that tests write and then run.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable script. Another process writes it: a child that another test forks meanwhile would hold a file of ours
/// open for writing, and what is written to cannot be started (ETXTBSY).
pub(crate) fn executable(path: &Path, text: &str) {
    let mut command = Command::new("install");
    command
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped());
    let mut writer = command.spawn().unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}
