use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

fn facts(vms: usize) -> Facts {
    Facts {
        fault: "netem",
        vms: (1..=vms)
            .map(|number| Place {
                namespace: "shop".into(),
                name: format!("web-{number}"),
                node: "node-1".into(),
            })
            .collect(),
        matched: vms,
        lasts: Lasts::For(Duration::from_secs(60)),
        typed_name: "prod/api:6443/jane".into(),
        goes_by: vec![
            "prod/api:6443/jane".into(),
            "prod".into(),
            "https://api.prod:6443".into(),
        ],
        ..Facts::default()
    }
}

fn verdict(config: &str, facts: &Facts, there: usize) -> Verdict {
    apply(&Known {
        config: &Config::parse(config).unwrap(),
        file: "config.yaml",
        facts,
        crowd: &Crowd {
            in_namespace: BTreeMap::from([("shop".into(), there)]),
            ..Crowd::default()
        },
        beside: &Beside::default(),
    })
}

fn typed(config: &str, facts: &Facts, there: usize) -> Vec<String> {
    let demands = verdict(config, facts, there).demands;
    demands.into_iter().map(|demand| demand.expected).collect()
}

#[test]
fn nothing_is_said_of_one_vm_for_a_minute() {
    assert_eq!(verdict("", &facts(1), 1), Verdict::default());
}

#[test]
fn half_a_namespace_or_more_than_ten_want_their_number() {
    assert_eq!(typed("", &facts(2), 5), Vec::<String>::new());
    assert_eq!(typed("", &facts(2), 4), ["2"]);
    assert_eq!(typed("", &facts(10), 100), Vec::<String>::new());
    assert_eq!(typed("", &facts(11), 100), ["11"]);
    // How many there are is not known: only their number counts.
    assert_eq!(typed("", &facts(2), 0), Vec::<String>::new());
}

#[test]
fn of_a_few_vms_that_lose_data_each_is_named_and_of_many_their_number() {
    let losing = |vms: usize| {
        let mut facts = facts(20);
        facts.losing = facts.vms[..vms].to_vec();
        typed("", &facts, 100)
    };
    assert_eq!(losing(0), ["20"]);
    assert_eq!(losing(3), ["20", "web-1", "web-2", "web-3"]);
    assert_eq!(losing(4), ["20", "4"]);
}

#[test]
fn a_context_goes_by_several_names() {
    for pattern in ["prod/.*", "prod", "https://api.*"] {
        let config = format!("typedContexts: ['{pattern}']");
        assert_eq!(typed(&config, &facts(1), 9), ["prod/api:6443/jane"], "{pattern}");
    }
    assert_eq!(typed("typedContexts: ['api']", &facts(1), 9), Vec::<String>::new());
}

#[test]
fn a_share_is_rounded_down() {
    let share = |text| Ceiling::Share(crate::fault::Percent::parse(text).unwrap());
    assert_eq!(share("50%").of(3), 1);
    assert_eq!(share("10%").of(10), 1);
    assert_eq!(share("50%").of(1), 0);
    assert_eq!(share("100%").of(7), 7);
    assert_eq!(Ceiling::Count(4).of(1), 4);
}

#[test]
fn data_that_is_lost_and_an_endless_run_are_typed() {
    let mut facts = facts(1);
    facts.losing.clone_from(&facts.vms);
    facts.lasts = Lasts::Endless;
    assert_eq!(typed("", &facts, 9), ["prod/api:6443/jane", "web-1"]);
    // Once is enough.
    assert_eq!(
        typed("typedContexts: ['prod']", &facts, 9),
        ["prod/api:6443/jane", "web-1"]
    );
}

#[test]
fn rounds_whose_pauses_outlast_the_maximum_are_typed() {
    let mut facts = facts(1);
    facts.lasts = Lasts::Pauses(Duration::from_mins(60));
    assert_eq!(typed("", &facts, 9), Vec::<String>::new());
    facts.lasts = Lasts::Pauses(Duration::from_millis(3_600_001));
    assert_eq!(typed("", &facts, 9), ["prod/api:6443/jane"]);
    assert_eq!(typed("maximumDuration: 2h", &facts, 9), Vec::<String>::new());
}

#[test]
fn the_hint_of_a_ceiling_says_how_many_there_may_be() {
    let hint = |config| {
        verdict(config, &facts(3), 3).refusals[0]
            .hint
            .clone()
            .unwrap()
            .to_string()
    };
    assert!(hint("ceilings: {perNamespace: 70%}").contains("choose 2 or fewer"));
    assert!(hint("ceilings: {perNamespace: 30%}").contains("allows none"));
}

#[test]
fn every_key_and_its_value() {
    let all = "maximumDuration: 90m\nprotectedNamespaces: [a]\nprotectedVMs: ['b/.*']\ntypedContexts: [c]\ntypedCount: 3\n\
        typedShare: 20%\nceilings:\n  perRun: 4\n  perNode: 10%\n  perNamespace: '5'\n";
    let config = Config::parse(all).unwrap();
    assert_eq!(config.maximum_duration(), Duration::from_secs(5400));
    assert_eq!(config.ceilings.per_run, Some(Ceiling::Count(4)));
    assert_eq!(config.ceilings.per_namespace, Some(Ceiling::Count(5)));
    assert!(protected(&config, "f", "b", "x").is_some() && protected(&config, "f", "kube-system", "x").is_none());
    let built_in = Config::default();
    assert!(protected(&built_in, "f", "openshift-cnv", "x").is_some());
    assert!(protected(&built_in, "f", "kubevirt", "x").is_none());
}

