//! Manifests in files: written before a VMI is ended, so that it can be made again whatever happens to this command.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::faults::outage::plan::OutagePlan;
use crate::faults::outage::spec::OutageTarget;
use crate::local::folders;
use crate::problem::Reason;
use crate::stop::Stop;

/// The folder for what is kept of runs.
pub(crate) fn folder() -> Result<PathBuf, Stop> {
    folders::state().ok_or_else(|| {
        Stop::refused(
            Reason::Manifest,
            "nobody knows where manifests could be kept: the home directory is not known; nothing was done",
        )
        .hint("set HOME, or XDG_STATE_HOME to a folder of yours")
    })
}

/// The file of one VMI; names of Kubernetes are safe in paths.
pub(crate) fn path(folder: &Path, run: &str, target: &OutageTarget) -> PathBuf {
    folder.join(format!("{run}-{}-{}.yaml", target.namespace, target.name))
}

/// Keeps the manifests of a run; nothing may be done before that.
pub(crate) fn keep(plan: &OutagePlan) -> Result<(), Stop> {
    for vm in &plan.vms {
        let text = serde_saphyr::to_string(&vm.manifest)
            .map_err(|error| refused(&vm.target.key(), &vm.file, &error.to_string()))?;
        write(&vm.file, &text).map_err(|error| refused(&vm.target.key(), &vm.file, &error.to_string()))?;
    }
    Ok(())
}

fn refused(key: &str, file: &Path, why: &str) -> Stop {
    Stop::refused(
        Reason::Manifest,
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
