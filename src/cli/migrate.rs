//! `kubectl vmchaos migrate`.

use std::collections::BTreeMap;

use clap::Args;

use super::Request;
use super::request::RequestArgs;
use super::selection::{DrawArgs, HowMany, MatchArgs};
use super::value_parser::{count, duration, label, text, value, wait};
use crate::fault::{Given, Time};
use crate::faults::migrate::MigrateFault;
use crate::faults::migrate::spec::{Destination, Extent, MigrateSpec};
use crate::problem::Problem;

const EXAMPLES: &str = "\
Examples:
  # Every VM of the namespace once, one after the other
  kubectl vmchaos migrate --target '.*'

  # One VM, to that node
  kubectl vmchaos migrate web-1 --to-node node-2

  # Ten rounds of two VMs at a time, 2 to 10 minutes apart; first only the schedule
  kubectl vmchaos migrate -l app=web --rounds 10 --parallel 2 --dry-run

  # For eight hours, one VM every one to two minutes, without asking
  kubectl vmchaos migrate -A --target '.*' --duration 8h --interval-min 1m --interval-max 2m --yes";

const DEFAULT_INTERVAL: (Time, Time) = (Time::from_millis(120_000), Time::from_millis(600_000));
const DEFAULT_TIMEOUT: Time = Time::from_millis(300_000);

/// Live-migrate VMs, once or at random intervals, and time every phase
///
/// Without --rounds and --duration every VM that matches is migrated once. Each migration is followed through all its
/// phases; one that takes longer than --timeout is cancelled. The seed makes the same schedule again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", super::EXIT_CODES))]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    matching: MatchArgs,
    #[command(flatten)]
    draw: DrawArgs,
    #[command(flatten)]
    schedule: ScheduleArgs,
    #[command(flatten)]
    destination: DestinationArgs,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Schedule")]
struct ScheduleArgs {
    /// Rounds, each of --parallel VMs drawn anew; 0 goes on until interrupted [default: every VM once]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = count)]
    rounds: Option<Given<u32>>,
    /// Begin rounds for so long
    #[arg(long, value_name = "TIME", alias = "chaos-duration", allow_hyphen_values = true, value_parser = duration)]
    duration: Option<Given<Time>>,
    /// VMs migrated at a time [default: 1]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = count)]
    parallel: Option<Given<u32>>,
    /// Shortest time from the end of a round to the next [default: 120s; none where every VM is migrated once]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = wait)]
    interval_min: Option<Given<Time>>,
    /// Longest time from the end of a round to the next [default: 600s; none where every VM is migrated once]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = wait)]
    interval_max: Option<Given<Time>>,
    /// How long a migration may take before it is cancelled [default: 300s]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = wait)]
    timeout: Option<Given<Time>>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Destination")]
struct DestinationArgs {
    /// Migrate to this node (KubeVirt 1.6 and later) [default: wherever the scheduler puts it]
    #[arg(long, value_name = "NODE")]
    to_node: Option<String>,
    /// Migrate to nodes with these labels only (KubeVirt 1.6 and later)
    #[arg(long, value_name = "KEY=VALUE,…", value_delimiter = ',', value_parser = label)]
    node_selector: Vec<Given<(String, String)>>,
}

impl MigrateArgs {
    pub(super) fn request(&self, namespace: Option<String>) -> Result<Request<MigrateFault>, Problem> {
        let selection = self.matching.selection(namespace)?;
        let wanted = self.draw.wanted(selection, HowMany::All)?;
        let spec = MigrateSpec {
            destination: self.destination.destination()?,
            ..self.schedule.spec()?
        };
        let interval_given = self.schedule.interval_given();
        let named = wanted.selection.names.len();
        let parallel = spec.parallel as usize;
        if named > 0 && parallel > named {
            return Err(Problem::usage(
                if named == 1 {
                    format!("--parallel {parallel} is more than the one VM that is named")
                } else {
                    format!("--parallel {parallel} is more than the {named} VMs that are named")
                },
                format!("use --parallel {named}, or name more VMs"),
            ));
        }
        if named == 1 && spec.extent == Extent::Once && interval_given {
            return Err(one_vm_once());
        }
        self.request
            .request(MigrateFault { spec, interval_given }, wanted, Vec::new())
    }
}

/// An interval has nothing to lie between.
fn one_vm_once() -> Problem {
    Problem::usage(
        "an interval has no meaning for one VM that is migrated once",
        "leave out --interval-min and --interval-max, or add --rounds N or --duration TIME",
    )
}

impl ScheduleArgs {
    fn interval_given(&self) -> bool {
        value(self.interval_min).is_some() || value(self.interval_max).is_some()
    }

    fn spec(&self) -> Result<MigrateSpec, Problem> {
        let (rounds, duration) = (value(self.rounds), value(self.duration).filter(|time| !time.is_zero()));
        let extent = match (rounds, duration) {
            (Some(rounds), Some(duration)) => {
                return Err(Problem::usage(
                    format!("--rounds {rounds} and --duration {duration} contradict each other"),
                    "leave one of the two out",
                ));
            }
            (None, None) => Extent::Once,
            (Some(0), None) => Extent::Endless,
            (Some(rounds), None) => Extent::Rounds(rounds),
            (None, Some(duration)) => Extent::For(duration),
        };
        let parallel = value(self.parallel).unwrap_or(1);
        if parallel == 0 {
            return Err(Problem::usage(
                "--parallel 0 would migrate nothing",
                "use --parallel 1, or leave it out",
            ));
        }
        let timeout = value(self.timeout).unwrap_or(DEFAULT_TIMEOUT);
        if timeout.is_zero() {
            return Err(Problem::usage(
                "--timeout 0 would cancel every migration at once",
                format!("leave it out for {DEFAULT_TIMEOUT}, or give more time, e.g. --timeout 1h"),
            ));
        }
        let min = value(self.interval_min).unwrap_or(DEFAULT_INTERVAL.0);
        let max = value(self.interval_max).unwrap_or(DEFAULT_INTERVAL.1);
        if min > max {
            return Err(Problem::usage(
                format!("--interval-min {min} is more than --interval-max {max}"),
                format!("use --interval-min {max} --interval-max {min}, or give both"),
            ));
        }
        Ok(MigrateSpec {
            extent,
            parallel,
            interval: (extent != Extent::Once || self.interval_given()).then_some((min, max)),
            timeout,
            destination: Destination::default(),
        })
    }
}

impl DestinationArgs {
    fn destination(&self) -> Result<Destination, Problem> {
        let node = text(self.to_node.as_ref());
        let mut selector: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in super::value_parser::given(&self.node_selector) {
            if selector.insert(key.clone(), value).is_some() {
                return Err(Problem::usage(
                    format!("--node-selector has two values for {key}: no node has both"),
                    "leave one of the two out",
                ));
            }
        }
        if let Some(node) = node.as_ref().filter(|_| !selector.is_empty()) {
            return Err(Problem::usage(
                format!("--to-node {node} and --node-selector contradict each other"),
                "leave one of the two out",
            ));
        }
        Ok(Destination { node, selector })
    }
}
