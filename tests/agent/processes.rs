//! The processes of a run, and what a machine has to have for their tests.

/// Says that a test could not be made here, past the capture of what tests print; where all of it has to be there, as in CI,
/// the test fails.
pub(crate) fn skip(why: &str) {
    use std::io::Write as _;
    static SAID: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    assert!(std::env::var_os("CI").is_none(), "cannot be skipped in CI: {why}");
    let mut said = SAID.lock().unwrap();
    if !said.iter().any(|one| one == why) {
        said.push(why.to_owned());
        // Not eprintln, which is captured.
        let line = format!("\nSKIPPED: tests of the agent: {why}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// The agent's own helpers, in the order it started them: listener, clock, warden.
pub(crate) fn helpers(agent: &str) -> Vec<String> {
    let said = std::process::Command::new("pgrep")
        .args(["-P", agent])
        .output()
        .unwrap();
    let mut all: Vec<u32> = String::from_utf8(said.stdout)
        .unwrap()
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    // By age: numbers begin anew some time.
    all.sort_by_key(|pid| (started(*pid), *pid));
    all.truncate(3);
    all.iter().map(ToString::to_string).collect()
}

/// When a process was started, in ticks since boot.
fn started(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .nth(19)
        .unwrap()
        .parse()
        .unwrap()
}

/// Whether a process is gone, or a zombie that its parent has not waited for.
pub(crate) fn has_ended(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .map_or(true, |stat| stat.rsplit(") ").next().unwrap().starts_with('Z'))
}

pub(crate) fn signal(pid: &str, signal: &str) {
    assert!(
        std::process::Command::new("kill")
            .args([signal, pid])
            .status()
            .unwrap()
            .success()
    );
}
