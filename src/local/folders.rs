//! Where the user's files are kept, by one rule for all of them (XDG Base Directory; on Windows its known folders).

use std::path::PathBuf;

/// Name of this program's folder in each of them.
const OWN: &str = "kubectl-vmchaos";

/// The user's home: `HOME`, or where that is unset, empty or relative what the system knows of the user. `None` where nobody
/// knows it: what is kept there must then not be taken for absent.
pub(crate) fn home() -> Option<PathBuf> {
    absolute(HOME).or_else(|| of_user().filter(|path| path.is_absolute()))
}

/// The folder of the config file: `$XDG_CONFIG_HOME/kubectl-vmchaos`, `~/.config/kubectl-vmchaos`; on Windows in `%APPDATA%`.
pub(crate) fn config() -> Option<PathBuf> {
    own("XDG_CONFIG_HOME", "APPDATA", ".config")
}

/// The folder for what is kept of runs: `$XDG_STATE_HOME/kubectl-vmchaos`, `~/.local/state/kubectl-vmchaos`; on Windows in
/// `%LOCALAPPDATA%`.
pub(crate) fn state() -> Option<PathBuf> {
    own("XDG_STATE_HOME", "LOCALAPPDATA", ".local/state")
}

fn own(xdg: &str, windows: &str, in_home: &str) -> Option<PathBuf> {
    absolute(xdg)
        .or_else(|| if cfg!(windows) { absolute(windows) } else { None })
        .or_else(|| home().map(|home| home.join(in_home)))
        .map(|folder| folder.join(OWN))
}

/// A path from the environment; a relative one would mean another place in every working directory.
fn absolute(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_absolute())
}

const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The password database's word: `std::env::home_dir` asks it only where `HOME` is not set at all.
#[cfg(unix)]
fn of_user() -> Option<PathBuf> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::current());
    user.ok().flatten().map(|user| user.dir)
}

#[cfg(not(unix))]
fn of_user() -> Option<PathBuf> {
    std::env::home_dir()
}