#[test]
fn the_maximum_duration_is_one_that_may_be_asked_for() {
    let refusals = |lasts| {
        let facts = Facts { lasts, ..facts(1) };
        let verdict = verdict("maximumDuration: 10m", &facts, 9);
        verdict
            .refusals
            .iter()
            .map(|refusal| refusal.reason)
            .collect::<Vec<_>>()
    };
    assert_eq!(refusals(Lasts::For(Duration::from_mins(10))), Vec::<Reason>::new());
    assert_eq!(
        refusals(Lasts::For(Duration::from_millis(600_001))),
        [Reason::MaximumDuration]
    );
}

#[test]
fn a_ceiling_is_so_many_as_there_may_be_and_counts_each_place_by_itself() {
    let guards = |config: &str| {
        let mut facts = facts(4);
        facts.vms[3].namespace = "lab".into();
        facts.vms[3].node = "node-2".into();
        let verdict = verdict(config, &facts, 3);
        let refusals = verdict.refusals.into_iter();
        refusals
            .map(|refusal| (refusal.reason, refusal.message))
            .collect::<Vec<_>>()
    };
    for enough in ["perRun: 4", "perNode: 3", "perNamespace: 3", "perNode: 100%"] {
        assert_eq!(guards(&format!("ceilings: {{{enough}}}")), [], "{enough}");
    }
    let over = |config: &str| guards(&format!("ceilings: {{{config}}}"));
    assert_eq!(
        over("perRun: 3"),
        [(
            Reason::CeilingPerRun,
            "4 VMs in one run, and the ceiling is 3".to_owned()
        )]
    );
    let on_node = "3 VMs on node node-1, and the ceiling is 2".to_owned();
    assert_eq!(over("perNode: 2"), [(Reason::CeilingPerNode, on_node)]);
    let in_namespace = "3 VMs in namespace shop, and the ceiling is 2".to_owned();
    assert_eq!(over("perNamespace: 2"), [(Reason::CeilingPerNamespace, in_namespace)]);
    // Those of the run are there, however many could be counted.
    assert_eq!(over("perNode: 50%").len(), 2);
}

#[test]
fn what_is_counted_is_what_a_guard_goes_by() {
    let config = |text: &str| Config::parse(text).unwrap();
    assert!(!counts(&config(""), 1) && counts(&config(""), 2));
    assert!(counts(&config("ceilings: {perNode: 10%}"), 1) && counts(&config("ceilings: {perNamespace: 10%}"), 1));
    assert!(!counts(
        &config("ceilings: {perNode: 3, perNamespace: 3, perRun: 10%}"),
        1
    ));
    assert!(counts_nodes(&config("ceilings: {perNode: 10%}")));
    assert!(!counts_nodes(&config("ceilings: {perNode: 3, perNamespace: 10%}")) && !counts_nodes(&config("")));
}

#[test]
fn what_has_to_be_typed_is_in_the_plan() {
    let lines = verdict("typedContexts: [prod]", &facts(1), 9).lines;
    let asked = "This is prod/api:6443/jane (typedContexts: prod): the context's name has to be typed";
    assert_eq!(lines, [asked]);
    let mut pauses = facts(1);
    pauses.lasts = Lasts::Pauses(Duration::from_secs(3_601));
    let asked = "Its pauses can take 61 min, longer than the maximum of 3600s (maximumDuration): the context's name has to be typed";
    assert_eq!(verdict("", &pauses, 9).lines, [asked]);
}

#[test]
fn one_is_not_many() {
    assert_eq!([0, 1, 2].map(counted), ["0 VMs", "1 VM", "2 VMs"]);
}

#[test]
fn what_is_no_number_and_no_percentage_is_told() {
    let error = |text: &str| Config::parse(text).unwrap_err();
    for (text, why) in [
        ("ceilings: {perRun: -1}", "less than no VM"),
        ("ceilings: {perRun: 5000000000}", "more VMs than there can be"),
        ("ceilings: {perRun: '50'}\ntypedShare: '50'", "`50` is no percentage"),
        ("ceilings: {perRun: many}", "`many` is no percentage"),
        ("ceilings: {perRun: [1]}", "a number of VMs, or a percentage"),
        ("maximumDuration: long", "`long`"),
        ("typedContexts: ['(']", "`(` is no regular expression"),
    ] {
        assert!(error(text).contains(why), "{text}: {}", error(text));
    }
    for nothing in ["", "\n  \n", "# a comment\n   # and another\n"] {
        assert_eq!(Config::parse(nothing).unwrap().typed_count, 10, "{nothing:?}");
    }
    assert!(Config::parse("# a comment\ntypedCount: 3\n").is_ok_and(|config| config.typed_count == 3));
    let config = Config::parse("ceilings: {perRun: 50%, perNode: 3}").unwrap();
    let shown = [config.ceilings.per_run, config.ceilings.per_node].map(|ceiling| ceiling.unwrap().to_string());
    assert_eq!(shown, ["50%", "3"]);
}
