//! Names for shell completion. Quick, silent, and none rather than an error: a shell is waiting.

use std::time::Duration;

use crate::cli::completion::{Asked, Live};
use crate::cluster::names;
use crate::traces;

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
        Live::Runs => Box::pin(traces::runs_by_name(&asked.connection, asked.namespace.as_deref())).await,
        Live::Contexts => Vec::new(),
    }
}

fn plain(names: Vec<String>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name, String::new())).collect()
}
