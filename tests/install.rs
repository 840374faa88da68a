//! `install.sh` from an archive: checksum first, both programs placed, nothing on refusal.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A release archive that holds a program which says its arguments, and where it is to go.
struct Release {
    dir: TempDir,
    archive: PathBuf,
}

impl Release {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("kubectl-vmchaos");
        std::fs::write(&program, "#!/bin/sh\necho \"asked: $*\"\n").unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::create_dir(dir.path().join("man")).unwrap();
        std::fs::write(dir.path().join("man/kubectl-vmchaos.1"), "a page\n").unwrap();
        let archive = dir.path().join("kubectl-vmchaos-linux-amd64.tar.gz");
        let tar = Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(dir.path())
            .args(["kubectl-vmchaos", "man"])
            .status();
        assert!(tar.unwrap().success());
        Self { dir, archive }
    }

    fn sum(&self) -> String {
        let out = Command::new("sha256sum").arg(&self.archive).output().unwrap();
        String::from_utf8(out.stdout)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    fn install(&self, more: &[&str]) -> Output {
        Command::new("sh")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"))
            .arg("--archive")
            .arg(&self.archive)
            .arg("--to")
            .arg(self.to())
            .args(more)
            .output()
            .unwrap()
    }

    fn is_installed(&self) -> bool {
        self.to().join("kubectl-vmchaos").exists() || self.to().join("kubectl_complete-vmchaos").exists()
    }
}

#[test]
fn both_programs_are_placed_and_the_shim_asks_the_binary() {
    let release = Release::new();
    std::fs::write(
        release.dir.path().join("SHA256SUMS"),
        format!("{}  kubectl-vmchaos-linux-amd64.tar.gz\n", release.sum()),
    )
    .unwrap();
    let out = release.install(&[]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let path = format!("{}:{}", release.to().display(), std::env::var("PATH").unwrap());
    let shim = Command::new(release.to().join("kubectl_complete-vmchaos"))
        .args(["netem", ""])
        .env("PATH", path)
        .output();
    assert_eq!(
        String::from_utf8(shim.unwrap().stdout).unwrap(),
        "asked: __complete netem \n"
    );
}

#[test]
fn an_archive_that_is_not_what_its_checksum_says_is_not_unpacked() {
    let release = Release::new();
    let out = release.install(&["--sha256", &"0".repeat(64)]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("is not what its checksum says"));
    assert!(!release.is_installed());
}

#[test]
fn an_archive_without_a_checksum_is_refused_with_the_way_to_give_one() {
    let release = Release::new();
    let out = release.install(&[]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--sha256"));
    assert!(!release.is_installed());
}

#[test]
fn a_second_install_replaces_the_first() {
    let release = Release::new();
    for _ in 0..2 {
        let out = release.install(&["--sha256", &release.sum()]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let left: Vec<_> = std::fs::read_dir(release.to())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_man_pages_come_along_and_all_of_it_goes_again() {
    let release = Release::new();
    let out = release.install(&["--sha256", &release.sum()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let page = release.dir.path().join("share/man/man1/kubectl-vmchaos.1");
    assert!(page.exists());
    std::fs::write(page.with_file_name("other.1"), "").unwrap();
    let out = Command::new("sh")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"))
        .arg("--uninstall")
        .arg("--to")
        .arg(release.to())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!release.is_installed() && !page.exists());
    assert!(page.with_file_name("other.1").exists());
}
