//! Shell completion, for `kubectl vmchaos` and for the binary under its own name.
//!
//! kubectl asks a program named `kubectl_complete-vmchaos` with the words so far, the one under the cursor last. That is this
//! binary under another name, or a two-line script that calls `kubectl-vmchaos __complete`. Neither goes through clap's parser:
//! the words are unfinished.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;

use clap::{Args, FromArgMatches, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};

use super::connection::ConnectionArgs;
use crate::cluster::Connection;
use crate::faults::registry::FAULTS;

/// Set by the generated scripts to the shell that asks.
pub const VARIABLE: &str = "VMCHAOS_COMPLETE";
const BINARY: &str = "kubectl-vmchaos";
/// What kubectl calls; see <https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/>.
const KUBECTL_HELPER: &str = "kubectl_complete-";

/// Print a completion script for the binary under its own name, kubectl-vmchaos
///
/// For `kubectl vmchaos` itself kubectl (1.26 and later) looks for a program `kubectl_complete-vmchaos` in PATH, which the
/// installer places; no script is needed then.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(kubectl vmchaos completion bash)
  kubectl vmchaos completion fish > ~/.config/fish/completions/kubectl-vmchaos.fish")]
pub(super) struct CompletionArgs {
    #[arg(value_name = "SHELL", value_enum)]
    pub(super) shell: Shell,
}

/// Shells with a completion script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// Names that only the cluster knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    Vmis,
    Runs,
    Namespaces,
    Contexts,
}

/// What is known of the unfinished command line, for whoever looks names up.
#[derive(Debug, Clone)]
pub struct Asked {
    pub live: Live,
    pub connection: Connection,
    pub namespace: Option<String>,
}

/// Looks names up, each with a few words or none. It has about a second, may not prompt, and has no errors: none are found then.
pub type Lookup = fn(&Asked) -> Vec<(String, String)>;

// === impl Shell ===

impl Shell {
    pub const ALL: [Self; 4] = [Self::Bash, Self::Zsh, Self::Fish, Self::Powershell];

    /// The file of the script in `completions/`.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Bash => "kubectl-vmchaos.bash",
            Self::Zsh => "_kubectl-vmchaos",
            Self::Fish => "kubectl-vmchaos.fish",
            Self::Powershell => "kubectl-vmchaos.ps1",
        }
    }

    /// The script: it asks the binary, so that live names are completed too.
    pub fn script(self) -> String {
        let completer: &dyn EnvCompleter = match self {
            Self::Bash => &Bash,
            Self::Zsh => &Zsh,
            Self::Fish => &Fish,
            Self::Powershell => &Powershell,
        };
        let mut script = Vec::new();
        // Writing to memory does not fail.
        let _ = completer.write_registration(VARIABLE, BINARY, BINARY, BINARY, &mut script);
        format!("{}\n", String::from_utf8_lossy(&script).trim())
    }
}

