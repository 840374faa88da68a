//! `run --as-job` and `--as-cronjob`: what is printed is held to what the real binary takes and needs.

mod flags;
mod pod;
mod roles;

use std::path::Path;

use serde_json::Value;

use super::Day;
use crate::support::{Ended, Running, manifests};

const IMAGE: &str = "registry.example/kubectl-vmchaos:1";

impl Day {
    /// The manifests of a Job, and what was said beside them.
    #[track_caller]
    fn job(&self, more: &[&str]) -> Vec<Value> {
        let ended = self
            .run(&[&["--as-job", "--job-image", IMAGE], more].concat())
            .expect(0);
        manifests::documents(&ended.out)
    }

    /// What the Job's container does, on this machine.
    fn in_pod(&self, documents: &[Value], more: &[&str]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let mut args = manifests::args(documents, folder.path());
        args.extend(more.iter().map(|word| (*word).to_owned()));
        self.with_args(folder.path(), &args)
    }

    fn with_args(&self, folder: &Path, args: &[String]) -> Ended {
        // The practice cluster is called otherwise where there is a kubeconfig.
        let here = |arg: &String| arg.replace("--yes=in-cluster", "--yes=vmchaos-rehearsal");
        let args: Vec<String> = args.iter().map(here).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = self.rehearsal.command(&args);
        command
            .current_dir(folder.join("game-day"))
            .env("XDG_STATE_HOME", folder)
            .env_remove("HOME");
        Running::start(command).end()
    }
}
