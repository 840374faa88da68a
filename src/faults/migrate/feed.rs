//! What happens to the run's migrations and to the pool's VMIs, by one watch of each a namespace.

use std::collections::BTreeSet;

use futures::StreamExt;
use kube::api::Api;
use tokio::sync::mpsc::UnboundedSender;

use super::driver::Message;
use super::engine::Input;
use super::requests::ask;
use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Cluster, ClusterError};
use crate::command_line::CommandLine;
use crate::node::pod::LABEL_RUN;
use crate::problem::Reason;

/// Feeds the run's migrations in a namespace.
pub(super) async fn feed_migrations(
    cluster: Cluster,
    namespace: String,
    run: String,
    messages: UnboundedSender<Message>,
) {
    let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &namespace);
    let filter = Filter {
        labels: Some(format!("{LABEL_RUN}={run}")),
        fields: None,
    };
    let mut changes = watch::watch(&cluster, api, ask("watch", &namespace), filter);
    let mut known: BTreeSet<String> = BTreeSet::new();
    while let Some(change) = changes.next().await {
        let seen = |object| Input::Migration(Box::new(object));
        let inputs: Vec<Input> = match change {
            Ok(Change::Listed(listed)) => {
                let there: BTreeSet<String> = listed.iter().map(|object| object.uid().to_owned()).collect();
                let gone = known.difference(&there).cloned().map(Input::Gone).collect::<Vec<_>>();
                known = there;
                listed.into_iter().map(seen).chain(gone).collect()
            }
            Ok(Change::Applied(object)) => {
                known.insert(object.uid().to_owned());
                vec![seen(object)]
            }
            Ok(Change::Deleted(object)) => {
                known.remove(object.uid());
                let gone = Input::Gone(object.uid().to_owned());
                // Its last state may say how it ended.
                vec![seen(object), gone]
            }
            Err(error) => vec![blind("migrations", &error)],
        };
        for input in inputs {
            if messages.send(Message::Input(input)).is_err() {
                return;
            }
        }
    }
}

/// Feeds the VMIs of a namespace, or one of them.
pub(super) async fn feed_vmis(
    cluster: Cluster,
    namespace: String,
    only: Option<String>,
    messages: UnboundedSender<Message>,
) {
    let mut changes = watch::vmis(&cluster, &namespace, only.as_deref());
    while let Some(change) = changes.next().await {
        let message = match change {
            Ok(change) => Message::Vmis(namespace.clone(), Box::new(change)),
            Err(error) => Message::Input(blind("VMIs", &error)),
        };
        if messages.send(message).is_err() {
            return;
        }
    }
}

fn blind(what: &str, error: &ClusterError) -> Input {
    let why = format_args!("the {what} cannot be watched, so that nothing more is begun");
    Input::Blind(
        error
            .problem(Reason::Blind)
            .context(why)
            .hint(CommandLine::new("kubectl vmchaos check migrate").to("see what is missing: ")),
    )
}
