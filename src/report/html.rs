//! A run as one HTML page that needs nothing else: facts, the timeline drawn, and what was read back.

pub(super) mod timeline;

use std::fmt::Display;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{EndedBy, ExitCode, Migration, MigrationResult, MigrationSummary, RunReport, TargetReport, TargetState};
use crate::escape::escape;

pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d232b;--paper:#fff;--faint:#d5dae1;--fault:#c2410c;--gap:#a3a3a3;--good:#15803d;--bad:#b91c1c;--move:#1d4ed8}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181d;--faint:#333b45;--fault:#fb923c;--gap:#737373;--good:#4ade80;--bad:#f87171;--move:#60a5fa}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1100px;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--faint);vertical-align:top}\
th{font-weight:600}.facts th{width:9rem;white-space:nowrap}code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}\
.completed,.held,.ok{color:var(--good)}.failed,.leaked,.unrecovered,.refuted,.aborted,.bad{color:var(--bad)}\
svg{width:100%;height:auto;font:11px system-ui,sans-serif}svg text{fill:var(--ink)}svg .grid{stroke:var(--faint)}svg .fault{fill:var(--fault)}svg .gap{fill:var(--gap)}\
svg .good{fill:var(--good)}svg .bad{fill:var(--bad)}svg .step{fill:var(--move)}svg .even{fill-opacity:.55}svg .mark{stroke:var(--ink);stroke-opacity:.6}svg .during{fill:var(--fault);fill-opacity:.12}svg .probe{fill:none;stroke:var(--move);stroke-width:1.5}\
@media print{body{max-width:none;margin:0}tr,svg{break-inside:avoid}}";

impl RunReport {
    /// Every text from elsewhere is escaped, by [`html!`] for HTML and then for the reader; there are no scripts, and nothing is loaded.
    pub(super) fn as_html(&self) -> String {
        let outcome = self.outcome.word();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    title { (self.fault.command) " " (self.id) ": " (outcome) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { (self.fault.command) " " (self.id) ": " span class=(outcome) { (outcome) } }
                    table class="facts" {
                        @for (name, value) in self.facts() {
                            tr { th { (name) } td { (value) } }
                        }
                    }
                    @if let Some(error) = &self.error {
                        p class="bad" { (error.reason) ": " (error.message) }
                    }
                    (timeline::svg(self))
                    @if !self.targets.is_empty() { (self.targets_html()) }
                    @if self.targets.iter().any(|target| !target.verified.is_empty()) { (self.read_back_html()) }
                    @if !self.migrations.is_empty() { (self.migrations_html()) }
                }
            }
        };
        escape(&page.into_string())
    }

    fn targets_html(&self) -> Markup {
        html! {
            h2 { "VMs" }
            table {
                (header(&["VM", "Node", "State", "Ended by", "Injected", "Restored", "Held"]))
                @for target in &self.targets {
                    tr {
                        td { (target.key()) }
                        td { (shown(target.node.as_deref())) }
                        td class=(if is_good(target) { "ok" } else { "bad" }) { (shown(target.state.map(TargetState::word))) }
                        td { (shown(target.ended_by.map(EndedBy::word))) }
                        td { (shown(target.injected_at)) }
                        td { (shown(target.restored_at)) }
                        td { (shown(target.held_seconds)) }
                    }
                    @if let Some(error) = &target.error {
                        tr { td {} td colspan="6" class="bad" { (error.reason) ": " (error.message) } }
                    }
                    @if let Some(recovery) = &target.recovery {
                        tr { td {} td colspan="6" { (recovery.words(target.recovered_by)) } }
                    }
                    @for probed in &target.probes {
                        tr { td {} td colspan="6" { (probed.probe) ": " (probed.words()) } }
                    }
                }
            }
        }
    }

    fn read_back_html(&self) -> Markup {
        html! {
            h2 { "Read back from the kernel" }
            table {
                (header(&["VM", "Device", "Asked", "Read", "Packets", "Dropped"]))
                @for target in &self.targets {
                    @for verified in &target.verified {
                        tr {
                            td { (target.key()) }
                            td { (verified.device) }
                            td { code { (verified.asked) } }
                            td { code { (verified.read) } }
                            td { (shown(verified.packets)) }
                            td { (shown(verified.dropped)) }
                        }
                        @if let Some(changed) = &verified.changed_by_others {
                            tr { td {} td colspan="5" { "changed by others: " (changed) } }
                        }
                    }
                }
            }
        }
    }

    fn migrations_html(&self) -> Markup {
        let class = |one: &Migration| {
            if one.result == MigrationResult::Succeeded {
                "ok"
            } else {
                "bad"
            }
        };
        html! {
            h2 { "Migrations" }
            table {
                (header(&["VM", "From", "To", "Created", "Started", "Ended", "Took", "Phases", "Mode", "Result"]))
                @for one in &self.migrations {
                    tr {
                        td { (one.vmi) }
                        td { (shown(one.from.as_deref())) }
                        td { (shown(one.to.as_deref())) }
                        td { (one.created_at) }
                        td { (shown(one.started_at)) }
                        td { (shown(one.ended_at)) }
                        td { (shown(one.took())) }
                        td { (one.phase_times()) }
                        td { (shown(one.mode.as_deref())) }
                        td class=(class(one)) {
                            (one.result)
                            @if let Some(why) = &one.failure_reason { ": " (why) }
                        }
                    }
                }
            }
            @if let Some(summary) = MigrationSummary::of(&self.migrations) {
                @for words in summary.words().lines() {
                    p { (words.trim()) }
                }
            }
        }
    }
}

pub(super) fn header(columns: &[&str]) -> Markup {
    html! { tr { @for column in columns { th { (column) } } } }
}

/// Empty where there is nothing.
pub(super) fn shown(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn is_good(target: &TargetReport) -> bool {
    target.error.is_none() && target.exit_code() == ExitCode::Done
}

#[cfg(test)]
mod tests;
