//! A program, which must end with 0.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::Seen;

/// So much of what it says is shown, in characters.
const SHOWN: usize = 200;

pub(super) async fn look(words: &[String], within: Duration) -> Seen {
    let Some((program, args)) = words.split_first() else {
        return Err("names no program".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A signal is for the game day, which waits for what it has begun.
    #[cfg(unix)]
    command.process_group(0);
    let child = command
        .spawn()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    let output = match tokio::time::timeout(within, child.wait_with_output()).await {
        Ok(output) => output.map_err(|error| format!("{program}: {error}"))?,
        Err(_) => return Err(format!("{program} did not end within {within:?}")),
    };
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.lines().last().unwrap_or_default().chars().take(SHOWN).collect();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    Err(format!("{program} ended with {}{said}", output.status))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn run(script: &str) -> Seen {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        look(&words, Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn it_must_end_with_zero() {
        assert_eq!(run("exit 0").await, Ok(None));
        let why = run("echo first >&2; echo no ledger >&2; exit 3").await.unwrap_err();
        assert!(why.contains("exit status: 3: no ledger"), "{why}");
        let why = look(&["/no/such/program".to_owned()], Duration::from_secs(1))
            .await
            .unwrap_err();
        assert!(why.starts_with("/no/such/program cannot be run"), "{why}");
    }

    #[tokio::test]
    async fn one_that_does_not_end_has_failed_and_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let script = format!("echo $$ > {}; exec sleep 60", path.display());
        let words = ["/bin/sh".to_owned(), "-c".to_owned(), script];
        let why = look(&words, Duration::from_millis(500)).await.unwrap_err();
        assert!(why.contains("did not end within"), "{why}");
        let pid = std::fs::read_to_string(&path).unwrap();
        let alive = || {
            let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            !status.is_empty() && !status.contains(") Z ")
        };
        for _ in 0..100 {
            if !alive() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{pid} is alive");
    }
}
