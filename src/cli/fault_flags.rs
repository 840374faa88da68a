//! Flags that the faults on a VM's packets share: directions, interfaces, time, order, and the debug pod.

use clap::Args;

use super::value_parser::{
    BOOL, OneOf, duration, given, image, interface, pod_namespace, probe, service_account, taint, value, wait,
};
use crate::fault::{Directions, Execution, Given, OnMigration, Time, Toleration};
use crate::faults::debug_pods::PodRequest;
use crate::faults::packets::probe::Probe;
use crate::faults::packets::spec::{PacketEffect, PacketSpec};
use crate::problem::Problem;

pub(super) const EXECUTIONS: OneOf<Execution> = OneOf(&[
    (
        "serial",
        Execution::Serial,
        "one VM after the other, each for the whole duration",
    ),
    ("parallel", Execution::Parallel, "all VMs at once"),
]);

const ON_MIGRATION: OneOf<OnMigration> = OneOf(&[
    ("follow", OnMigration::Follow, "the fault goes along to the new node"),
    ("stop", OnMigration::Stop, "the fault ends, and is reported"),
]);

const DEFAULT_DURATION: Time = Time::from_millis(120_000);
const DEFAULT_POD_RUNNING_TIMEOUT: Time = Time::from_millis(60_000);

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Extent")]
pub(super) struct ExtentArgs {
    /// How long each VM has the fault, counted on its node [default: 120s]
    #[arg(long, value_name = "TIME", alias = "chaos-duration", allow_hyphen_values = true, value_parser = duration)]
    duration: Option<Given<Time>>,
    /// Put the fault on what goes into the guest [default: true]
    #[arg(long, value_name = "BOOL", value_parser = BOOL)]
    ingress: Option<Given<bool>>,
    /// Put the fault on what comes out of the guest [default: true]
    #[arg(long, value_name = "BOOL", value_parser = BOOL)]
    egress: Option<Given<bool>>,
    /// Only these interfaces, by tap device or by the VMI's network name [default: every one that can be reached]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = interface)]
    interfaces: Vec<Given<String>>,
    /// Order of several VMs [default: serial]
    #[arg(long, value_name = "ORDER", value_parser = EXECUTIONS)]
    execution: Option<Given<Execution>>,
    /// What happens when a VM moves to another node [default: follow]
    #[arg(long, value_name = "WHAT", value_parser = ON_MIGRATION)]
    on_migration: Option<Given<OnMigration>>,
    /// End once the fault is in place and verified; it stays until its deadline
    #[arg(long)]
    detach: bool,
    /// Probe each VM from its node before, during and after: `icmp`, `tcp:PORT` or `http:PORT[/PATH]`; may be repeated
    #[arg(long, value_name = "KIND", value_parser = probe)]
    probe: Vec<Given<Probe>>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Debug pod")]
pub(super) struct PodArgs {
    /// Image of the debug pod, which runs privileged [default: `image` in the config file, else KubeVirt's own launcher image]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<Given<String>>,
    /// Tolerate these taints only, as KEY[=VALUE]:EFFECT [default: all]
    #[arg(long, value_name = "TAINT,…", value_delimiter = ',', value_parser = taint)]
    taints: Vec<Given<Toleration>>,
    /// Service account of the debug pod; no token of it is mounted
    #[arg(long, value_name = "NAME", value_parser = service_account, hide_short_help = true)]
    service_account: Option<Given<String>>,
    /// Namespace of the debug pod [default: `vmchaos` where it is labelled vmchaos.dev/debug-pods=allowed, else KubeVirt's own]
    ///
    /// Whoever may make pods there, or exec into them, is root on the nodes of the VMs: never a tenant's namespace, unless it is
    /// named here. The same flag of `status` and `halt` lets the pods there count as runs
    #[arg(long, value_name = "NAMESPACE", value_parser = pod_namespace, hide_short_help = true)]
    pod_namespace: Option<Given<String>>,
    /// How long the debug pod may take to start [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = wait, hide_short_help = true)]
    pod_running_timeout: Option<Given<Time>>,
    /// Taken from krknctl and ignored.
    #[arg(long, hide = true)]
    wait_duration: Option<String>,
}

impl ExtentArgs {
    /// The fault with where, when and how it works.
    pub(super) fn spec(&self, fault: PacketEffect, preset: Option<&'static str>) -> Result<PacketSpec, Problem> {
        let on_migration = value(self.on_migration);
        if self.detach && on_migration == Some(OnMigration::Follow) {
            return Err(Problem::usage(
                "--detach and --on-migration follow contradict each other: nobody is left who could follow the VM",
                "leave out --on-migration; --detach implies stop",
            ));
        }
        let usual = if self.detach {
            OnMigration::Stop
        } else {
            OnMigration::default()
        };
        let mut probes: Vec<Probe> = Vec::new();
        for probe in given(&self.probe) {
            if !probes.contains(&probe) {
                probes.push(probe);
            }
        }
        Ok(PacketSpec {
            fault,
            preset,
            directions: Directions::new(value(self.ingress).unwrap_or(true), value(self.egress).unwrap_or(true))?,
            interfaces: given(&self.interfaces),
            duration: value(self.duration)
                .filter(|time| !time.is_zero())
                .unwrap_or(DEFAULT_DURATION),
            execution: value(self.execution).unwrap_or_default(),
            on_migration: on_migration.unwrap_or(usual),
            detach: self.detach,
            probes,
        })
    }
}

impl PodArgs {
    pub(super) fn request(&self) -> PodRequest {
        let tolerations = given(&self.taints);
        PodRequest {
            image: self.image.clone().and_then(|image| image.0),
            tolerations: (!tolerations.is_empty()).then_some(tolerations),
            service_account: self.service_account.clone().and_then(|name| name.0),
            namespace: self.pod_namespace.clone().and_then(|name| name.0),
            running_timeout: value(self.pod_running_timeout)
                .filter(|time| !time.is_zero())
                .unwrap_or(DEFAULT_POD_RUNNING_TIMEOUT),
        }
    }

    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let request = self.request();
        let given = [
            ("--image", request.image.is_some()),
            ("--taints", request.tolerations.is_some()),
            ("--service-account", request.service_account.is_some()),
            ("--pod-namespace", request.namespace.is_some()),
            ("--pod-running-timeout", value(self.pod_running_timeout).is_some()),
        ];
        given.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }

    /// What was accepted and does nothing, for the user to know.
    pub(super) fn ignored(&self) -> Vec<String> {
        let line = "--wait-duration is ignored: the command waits for the debug pod (--pod-running-timeout) and ends when the rollback is verified";
        self.wait_duration.iter().map(|_| line.to_owned()).collect()
    }
}
