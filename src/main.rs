use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use kubectl_vmchaos::cli;
use kubectl_vmchaos::cli::{Action, completion};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let shell = std::env::var_os(completion::VARIABLE);
    if let Some(answer) = completion::answer(&argv, shell.as_deref(), |_| Vec::new()) {
        return print(&answer);
    }
    match cli::parse(argv) {
        Err(error) => {
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
        Ok(invocation) => match invocation.action {
            Action::Completion(shell) => print(&shell.script()),
            _ => ExitCode::SUCCESS,
        },
    }
}

/// A shell that no longer listens is not an error.
fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
