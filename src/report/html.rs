//! A run as one HTML page that needs nothing else: facts, the timeline drawn, and what was read back.

mod timeline;

use std::fmt::Write as _;

use super::junit::safe;
use super::{RunReport, TargetReport, TargetState};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d232b;--paper:#fff;--faint:#d5dae1;--fault:#c2410c;--gap:#a3a3a3;--good:#15803d;--bad:#b91c1c;--move:#1d4ed8}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181d;--faint:#333b45;--fault:#fb923c;--gap:#737373;--good:#4ade80;--bad:#f87171;--move:#60a5fa}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--faint);vertical-align:top}
th{font-weight:600}.facts th{width:9rem;white-space:nowrap}code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.completed,.ok{color:var(--good)}.failed,.leaked,.unrecovered,.bad{color:var(--bad)}
svg{width:100%;height:auto;font:11px system-ui,sans-serif}svg text{fill:var(--ink)}svg .grid{stroke:var(--faint)}svg .fault{fill:var(--fault)}svg .gap{fill:var(--gap)}
svg .good{fill:var(--good)}svg .bad{fill:var(--bad)}svg .step{fill:var(--move)}svg .even{fill-opacity:.55}svg .mark{stroke:var(--ink);stroke-opacity:.6}svg .probe{fill:none;stroke:var(--move);stroke-width:1.5}
@media print{body{max-width:none;margin:0}tr,svg{break-inside:avoid}}";

impl RunReport {
    /// Every text from elsewhere is escaped; there are no scripts, and nothing is loaded.
    pub fn html(&self) -> String {
        let kind = self.kind();
        let outcome = self.outcome.word();
        let title = format!("{} {}: {outcome}", safe(kind), safe(&self.id));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>\n{STYLE}\n</style>\n<h1>{} {}: <span class=\"{outcome}\">{outcome}</span></h1>\n",
            safe(kind),
            safe(&self.id)
        );
        page.push_str("<table class=\"facts\">\n");
        for (name, value) in self.facts() {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "<tr><th>{name}<td>{}", safe(&value));
        }
        page.push_str("</table>\n");
        if let Some(error) = &self.error {
            let _ = writeln!(
                page,
                "<p class=\"bad\">{}: {}</p>",
                safe(&error.reason),
                safe(&error.message)
            );
        }
        page.push_str(&timeline::svg(self));
        self.targets_html(&mut page);
        self.read_back_html(&mut page);
        self.migrations_html(&mut page);
        page.push_str("</html>\n");
        page
    }

    fn targets_html(&self, page: &mut String) {
        if self.targets.is_empty() {
            return;
        }
        page.push_str(
            "<h2>VMs</h2>\n<table>\n<tr><th>VM<th>Node<th>State<th>Ended by<th>Injected<th>Restored<th>Held\n",
        );
        for target in &self.targets {
            let state = target.state.map(TargetState::word).unwrap_or_default();
            let class = if is_good(target) { "ok" } else { "bad" };
            let time = |at: Option<super::Time>| at.map(|at| at.to_string()).unwrap_or_default();
            let _ = writeln!(
                page,
                "<tr><td>{}<td>{}<td class=\"{class}\">{state}<td>{}<td>{}<td>{}<td>{}",
                safe(&target.key()),
                safe(target.node.as_deref().unwrap_or_default()),
                target.ended_by.map(super::EndedBy::word).unwrap_or_default(),
                time(target.injected_at),
                time(target.restored_at),
                target.held_seconds.map(|held| held.to_string()).unwrap_or_default(),
            );
            if let Some(error) = &target.error {
                let words = format!("{}: {}", error.reason, error.message);
                let _ = writeln!(page, "<tr><td><td colspan=\"6\" class=\"bad\">{}", safe(&words));
            }
            if let Some(recovery) = &target.recovery {
                let words = recovery.words(target.recovered_by);
                let _ = writeln!(page, "<tr><td><td colspan=\"6\">{}", safe(&words));
            }
            for probed in &target.probes {
                let words = format!("{}: {}", probed.probe, probed.words());
                let _ = writeln!(page, "<tr><td><td colspan=\"6\">{}", safe(&words));
            }
        }
        page.push_str("</table>\n");
    }

    fn read_back_html(&self, page: &mut String) {
        if self.targets.iter().all(|target| target.verified.is_empty()) {
            return;
        }
        page.push_str("<h2>Read back from the kernel</h2>\n<table>\n<tr><th>VM<th>Device<th>Asked<th>Read<th>Packets<th>Dropped\n");
        for target in &self.targets {
            for verified in &target.verified {
                let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
                let _ = writeln!(
                    page,
                    "<tr><td>{}<td>{}<td><code>{}</code><td><code>{}</code><td>{}<td>{}",
                    safe(&target.key()),
                    safe(&verified.device),
                    safe(&verified.asked),
                    safe(&verified.read),
                    number(verified.packets),
                    number(verified.dropped),
                );
                if let Some(changed) = &verified.changed_by_others {
                    let _ = writeln!(page, "<tr><td><td colspan=\"5\">changed by others: {}", safe(changed));
                }
            }
        }
        page.push_str("</table>\n");
    }

    fn migrations_html(&self, page: &mut String) {
        if self.migrations.is_empty() {
            return;
        }
        page.push_str("<h2>Migrations</h2>\n<table>\n<tr><th>VM<th>From<th>To<th>Created<th>Started<th>Ended<th>Took<th>Phases<th>Mode<th>Result\n");
        for one in &self.migrations {
            let why = one
                .failure_reason
                .as_ref()
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            let class = if one.result == super::Migration::SUCCEEDED {
                "ok"
            } else {
                "bad"
            };
            let _ = writeln!(
                page,
                "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td class=\"{class}\">{}",
                safe(&one.vmi),
                safe(one.from.as_deref().unwrap_or_default()),
                safe(one.to.as_deref().unwrap_or_default()),
                one.created_at,
                one.started_at.map(|at| at.to_string()).unwrap_or_default(),
                one.ended_at.map(|at| at.to_string()).unwrap_or_default(),
                one.took().map(|took| took.to_string()).unwrap_or_default(),
                safe(&one.phase_times()),
                safe(one.mode.as_deref().unwrap_or_default()),
                safe(&format!("{}{why}", one.result)),
            );
        }
        page.push_str("</table>\n");
        if let Some(summary) = super::MigrationSummary::of(&self.migrations) {
            for words in summary.words().lines() {
                let _ = writeln!(page, "<p>{}</p>", safe(words.trim()));
            }
        }
    }
}

fn is_good(target: &TargetReport) -> bool {
    target.error.is_none() && target.exit_code() == super::ExitCode::Done
}
