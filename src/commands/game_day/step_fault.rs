//! The fault of a step, whatever its kind.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::LocalBoxFuture;

use super::super::Context;
use super::super::guards::Guards;
use super::super::prepare::{Prepared, prepare};
use super::foreseen::Foreseen;
use crate::cli::{FaultRequest, HowMany, Request, StepRequest};
use crate::cluster::events::Recorder;
use crate::cluster::pod_namespace::PodNamespaces;
use crate::cluster::{Cluster, NamedTarget, Selection};
use crate::faults::registry::each_fault;
use crate::faults::screen::Screen;
use crate::faults::{Around, Fault, Takes};
use crate::plan::consent::{Agreed, Vms};
use crate::plan::guards::{Facts, Verdict};
use crate::plan::new_run;
use crate::problem::Reason;
use crate::report::{DryRun, Ending, RunReport};
use crate::run::signals::Signals;
use crate::stop::Stop;
use crate::ui::Progress;

/// What every step is done with.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) context: &'a Context,
    pub(super) cluster: &'a Cluster,
    pub(super) guards: &'a Guards,
}

/// A fault that can be planned and run.
pub(super) trait StepFault: Foreseen {
    /// Whether it says which VMs.
    fn must_choose(&self) -> Result<(), Stop>;

    /// Plans it, on what the cluster is like now. Only reads.
    fn plan<'a>(&'a mut self, desk: &'a Desk<'a>) -> LocalBoxFuture<'a, Result<Planned, Stop>>;

    /// The plan for a person.
    fn describe(&self, cluster: &Cluster, all: bool) -> String;

    /// The same fault on the VMs that were planned, to be planned again.
    fn again(&self) -> Box<dyn StepFault>;

    /// Its document, with what is planned.
    fn document(&self, desk: &Desk<'_>) -> RunReport;

    /// Does what was planned, to its end. Refuses VMs that were not agreed to.
    fn run<'a>(
        self: Box<Self>,
        desk: &'a Desk<'a>,
        agreed: (&'a Agreed, usize),
        signals: Signals,
        progress: Progress,
    ) -> LocalBoxFuture<'a, Ran>;
}

/// What a plan comes to.
pub(super) struct Planned {
    pub(super) facts: Facts,
    pub(super) verdict: Verdict,
    pub(super) around: Around,
    pub(super) namespaces: PodNamespaces,
    pub(super) vms: Vms,
    pub(super) takes: Takes,
}

/// How a run went.
pub(super) struct Ran {
    pub(super) report: RunReport,
    /// What is said last: what may be left, what failed, and what to do about it.
    pub(super) closing: Option<Closing>,
}

pub(super) type Closing = Box<dyn FnOnce(&Context)>;

/// How long a VM may be unfit for its step. KubeVirt tells a VMI's new address some seconds after a migration.
const UNFIT: Duration = Duration::from_secs(20);
/// Fitness is read from several kinds of objects, so that it is asked again and not watched.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Of<F: Fault> {
    pub(super) request: Request<F>,
    recorded: Vec<String>,
    run: String,
    prepared: Option<Prepared<F>>,
}

macro_rules! of_request {
    ($($command:literal: $name:ident($flags:path) => $fault:ty,)*) => {
        /// The fault that a step asks for.
        pub(super) fn step_fault(step: StepRequest) -> Box<dyn StepFault> {
            match step.request {
                $(FaultRequest::$name(request) => Box::new(Of::new(*request, step.recorded)),)*
            }
        }
    };
}
each_fault!(of_request);

// === impl Of ===

