use super::*;

fn namespaces(named: Option<&str>, own: Own, kubevirt: Result<Option<&str>, &str>) -> PodNamespaces {
    PodNamespaces::new(named, own, kubevirt.map_err(str::to_owned))
}

#[test]
fn the_order_in_which_namespaces_are_tried() {
    let at = Ok(Some("kubevirt"));
    let tried = |named, own, kubevirt| {
        let all = namespaces(named, own, kubevirt);
        all.candidates().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(tried(None, Own::Labelled, at), ["vmchaos", "kubevirt"]);
    assert_eq!(tried(Some("mine"), Own::Labelled, at), ["mine"], "the flag alone");
    for own in [Own::Unlabelled, Own::Missing, Own::Unread("forbidden".into())] {
        assert_eq!(tried(None, own, at), ["kubevirt"]);
    }
    let nowhere: [&str; 0] = [];
    assert_eq!(tried(None, Own::Missing, Ok(None)), nowhere);
    assert_eq!(tried(None, Own::Missing, Ok(Some(""))), nowhere);
    // One that is merely called so is not KubeVirt's.
    assert_eq!(tried(None, Own::Missing, Err("forbidden")), nowhere);
}

#[test]
fn where_pods_count() {
    let counting = |all: &PodNamespaces| {
        let known = ["vmchaos", "kubevirt", "mine", "asked", "shop"];
        known
            .into_iter()
            .filter(|it| all.counts(it))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let at = Ok(Some("kubevirt"));
    assert_eq!(counting(&namespaces(None, Own::Labelled, at)), "vmchaos kubevirt");
    assert_eq!(counting(&namespaces(None, Own::Unlabelled, at)), "kubevirt");
    assert_eq!(
        counting(&namespaces(Some("mine"), Own::Labelled, at)),
        "vmchaos kubevirt mine"
    );
    let asked = namespaces(None, Own::Missing, at).and(Some("asked"));
    assert_eq!(counting(&asked), "kubevirt asked");
    assert_eq!(
        asked.candidates(),
        ["kubevirt"],
        "asked about is not told to make pods there"
    );
    assert_eq!(counting(&namespaces(None, Own::Missing, Err("forbidden"))), "");
}

#[test]
fn what_cannot_be_read_is_not_called_a_strangers() {
    let unread = namespaces(None, Own::Unread("no".into()), Ok(Some("kubevirt")));
    assert!(matches!(unread.standing("vmchaos"), Standing::Unknown(_)));
    assert_eq!(unread.standing("shop"), Standing::Elsewhere);
    let unread = namespaces(None, Own::Missing, Err("no"));
    assert!(matches!(unread.standing("shop"), Standing::Unknown(_)));
}

#[test]
fn a_command_for_later_names_what_would_not_be_found_without() {
    let all = namespaces(Some("mine"), Own::Labelled, Ok(Some("kubevirt")));
    assert_eq!(all.flag_for("mine"), ["--pod-namespace", "mine"]);
    assert!(all.flag_for("vmchaos").is_empty() && all.flag_for("kubevirt").is_empty());
}

#[test]
fn what_is_not_tried_says_why_and_the_way_out() {
    let unlabelled = namespaces(None, Own::Unlabelled, Err("forbidden"));
    assert_eq!(
        unlabelled.passed_over(),
        [
            "vmchaos: it exists and lacks the label vmchaos.dev/debug-pods=allowed",
            "KubeVirt's own: which one that is could not be read (forbidden)"
        ]
    );
    assert_eq!(
        unlabelled.prepare(&["--context".to_owned(), "c".to_owned()]),
        "to prepare vmchaos, where only operators may use pods in it: kubectl label namespace vmchaos \
         vmchaos.dev/debug-pods=allowed pod-security.kubernetes.io/enforce=privileged --overwrite --context c"
    );
    let missing = namespaces(None, Own::Missing, Ok(Some("kubevirt")));
    assert_eq!(missing.passed_over(), ["vmchaos: there is no such namespace"]);
    assert_eq!(missing.note(), None, "nobody expects it to be used");
    assert!(missing.prepare(&["--context".to_owned(), "c".to_owned()]).ends_with(
        "kubectl create namespace vmchaos --context c && kubectl label namespace vmchaos vmchaos.dev/debug-pods=allowed \
         pod-security.kubernetes.io/enforce=privileged --context c"
    ));
    assert!(
        namespaces(Some("mine"), Own::Unlabelled, Ok(None))
            .passed_over()
            .is_empty()
    );
}
