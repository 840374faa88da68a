//! Whose turn the terminal is.

/// Whether what is written there now is ours to write: a job in the background leaves the screen to the shell.
#[cfg(unix)]
pub(super) fn in_foreground(terminal: impl std::os::fd::AsFd) -> bool {
    // What is not our controlling terminal has no foreground that we could be out of.
    rustix::termios::tcgetpgrp(terminal).map_or(true, |group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
pub(super) fn in_foreground<T>(_: T) -> bool {
    true
}