impl<F: Fault + 'static> Of<F> {
    fn new(request: Request<F>, recorded: Vec<String>) -> Self {
        Self {
            request,
            recorded,
            run: new_run(),
            prepared: None,
        }
    }

    fn vms(prepared: &Prepared<F>) -> Vms {
        let vms = F::vmis(&prepared.plan).into_iter();
        vms.map(|vm| (vm.namespace, vm.name)).collect()
    }

    /// Plans it anew. A VM that the step before has moved or restarted may need a moment until it can take another fault.
    async fn plan_when_fit(&mut self, desk: &Desk<'_>, signals: &Signals, progress: &Progress) -> Result<(), Stop> {
        let began = Instant::now();
        let mut told = false;
        loop {
            let planned = self.plan(desk).await;
            if signals.count() > 0 {
                return Err(Stop::interrupted());
            }
            match planned {
                Ok(_) => return Ok(()),
                Err(stop) if stop.problem.reason == Reason::Unfit && began.elapsed() < UNFIT => {
                    if !std::mem::replace(&mut told, true) {
                        progress.note(&format!("waits: {}", stop.problem.message));
                    }
                }
                Err(stop) => return Err(stop),
            }
            tokio::select! {
                () = signals.any() => return Err(Stop::interrupted()),
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    /// Does it, where it was agreed to.
    async fn carry_out(
        &mut self,
        desk: &Desk<'_>,
        (agreed, fault): (&Agreed, usize),
        signals: &Signals,
        progress: Progress,
        report: &mut RunReport,
    ) -> Result<(Ending, Closing), Stop> {
        let Some(Prepared { plan, facts, .. }) = self.prepared.take() else {
            return Err(Stop::failed(Reason::Plan, "it was not planned"));
        };
        let vms: Vms = F::vmis(&plan).into_iter().map(|vm| (vm.namespace, vm.name)).collect();
        F::planned(desk.cluster, &plan, report);
        let Some(confirmed) = agreed.to(fault, &vms, plan) else {
            return Err(Stop::refused(
                Reason::ChangedMeanwhile,
                "its plan is not for the VMs that were confirmed",
            ));
        };
        F::keep(confirmed.plan())?;
        let recorder = Recorder::new(desk.cluster.clone(), &self.run, facts.fault, desk.context.warnings());
        let screen = Screen::on(progress, &desk.context.printer, recorder);
        let mut ran = F::run(desk.cluster, &confirmed, signals, &screen).await;
        screen.events().await;
        let ending = F::outcome(desk.cluster, &mut ran, report);
        let cluster = desk.cluster.clone();
        let closing: Closing = Box::new(move |context| {
            F::close(&context.printer, &cluster, confirmed.plan(), &ran);
        });
        Ok((ending, closing))
    }
}

impl<F: Fault + 'static> StepFault for Of<F> {
    fn must_choose(&self) -> Result<(), Stop> {
        if self.request.wanted.chosen {
            return Ok(());
        }
        Err(Stop::usage("says no VMs: `vms`, `target`, `selector` or `namespaces`"))
    }

    fn plan<'a>(&'a mut self, desk: &'a Desk<'a>) -> LocalBoxFuture<'a, Result<Planned, Stop>> {
        Box::pin(async move {
            let prepared = prepare(desk.context, desk.cluster, desk.guards, &self.request, &self.run).await?;
            let planned = Planned {
                facts: prepared.facts.clone(),
                verdict: prepared.verdict.clone(),
                around: prepared.around.clone(),
                namespaces: prepared.namespaces.clone(),
                vms: Self::vms(&prepared),
                takes: F::takes(&prepared.plan),
            };
            self.prepared = Some(prepared);
            Ok(planned)
        })
    }

    fn describe(&self, cluster: &Cluster, all: bool) -> String {
        let prepared = self.prepared.as_ref();
        prepared.map_or_else(String::new, |it| F::describe(cluster, &it.plan, &it.namespaces, all))
    }

    fn again(&self) -> Box<dyn StepFault> {
        let vms = self.prepared.as_ref().map(Self::vms).unwrap_or_default();
        let mut request = self.request.clone();
        request.wanted.selection = Selection {
            names: named(&vms),
            ..Selection::default()
        };
        request.wanted.how_many = HowMany::All;
        request.wanted.chosen = true;
        Box::new(Self::new(request, self.recorded.clone()))
    }

    fn document(&self, desk: &Desk<'_>) -> RunReport {
        let dry_run = DryRun::from(self.request.writing.dry_run);
        let mut report = RunReport::new(
            self.run.clone(),
            desk.cluster.context.clone(),
            Some(desk.cluster.user.clone()),
            self.request.writing.reason.clone(),
            self.request.wanted.seed,
            dry_run,
            self.request.fault.asked(),
        );
        report.server = Some(desk.cluster.server.clone());
        if let Some(prepared) = &self.prepared {
            F::planned(desk.cluster, &prepared.plan, &mut report);
        }
        let (command, flags) = self.recorded.split_at(self.recorded.len().min(1));
        let targets = report
            .targets
            .iter()
            .map(|target| format!("vmi/{}/{}", target.name, target.namespace));
        report.command = command
            .iter()
            .cloned()
            .chain(targets)
            .chain(flags.iter().cloned())
            .collect();
        report
    }

    fn run<'a>(
        mut self: Box<Self>,
        desk: &'a Desk<'a>,
        agreed: (&'a Agreed, usize),
        signals: Signals,
        progress: Progress,
    ) -> LocalBoxFuture<'a, Ran> {
        Box::pin(async move {
            let planned = self.plan_when_fit(desk, &signals, &progress).await;
            let mut report = self.document(desk);
            let ran = match planned {
                Ok(()) => self.carry_out(desk, agreed, &signals, progress, &mut report).await,
                Err(stop) => Err(stop),
            };
            match ran {
                Ok((ending, closing)) => {
                    report.finish(ending);
                    Ran {
                        report,
                        closing: Some(closing),
                    }
                }
                Err(stop) => {
                    report.error = Some(stop.problem.clone());
                    report.finish(stop.ending());
                    let closing: Closing = Box::new(move |context| stop.print(&context.printer));
                    Ran {
                        report,
                        closing: Some(closing),
                    }
                }
            }
        })
    }
}

fn named(vms: &BTreeSet<(String, String)>) -> Vec<NamedTarget> {
    let names = vms.iter().map(|(namespace, name)| NamedTarget {
        namespace: Some(namespace.clone()),
        name: name.clone(),
    });
    names.collect()
}
