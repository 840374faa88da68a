//! Choosing VMIs on the command line.

use kubectl_vmchaos::testing::cli::{HowMany, Wanted};

use super::netem;

fn wanted(line: &str) -> Wanted {
    netem(&format!("{line} --loss 1")).wanted
}

/// `NAME` or `NAME in NAMESPACE` of everything named.
fn named(line: &str) -> Vec<String> {
    let names = wanted(line).selection.names;
    names
        .iter()
        .map(|t| {
            format!(
                "{}{}",
                t.name,
                t.namespace.as_ref().map(|n| format!(" in {n}")).unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn names_in_any_form_and_doubles_once() {
    assert_eq!(
        named("web-1 vm/web-1 virtualmachineinstance.kubevirt.io/web-1 web-2"),
        ["web-1", "web-2"]
    );
    assert_eq!(
        named("vmi/web-1/shop vmi/web-1/prod"),
        ["web-1 in shop", "web-1 in prod"]
    );
    assert_eq!(named("-n shop vmi/web-1/shop"), ["web-1 in shop"]);
}

#[test]
fn all_that_is_named_but_one_of_what_matches() {
    assert_eq!(wanted("web-1 web-2").how_many, HowMany::All);
    assert_eq!(wanted("web-1 web-2 --count 1").how_many, HowMany::AtMost(1));
    assert_eq!(wanted("-l app=web").how_many, HowMany::AtMost(1));
    assert_eq!(wanted("-l app=web --count 3 --seed 42").how_many, HowMany::AtMost(3));
    assert_eq!(wanted("-l app=web --seed 42").seed, Some(42));
    for all in ["--all", "--count 0", "--count 0 --all"] {
        assert_eq!(
            wanted(&format!("--target web-.* {all}")).how_many,
            HowMany::All,
            "{all}"
        );
    }
}

#[test]
fn only_what_says_which_ones_chooses() {
    for chooses in [
        "web-1",
        "--target .*",
        "-l app=web",
        "--selector app=web",
        "--namespaces prod-.*",
    ] {
        assert!(wanted(chooses).chosen, "{chooses}");
    }
    for does_not in [
        "",
        "-A",
        "--exclude db-.*",
        "-n shop",
        "--all",
        "--count 3",
        "-A --exclude db-.*",
    ] {
        assert!(!wanted(does_not).chosen, "{does_not}");
    }
}

#[test]
fn searches_combine() {
    let selection = wanted("-A --target web-.* -l app=web --exclude web-9").selection;
    assert!(selection.all_namespaces && selection.selector.is_some());
    assert!(selection.target.unwrap().is_match("web-1"));
    assert!(selection.exclude.unwrap().is_match("web-9"));
    let everywhere = wanted("--namespaces prod-.* --target web").selection;
    let namespaces = everywhere.namespaces.unwrap();
    assert!(namespaces.is_match("prod-1") && !namespaces.is_match("my-prod-1"));
    assert!(
        !everywhere.target.unwrap().is_match("web-1"),
        "the whole name must match"
    );
}
