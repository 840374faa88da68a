//! Runs by their names, for shell completion: of metadata alone, and within the time that a shell waits.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ObjectMeta;

use super::lists::{INSTANCES, Kind, MACHINES, MIGRATIONS, PODS};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{Connection, VirtualMachineInstance, names};
use crate::fault::undo::{UNDO, Undo};
use crate::name::is_label_value;
use crate::node::pod::LABEL_RUN;
use crate::plan::pod_options::{FAULT, TARGETS, USER};

/// Ids of runs, each with a few words, by what carries a run's label; what is not answered in time is left out.
pub(crate) async fn runs_by_name(connection: &Connection, namespace: Option<&str>) -> Vec<(String, String)> {
    let labels = [&PODS, &MIGRATIONS, &MACHINES, &INSTANCES].map(Kind::selector);
    let (namespaces, pods, migrations, machines, instances) = tokio::join!(
        names::pod_namespaces(connection),
        names::labelled::<Pod>(connection, namespace, &labels[0]),
        names::labelled::<VirtualMachineInstanceMigration>(connection, namespace, &labels[1]),
        names::labelled::<VirtualMachine>(connection, namespace, &labels[2]),
        names::labelled::<VirtualMachineInstance>(connection, namespace, &labels[3]),
    );
    // What `halt` would leave alone is no completion of it.
    let namespaces = namespaces.map(|all| all.and(namespace));
    let counts = |pod: &&ObjectMeta| {
        namespaces
            .as_ref()
            .is_some_and(|all| all.counts(pod.namespace.as_deref().unwrap_or_default()))
    };
    let mut runs: Vec<(String, String)> = Vec::new();
    for object in pods
        .iter()
        .filter(counts)
        .chain(&migrations)
        .chain(&machines)
        .chain(&instances)
    {
        let Some(run) = object.labels.as_ref().and_then(|labels| labels.get(LABEL_RUN)) else {
            continue;
        };
        if is_label_value(run) && !runs.iter().any(|(known, _)| known == run) {
            runs.push((run.clone(), about(object)));
        }
    }
    runs
}

/// What a run is about, as one of its objects tells.
fn about(object: &ObjectMeta) -> String {
    let text = |name: &str| object.annotations.as_ref()?.get(name).cloned();
    let words: Vec<String> =
        match text(UNDO).and_then(|undo| Undo::parse(&undo, object.name.as_deref().unwrap_or_default())) {
            Some(undo) => [Some(undo.words()), Some(undo.vmi.clone()), undo.user]
                .into_iter()
                .flatten()
                .collect(),
            None => [FAULT, TARGETS, USER].into_iter().filter_map(text).collect(),
        };
    words.join(", ")
}