/// The answer to whoever asks for completion; `None` when this is a command to be run.
///
/// `argv` with the program's name first; `shell` is the value of [`VARIABLE`].
pub fn answer(argv: &[OsString], shell: Option<&OsStr>, lookup: Lookup) -> Option<String> {
    if let Some(words) = kubectl_words(argv) {
        return Some(for_kubectl(words, lookup));
    }
    let shell = shell?.to_str()?;
    let completers: [&dyn EnvCompleter; 4] = [&Bash, &Zsh, &Fish, &Powershell];
    let completer = completers.into_iter().find(|completer| completer.is(shell))?;
    // The scripts call `kubectl-vmchaos -- WORDS`, the words with the program's name first.
    let words = argv
        .iter()
        .skip(1)
        .skip_while(|word| *word == "--")
        .cloned()
        .collect::<Vec<_>>();
    let mut out = Vec::new();
    let mut command = with_lookups(&words, lookup).bin_name(BINARY);
    completer.write_complete(&mut command, words, None, &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// The words kubectl hands over: behind its helper's name, or behind `__complete`.
fn kubectl_words(argv: &[OsString]) -> Option<&[OsString]> {
    let (program, rest) = argv.split_first()?;
    let name = Path::new(program).file_name()?.to_str()?;
    if name.starts_with(KUBECTL_HELPER) {
        return Some(rest);
    }
    let (first, words) = rest.split_first()?;
    (first == "__complete").then_some(words)
}

/// One candidate a line, `value<TAB>description`, and cobra's directive: 4, no file names.
fn for_kubectl(words: &[OsString], lookup: Lookup) -> String {
    let mut argv = vec![OsString::from(BINARY)];
    argv.extend(words.iter().cloned());
    if argv.len() == 1 {
        argv.push(OsString::new());
    }
    let index = argv.len() - 1;
    let mut command = with_lookups(&argv, lookup);
    let candidates = clap_complete::engine::complete(&mut command, argv, index, None).unwrap_or_default();
    let mut out = String::new();
    for candidate in candidates.iter().filter(|candidate| !candidate.is_hide_set()) {
        let Some(value) = candidate.get_value().to_str() else {
            continue;
        };
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = if help.is_empty() {
            writeln!(out, "{value}")
        } else {
            writeln!(out, "{value}\t{help}")
        };
    }
    out + ":4\n"
}

/// The command with a lookup where the cluster knows the values. A completer sees one value and not its flags, so what they say
/// is found beforehand.
fn with_lookups(argv: &[OsString], lookup: Lookup) -> clap::Command {
    let (connection, namespace) = lenient(argv);
    let completer = |live: Live| {
        let asked = Asked {
            live,
            connection: connection.clone(),
            namespace: namespace.clone(),
        };
        ArgValueCompleter::new(move |current: &OsStr| candidates(current, &asked, lookup))
    };
    let with_vmis = |command: clap::Command, name: &str| {
        command.mut_subcommand(name, |c| c.mut_arg("targets", |arg| arg.add(completer(Live::Vmis))))
    };
    let command = super::command()
        .mut_arg("namespace", |arg| arg.add(completer(Live::Namespaces)))
        .mut_arg("context", |arg| arg.add(completer(Live::Contexts)))
        .mut_subcommand("halt", |c| c.mut_arg("runs", |arg| arg.add(completer(Live::Runs))));
    let faults = FAULTS.iter().map(|fault| fault.command);
    faults.chain(["list"]).fold(command, with_vmis)
}

/// Names that begin with what is typed, behind a `TYPE/` where there is one.
fn candidates(current: &OsStr, asked: &Asked, lookup: Lookup) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else {
        return Vec::new();
    };
    let (kind, prefix) = current
        .rfind('/')
        .map_or(("", current), |slash| current.split_at(slash + 1));
    let sound =
        |name: &str| !name.is_empty() && !name.contains(char::is_control) && !name.contains(char::is_whitespace);
    let mut asked = asked.clone();
    if asked.live == Live::Runs && !kind.is_empty() {
        // A run has no TYPE in front of it; `halt vmi/NAME` looks into a VM.
        asked.live = Live::Vmis;
    }
    lookup(&asked)
        .into_iter()
        .filter(|(name, _)| name.starts_with(prefix) && sound(name))
        .map(|(name, help)| {
            let help: String = help.chars().filter(|c| !c.is_control()).collect();
            CompletionCandidate::new(format!("{kind}{name}")).help((!help.is_empty()).then(|| help.into()))
        })
        .collect()
}

/// The connection flags of an unfinished command line, as far as they can be read.
fn lenient(argv: &[OsString]) -> (Connection, Option<String>) {
    let matches = super::command().ignore_errors(true).try_get_matches_from(argv);
    let flags = matches.ok().and_then(|matches| {
        let mut deepest = &matches;
        while let Some((_, inner)) = deepest.subcommand() {
            deepest = inner;
        }
        ConnectionArgs::from_arg_matches(deepest).ok()
    });
    flags.map_or_else(
        || (Connection::default(), None),
        |flags| (flags.connection(), flags.namespace()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::registry::{FAULTS, Kind};

    fn nobody(_: &Asked) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Shows what was asked as the only name.
    fn mirror(asked: &Asked) -> Vec<(String, String)> {
        let context = asked.connection.context.clone().unwrap_or_else(|| "none".into());
        let namespace = asked.namespace.clone().unwrap_or_else(|| "none".into());
        vec![(format!("web-{context}-{namespace}"), format!("{:?}", asked.live))]
    }

    fn kubectl(words: &[&str], lookup: Lookup) -> String {
        let argv: Vec<OsString> = ["/x/kubectl_complete-vmchaos"]
            .iter()
            .chain(words)
            .map(OsString::from)
            .collect();
        answer(&argv, None, lookup).unwrap()
    }

    #[test]
    fn kubectl_is_answered_under_either_name() {
        let answered = kubectl(&["st"], nobody);
        assert_eq!(answered, "status\tShow every live run, whoever started it\n:4\n");
        let argv: Vec<OsString> = ["kubectl-vmchaos", "__complete", "st"].map(OsString::from).to_vec();
        assert_eq!(answer(&argv, None, nobody), Some(answered));
        assert!(kubectl(&[], nobody).contains("netem\t") && kubectl(&[], nobody).contains("filter\t"));
    }

    #[test]
    fn a_command_is_not_mistaken_for_a_question() {
        for argv in [vec!["kubectl-vmchaos", "netem"], vec!["kubectl-vmchaos"], vec![]] {
            let argv: Vec<OsString> = argv.into_iter().map(OsString::from).collect();
            assert_eq!(answer(&argv, None, nobody), None);
        }
    }

    #[test]
    fn flags_and_their_values_are_completed() {
        assert!(kubectl(&["netem", "web-1", "--prese"], nobody).starts_with("--preset\tBegin with these values"));
        let presets = kubectl(&["netem", "--preset", "d"], nobody);
        assert!(
            presets.contains("degraded\tlatency 2000ms") && presets.contains("dns-timeout\t"),
            "{presets}"
        );
        assert!(!kubectl(&["netem", "--"], nobody).contains("chaos-duration"));
    }

    #[test]
    fn live_names_are_looked_up_where_the_flags_say() {
        let answered = kubectl(&["netem", "--context", "prod", "-n", "shop", "vmi/w"], mirror);
        assert_eq!(answered, "vmi/web-prod-shop\tVmis\n:4\n");
        for Kind { command, .. } in FAULTS {
            assert_eq!(
                kubectl(&[command, "w"], mirror),
                "web-none-none\tVmis\n:4\n",
                "{command}"
            );
        }
        assert_eq!(kubectl(&["halt", "w"], mirror), "web-none-none\tRuns\n:4\n");
        assert_eq!(kubectl(&["halt", "vmi/w"], mirror), "vmi/web-none-none\tVmis\n:4\n");
        assert_eq!(kubectl(&["netem", "-n", "w"], mirror), "web-none-w\tNamespaces\n:4\n");
    }

    #[test]
    fn every_shell_has_a_script_that_asks_the_binary() {
        for shell in Shell::ALL {
            let script = shell.script();
            assert!(script.contains(VARIABLE) && script.contains(BINARY), "{shell:?}");
        }
    }
}
