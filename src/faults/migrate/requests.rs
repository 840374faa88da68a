//! The requests of a run of migrations, each in a task of its own that answers with an input.

use futures::future::join_all;
use kube::api::{Api, ListParams};

use super::driver::{Driver, Message};
use super::engine::{FlightIndex, Input, NotMade};
use super::explain;
use crate::cluster::migration::{self, NewMigration, VirtualMachineInstanceMigration};
use crate::cluster::objects::sound;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::{Ask, ClusterError, ErrorKind};
use crate::faults::migrate::find;
use crate::faults::migrate::plan::{MigrationPlan, ROUND};
use crate::node::pod::{LABEL_FAULT, LABEL_MANAGED_BY, LABEL_RUN, MANAGED_BY};
use crate::problem::Reason;

impl Driver<'_> {
    /// Namespace and name of a flight's VM.
    fn vm_of(&self, flight: FlightIndex) -> (String, String) {
        let vm = &self.plan.pool[self.engine.flights()[flight].vm];
        (vm.namespace.clone(), vm.name.clone())
    }

    /// Reads the nodes, and the VMIs that their watch is behind with.
    pub(super) fn ask_for_survey(&self) {
        let cluster = self.cluster.clone();
        let of = |vm: usize| {
            (
                vm,
                self.plan.pool[vm].namespace.clone(),
                self.plan.pool[vm].name.clone(),
            )
        };
        let behind: Vec<_> = self.behind().into_iter().map(of).collect();
        self.spawn(async move {
            let read = behind.into_iter().map(async |(vm, namespace, name)| {
                let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), &namespace);
                Some((vm, api.get_opt(&name).await.ok()?.map(Box::new)))
            });
            let (terrain, read) = tokio::join!(find::terrain(&cluster), join_all(read));
            Message::Terrain(terrain, read.into_iter().flatten().collect())
        });
    }

    pub(super) fn create(&self, flight: FlightIndex) {
        let (namespace, vmi) = self.vm_of(flight);
        let new = new_migration(self.plan, self.engine.flights()[flight].round, namespace, vmi);
        let cluster = self.cluster.clone();
        self.spawn(async move {
            // One that was not answered in time may still have been made: it is looked for.
            let made = migration::create(&cluster, &new, false).await;
            let made = made.map(Box::new).map_err(|error| not_made(&error));
            Message::Input(Input::Created(flight, made))
        });
    }

    pub(super) fn seek(&self, flight: FlightIndex) {
        let (namespace, vmi) = self.vm_of(flight);
        let round = self.engine.flights()[flight].round.to_string();
        let (cluster, run) = (self.cluster.clone(), self.plan.run.clone());
        self.spawn(async move {
            let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &namespace);
            let params = ListParams::default().labels(&format!("{LABEL_RUN}={run}"));
            let found = match api.list(&params).await {
                Ok(list) => sound(list.items)
                    .map_err(|error| error.problem(Reason::NotCreated))
                    .map(|listed| {
                        let ours = |object: &VirtualMachineInstanceMigration| {
                            object.spec.vmi_name == vmi && object.annotation(ROUND) == Some(round.as_str())
                        };
                        listed.into_iter().find(ours).map(Box::new)
                    }),
                Err(error) => Err(cluster
                    .explain(&error, &ask("list", &namespace))
                    .problem(Reason::NotCreated)),
            };
            Message::Input(Input::Found(flight, found))
        });
    }

    pub(super) fn cancel(&self, index: FlightIndex) {
        let (namespace, vmi) = self.vm_of(index);
        let flight = &self.engine.flights()[index];
        let (vm, name, uid) = (flight.vm, flight.name.clone(), flight.uid.clone());
        let cluster = self.cluster.clone();
        self.spawn(async move {
            if let Some(past) = migration::in_post_copy(&cluster, &namespace, &vmi, &uid).await {
                return Message::Input(Input::Vmi(vm, Some(past)));
            }
            let deleted = migration::delete(&cluster, &namespace, &name, &uid, false).await;
            Message::Input(match deleted {
                Ok(()) => Input::Cancelled(index, Ok(())),
                // Gone already, or another object has its name.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => Input::Gone(uid),
                Err(error) => Input::Cancelled(index, Err(error.problem(Reason::NotCreated))),
            })
        });
    }

    pub(super) fn look(&self, flight: FlightIndex) {
        let (namespace, name) = self.vm_of(flight);
        let cluster = self.cluster.clone();
        self.spawn(async move {
            let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), &namespace);
            let read = api.get_opt(&name).await.map(|vmi| vmi.map(Box::new)).map_err(|error| {
                let ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances").namespace(&namespace);
                cluster.explain(&error, &ask).problem(Reason::NotCreated)
            });
            Message::Input(Input::Looked(flight, read))
        });
    }

    pub(super) fn explain(&self, index: FlightIndex) {
        let (namespace, vmi) = self.vm_of(index);
        let flights = self.engine.flights();
        let flight = &flights[index];
        let leaving = flights
            .iter()
            .filter(|other| {
                !other.is_over() && other.from == flight.from && !matches!(other.phase(), None | Some("Pending"))
            })
            .count();
        let question = explain::Question {
            namespace,
            vmi,
            uid: flight.uid.clone(),
            from: flight.from.clone(),
            leaving,
        };
        let (cluster, limits) = (self.cluster.clone(), self.limits);
        self.spawn(async move {
            let why = explain::explain(&cluster, &question, limits).await;
            Message::Input(Input::Explained(index, why))
        });
    }
}

/// The object that moves one VM in one round.
pub(crate) fn new_migration(plan: &MigrationPlan, round: u64, namespace: String, vmi: String) -> NewMigration {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    NewMigration {
        namespace,
        vmi,
        prefix: format!("vmchaos-{}-", plan.run),
        labels: [
            label(LABEL_MANAGED_BY, MANAGED_BY),
            label(LABEL_RUN, &plan.run),
            label(LABEL_FAULT, super::COMMAND),
        ]
        .into(),
        annotations: plan.annotations(round),
        node_selector: plan.node_labels.clone(),
    }
}

fn not_made(error: &ClusterError) -> NotMade {
    let problem = error.problem(Reason::NotCreated);
    match error.kind {
        ErrorKind::Invalid
        | ErrorKind::Forbidden
        | ErrorKind::Unauthorized
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::AlreadyExists => NotMade::Refused(problem),
        _ => NotMade::Unknown(problem),
    }
}

pub(super) fn ask(verb: &'static str, namespace: &str) -> Ask {
    Ask::new(verb, "kubevirt.io", "virtualmachineinstancemigrations").namespace(namespace)
}
