//! Names for shell completion. Quick, silent, and none rather than an error: a shell is waiting.

use std::time::Duration;

use crate::cli::completion::{Asked, Live};
use crate::cluster::names;
use crate::node::pod::{LABEL_MANAGED_BY, LABEL_RUN, MANAGED_BY};
use crate::plan::run_plan::{FAULT, TARGETS, USER};

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
        Live::Runs => runs(asked).await,
        Live::Contexts => Vec::new(),
    }
}

async fn runs(asked: &Asked) -> Vec<(String, String)> {
    let selector = format!("{LABEL_MANAGED_BY}={MANAGED_BY}");
    let mut runs: Vec<(String, String)> = Vec::new();
    for pod in names::pods(&asked.connection, asked.namespace.as_deref(), &selector).await {
        let text = |name: &str| {
            pod.annotations
                .as_ref()
                .and_then(|annotations| annotations.get(name))
                .cloned()
        };
        let Some(run) = pod.labels.as_ref().and_then(|labels| labels.get(LABEL_RUN)) else {
            continue;
        };
        if !runs.iter().any(|(known, _)| known == run) {
            let words = [FAULT, TARGETS, USER].into_iter().filter_map(text).collect::<Vec<_>>();
            runs.push((run.clone(), words.join(", ")));
        }
    }
    runs
}

fn plain(names: Vec<String>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name, String::new())).collect()
}
