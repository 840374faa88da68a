//! The roles in `plugin-manifest/rbac`: written from the table that the preflight asks by, enough for each command, and no more.
// A helper that fails fails its test; clippy exempts only the test functions themselves.
#![cfg(target_os = "linux")]

mod debug_pods;
mod jobs;
mod proof;
use std::collections::BTreeSet;
use std::path::Path;

use k8s_openapi::api::rbac::v1::ClusterRole;
use kubectl_vmchaos::testing::permissions::roles::commands;

#[test]
fn the_files_are_what_the_table_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin-manifest/rbac");
    let update = std::env::var_os("VMCHAOS_UPDATE").is_some();
    if update {
        std::fs::create_dir_all(&directory).unwrap();
    }
    for rules in commands() {
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
    assert_eq!(files, commands().len(), "a role of no command");
}

/// Verb, API group and resource.
type Granted = (String, String, String);

#[test]
fn the_roles_grant_what_the_table_has_and_no_more() {
    for rules in commands() {
        let roles: Vec<ClusterRole> = serde_saphyr::from_multiple(&rules.yaml()).unwrap();
        let granted: BTreeSet<Granted> = roles
            .iter()
            .flat_map(|role| role.rules.iter().flatten())
            .flat_map(|rule| {
                let [group] = rule.api_groups.as_deref().unwrap() else {
                    panic!("{rule:?}")
                };
                let [resource] = rule.resources.as_deref().unwrap() else {
                    panic!("{rule:?}")
                };
                assert_eq!((&rule.resource_names, &rule.non_resource_urls), (&None, &None));
                let verbs = rule.verbs.iter();
                verbs.map(|verb| (verb.clone(), group.clone(), resource.clone()))
            })
            .collect();
        let table: BTreeSet<Granted> = rules
            .rules
            .iter()
            .map(|rule| {
                let parts = [rule.resource].into_iter().chain(rule.subresource);
                let resource = parts.collect::<Vec<_>>().join("/");
                (rule.verb.to_owned(), rule.group.to_owned(), resource)
            })
            .collect();
        assert_eq!(granted, table, "{}", rules.command);
    }
}
