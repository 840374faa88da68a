//! Names for shell completion. Quick, silent, and none rather than an error: a shell is waiting.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ObjectMeta;

use crate::cli::completion::{Asked, Live};
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::vm::VirtualMachine;
use crate::cluster::{VirtualMachineInstance, names};
use crate::fault::undo::{UNDO, Undo};
use crate::name::is_label_value;
use crate::node::pod::{LABEL_MANAGED_BY, LABEL_RUN, MANAGED_BY};
use crate::plan::pod_options::{FAULT, TARGETS, USER};

/// Names from the cluster, each with a few words or none; none when it does not answer within a second.
pub fn lookup(asked: &Asked) -> Vec<(String, String)> {
    if asked.live == Live::Contexts {
        return plain(names::contexts(&asked.connection));
    }
    // Completion is asked before the program has a runtime, and one thread is enough.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let found = runtime.block_on(ask(asked));
    // A name that is still being resolved must not hold the shell up.
    runtime.shutdown_timeout(Duration::ZERO);
    found
}

async fn ask(asked: &Asked) -> Vec<(String, String)> {
    match asked.live {
        Live::Vmis => plain(names::vmis(&asked.connection, asked.namespace.as_deref()).await),
        Live::Namespaces => plain(names::namespaces(&asked.connection).await),
        Live::Runs => Box::pin(runs(asked)).await,
        Live::Contexts => Vec::new(),
    }
}

/// By the debug pods, the migrations and the ways back that carry a run's label.
async fn runs(asked: &Asked) -> Vec<(String, String)> {
    let (connection, namespace) = (&asked.connection, asked.namespace.as_deref());
    let ours = format!("{LABEL_MANAGED_BY}={MANAGED_BY}");
    let (namespaces, pods, migrations, machines, instances) = tokio::join!(
        names::pod_namespaces(connection),
        names::labelled::<Pod>(connection, namespace, &ours),
        names::labelled::<VirtualMachineInstanceMigration>(connection, namespace, &ours),
        names::labelled::<VirtualMachine>(connection, namespace, LABEL_RUN),
        names::labelled::<VirtualMachineInstance>(connection, namespace, LABEL_RUN),
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

fn plain(names: Vec<String>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name, String::new())).collect()
}
