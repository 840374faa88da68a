//! One experiment: which fault it comes to.

use super::network::network;
use super::selector::selection;
use super::{Reader, setting};
use crate::command_line::CommandLine;
use crate::gameday::cron::Cron;
use crate::gameday::file::yaml::{Node, Path};
use crate::gameday::step::{Setting, Step};

/// An experiment, and what is said around it.
pub(super) struct Asked<'a> {
    /// e.g. `NetworkChaos`
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    /// That of its object, where its selector looks if it names none.
    pub(super) namespace: Option<&'a str>,
    /// How long a workflow lets it last, and where it says so.
    pub(super) lasts: Option<(Path, String)>,
}

pub(super) fn experiment(reader: &mut Reader<'_>, path: &Path, spec: &Node, asked: &Asked<'_>) -> Option<Step> {
    if spec.get("scheduler").is_some() {
        reader.wrong(
            &path.key("scheduler"),
            "is no step of a game day: have your scheduler run `kubectl vmchaos run -f FILE`",
        );
        return None;
    }
    let read = match asked.kind {
        "NetworkChaos" => network(reader, path, spec),
        "PodChaos" => pod(reader, path, spec),
        "StressChaos" => {
            reader.wrong(
                path,
                "StressChaos cannot be had yet: there is no fault that takes CPU or memory from a VM",
            );
            None
        }
        "Schedule" => {
            schedule(reader, path, spec);
            None
        }
        other => {
            reader.wrong(
                &Path::default().key("kind"),
                format!("{other} cannot be had: NetworkChaos, PodChaos and Workflow can"),
            );
            None
        }
    };
    let (command, mut settings) = read?;
    settings.extend(selection(reader, path, spec, asked.namespace));
    if let Some(duration) = duration(reader, path, spec, asked, command, &settings) {
        settings.push(duration);
    }
    Some(reader.fault(asked.name, path, command, settings))
}

/// A Schedule is refused with the command that makes a `CronJob` of its experiment.
fn schedule(reader: &mut Reader<'_>, path: &Path, spec: &Node) {
    let told = "a Schedule is no game day: have a CronJob run `kubectl vmchaos run -f FILE` with the experiment";
    let Some(cron) = reader.word(path, spec, "schedule") else {
        return reader.wrong(path, told);
    };
    let line = CommandLine::new("kubectl vmchaos run -f FILE --job-image REF --as-cronjob");
    match Cron::parse(&cron) {
        Ok(cron) => reader.wrong(
            path,
            format!("{told}, which this prints: {}", line.arg(cron.to_string())),
        ),
        Err(why) => reader.wrong(
            path,
            format!("{told}, which `{line}` prints, but not at {cron:?}: {why}"),
        ),
    }
}

/// How long it lasts. Without a duration it would last until somebody deletes it.
fn duration(
    reader: &mut Reader<'_>,
    path: &Path,
    spec: &Node,
    asked: &Asked<'_>,
    command: &str,
    settings: &[Setting],
) -> Option<Setting> {
    // What is over at once needs none.
    let is_kill = command == "outage" && settings.iter().any(|it| it.key == "mode" && it.values == ["pod"]);
    if let Some(duration) = reader.word(path, spec, "duration") {
        return (!is_kill).then(|| setting("duration", &path.key("duration"), duration));
    }
    if let Some((at, lasts)) = &asked.lasts {
        return (!is_kill).then(|| setting("duration", at, lasts.clone()));
    }
    if !is_kill {
        reader.wrong(
            path,
            "missing key `duration`: without one it would last until it is deleted",
        );
    }
    None
}

fn pod(reader: &mut Reader<'_>, path: &Path, spec: &Node) -> Option<(&'static str, Vec<Setting>)> {
    let at = path.key("action");
    let action = reader.word(path, spec, "action").unwrap_or_default();
    let mut settings = Vec::new();
    match action.as_str() {
        "pod-kill" => {
            settings.push(setting("mode", &at, "pod"));
            if let Some(grace) = reader.word(path, spec, "gracePeriod").filter(|grace| grace != "0") {
                settings.push(setting("gracePeriod", &path.key("gracePeriod"), grace));
            }
        }
        "pod-failure" => {
            settings.push(setting("mode", &at, "pause"));
            reader.remark("pod-failure is a pause of the guest: its pod keeps its containers");
        }
        "container-kill" => {
            reader.wrong(
                &at,
                "container-kill cannot be had; `outage` with `mode: kill` is a crash of the guest",
            );
            return None;
        }
        other => {
            reader.wrong(&at, format!("`{other}` is none of pod-kill, pod-failure"));
            return None;
        }
    }
    Some(("outage", settings))
}
