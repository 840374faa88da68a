//! The scripts in `completions/` are what this binary prints, and the shim asks it what kubectl asks.
//!
//! `VMCHAOS_UPDATE=1 cargo test --test packaging completions` writes the scripts anew.

// Helpers of tests may fail as tests do.

use crate::support::limit;
use crate::support::skip;

use std::path::{Path, PathBuf};
use std::process::Command;

use kubectl_vmchaos::testing::cli::Shell;

fn completions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

#[test]
fn the_scripts_are_up_to_date() {
    for shell in Shell::ALL {
        let path = completions().join(shell.file_name());
        if std::env::var_os("VMCHAOS_UPDATE").is_some() {
            std::fs::write(&path, shell.script()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            kept,
            shell.script(),
            "{} is stale: VMCHAOS_UPDATE=1 cargo test --test packaging completions",
            path.display()
        );
    }
}

#[test]
fn the_binary_prints_the_scripts() {
    for (shell, name) in [
        (Shell::Bash, "bash"),
        (Shell::Zsh, "zsh"),
        (Shell::Fish, "fish"),
        (Shell::Powershell, "powershell"),
    ] {
        let printed = limit::output(binary().args(["completion", name]));
        assert_eq!(String::from_utf8_lossy(&printed.stdout), shell.script(), "{name}");
        assert!(printed.status.success() && printed.stderr.is_empty());
    }
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-vmchaos"));
    command.env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    command
}

/// A directory to put first in PATH, with the binary and the shim in it.
#[cfg(unix)]
fn installed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let link = |from: &Path, name: &str| std::os::unix::fs::symlink(from, dir.path().join(name)).unwrap();
    link(Path::new(env!("CARGO_BIN_EXE_kubectl-vmchaos")), "kubectl-vmchaos");
    link(
        &completions().join("kubectl_complete-vmchaos"),
        "kubectl_complete-vmchaos",
    );
    dir
}

#[cfg(unix)]
fn path_with(dir: &Path) -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(dir.to_owned()).chain(std::env::split_paths(&rest))).unwrap()
}

#[cfg(unix)]
#[test]
fn the_shim_answers_as_kubectl_expects() {
    let dir = installed();
    let shim = dir.path().join("kubectl_complete-vmchaos");
    let mut shim = Command::new(shim);
    shim.args(["netem", "--distribution", "par"])
        .env("PATH", path_with(dir.path()));
    let answered = limit::output(&mut shim);
    assert_eq!(String::from_utf8_lossy(&answered.stdout), "pareto\nparetonormal\n:4\n");
    assert!(answered.status.success() && answered.stderr.is_empty());
}

/// Under kubectl's name for it the binary needs no shim.
#[cfg(unix)]
#[test]
fn the_binary_answers_under_kubectls_name() {
    let dir = tempfile::tempdir().unwrap();
    let helper = dir.path().join("kubectl_complete-vmchaos");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-vmchaos"), &helper).unwrap();
    let answered = limit::output(Command::new(helper).args(["rehe"]));
    assert!(String::from_utf8_lossy(&answered.stdout).starts_with("rehearse\t"));
}

#[cfg(unix)]
#[test]
fn kubectl_completes_the_plugin_through_the_shim() {
    let dir = installed();
    let asked = Command::new("kubectl")
        .args(["__complete", "vmchaos", "netem", "--preset", "d"])
        .env("PATH", path_with(dir.path()))
        .env("HOME", dir.path())
        .env_remove("KUBECONFIG")
        .output();
    let Ok(asked) = asked else {
        assert!(which("kubectl").is_none(), "kubectl is there and did not run");
        return skip::skip("completion through kubectl", "kubectl is not installed");
    };
    let answer = String::from_utf8_lossy(&asked.stdout);
    assert!(
        answer.contains("degraded\tlatency 2000ms, loss 50%, bandwidth 1mbit"),
        "{answer}"
    );
    assert!(
        answer.contains("dns-timeout") && !answer.contains("starved"),
        "{answer}"
    );
}

#[cfg(unix)]
fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(program))
        .find(|path| path.exists())
}
