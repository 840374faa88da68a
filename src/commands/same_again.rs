//! The command line that does what was chosen at prompts, to be repeated and shared.

use super::Context;
use crate::cluster::Cluster;
use crate::command_line::CommandLine;

/// Prints it. `vms` are namespaces and names; `given` is the command and its own flags.
pub(super) fn tell(context: &Context, cluster: &Cluster, vms: &[(String, String)], given: &[String]) {
    let targets = vms.iter().map(|(namespace, name)| format!("vmi/{name}/{namespace}"));
    let (command, flags) = given.split_at(given.len().min(1));
    let output = context.output.map(|output| ["-o".to_owned(), output.name().to_owned()]);
    let flags = flags.iter().cloned().chain(output.into_iter().flatten());
    let words = command.iter().cloned().chain(targets).chain(flags);
    let line = match &context.rehearsal {
        None => cluster.again(CommandLine::new("kubectl vmchaos").args(words)),
        // Its cluster ends with it.
        Some(rehearsal) => CommandLine::new("kubectl vmchaos")
            .args(rehearsal)
            .own("--")
            .args(words),
    };
    context.printer.line(&format!("the same without questions: {line}\n"));
}
