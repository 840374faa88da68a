//! The roles in `plugin-manifest/rbac`: written from the table that the preflight asks by, enough for each command, and no more.
// A helper that fails fails its test; clippy exempts only the test functions themselves.
#![cfg(target_os = "linux")]

mod jobs;
mod proof;
use std::path::Path;

use kubectl_vmchaos::cluster::roles::COMMANDS;

#[test]
fn the_files_are_what_the_table_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin-manifest/rbac");
    let update = std::env::var_os("VMCHAOS_UPDATE").is_some();
    if update {
        std::fs::create_dir_all(&directory).unwrap();
    }
    for rules in COMMANDS {
        let path = directory.join(format!("{}.yaml", rules.command));
        if update {
            std::fs::write(&path, rules.yaml()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            written,
            rules.yaml(),
            "{} is not what the table says; to write it: VMCHAOS_UPDATE=1 cargo test --test library rbac",
            path.display()
        );
    }
    let files = std::fs::read_dir(&directory).unwrap().count();
    assert_eq!(files, COMMANDS.len(), "a role of no command");
}
