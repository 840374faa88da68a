//! What a release is made of: archives, man pages, and a krew manifest that promises exactly those archives.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;
use serde_json::{Value, json};

#[path = "../plugin-manifest/man.rs"]
mod man;
use crate::support::skip;

const LINUX: &str = "x86_64-unknown-linux-musl";
/// Everything a release is made for.
const PLATFORMS: [&str; 6] = [
    LINUX,
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-gnu",
    "aarch64-pc-windows-msvc",
];

/// Packs programs that only say that they run, with one man page.
fn pack(to: &Path, args: &[String]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(to.join("pages")).unwrap();
    std::fs::write(to.join("pages/kubectl-vmchaos.1"), ".TH kubectl-vmchaos 1\n").unwrap();
    Command::new(root.join("plugin-manifest/pack"))
        .arg("--to")
        .arg(to.join("out"))
        .arg("--man")
        .arg(to.join("pages"))
        .args(args)
        .output()
        .unwrap()
}

fn program(dir: &Path) -> String {
    let program = dir.join("program");
    std::fs::write(&program, "#!/bin/sh\necho runs\n").unwrap();
    program.display().to_string()
}

fn packed(dir: &Path, targets: &[&str]) -> Value {
    let program = program(dir);
    let mut args = vec![
        "--repository".to_owned(),
        "https://example.org/kubectl-vmchaos/".to_owned(),
    ];
    args.extend(targets.iter().map(|target| format!("{target}={program}")));
    let out = pack(dir, &args);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let manifest = std::fs::read_to_string(dir.join("out/vmchaos.yaml")).unwrap();
    serde_saphyr::from_str(&manifest).unwrap()
}

fn matches(pattern: &str, value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| Regex::new(pattern).unwrap().is_match(text))
}

/// The rules of krew's own validation (v0.4.5, `internal/index/validation`) and of its index's review.
#[test]
fn the_manifest_is_one_that_krew_takes() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = packed(dir.path(), &PLATFORMS);
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(
        (&manifest["kind"], &manifest["metadata"]["name"]),
        (&json!("Plugin"), &json!("vmchaos"))
    );
    let spec = &manifest["spec"];
    assert_eq!(spec["version"], format!("v{}", env!("CARGO_PKG_VERSION")));
    assert!(matches(r"^https://", &spec["homepage"]));
    assert!(matches(r"^[^\n]{1,50}$", &spec["shortDescription"]));
    assert!(
        spec["description"]
            .as_str()
            .unwrap()
            .lines()
            .all(|line| line.len() <= 80)
    );
    let platforms = spec["platforms"].as_array().unwrap();
    let mut named: Vec<String> = Vec::new();
    for platform in platforms {
        let labels = &platform["selector"]["matchLabels"];
        named.push(format!(
            "{}/{}",
            labels["os"].as_str().unwrap(),
            labels["arch"].as_str().unwrap()
        ));
        assert!(matches(r"\.tar\.gz$", &platform["uri"]));
        assert!(matches(r"^[a-f0-9]{64}$", &platform["sha256"]));
        let suffix = if labels["os"] == "windows" { ".exe" } else { "" };
        assert_eq!(platform["bin"], format!("kubectl-vmchaos{suffix}"));
        assert_eq!(platform.get("files"), None);
    }
    let systems = ["linux", "darwin", "windows"];
    let all: Vec<String> = systems
        .iter()
        .flat_map(|os| [format!("{os}/amd64"), format!("{os}/arm64")])
        .collect();
    assert_eq!(named, all);
}

#[test]
fn it_promises_the_archives_that_were_packed_and_each_holds_the_licence() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = packed(dir.path(), &[LINUX]);
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 1);
    let name = format!("kubectl-vmchaos-v{}-linux-amd64.tar.gz", env!("CARGO_PKG_VERSION"));
    let uri = platforms[0]["uri"].as_str().unwrap();
    assert!(
        uri.ends_with(&format!("/v{}/{name}", env!("CARGO_PKG_VERSION"))),
        "{uri}"
    );
    let sums = std::fs::read_to_string(dir.path().join("out/SHA256SUMS")).unwrap();
    assert_eq!(sums, format!("{}  {name}\n", platforms[0]["sha256"].as_str().unwrap()));
    let list = Command::new("tar")
        .arg("-tzf")
        .arg(dir.path().join("out").join(name))
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    for file in [
        "./kubectl-vmchaos",
        "./LICENSE",
        "./man/kubectl-vmchaos.1",
        "./completions/kubectl_complete-vmchaos",
    ] {
        assert!(list.lines().any(|line| line == file), "{file} is not in\n{list}");
    }
}

