//! Commands and streams that are waited for with a limit: what hangs fails its test, and not the whole suite.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)] // Each test file uses a part.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longer than anything takes on a loaded machine; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The text of a stream once it has ended; read in a thread, so that a pipe that fills blocks nobody.
pub(crate) fn whole(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A stream that breaks off has ended as well; nobody may be listening any more.
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// The lines of a stream as they come; ends with the stream, and fails when none comes for too long.
pub(crate) fn lines(stream: impl Read + Send + 'static) -> impl Iterator<Item = String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    std::iter::from_fn(move || match receiver.recv_timeout(PATIENCE) {
        Ok(line) => Some(line),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => panic!("neither a line nor the end of the stream within {PATIENCE:?}"),
    })
}

/// [`Command::output`] with a limit.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    ended(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

/// [`std::process::Child::wait_with_output`] with a limit, for a child whose streams are pipes; its stdin is closed.
#[track_caller]
pub(crate) fn ended(mut child: std::process::Child) -> Output {
    drop(child.stdin.take());
    let streams = [child.stdout.take().map(whole), child.stderr.take().map(whole)];
    let status = wait(&mut child);
    let [stdout, stderr] = streams.map(|stream| {
        let text = stream.map(|text| text.recv_timeout(PATIENCE).expect("a stream ends with its command"));
        text.unwrap_or_default().into_bytes()
    });
    Output { status, stdout, stderr }
}

/// [`std::process::Child::wait`] with a limit; a child that does not end is killed.
#[track_caller]
pub(crate) fn wait(child: &mut std::process::Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("process {} did not end within {PATIENCE:?}", child.id());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The end of a command on a pseudo-terminal, with a limit.
#[cfg(unix)]
#[track_caller]
pub(crate) fn wait_pty(session: &rexpect::session::PtySession) -> rexpect::process::WaitStatus {
    use rexpect::process::WaitStatus;
    let began = Instant::now();
    loop {
        match session.process().status() {
            Some(WaitStatus::StillAlive) => {}
            Some(status) => return status,
            None => panic!("its end was seen by somebody else"),
        }
        assert!(began.elapsed() < PATIENCE, "it has left its terminal and does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}
