//! The requests of a run of migrations, each in a task of its own that answers with an input.

use futures::future::join_all;
use kube::api::{Api, ListParams};

use super::driver::{Driver, Message};
use super::engine::{FlightIndex, Input, NotMade};
use super::explain;
use super::flight::leaving_beside;
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
        let round = self.engine.flights()[flight].round;
        let (cluster, run) = (self.cluster.clone(), self.plan.run.clone());
        self.spawn(async move {
            let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &namespace);
            let params = ListParams::default().labels(&format!("{LABEL_RUN}={run}"));
            let found = match api.list(&params).await {
                Ok(list) => sound(list.items)
                    .map_err(|error| error.problem(Reason::NotCreated))
                    .map(|listed| {
                        let ours = |object: &VirtualMachineInstanceMigration| is_of(object, &vmi, round);
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
            Message::Input(cancelled(index, uid, deleted))
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
        let question = explain::Question {
            namespace,
            vmi,
            uid: flight.uid.clone(),
            from: flight.from.clone(),
            leaving: leaving_beside(flights, index),
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

/// Whether an object of the run is that of this VMI's round.
fn is_of(object: &VirtualMachineInstanceMigration, vmi: &str, round: u64) -> bool {
    object.spec.vmi_name == vmi && object.annotation(ROUND) == Some(round.to_string().as_str())
}

fn cancelled(index: FlightIndex, uid: String, deleted: Result<(), ClusterError>) -> Input {
    match deleted {
        Ok(()) => Input::Cancelled(index, Ok(())),
        // Gone already, or another object has its name.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => Input::Gone(uid),
        Err(error) => Input::Cancelled(index, Err(error.problem(Reason::NotCreated))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(kind: ErrorKind) -> ClusterError {
        ClusterError::new(kind, "no")
    }

    #[test]
    fn only_the_object_of_this_vm_and_round_is_taken_for_the_one_whose_answer_was_lost() {
        let object = |vmi: &str, round: &str| {
            let object = json!({"metadata": {"name": "m", "namespace": "shop", "uid": "m", "annotations": {ROUND: round}},
                "spec": {"vmiName": vmi}});
            serde_json::from_value(object).unwrap()
        };
        assert!(is_of(&object("x", "2"), "x", 2));
        assert!(!is_of(&object("x", "1"), "x", 2), "another round's");
        assert!(!is_of(&object("y", "2"), "x", 2), "another VM's");
    }

    #[test]
    fn an_object_that_is_not_there_to_be_cancelled_is_gone_and_anything_else_is_tried_again() {
        let of = |deleted| cancelled(3, "u".into(), deleted);
        assert!(matches!(of(Ok(())), Input::Cancelled(3, Ok(()))));
        for gone in [ErrorKind::NotFound, ErrorKind::Conflict] {
            assert!(
                matches!(of(Err(error(gone))), Input::Gone(uid) if uid == "u"),
                "{gone:?}"
            );
        }
        for refused in [ErrorKind::Forbidden, ErrorKind::Timeout, ErrorKind::Other] {
            assert!(
                matches!(of(Err(error(refused))), Input::Cancelled(3, Err(_))),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn what_the_server_refused_was_not_made_and_what_it_did_not_answer_may_have_been() {
        let refusals = [
            ErrorKind::Invalid,
            ErrorKind::Forbidden,
            ErrorKind::Unauthorized,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::AlreadyExists,
        ];
        for kind in refusals {
            assert!(matches!(not_made(&error(kind)), NotMade::Refused(_)), "{kind:?}");
        }
        for kind in [ErrorKind::Timeout, ErrorKind::Unreachable, ErrorKind::Other] {
            assert!(matches!(not_made(&error(kind)), NotMade::Unknown(_)), "{kind:?}");
        }
    }
}
