//! The binary on a pseudo-terminal.

use std::ffi::OsStr;
use std::process::Command;

use rexpect::process::{Signal, WaitStatus};
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, tcgetattr};

use super::{Rehearsal, limit};

/// Generous: the machine may be busy; every wait ends as soon as there is something to see.
const PATIENCE_MS: u64 = 60_000;
/// How a shell leaves a terminal to a command.
const COOKED: LocalModes = LocalModes::ICANON
    .union(LocalModes::ECHO)
    .union(LocalModes::ISIG)
    .union(LocalModes::IEXTEN);
pub(crate) const CTRL_C: &str = "\x03";
pub(crate) const CTRL_Z: &str = "\x1a";
pub(crate) const ESCAPE: &str = "\x1b";

/// A command in a terminal, and all that was on it.
pub(crate) struct Terminal {
    session: PtySession,
    seen: String,
}

impl Terminal {
    pub(crate) fn start(rehearsal: &Rehearsal, args: &[&str]) -> Self {
        Self::with(&rehearsal.command(args))
    }

    /// A shell with job control, with the binary as `v`.
    pub(crate) fn shell(rehearsal: &Rehearsal) -> Self {
        let mut command = Command::new("bash");
        let plugin = rehearsal.command(&[]);
        command.args(["--norc", "--noprofile", "--noediting", "-i"]);
        command.envs(plugin.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("V", plugin.get_program()).env("PS1", "$ ");
        let mut shell = Self::with(&command);
        shell.type_in("v() { \"$V\" \"$@\"; }; echo the shell is 'there'\n");
        shell.see("the shell is there");
        shell
    }

    pub(crate) fn with(command: &Command) -> Self {
        // A terminal as people have it: rexpect turns its echo off.
        let mut shell = Command::new("sh");
        shell.args(["-c", "stty echo && exec \"$0\" \"$@\""]);
        shell.arg(command.get_program()).args(command.get_args()).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if !command.get_envs().any(|(name, _)| name == OsStr::new("TERM")) {
            shell.env("TERM", "xterm");
        }
        Self {
            session: spawn_command(shell, Some(PATIENCE_MS)).unwrap(),
            seen: String::new(),
        }
    }

    /// Waits for `text`; what was on the terminal since the last wait.
    #[track_caller]
    pub(crate) fn see(&mut self, text: &str) -> String {
        match self.session.exp_string(text) {
            Ok(before) => {
                self.seen += &(before.clone() + text);
                before
            }
            Err(error) => panic!("waiting for {text:?}: {error}, after {:?}", self.seen),
        }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.session.process_mut().signal(signal).unwrap();
    }

    /// The mode the terminal has now.
    pub(crate) fn mode(&self) -> LocalModes {
        tcgetattr(self.session.process().get_file_handle().unwrap())
            .unwrap()
            .local_modes
    }

    /// Everything until the end, and the exit code; the terminal is as it was.
    #[track_caller]
    pub(crate) fn end(mut self) -> (String, i32) {
        let rest = self.session.exp_eof().unwrap();
        let all = self.seen.clone() + &rest;
        match limit::wait_pty(&self.session) {
            WaitStatus::Exited(_, code) => {
                let mode = self.mode();
                assert!(mode.contains(COOKED), "the terminal is left as {mode:?}: {all}");
                (all, code)
            }
            other => panic!("{other:?}: {all}"),
        }
    }
}
