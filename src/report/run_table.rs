//! A run as tables: what happened to each target, and each migration.

use super::{Columns, Format, RecoveryStep as Step, RunReport, TargetReport, Verified, format};
use crate::ui::Table;
use crate::ui::table::NONE;

impl RunReport {
    /// The document in the form asked for, with a line break at its end. `name` is the run's ID, which `halt` takes.
    pub fn print(&self, form: Format) -> anyhow::Result<String> {
        Ok(match form {
            Format::Json => format::json(self)?,
            Format::Yaml => format::yaml(self)?,
            Format::Name => format!("{}\n", self.id),
            Format::Table => self.tables(false),
            Format::Wide => self.tables(true),
        })
    }

    fn tables(&self, wide: bool) -> String {
        let mut text = String::new();
        if !self.targets.is_empty() {
            text.push_str(&self.targets_table(wide).render());
        }
        if !self.migrations.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&self.migrations_table(wide).render());
        }
        text
    }

    fn targets_table(&self, wide: bool) -> Table {
        let columns = self.target_columns(wide);
        let mut table = Table::new(columns.iter().map(|(header, _)| header));
        for target in &self.targets {
            table.row(columns.iter().map(|(_, cell)| cell(target)));
        }
        table.without_columns(|header, cells| OPTIONAL.contains(&header) && cells.iter().all(|cell| *cell == NONE))
    }

    fn target_columns(&self, wide: bool) -> Vec<Column> {
        let mut columns: Vec<Column> = vec![
            ("namespace", |t| t.namespace.clone()),
            ("name", |t| t.name.clone()),
            ("node", |t| t.node.clone().unwrap_or_default()),
            ("state", |t| t.state.map(super::TargetState::word).unwrap_or_default()),
        ];
        let of = self.fault.columns;
        if of == Columns::Recovery {
            columns.push(("gone", |t| after_accepted(t, Step::Gone)));
            columns.push(("scheduled", |t| after_accepted(t, Step::Scheduled)));
            columns.push(("running", |t| after_accepted(t, Step::Running)));
            columns.push(("ready", |t| after_accepted(t, Step::Ready)));
            columns.push(("agent", |t| after_accepted(t, Step::Agent)));
        }
        if of != Columns::Migrations {
            columns.push(("held", |t| {
                t.held_seconds.map(|held| held.to_string()).unwrap_or_default()
            }));
        }
        match of {
            Columns::Migrations => {}
            Columns::Recovery => columns.push(("recovered-by", |t| {
                t.recovered_by.map(super::RecoveredBy::word).unwrap_or_default()
            })),
            Columns::Packets => {
                columns.push(("packets", |t| sum(t, |verified| verified.packets)));
                columns.push(("dropped", |t| sum(t, |verified| verified.dropped)));
                columns.push(("ended-by", |t| t.ended_by.map(super::EndedBy::word).unwrap_or_default()));
            }
        }
        columns.push(("moves", |t| {
            join(t.moves.iter().map(|m| match m.gap_seconds {
                Some(gap) => format!("{}>{} ({gap} without)", m.from, m.to),
                None => format!("{}>{} (not put back)", m.from, m.to),
            }))
        }));
        if wide && of == Columns::Packets {
            columns.push(("interfaces", |t| {
                join(
                    t.interfaces
                        .iter()
                        .map(|i| format!("{}={} ({})", i.network, i.device, i.binding)),
                )
            }));
            columns.push(("read", |t| {
                join(t.verified.iter().map(|v| format!("{}: {}", v.device, v.read)))
            }));
            columns.push(("probes", |t| {
                join(
                    t.probes
                        .iter()
                        .map(|probe| format!("{}: {}", probe.probe, probe.words())),
                )
            }));
            columns.push(("changed-by-others", |t| {
                join(t.verified.iter().filter_map(|v| v.changed_by_others.clone()))
            }));
        }
        columns.push(("error", |t| {
            t.error.as_ref().map(|error| error.message.clone()).unwrap_or_default()
        }));
        columns
    }

    fn migrations_table(&self, wide: bool) -> Table {
        let mut headers = vec!["namespace", "name", "from", "to", "result", "took", "mode"];
        if wide {
            headers.push("phases");
        }
        headers.push("failure");
        let mut table = Table::new(headers);
        for migration in &self.migrations {
            let (namespace, name) = migration.vmi.split_once('/').unwrap_or(("", &migration.vmi));
            let mut cells = vec![
                namespace.to_owned(),
                name.to_owned(),
                migration.from.clone().unwrap_or_default(),
                migration.to.clone().unwrap_or_default(),
                migration.result.to_string(),
                migration.took().map(|took| took.to_string()).unwrap_or_default(),
                migration.mode.clone().unwrap_or_default(),
            ];
            if wide {
                cells.push(migration.phase_times());
            }
            cells.push(migration.failure_reason.clone().unwrap_or_default());
            table.row(cells);
        }
        table.without_columns(|header, cells| header == "FAILURE" && cells.iter().all(|cell| *cell == NONE))
    }
}

/// A header and what stands below it.
type Column = (&'static str, fn(&TargetReport) -> String);

/// Left out where no target has anything to say there.
const OPTIONAL: [&str; 5] = ["PACKETS", "MOVES", "PROBES", "CHANGED-BY-OTHERS", "ERROR"];

/// Empty when no device counts.
fn sum(target: &TargetReport, counter: fn(&Verified) -> Option<u64>) -> String {
    let counts: Vec<u64> = target.verified.iter().filter_map(counter).collect();
    if counts.is_empty() {
        String::new()
    } else {
        counts.iter().sum::<u64>().to_string()
    }
}

/// Time from what ended a guest to a step of its recovery, to the millisecond, e.g. `+1.204s`.
fn after_accepted(target: &TargetReport, step: Step) -> String {
    let at = |step| target.timeline.iter().find(|event| event.recovery == Some(step));
    match (at(Step::Accepted), at(step)) {
        (Some(from), Some(to)) => format!("+{:.3}s", to.at.0.duration_since(from.at.0).as_secs_f64()),
        _ => String::new(),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
