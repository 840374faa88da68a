//! Local files: the config file, records, reports, kubeconfigs; and where they are looked for.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::faults::LEAST;
use crate::support::{Ended, Rehearsal, Running};

const NETEM: [&str; 6] = ["netem", "web-1", "--latency", "20ms", "--duration", "1s"];

/// A command with one variable of its environment another one, or none.
fn with_home(rehearsal: &Rehearsal, home: Option<&str>, args: &[&str]) -> Ended {
    let mut command = rehearsal.command(args);
    match home {
        Some(home) => command.env("HOME", home),
        None => command.env_remove("HOME"),
    };
    Running::start(command).end()
}

/// What stands where a small file is meant, and the words that refuse it.
const TRAPS: [(&str, &str); 5] = [
    ("dangling", "is a link that leads nowhere"),
    ("fifo", "is a fifo, and only a regular file is read"),
    ("folder", "is a directory, and only a regular file is read"),
    ("zero", "is a device, and only a regular file is read"),
    ("large", "is larger than 1 MiB"),
];

fn set(trap: &str, path: &Path) {
    match trap {
        "dangling" => symlink("nowhere", path).unwrap(),
        "fifo" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "folder" => std::fs::create_dir(path).unwrap(),
        "zero" => symlink("/dev/zero", path).unwrap(),
        _ => std::fs::write(path, "#".repeat(1024 * 1024 + 1)).unwrap(),
    }
}

#[test]
fn a_config_file_that_is_none_refuses_the_run_before_anything_is_asked() {
    let rehearsal = Rehearsal::new();
    let file = rehearsal.configure("");
    for (trap, words) in TRAPS {
        std::fs::remove_file(&file)
            .or_else(|_| std::fs::remove_dir(&file))
            .unwrap();
        set(trap, &file);
        let on_web = LEAST.map(|fault| [fault, &["web-1"]].concat());
        for command in on_web.into_iter().chain([vec!["list"]]) {
            let ended = rehearsal.run(&command).expect(4);
            ended.says(&[words, "--config FILE", "--no-config"]);
        }
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn a_config_folder_behind_a_link_that_leads_nowhere_is_noticed() {
    let rehearsal = Rehearsal::new();
    let folder = rehearsal.configure("").parent().unwrap().to_owned();
    std::fs::remove_dir_all(&folder).unwrap();
    symlink("/nowhere/at/all", &folder).unwrap();
    rehearsal.run(&NETEM).expect(4).says(&["is a link that leads nowhere"]);
}

#[test]
fn a_config_file_that_unfolds_into_a_giant_is_refused() {
    let rehearsal = Rehearsal::new();
    let level = |level: usize| {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{below}]\n")
    };
    let bomb: String = (1..20).map(level).collect();
    let bomb = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{bomb}");
    let many = format!("protectedVMs: [{}]\n", "a,".repeat(500_000));
    for text in [bomb.replace("a19:", "protectedVMs:"), many] {
        assert!(text.len() <= 1024 * 1024);
        rehearsal.configure(&text);
        rehearsal.run(&NETEM).expect(4).says(&["config.yaml"]);
    }
}

#[test]
fn the_config_file_can_be_named_or_done_without() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let named = path(&folder, "guards.yaml");
    std::fs::write(&named, "protectedVMs: [default/web-1]\n").unwrap();
    let dry = [&NETEM[..], &["--dry-run"]].concat();
    let protects = |more: &[&str]| rehearsal.run(&[&dry[..], more].concat());
    protects(&[]).expect(0);
    protects(&["--config", named.to_str().unwrap()])
        .expect(4)
        .says(&["is protected"]);
    rehearsal.configure("protectedVMs: [default/web-1]\n");
    protects(&[]).expect(4);
    protects(&["--no-config"]).expect(0);
    protects(&["--config", "/no/such/file"])
        .expect(4)
        .says(&["/no/such/file", "is not there"]);
    protects(&["--no-config", "--config", "x"]).expect(2);
    // Also of a command that is rehearsed.
    let outer = ["rehearse", "--no-config", "--"];
    rehearsal.run(&[&outer[..], &dry].concat()).expect(0);
    rehearsal.run(&[&["rehearse", "--"][..], &dry].concat()).expect(4);
}

#[test]
fn without_a_home_in_the_environment_the_system_knows_it() {
    let rehearsal = Rehearsal::new();
    let uid = Command::new("id").arg("-u").output().unwrap();
    let uid = String::from_utf8(uid.stdout).unwrap();
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let home = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields[2] == uid.trim()).then(|| fields[5].to_owned())
    });
    let home = home.expect("whoever runs this is in /etc/passwd");
    for unusable in [None, Some(""), Some("relative/home")] {
        // State by the same rule as the config file.
        let plan = with_home(&rehearsal, unusable, &["outage", "web-1", "--dry-run"]).expect(0);
        let kept = format!("kept in {}/.local/state/kubectl-vmchaos", home.trim_end_matches('/'));
        plan.says(&[&kept]);
    }
}

#[test]
fn where_no_home_is_known_guards_are_not_off_without_a_word() {
    use std::os::unix::process::CommandExt as _;
    // A user whom no database knows; only root can become that one.
    const NOBODY_KNOWN: u32 = 4_000_000_001;
    let root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !root {
        eprintln!("SKIPPED: only root can run a command as an unknown user");
        return;
    }
    let rehearsal = Rehearsal::new();
    let program = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(program.path(), Some(NOBODY_KNOWN), None).unwrap();
    let copy = path(&program, "kubectl-vmchaos");
    // By another process: a child that another test forks meanwhile would hold the copy open for writing, and a program that
    // is written to cannot be started (ETXTBSY).
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_kubectl-vmchaos"))
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    let run = |home: Option<&str>, more: &[&str]| {
        let mut command = Command::new(&copy);
        command.args(NETEM).args(more).env_clear().uid(NOBODY_KNOWN);
        command.current_dir("/").envs(home.map(|home| ("HOME", home)));
        Running::start(command).end()
    };
    for home in [None, Some(""), Some("here")] {
        run(home, &[])
            .expect(4)
            .says(&["the home directory is not known", "--config FILE", "--no-config"]);
    }
    // It is the kubeconfig that is missing then.
    run(None, &["--no-config"])
        .expect(1)
        .says(&["no configuration has been provided"]);
    drop(rehearsal);
}

