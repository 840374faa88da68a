//! argv in, exit code out.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{self, completion};
use crate::commands;
use crate::escape::is_dangerous;
use crate::report;
use crate::run::signals::Signals;
use crate::ui::{self, Printer};

/// A prompt that was cancelled on Windows leaves its thread behind; nobody waits for it.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// The program.
pub fn main() -> ExitCode {
    let printer = Printer::from_env();
    ui::end_on_panic(printer.look(), report::ExitCode::Leaked.code().into());
    let argv: Vec<OsString> = std::env::args_os().collect();
    let shell = std::env::var_os(completion::VARIABLE);
    if let Some(answer) = completion::answer(&argv, shell.as_deref(), commands::lookup) {
        // A shell that no longer listens is not an error.
        let _ = printer.out(&answer);
        return ExitCode::SUCCESS;
    }
    let invocation = match cli::parse(argv) {
        Ok(invocation) => invocation,
        Err(error) => {
            // It says what was typed, or what a script made of somebody's name.
            let words = error.render().to_string();
            if words.contains(|c: char| c != '\n' && is_dangerous(c)) {
                printer.line(words.trim_end());
            } else {
                let _ = error.print();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.failure(&format!("no threads to run on: {error}"), None);
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(async {
        match Signals::install() {
            Ok(signals) => commands::run(invocation, &printer, signals).await.into(),
            Err(error) => {
                printer.failure(
                    &format!("signals cannot be listened to, and nothing runs without: {error}"),
                    None,
                );
                ExitCode::FAILURE
            }
        }
    });
    runtime.shutdown_timeout(SHUTDOWN);
    exit
}
