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
        // Not through the printer, whose locks the panicking thread may hold.
        let show_cursor = if look.live { "\r\n\x1b[?25h" } else { "" };
        let _ = write!(std::io::stderr(), "{show_cursor}{}", words(panic));
        #[allow(clippy::exit)] // Whatever the other threads wait for may have been this one.
        std::process::exit(code);
    }));
}

fn words(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let what = (payload.downcast_ref::<&str>().copied())
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    let place = panic.location().map(|at| format!(" ({at})")).unwrap_or_default();
    format!(
        "error: this is a defect of kubectl-vmchaos: {}{place}\n\n\
         hint: nodes roll a fault back within seconds of losing this command; to see what is in place: kubectl vmchaos \
         status; to remove it: kubectl vmchaos halt --all (with the same --context and --kubeconfig)\n",
        super::escape(what)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_says_how_to_see_what_is_left() {
        let (sender, words_of) = std::sync::mpsc::channel();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = sender.send(words(panic));
        }));
        let panicked = std::thread::spawn(|| panic!("no {}[2J such VM", '\u{1b}')).join();
        std::panic::set_hook(usual);
        assert!(panicked.is_err());
        let words = words_of.recv().unwrap();
        assert!(words.contains("no \\u{1b}[2J such VM (src/ui/panic.rs:"), "{words}");
        assert!(words.contains("kubectl vmchaos halt --all"), "{words}");
    }
}