#[test]
fn a_record_that_is_no_small_file_is_refused() {
    let rehearsal = Rehearsal::new();
    for (trap, words) in TRAPS {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder, "run.json");
        set(trap, &file);
        let ended = rehearsal.run(&["netem", "--replay", file.to_str().unwrap(), "-y"]);
        ended.expect(4).says(&[file.to_str().unwrap(), words, "hint: "]);
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

fn path(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

#[test]
fn a_password_in_the_servers_url_is_printed_nowhere() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let report = path(&folder, "run.json");
    let report = report.to_str().unwrap();
    let url = rehearsal.practice.url().to_owned();
    let secret = url.replace("https://", "https://admin:hunter2@");
    let args = [&NETEM[..], &["-y", "-o", "json", "-v", "8", "--report", report]].concat();
    let told = |ended: &Ended| format!("{}{}", ended.out, ended.err);
    let ended = rehearsal.run(&[&args[..], &["--server", &secret]].concat()).expect(0);
    let kept = std::fs::read_to_string(report).unwrap();
    assert!(!format!("{}{kept}", told(&ended)).contains("hunter2"));
    assert_eq!(ended.json()["server"], url);
    // A record of an earlier version, which has it, is still of this server.
    std::fs::write(report, kept.replace(&url, &secret)).unwrap();
    let replay = ["netem", "--replay", report, "--dry-run"];
    let again = rehearsal.run(&replay).expect(0);
    assert!(!told(&again).contains("hunter2"));
    std::fs::write(report, kept.replace(&url, "https://admin:hunter2@other:6443")).unwrap();
    let other = rehearsal.run(&replay).expect(4);
    assert!(!told(&other).contains("hunter2"), "{}", other.err);
    for wrong in [
        "https://admin:hun/ter2@h",
        "ftp://admin:hunter2@h",
        "https://admin:hunter2@127.0.0.1:1",
    ] {
        let ended = rehearsal.run(&["list", "--server", wrong]).expect(1);
        assert!(!told(&ended).contains("hun"), "{}", ended.err);
    }
}

#[test]
fn a_report_is_written_into_no_link_fifo_or_device() {
    let rehearsal = Rehearsal::new();
    for name in ["r.json", "r.jsonl"] {
        for (trap, words) in [
            ("dangling", "is a symbolic link"),
            ("zero", "is a symbolic link"),
            ("fifo", "is a fifo"),
            ("folder", "is a directory"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = path(&folder, name);
            set(trap, &file);
            let ended = rehearsal.run(&[&NETEM[..], &["-y", "--report", file.to_str().unwrap()]].concat());
            ended.expect(4).says(&[file.to_str().unwrap(), words, "hint: "]);
        }
        let folder = tempfile::tempdir().unwrap();
        let (file, precious) = (path(&folder, name), path(&folder, "precious"));
        std::fs::write(&precious, "precious").unwrap();
        symlink(&precious, &file).unwrap();
        let args = [&NETEM[..], &["-y", "--report", file.to_str().unwrap()]].concat();
        rehearsal.run(&args).expect(4).says(&["name the file that it leads to"]);
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
        assert!(file.is_symlink());
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn what_did_nothing_leaves_the_report_that_is_there() {
    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    for name in ["r.json", "r.jsonl"] {
        let file = path(&folder, name);
        std::fs::write(&file, "of yesterday").unwrap();
        let report = ["--report", file.to_str().unwrap()];
        let left = format!("{name} is left as it was");
        for (args, code) in [
            (&[&NETEM[..], &["--dry-run"]].concat()[..], 0),
            (&NETEM[..], 4),
            (&["netem", "nobody", "--latency", "20ms", "-y"], 4),
            (&[&NETEM[..], &["-y", "--server", "https://127.0.0.1:1"]].concat(), 1),
        ] {
            let ended = rehearsal.run(&[args, &report].concat()).expect(code);
            ended.says(&[&left]);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "of yesterday", "{args:?}");
        }
        rehearsal.run(&[&NETEM[..], &["-y"], &report].concat()).expect(0);
        assert!(std::fs::read_to_string(&file).unwrap().contains("\"restored\""));
    }
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing is left beside them");
}

#[test]
fn a_report_keeps_the_mode_and_the_owner_of_the_one_it_replaces() {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    let rehearsal = Rehearsal::new();
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::metadata(folder.path()).unwrap().uid() == 0;
    if !root {
        eprintln!("SKIPPED in part: only root can give a file to somebody else");
    }
    for name in ["r.json", "r.jsonl"] {
        let file = path(&folder, name);
        std::fs::write(&file, "of yesterday").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        if root {
            chown(&file, Some(12), Some(34)).unwrap();
        }
        let args = [&NETEM[..], &["-y", "--report", file.to_str().unwrap()]].concat();
        rehearsal.run(&args).expect(0);
        let now = std::fs::metadata(&file).unwrap();
        assert!(now.len() > 20);
        assert_eq!(now.mode() & 0o7777, 0o600);
        assert!(!root || (now.uid(), now.gid()) == (12, 34));
    }
}
