//! What `halt` may not do is said before it changes anything.

use super::injected;
use crate::support::Rehearsal;

/// Requests that write, but for Events.
fn writes(rehearsal: &Rehearsal) -> Vec<String> {
    let mut writes = rehearsal.writes();
    writes.retain(|write| !write.contains("/events"));
    writes
}

#[test]
fn a_run_whose_pods_may_not_be_watched_is_left_as_it_is() {
    let rehearsal = Rehearsal::new();
    let (run, id) = injected(&rehearsal, "web-1", &["--detach"]);
    run.end().expect(0);
    rehearsal.practice.forbid("watch", "", "pods", "", "kubevirt");
    for more in [&[][..], &["--dry-run"], &["--dry-run=server"]] {
        for what in [&["halt", &id][..], &["halt", "--all", "-y"]] {
            rehearsal.practice.clear_requests();
            let refused = rehearsal.run(&[what, more].concat()).expect(4);
            refused.says(&[
                "not permitted in namespace kubevirt: watch pods",
                "nothing was changed",
                "kubectl auth can-i watch pods -n kubevirt --context vmchaos-rehearsal",
            ]);
            assert_eq!(writes(&rehearsal), Vec::<String>::new(), "{what:?} {more:?}");
        }
    }
    assert_eq!(rehearsal.ours("default", "web-1").len(), 2);
    assert!(rehearsal.debug_pod()["metadata"]["deletionTimestamp"].is_null());
}

/// Nothing of it was looked into: that is said as it is where the pod is not admitted.
#[test]
fn what_may_not_be_looked_into_gets_no_pod() {
    for (verb, subresource) in [
        ("create", ""),
        ("get", ""),
        ("watch", ""),
        ("delete", ""),
        ("get", "attach"),
        ("create", "attach"),
    ] {
        let rehearsal = Rehearsal::new();
        rehearsal.practice.forbid(verb, "", "pods", subresource, "kubevirt");
        let halted = rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(3);
        let what = ["pods", subresource].join("/");
        let what = what.trim_end_matches('/');
        let (missing, can_i) = (
            format!("not permitted in namespace kubevirt: {verb} {what}"),
            format!("kubectl auth can-i {verb} {what} -n kubevirt --context vmchaos-rehearsal"),
        );
        let mut said = vec!["nobody could look into it"];
        if (verb, subresource) != ("create", "") {
            said.extend([missing.as_str(), can_i.as_str()]);
        }
        halted.says(&said);
        assert_eq!(writes(&rehearsal), Vec::<String>::new(), "{verb} {what}");
    }
}
