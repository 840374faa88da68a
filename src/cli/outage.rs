//! `kubectl vmchaos outage`.

use clap::Args;

use super::Request;
use super::fault_flags::{EXECUTIONS, PodArgs};
use super::request::RequestArgs;
use super::selection::{DrawArgs, HowMany, MatchArgs};
use super::value_parser::{OneOf, seconds, value, wait};
use crate::fault::{Execution, Given, Time};
use crate::faults::outage::OutageFault;
use crate::faults::outage::spec::{Mode, OutageSpec};
use crate::problem::Problem;

const EXAMPLES: &str = "\
Examples:
  # Delete a VMI and time its recovery; first only what would become of it
  kubectl vmchaos outage web-1 --dry-run

  # Two of the VMs with this label, at once, as if their launcher pods were lost
  kubectl vmchaos outage -l app=web --count 2 --execution parallel --mode pod

  # A crash: the QEMU process is killed on its node
  kubectl vmchaos outage web-1 --mode kill

  # Frozen for 30 seconds, then unpaused
  kubectl vmchaos outage web-1 --mode pause --duration 30s

  # Down for 5 minutes whatever its run strategy, which is put back exactly as it was
  kubectl vmchaos outage db-1 --disable-auto-restart --duration 5m";

const MODES: OneOf<Mode> = OneOf(&[
    ("delete", Mode::Delete, "delete the VMI: its guest shuts down"),
    (
        "kill",
        Mode::Kill,
        "kill the guest's QEMU process on its node, as a crash would",
    ),
    (
        "pod",
        Mode::Pod,
        "delete the launcher pod, at once or with --grace-period",
    ),
    ("pause", Mode::Pause, "freeze the guest"),
    ("stop", Mode::Stop, "stop the VM"),
    ("reset", Mode::Reset, "press the guest's reset button"),
]);

const DEFAULT_DURATION: Time = Time::from_millis(60_000);
const DEFAULT_TIMEOUT: Time = Time::from_millis(300_000);

/// Delete, crash, pause, stop or reset a VMI, time its recovery, bring it back when nothing else does
///
/// The plan says of every VMI whether anything will bring it back, by its run strategy, its owner and KubeVirt's version. The
/// platform has --duration for it; then this command does it: it starts the VM, or makes a VMI without a VM again from its
/// manifest, which is kept in a file first. Recovered is Running, Ready, and the guest agent connected where it was before.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", super::EXIT_CODES))]
pub(super) struct OutageArgs {
    #[command(flatten)]
    matching: MatchArgs,
    #[command(flatten)]
    draw: DrawArgs,
    #[command(flatten)]
    outage: OutageFlags,
    #[command(flatten)]
    pod: PodArgs,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Outage")]
struct OutageFlags {
    /// What is done to the VMI [default: delete]
    #[arg(long, value_name = "MODE", value_parser = MODES)]
    mode: Option<Given<Mode>>,
    /// The time the platform has once the guest is gone; with pause and stop how long it stays so [default: 60s]
    #[arg(long, value_name = "TIME", alias = "chaos-duration", allow_hyphen_values = true, value_parser = wait)]
    duration: Option<Given<Time>>,
    /// How long it may take from there to Ready [default: 300s]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = wait)]
    timeout: Option<Given<Time>>,
    /// Seconds the guest has to shut down, with stop and pod [default: the VMI's own; with pod 0]
    #[arg(long, value_name = "S", allow_hyphen_values = true, value_parser = seconds)]
    grace_period: Option<Given<u32>>,
    /// Order of several VMs [default: serial]
    #[arg(long, value_name = "ORDER", value_parser = EXECUTIONS)]
    execution: Option<Given<Execution>>,
    /// Set the VM's run strategy to Manual for the duration, and put it back exactly as it was
    #[arg(long)]
    disable_auto_restart: bool,
    /// Do not bring back what the platform does not
    #[arg(long)]
    no_recover: bool,
}

impl OutageArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<Request<OutageFault>, Problem> {
        let selection = self.matching.selection(namespace)?;
        let spec = self.outage.spec()?;
        if let Some(flag) = self.pod.given().filter(|_| spec.mode != Mode::Kill) {
            return Err(Problem::usage(
                format!(
                    "{flag} means nothing to --mode {}: it needs no debug pod",
                    spec.mode.name()
                ),
                "leave it out; only --mode kill makes debug pods",
            ));
        }
        let wanted = self.draw.wanted(selection, HowMany::AtMost(1))?;
        let count = match wanted.how_many {
            HowMany::AtMost(count) if wanted.chosen => Some((count, wanted.count_flag)),
            _ => None,
        };
        let fault = OutageFault {
            spec,
            pod: self.pod.request(),
            count,
        };
        self.request.request(fault, wanted, self.pod.ignored())
    }
}

impl OutageFlags {
    fn spec(&self) -> Result<OutageSpec, Problem> {
        let mode = value(self.mode).unwrap_or(Mode::Delete);
        let name = mode.name();
        let grace_period = value(self.grace_period);
        if grace_period.is_some() {
            match mode {
                Mode::Stop | Mode::Pod => {}
                Mode::Delete => {
                    return Err(Problem::usage(
                        "--grace-period means nothing to --mode delete: the deletion of a VMI ignores it",
                        "leave it out; for a guest that ends at once use --mode kill",
                    ));
                }
                Mode::Kill => {
                    return Err(Problem::usage(
                        "--grace-period means nothing to --mode kill: a crash has none",
                        "leave it out, or use --mode pod",
                    ));
                }
                Mode::Pause | Mode::Reset => {
                    return Err(Problem::usage(
                        format!("--grace-period means nothing to --mode {name}: no guest is shut down"),
                        "leave it out",
                    ));
                }
            }
        }
        let duration = value(self.duration).filter(|time| !time.is_zero());
        if let Some(duration) = duration.filter(|_| mode.boots_in_place()) {
            return Err(Problem::usage(
                format!(
                    "--duration {} means nothing to --mode reset: the guest boots again at once",
                    duration.in_seconds()
                ),
                "leave it out; --timeout limits how long that may take",
            ));
        }
        let ends = matches!(mode, Mode::Delete | Mode::Kill | Mode::Pod);
        if self.disable_auto_restart && !ends {
            return Err(Problem::usage(
                format!("--disable-auto-restart means nothing to --mode {name}: nothing restarts by itself"),
                "leave it out, or use --mode delete",
            ));
        }
        if self.no_recover && !ends {
            return Err(Problem::usage(
                format!("--no-recover contradicts --mode {name}, which always ends as it began"),
                "leave it out",
            ));
        }
        if self.no_recover && self.disable_auto_restart {
            return Err(Problem::usage(
                "--no-recover and --disable-auto-restart contradict each other: the run strategy is always put back",
                "leave one of the two out",
            ));
        }
        Ok(OutageSpec {
            mode,
            duration: duration.unwrap_or(DEFAULT_DURATION),
            timeout: value(self.timeout)
                .filter(|time| !time.is_zero())
                .unwrap_or(DEFAULT_TIMEOUT),
            grace_period,
            execution: value(self.execution).unwrap_or_default(),
            disable_auto_restart: self.disable_auto_restart,
            no_recover: self.no_recover,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_offered_under_its_name() {
        let offered: Vec<(&str, Mode)> = MODES.0.iter().map(|(name, mode, _)| (*name, *mode)).collect();
        assert_eq!(offered, Mode::ALL.map(|mode| (mode.name(), mode)));
    }
}
