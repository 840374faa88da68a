//! Which config file holds.

use std::path::PathBuf;

use clap::Args;

/// Where the guards' settings come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConfigFile {
    /// The user's own, where there is one.
    #[default]
    Own,
    /// `--config`: this one, which must be there.
    At(PathBuf),
    /// `--no-config`: none; what is built in holds.
    None,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct ConfigArgs {
    /// Config file with the guards' settings [default: ~/.config/kubectl-vmchaos/config.yaml]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    config: Option<PathBuf>,
    /// Do without a config file: the built-in guards hold
    #[arg(long, global = true, conflicts_with = "config", hide_short_help = true)]
    no_config: bool,
}

impl ConfigArgs {
    pub(super) fn file(&self) -> ConfigFile {
        match &self.config {
            Some(path) if !path.as_os_str().is_empty() => ConfigFile::At(path.clone()),
            _ if self.no_config => ConfigFile::None,
            _ => ConfigFile::Own,
        }
    }
}
