//! What is seen of a defect of this program: the terminal as it was, what to look at, and an exit code that promises nothing.
//!
//! Release builds abort on a panic, and no destructor runs: the hook is where the terminal is put back.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use super::Look;

/// From now on a panic of any thread ends the process with `code`, which has to say that nobody proved that all is back.
///
/// What is on a node needs nobody for that: it sees the stream end, and rolls back.
pub fn end_on_panic(look: Look, code: i32) {
    #[cfg(unix)]
    let before = rustix::termios::tcgetattr(std::io::stdin()).ok();
    std::panic::set_hook(Box::new(move |panic| {
        #[cfg(unix)]
        if let Some(before) = &before {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
        #[cfg(windows)]
        let _ = crossterm::terminal::disable_raw_mode();
        // Not through the printer, whose locks the panicking thread may hold.
        let show_cursor = if look.live { "\r\n\x1b[?25h" } else { "" };
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = write!(std::io::stderr(), "{show_cursor}{}", words(what(panic), &place));
        #[allow(clippy::exit)] // Whatever the other threads wait for may have been this one.
        std::process::exit(code);
    }));
}

/// What the panic was given to say.
fn what<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = panic.payload();
    (payload.downcast_ref::<&str>().copied())
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

fn words(what: &str, place: &str) -> String {
    format!(
        "error: this is a defect of kubectl-vmchaos: {} ({place})\n\n\
         hint: nodes roll a fault back within seconds of losing this command; to see what is in place: kubectl vmchaos \
         status; to remove it: kubectl vmchaos halt --all (with the same --context, --kubeconfig and --pod-namespace)\n",
        super::escape(what)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_says_how_to_see_what_is_left() {
        let words = words("no \u{1b}[2J such VM", "src/x.rs:1:2");
        assert!(words.contains("no \\u{1b}[2J such VM (src/x.rs:1:2)"), "{words}");
        assert!(words.contains("kubectl vmchaos halt --all"), "{words}");
    }
}
