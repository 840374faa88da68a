//! Each permission a fault needs, and what to apply where one is missing.

use super::super::Context;
use super::Findings;
use crate::cluster::Cluster;
use crate::cluster::access::{self, Access, Places, Verdict};
use crate::cluster::rules::{Needed, Rule};
use crate::faults::registry::asked_about;
use crate::permissions::missing::missing_rbac;
use crate::report::{Check, CheckResult};

/// What a fault needs; of every fault what is required comes first, so that it is not asked about as optional.
fn rules(fault: Option<&str>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for rule in asked_about(fault).flat_map(|kind| kind.rules) {
        if !rules.contains(rule) {
            rules.push(*rule);
        }
    }
    rules.sort_by_key(|rule| rule.needed != Needed::Required);
    rules
}

/// Asks about every rule and notes the answers.
pub(super) async fn review(
    cluster: &Cluster,
    fault: Option<&str>,
    places: Places<'_>,
    findings: &mut Findings,
) -> Vec<Access> {
    let reviewed = access::review(cluster, &rules(fault), places).await;
    for access in &reviewed {
        note(access, findings);
    }
    reviewed
}

fn note(access: &Access, findings: &mut Findings) {
    let place = access
        .namespace
        .as_ref()
        .map(|namespace| format!(" in {namespace}"))
        .unwrap_or_default();
    let subject = format!("{} {}{place}", access.rule.verb, access.rule.qualified());
    let (denied, why) = match &access.verdict {
        Verdict::Allowed => return findings.note(Check::Permission, &subject, CheckResult::Ok, None, None),
        Verdict::Denied(reason) if reason.is_empty() => (true, "missing".to_owned()),
        Verdict::Denied(reason) => (true, format!("missing: {reason}")),
        Verdict::Unknown(why) => (false, why.clone()),
    };
    match access.rule.needed {
        Needed::Optional(lost) => {
            let detail = format!("{why}; without it {lost}");
            findings.note(Check::Permission, &subject, CheckResult::Warning, Some(detail), None);
        }
        Needed::Required => {
            let result = if denied {
                CheckResult::Failed
            } else {
                CheckResult::Unknown
            };
            findings.lack(Check::Permission, &subject, result, why, None);
        }
    }
}

/// The rules that are missing, ready to be applied, and how to ask again.
pub(super) fn tell_missing(context: &Context, cluster: &Cluster, fault: &str, reviewed: &[Access]) {
    let Some(yaml) = missing_rbac(fault, reviewed) else {
        return;
    };
    context.printer.line(&format!(
        "\nwhat is missing, for whoever may grant it (to apply, then to bind to {}):\n{}",
        crate::ui::escape(&cluster.user),
        yaml.trim_end()
    ));
    context.printer.line("\nto ask again:");
    let denied = reviewed
        .iter()
        .filter(|access| matches!(access.verdict, Verdict::Denied(_)));
    for access in denied {
        context.printer.line(&cluster.again(access.can_i()).to_string());
    }
}
