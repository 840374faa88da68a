//! `kubectl vmchaos completion SHELL`.

use crate::cli::Shell;
use crate::problem::Reason;
use crate::report::ExitCode;
use crate::stop::Stop;
use crate::ui::Printer;

pub(super) fn print(printer: &Printer, shell: Shell) -> Result<ExitCode, Stop> {
    printer
        .out(&shell.script())
        .map_err(|error| Stop::failed(Reason::Output, format!("stdout cannot be written to: {error}")))?;
    Ok(ExitCode::Done)
}
