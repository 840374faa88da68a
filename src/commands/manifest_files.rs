//! Manifests in files: written before a VMI is ended, so that it can be made again whatever happens to this command.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::stop::Stop;
use crate::fault::OutageTarget;
use crate::plan::outages::OutagePlan;

/// The folder for what is kept (XDG Base Directory: state): `$XDG_STATE_HOME/kubectl-vmchaos`, `~/.local/state/…`, on Windows
/// `%LOCALAPPDATA%`; without any of them the working directory.
pub(super) fn folder() -> PathBuf {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .or_else(|| absolute("LOCALAPPDATA"))
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default()
        .join("kubectl-vmchaos")
}

/// The file of one VMI; names of Kubernetes are safe in paths.
pub(super) fn path(folder: &Path, run: &str, target: &OutageTarget) -> PathBuf {
    folder.join(format!("{run}-{}-{}.yaml", target.namespace, target.name))
}

/// Keeps the manifests of a run; nothing may be done before that.
pub(super) fn keep(plan: &OutagePlan) -> Result<(), Stop> {
    for vm in &plan.vms {
        let text = serde_saphyr::to_string(&vm.manifest)
            .map_err(|error| refused(&vm.target.key(), &vm.file, &error.to_string()))?;
        write(&vm.file, &text).map_err(|error| refused(&vm.target.key(), &vm.file, &error.to_string()))?;
    }
    Ok(())
}

fn refused(key: &str, file: &Path, why: &str) -> Stop {
    Stop::refused(
        "manifest",
        format!(
            "the manifest of {key} could not be kept in {}: {why}; nothing was done",
            file.display()
        ),
    )
    .hint("make the folder writable, or set XDG_STATE_HOME to one that is")
}

/// Readable by its owner alone: a manifest may hold passwords of the guest.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
