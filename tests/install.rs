//! `install.sh` from an archive: checksum first, both programs placed, nothing on refusal.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::executable::executable;

/// A release archive that holds a program which says its arguments, and where it is to go.
struct Release {
    dir: TempDir,
    archive: PathBuf,
}

impl Release {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("kubectl-vmchaos");
        executable(&program, "#!/bin/sh\necho \"asked: $*\"\n");
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
        self.command(more).output().unwrap()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"))
            .arg("--archive")
            .arg(&self.archive)
            .arg("--to")
            .arg(self.to())
            .args(more);
        command
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

/// An archive whose members a shell makes in a folder of its own: `make` are its commands.
fn archive_of(release: &Release, make: &str, members: &str) {
    archive_by(release, &format!("{make}; tar -cf all.tar {members}"));
}

/// An archive of what such commands have put into `all.tar`.
fn archive_by(release: &Release, make: &str) {
    let gzip = "gzip -c all.tar >../kubectl-vmchaos-linux-amd64.tar.gz";
    let script = format!("set -e; mkdir \"$1/evil\"; cd \"$1/evil\"; {make}; {gzip}");
    let status = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(release.dir.path())
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_link_in_the_archive_is_not_followed() {
    for (make, members) in [
        ("ln -s /bin/sh kubectl-vmchaos", "kubectl-vmchaos"),
        ("ln -s ../secret kubectl-vmchaos", "./kubectl-vmchaos"),
        ("echo x > other; ln other kubectl-vmchaos", "other kubectl-vmchaos"),
        (": > kubectl-vmchaos", "kubectl-vmchaos"),
        ("mkdir kubectl-vmchaos; echo x > kubectl-vmchaos/x", "kubectl-vmchaos"),
    ] {
        let release = Release::new();
        std::fs::write(release.dir.path().join("secret"), "of the user").unwrap();
        archive_of(&release, make, members);
        let out = release.install(&["--sha256", &release.sum()]);
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{make}: {err}");
        assert!(err.contains("error: ") && err.contains("kubectl-vmchaos"), "{err}");
        assert!(!release.is_installed(), "{make}");
    }
}

/// tar prints the contents of all of them, one after the other.
#[test]
fn a_program_that_is_in_the_archive_twice_is_refused() {
    let program = "echo a > kubectl-vmchaos; tar -cf all.tar kubectl-vmchaos";
    for more in [
        "tar -rf all.tar kubectl-vmchaos",
        "tar -rf all.tar ./kubectl-vmchaos",
        "rm kubectl-vmchaos; mkdir kubectl-vmchaos; echo b > kubectl-vmchaos/x; tar -rf all.tar kubectl-vmchaos/x",
        "mkdir man; echo b > man/kubectl-vmchaos.1; for n in 1 2; do tar -rf all.tar man/kubectl-vmchaos.1; done",
    ] {
        let release = Release::new();
        archive_by(&release, &format!("{program}; {more}"));
        let out = release.install(&["--sha256", &release.sum()]);
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{more}: {err}");
        assert!(err.contains("holds more than one ") && err.contains("hint: "), "{err}");
        assert!(!release.is_installed(), "{more}");
    }
}

/// Whoever may write into the folder could have any file of the user's written over.
#[test]
fn a_link_where_something_is_to_go_is_replaced_and_not_followed() {
    let release = Release::new();
    let pages = release.dir.path().join("share/man/man1");
    let victim = release.dir.path().join("victim");
    std::fs::write(&victim, "of the user").unwrap();
    std::fs::create_dir(release.to()).unwrap();
    std::fs::create_dir_all(&pages).unwrap();
    for name in ["kubectl-vmchaos", "kubectl_complete-vmchaos"] {
        symlink(&victim, release.to().join(name)).unwrap();
        symlink(&victim, release.to().join(format!(".{name}.new"))).unwrap();
    }
    symlink(&victim, pages.join("kubectl-vmchaos.1")).unwrap();
    let out = release.install(&["--sha256", &release.sum()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "of the user");
    let placed = [release.to().join("kubectl-vmchaos"), pages.join("kubectl-vmchaos.1")];
    assert!(placed.iter().all(|path| !path.is_symlink()));
}

#[test]
fn a_directory_where_a_program_is_to_go_is_told() {
    let release = Release::new();
    let program = release.to().join("kubectl-vmchaos");
    std::fs::create_dir_all(&program).unwrap();
    let out = release.install(&["--sha256", &release.sum()]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("kubectl-vmchaos is a directory"));
    assert_eq!(std::fs::read_dir(program).unwrap().count(), 0);
}

#[test]
fn nothing_half_done_is_left_in_the_folder() {
    for (end, code) in [("exit 1", 1), ("kill -TERM $PPID", 130)] {
        let release = Release::new();
        let tools = release.dir.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        let chmod = tools.join("chmod");
        executable(&chmod, &format!("#!/bin/sh\n{end}\n"));
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let sum = release.sum();
        let out = release.command(&["--sha256", &sum]).env("PATH", path).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{end}");
        assert_eq!(std::fs::read_dir(release.to()).unwrap().count(), 0, "{end}");
    }
}

#[test]
fn a_man_page_that_is_a_link_is_not_followed_and_other_members_are_left_alone() {
    let release = Release::new();
    let program = "echo '#!/bin/sh' > kubectl-vmchaos; mkdir man";
    archive_of(
        &release,
        &format!("{program}; ln -s ../../secret man/kubectl-vmchaos.1"),
        "kubectl-vmchaos man",
    );
    let out = release.install(&["--sha256", &release.sum()]);
    assert_eq!(out.status.code(), Some(1));
    assert!(!release.is_installed());

    let release = Release::new();
    let more = "echo page > man/kubectl-vmchaos.1; echo x > man/ls.1; echo x > other";
    archive_of(
        &release,
        &format!("{program}; {more}"),
        "-P ../evil/other kubectl-vmchaos man",
    );
    let out = release.install(&["--sha256", &release.sum()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let pages = std::fs::read_dir(release.dir.path().join("share/man/man1")).unwrap();
    let pages: Vec<_> = pages.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(pages, ["kubectl-vmchaos.1"]);
}

#[test]
fn an_empty_checksum_is_not_replaced_by_the_one_beside_the_archive() {
    let release = Release::new();
    let beside = release.dir.path().join("kubectl-vmchaos-linux-amd64.tar.gz.sha256");
    std::fs::write(beside, release.sum()).unwrap();
    let out = release.install(&["--sha256", ""]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--sha256 has an empty value"));
    assert!(!release.is_installed());
}

#[test]
fn a_directory_whose_name_looks_like_an_option_is_one() {
    let release = Release::new();
    let out = Command::new("sh")
        .current_dir(release.dir.path())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"))
        .args(["--archive", release.archive.to_str().unwrap()])
        .args(["--sha256", &release.sum(), "--to", "-n"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(release.dir.path().join("-n/kubectl-vmchaos").exists());
}

#[test]
fn wrong_arguments_are_told_apart_from_a_failure() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    for args in [
        &["--nonsense"][..],
        &["--to"],
        &["--to", ""],
        &["--archive"],
        &["--sha256", "0"],
        &["--uninstall", "--archive", "x"],
        &["extra"],
    ] {
        let out = Command::new("sh").arg(&script).args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&out.stderr).contains("error: "), "{args:?}");
    }
}
