//! The kubeconfig and what it names: never waited for without an end, never read without a limit.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Rehearsal, Running};

/// A kubeconfig for the practice cluster, changed.
fn kubeconfig(rehearsal: &Rehearsal, change: impl FnOnce(&mut Value)) -> tempfile::TempPath {
    let text = std::fs::read_to_string(rehearsal.practice.kubeconfig()).unwrap();
    let mut config = serde_saphyr::from_str(&text).unwrap();
    change(&mut config);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    file.into_temp_path()
}

fn with<'a>(file: &'a Path, args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--kubeconfig", file.to_str().unwrap()]].concat()
}

fn fifo(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn a_signal_ends_a_command_whose_kubeconfig_is_a_pipe_that_nobody_writes_into() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(&folder);
    let mut command = rehearsal.spawn(&with(&fifo, &["list"]));
    // It is open for writing once the command reads it.
    let writer = std::fs::File::options().write(true).open(&fifo).unwrap();
    command.signal("TERM");
    command.end().expect(130);
    drop(writer);
}

#[test]
fn a_kubeconfig_in_a_pipe_is_read() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(&folder);
    let command = rehearsal.spawn(&with(&fifo, &["list"]));
    std::fs::copy(rehearsal.practice.kubeconfig(), &fifo).unwrap();
    command.end().expect(0).says(&[]);
}

#[test]
fn a_kubeconfig_without_an_end_is_refused() {
    let rehearsal = Rehearsal::new();
    let ended = rehearsal.run(&with(Path::new("/dev/zero"), &["list"]));
    ended.expect(1).says(&["larger than 16 MiB"]);
}

#[test]
fn what_a_kubeconfig_names_is_a_regular_file() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(&folder);
    for (kind, field) in [
        ("cluster", "certificate-authority"),
        ("user", "tokenFile"),
        ("user", "client-key"),
    ] {
        for (path, what) in [(fifo.as_path(), "a fifo"), (Path::new("/dev/zero"), "a device")] {
            let file = kubeconfig(&rehearsal, |config| {
                config[format!("{kind}s")][0][kind][field] = json!(path);
            });
            let ended = rehearsal.run(&with(&file, &["halt", "--all", "-y"]));
            ended.expect(3).says(&[field, what, "only a regular file is read"]);
        }
    }
}

#[test]
fn a_credential_plugin_that_never_answers_or_never_ends_is_given_up() {
    let rehearsal = Rehearsal::new();
    for (command, why) in [
        (json!(["sleep", "1000"]), "did not answer within 2s (--request-timeout)"),
        (json!(["cat", "/dev/zero"]), "printed more than 1 MiB"),
    ] {
        let file = kubeconfig(&rehearsal, |config| {
            config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
                "command": command[0], "args": [command[1]], "interactiveMode": "Never"}});
        });
        let limit = ["halt", "--all", "-y", "--request-timeout", "2s"];
        let ended = Running::start(rehearsal.command(&with(&file, &limit))).end();
        ended.expect(3).says(&[why, "hint: "]);
    }
}
