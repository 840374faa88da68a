//! Ends runs of migrations from outside: the command is told to end, what is in flight is cancelled, and its end is seen.

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use kube::api::Api;
use tokio::time::timeout;

use crate::cluster::migration::{self, VirtualMachineInstanceMigration};
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind};
use crate::faults::migrate::mark::mark;
use crate::traces::migrations::{MigrationRun, MigrationSeen};

/// Between its hand-over to the nodes and its start nobody acts on a cancellation.
const END_LIMIT: Duration = Duration::from_secs(60);

/// A run of migrations that was told to end.
pub(super) struct Halted {
    pub(super) run: MigrationRun,
    pub(super) told: Vec<String>,
    /// What may still be under way.
    pub(super) left: Vec<String>,
}

/// Tells whether the API server would let the migrations in flight be cancelled; nothing is written.
pub(super) async fn would_cancel(cluster: &Cluster, run: &MigrationRun) -> Result<(), ClusterError> {
    for one in run.in_flight() {
        migration::delete(cluster, &one.namespace, &one.name, &one.uid, true).await?;
    }
    Ok(())
}

/// Halts a run in the name of `who`.
pub(super) async fn halt(cluster: &Cluster, run: MigrationRun, who: &str) -> Halted {
    let mut halted = Halted {
        run,
        told: Vec::new(),
        left: Vec::new(),
    };
    // Between rounds nothing is in flight: the command still watches what it made last.
    let newest = halted.run.newest().filter(|newest| !newest.is_in_flight());
    let marked: Vec<&MigrationSeen> = halted.run.in_flight().chain(newest).collect();
    let marks = marked
        .iter()
        .map(|one| mark(cluster, &one.namespace, &one.name, &one.uid, who));
    let marks = join_all(marks).await;
    if let Some(error) = marks.into_iter().find_map(Result::err) {
        halted.told.push(format!(
            "the command could not be told to end, and may go on: {}",
            error.message
        ));
    }
    let ends = join_all(halted.run.in_flight().map(|one| end(cluster, one))).await;
    for ended in ends {
        match ended {
            Ok(told) => halted.told.push(told),
            Err(left) => halted.left.push(left),
        }
    }
    if halted.told.is_empty() && halted.left.is_empty() {
        halted.told.push("nothing was in flight".to_owned());
    }
    halted
}

/// Cancels one migration and waits until it is over.
async fn end(cluster: &Cluster, one: &MigrationSeen) -> Result<String, String> {
    let key = one.vmi_key();
    let past = migration::in_post_copy(cluster, &one.namespace, &one.vmi, &one.uid).await;
    if past.is_some() {
        return Err(format!(
            "the migration of {key} is past the point where it can be cancelled (post-copy); it ends by itself"
        ));
    }
    match migration::delete(cluster, &one.namespace, &one.name, &one.uid, false).await {
        Ok(()) => {}
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {}
        Err(error) => {
            return Err(format!(
                "the migration of {key} could not be cancelled: {}",
                error.message
            ));
        }
    }
    let over = timeout(END_LIMIT, until_gone(cluster, one)).await;
    let vmis = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), &one.namespace);
    let vmi = vmis.get_opt(&one.vmi).await.ok().flatten();
    let state = vmi.and_then(|vmi| vmi.status.migration_state);
    let ours = state.filter(|state| state.migration_uid.as_deref() == Some(one.uid.as_str()));
    let moved = ours.is_some_and(|state| state.completed && !state.failed);
    match over {
        Ok(Ok(())) if moved => Ok(format!("{key}: it had moved before it could be cancelled")),
        Ok(Ok(())) => Ok(format!("{key}: its migration was cancelled")),
        Ok(Err(error)) => Err(format!(
            "nobody could see whether the migration of {key} has ended: {}",
            error.message
        )),
        Err(_) => Err(format!(
            "the migration of {key} was cancelled and is not over within {} s",
            END_LIMIT.as_secs()
        )),
    }
}

async fn until_gone(cluster: &Cluster, one: &MigrationSeen) -> Result<(), ClusterError> {
    let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &one.namespace);
    let filter = Filter {
        labels: None,
        fields: Some(format!("metadata.name={}", one.name)),
    };
    let ours = |object: &VirtualMachineInstanceMigration| object.uid() == one.uid;
    let mut changes = watch::watch(cluster, api, ask("watch", &one.namespace), filter);
    while let Some(change) = changes.next().await {
        let gone = match change? {
            Change::Listed(listed) => !listed.iter().any(ours),
            Change::Deleted(object) => ours(&object),
            Change::Applied(_) => false,
        };
        if gone {
            break;
        }
    }
    Ok(())
}

fn ask(verb: &'static str, namespace: &str) -> Ask {
    Ask::new(verb, "kubevirt.io", "virtualmachineinstancemigrations").namespace(namespace)
}
