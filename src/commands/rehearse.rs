//! `kubectl vmchaos rehearse`: the same commands on a practice cluster.

use std::time::Duration;

use super::Context;
use crate::cli::{ConfigFile, Invocation, RehearseRequest, Rehearsed};
use crate::cluster::Connection;
use crate::command_line::quoted;
use crate::problem::Reason;
use crate::report::ExitCode;
use crate::stop::Stop;
use vmchaos_rehearsal::{AgentKind, Options, Practice};

/// Starts the practice cluster; runs one command on it, or keeps it up until a signal.
pub(super) async fn rehearse(context: &mut Context, request: RehearseRequest) -> Result<ExitCode, Stop> {
    let start = async {
        Practice::start(options(&request)).await.map_err(|error| {
            Stop::failed(
                Reason::Rehearsal,
                format!("the practice cluster could not be started: {error:#}"),
            )
        })
    };
    let practice = context.unless_signalled(start).await?;
    match request.what {
        Rehearsed::Command(invocation) => {
            // The command keeps its own flags; only where the cluster is comes from here.
            let connection = Connection {
                kubeconfig: Some(practice.kubeconfig().to_owned()),
                ..invocation.connection.clone()
            };
            let config = match invocation.config {
                ConfigFile::Own => context.config.clone(),
                said => said,
            };
            let invocation = Invocation {
                connection,
                config,
                rehearsal: Some(context.given.clone()),
                ..*invocation
            };
            let signals = context.signals.clone();
            Ok(Box::pin(super::run(invocation, &context.printer, signals)).await)
        }
        Rehearsed::Serve => {
            let kubeconfig = practice.kubeconfig().to_string_lossy();
            context.print(&format!("{kubeconfig}\n"))?;
            let kubeconfig = quoted(&kubeconfig);
            context.printer.line(&format!(
                "the practice cluster is up until Ctrl-C; in another terminal:\n  export KUBECONFIG={kubeconfig}\n  kubectl get vmis -A"
            ));
            context.signals.any().await;
            Ok(ExitCode::Interrupted)
        }
    }
}

fn options(request: &RehearseRequest) -> Options {
    // Whatever this build has: a rehearsal runs nothing that it is sent.
    let mut options = Options {
        agent: AgentKind::Double,
        ..Options::default()
    };
    if let Some(vms) = request.vms {
        options.vms = vms as usize;
    }
    if let Some(nodes) = request.nodes {
        options.nodes = nodes as usize;
    }
    if let Some(seed) = request.seed {
        options.seed = seed;
    }
    options.latency = Duration::from_secs_f64(request.request_latency.as_secs_f64());
    options
}