#[test]
fn the_same_files_make_the_same_archive() {
    let sum = || {
        let dir = tempfile::tempdir().unwrap();
        packed(dir.path(), &[LINUX])["spec"]["platforms"][0]["sha256"].clone()
    };
    assert_eq!(sum(), sum());
}

#[test]
fn what_cannot_be_released_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let program = program(dir.path());
    let repository = ["--repository".to_owned(), "https://example.org/x".to_owned()];
    for (args, says) in [
        (vec![format!("{LINUX}={program}")], "no --repository"),
        (repository.to_vec(), "no target to pack"),
        (
            [&repository[..], &[format!("mips-unknown-linux-gnu={program}")]].concat(),
            "no platform for",
        ),
        (
            [&repository[..], &[format!("{LINUX}=/nowhere")]].concat(),
            "there is no program /nowhere",
        ),
        (
            [
                &repository[..],
                &[
                    format!("{LINUX}={program}"),
                    format!("x86_64-unknown-linux-gnu={program}"),
                ],
            ]
            .concat(),
            "two targets for linux/amd64",
        ),
    ] {
        let out = pack(dir.path(), &args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert!(String::from_utf8_lossy(&out.stderr).contains(says), "{args:?}");
        assert!(!dir.path().join("out/vmchaos.yaml").exists());
    }
}

#[test]
fn every_command_has_a_man_page_that_tells_its_flags() {
    let pages = man::pages().unwrap();
    let text = |name: &str| {
        let page = pages.iter().find(|(file, _)| file == &format!("{name}.1"));
        String::from_utf8(page.unwrap_or_else(|| panic!("no page {name}")).1.clone()).unwrap()
    };
    assert!(text("kubectl-vmchaos").contains("netem"));
    for command in kubectl_vmchaos::testing::cli::command()
        .get_subcommands()
        .filter(|one| !one.is_hide_set())
    {
        let page = text(&format!("kubectl-vmchaos-{}", command.get_name()));
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            if let Some(long) = argument.get_long() {
                let flag = format!("\\-\\-{}", long.replace('-', "\\-"));
                assert!(
                    page.contains(&flag),
                    "{} is not in the page of {}",
                    flag,
                    command.get_name()
                );
            }
        }
    }
}

/// With krew's own validator, which `tests/run` builds, or says why it could not; the archives are on no server yet.
#[test]
fn krews_validator_takes_it() {
    let Ok(validator) = which("validate-krew-manifest") else {
        return skip::skip(
            "krew's validator of a packed release",
            "validate-krew-manifest is not in PATH",
        );
    };
    let dir = tempfile::tempdir().unwrap();
    packed(dir.path(), &PLATFORMS);
    let manifest = dir.path().join("out/vmchaos.yaml");
    let check = || {
        let mut command = Command::new(&validator);
        command.arg("-skip-install").arg("-manifest").arg(&manifest);
        let out = command.output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (taken, said) = check();
    assert!(taken && said.contains("structural validation OK"), "{said}");
    // It does not take everything.
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("arch: arm64", "arch: amd64")).unwrap();
    let (taken, said) = check();
    assert!(!taken && said.contains("overlapping"), "{said}");
}

/// With krew itself.
#[test]
fn krew_installs_it() {
    let Ok(krew) = which("kubectl-krew") else {
        return skip::skip("krew's install of a packed release", "kubectl-krew is not in PATH");
    };
    let dir = tempfile::tempdir().unwrap();
    packed(dir.path(), &[LINUX]);
    let archive = format!("out/kubectl-vmchaos-v{}-linux-amd64.tar.gz", env!("CARGO_PKG_VERSION"));
    let out = Command::new(krew)
        .args(["install", "--no-update-index", "--manifest"])
        .arg(dir.path().join("out/vmchaos.yaml"))
        .arg("--archive")
        .arg(dir.path().join(archive))
        .env("KREW_ROOT", dir.path().join("krew"))
        .env("KREW_OS", "linux")
        .env("KREW_ARCH", "amd64")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = Command::new(dir.path().join("krew/bin/kubectl-vmchaos"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "runs\n");
}

fn which(name: &str) -> Result<std::path::PathBuf, std::env::VarError> {
    let path = std::env::var("PATH")?;
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.exists());
    found.ok_or(std::env::VarError::NotPresent)
}
