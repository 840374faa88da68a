//! What `-v` shows: lines on stderr, above the progress.

use tracing_subscriber::EnvFilter;

use crate::ui::Printer;

/// Turns logging on for kubectl's levels: 0 nothing but warnings, 1 what we do, 6 every request, 8 everything.
///
/// Only crates named here are heard: kube logs a failed request as an error even where it is expected.
pub(super) fn init(verbosity: u8, printer: &Printer) {
    let filter = match verbosity {
        0 => "kubectl_vmchaos=warn,vmchaos_rehearsal=warn",
        1..=5 => "kubectl_vmchaos=debug,vmchaos_rehearsal=debug",
        6..=7 => "kubectl_vmchaos=debug,vmchaos_rehearsal=debug,kube_client=debug",
        _ => "kubectl_vmchaos=trace,vmchaos_rehearsal=trace,kube_client=trace,hyper_util=debug,rustls=debug",
    };
    // A second run in one process (a rehearsal) keeps the first one's.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(printer.clone())
        .with_ansi(printer.look().colour)
        .try_init();
}
