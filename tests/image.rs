//! The image that Jobs run: what its Containerfile copies is what is gathered for it, and is all that the pod of a Job relies on.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TARGET: &str = "x86_64-unknown-linux-musl";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Gathers with this program and these certificates.
fn gather(to: &Path, program: &str) -> Output {
    let certificates = to.with_extension("crt");
    std::fs::write(&certificates, "-----BEGIN CERTIFICATE-----\n").unwrap();
    Command::new(root().join("plugin-manifest/image"))
        .arg(to)
        .arg(program)
        .env("SSL_CERT_FILE", certificates)
        .output()
        .unwrap()
}

/// The Containerfile's instructions, each with its arguments.
fn instructions() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("plugin-manifest/Containerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            (words.next().unwrap(), words.collect())
        })
        .collect()
}

#[test]
fn the_file_system_is_the_program_its_certificates_and_the_license() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::write(&program, "static").unwrap();
    let to = dir.path().join("image");
    let gathered = gather(&to, &format!("{TARGET}={}", program.display()));
    assert!(
        gathered.status.success(),
        "{}",
        String::from_utf8_lossy(&gathered.stderr)
    );
    let mut files: Vec<PathBuf> = std::fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();

    let instructions = instructions();
    let of = |name: &str| -> Vec<&Vec<String>> {
        let all = instructions.iter().filter(|(known, _)| known == name);
        all.map(|(_, words)| words).collect()
    };
    assert_eq!(of("FROM"), [&["scratch"]], "no shell, no package, nothing of others");
    let mut copied: Vec<PathBuf> = of("COPY").iter().map(|words| to.join(&words[0])).collect();
    copied.sort();
    assert_eq!(copied, files, "all that is gathered, and no more");
    let modes: Vec<u32> = files
        .iter()
        .map(|file| file.metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes, [0o644, 0o644, 0o755], "{files:?}");
    let places: Vec<&str> = of("COPY").iter().map(|words| words[1].as_str()).collect();
    // Where rustls looks for them on a system that has no other.
    assert!(places.contains(&"/etc/ssl/certs/ca-certificates.crt"));
    assert_eq!(of("ENTRYPOINT"), [&[format!("[\"{}\"]", places[0])]]);
    // The user that the pod of a Job says, by number: that is how a kubelet knows that it is not root.
    assert_eq!(of("USER"), [&["65532:65532"]]);
    assert_eq!(instructions.len(), 3 + places.len(), "and nothing is run");
    let job = std::fs::read_to_string(root().join("tests/fixtures/unattended/cronjob.yaml")).unwrap();
    assert!(job.contains("runAsUser: 65532") && job.contains("runAsGroup: 65532"));
}

#[test]
fn what_would_not_start_in_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::write(&program, "\x7fELF…/lib64/ld-linux-x86-64.so.2…").unwrap();
    for (program, why) in [
        (format!("{TARGET}={}", program.display()), "is not static"),
        (
            "x86_64-unknown-linux-gnu".to_owned(),
            "makes no static program for Linux",
        ),
        (format!("{TARGET}=/nowhere"), "there is no program /nowhere"),
    ] {
        let to = dir.path().join("image");
        let gathered = gather(&to, &program);
        let told = String::from_utf8_lossy(&gathered.stderr).into_owned();
        assert!(!gathered.status.success() && told.contains(why), "{program}: {told}");
        assert!(!to.exists());
    }
}
