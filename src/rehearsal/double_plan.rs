//! The plan an agent is given, read as the script reads it.

use std::collections::HashMap;
use std::time::Duration;

use super::double::Launcher;
use super::double_probes::Probe;
use super::double_rules::{Cut, Rules, Way};
use super::host::DeviceKind;
use super::nft::Hook;
use super::qdisc::Root;

/// The plan of one VM.
#[derive(Debug, Default)]
pub(super) struct VmPlan {
    pub(super) pod_uid: String,
    pub(super) hold: Duration,
    pub(super) ease: Duration,
    taps: Vec<(String, String)>,
    uplinks: Vec<(String, String)>,
    /// Devices and handles of this run.
    pub(super) owned: Vec<(String, String)>,
    pub(super) apply: Vec<Vec<String>>,
    pub(super) easing: Vec<Vec<String>>,
    pub(super) undo: Vec<Vec<String>>,
    pub(super) needs_netem: bool,
    /// Hooks that the rules of the node-wide part go on.
    pub(super) cuts: Vec<Cut>,
    /// Devices to be swept, of this handle alone if there is one.
    pub(super) sweeps: Vec<(String, Option<String>)>,
    /// Whether its guest is to be killed.
    pub(super) kills: bool,
    /// Its probes, in order.
    pub(super) probes: Vec<Probe>,
    /// Whether it names anything of a fault.
    faulted: bool,
}

/// Why a VM cannot take the fault: reason, detail, device.
pub(super) type Refused = (&'static str, String, Option<String>);

/// Reads a plan; the error is what is wrong with its first bad line.
pub(super) fn parse(text: &str) -> (Rules, Vec<VmPlan>, Option<String>) {
    let mut rules = Rules::default();
    let mut plans: Vec<VmPlan> = Vec::new();
    let mut bad = None;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        if let Err(why) = record(line, &mut rules, &mut plans) {
            bad.get_or_insert(format!("line {} of the plan: {why}", index + 1));
        }
    }
    if plans.is_empty() {
        bad.get_or_insert("the plan names no VM".to_owned());
    }
    (rules, plans, bad)
}

fn record(line: &str, rules: &mut Rules, plans: &mut Vec<VmPlan>) -> Result<(), &'static str> {
    let words: Vec<&str> = line.split(' ').collect();
    // Only lines of a filter have braces and commas, and each of their words is looked at; a probe's path has some of its own.
    let more = match words[0] {
        "nft" | "ports" | "peers4" | "peers6" | "probe" => "{},!=?&~",
        _ => "",
    };
    if !line
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._:/%@+ -".contains(c) || more.contains(c))
    {
        return Err("a character that no plan holds");
    }
    if let Some(read) = rules.record(&words, !plans.is_empty()) {
        return read;
    }
    let vm: usize = words.get(1).and_then(|word| word.parse().ok()).ok_or("no VM number")?;
    if words[0] == "vm" {
        let ([_, _, uid, _], true) = (words.as_slice(), vm == plans.len()) else {
            return Err("VMs are numbered from 0, in order");
        };
        plans.push(VmPlan {
            pod_uid: (*uid).to_owned(),
            ..VmPlan::default()
        });
        return Ok(());
    }
    if vm + 1 != plans.len() {
        return Err("a line of a VM that is not the last one named");
    }
    let plan = &mut plans[vm];
    let tasks = [
        (words[0] == "sweep", !plan.sweeps.is_empty()),
        (words[0] == "kill", plan.kills),
        (!["sweep", "kill"].contains(&words[0]), plan.faulted),
    ];
    if tasks.iter().any(|(asked, before)| *before && !asked) {
        return Err("a VM is given a fault, is swept, or is killed: one of the three");
    }
    plan.faulted = tasks[2].0;
    match (words[0], &words[2..]) {
        ("hold", [seconds]) => {
            plan.hold = seconds
                .parse()
                .ok()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .ok_or("no number of seconds")?;
        }
        ("ease", [millis]) => {
            plan.ease = Duration::from_millis(
                millis
                    .parse::<u64>()
                    .map_err(|_| "no number of milliseconds")?
                    .min(1000),
            );
        }
        ("tap", [device, bridge]) => plan.taps.push(((*device).to_owned(), (*bridge).to_owned())),
        ("uplink", [device, bridge]) => plan.uplinks.push(((*device).to_owned(), (*bridge).to_owned())),
        ("need", ["sch_netem"]) => plan.needs_netem = true,
        ("own", [what, device, rest @ ..]) => {
            if (*what == "cut" && !plan.owned.is_empty()) || (*what == "qdisc" && !plan.cuts.is_empty()) {
                return Err("a qdisc and a cut for one VM");
            }
            if !plan.taps.iter().chain(&plan.uplinks).any(|(name, _)| name == device) {
                return Err("a device that is neither tap nor uplink of the VM");
            }
            match (*what, rest) {
                ("cut", rest) => plan.cuts.push(cut(rules, plan, device, rest)?),
                ("qdisc", [handle]) if is_of_a_run(handle) => {
                    plan.owned.push(((*device).to_owned(), (*handle).to_owned()));
                }
                _ => return Err("not a handle of a run"),
            }
        }
        ("probe", words) => plan.probes.push(Probe::parse(words)?),
        ("sweep", [device]) => plan.sweeps.push(((*device).to_owned(), None)),
        ("sweep", [device, handle]) if is_of_a_run(handle) => {
            plan.sweeps.push(((*device).to_owned(), Some((*handle).to_owned())));
        }
        ("sweep", _) => return Err("DEVICE or DEVICE and HANDLE of a run expected"),
        ("kill", []) => plan.kills = true,
        ("kill", _) => return Err("nothing more expected"),
        ("apply", rest) => plan.apply.push(command(plan, "add", rest)?),
        ("ease+", rest) => plan.easing.push(command(plan, "change", rest)?),
        ("undo", rest) => plan.undo.push(command(plan, "del", rest)?),
        _ => return Err("a record that is not known"),
    }
    Ok(())
}

/// `own I cut DEVICE WAY HOOK`.
fn cut(rules: &Rules, plan: &VmPlan, device: &str, words: &[&str]) -> Result<Cut, &'static str> {
    let [way, hook] = words else {
        return Err("no direction and hook");
    };
    let cut = Cut {
        device: device.to_owned(),
        way: Way::named(way).ok_or("no direction and hook")?,
        hook: Hook::named(hook).ok_or("no direction and hook")?,
    };
    let same = |other: &Cut| other.device == device && (other.way == cut.way || other.hook == cut.hook);
    if plan.cuts.iter().any(same) {
        return Err("a hook or a direction of a device twice");
    }
    rules.check_cut(cut.way)?;
    Ok(cut)
}

/// Whether a handle is one that runs draw, `7000:` to `7fff:`.
pub(super) fn is_of_a_run(handle: &str) -> bool {
    handle.strip_suffix(':').is_some_and(|number| {
        number.len() == 4
            && number.starts_with('7')
            && number.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// `tc qdisc VERB dev DEVICE root handle HANDLE …` -> VERB DEVICE HANDLE …
fn command(plan: &VmPlan, verb: &str, words: &[&str]) -> Result<Vec<String>, &'static str> {
    let [
        "tc",
        "qdisc",
        said,
        "dev",
        device,
        "root",
        "handle",
        handle,
        options @ ..,
    ] = words
    else {
        return Err("not a tc command of this run");
    };
    if *said != verb
        || !plan
            .owned
            .iter()
            .any(|(name, number)| name == device && number == handle)
    {
        return Err("an object that is not the own of this run");
    }
    Ok([*said, *device, *handle]
        .iter()
        .chain(options)
        .map(ToString::to_string)
        .collect())
}

impl VmPlan {
    /// The launcher of the VM.
    pub(super) fn launcher<'a>(&self, launchers: &'a HashMap<String, Launcher>) -> Result<&'a Launcher, Refused> {
        let missing = "no process of the container is on this node".to_owned();
        launchers.get(&self.pod_uid).ok_or(("no-process", missing, None))
    }

    /// Whether the links of a launcher are what the plan says.
    pub(super) fn check_links(&self, launcher: &Launcher) -> Result<(), Refused> {
        for (device, bridge) in &self.taps {
            if link(launcher, device, bridge)? != DeviceKind::Tap {
                return Err((
                    "not-a-tap",
                    format!("{device} is not a tap device"),
                    Some(device.clone()),
                ));
            }
        }
        for (device, bridge) in &self.uplinks {
            link(launcher, device, bridge)?;
            let other = launcher.vm.devices.iter().find(|other| {
                bridge != "-"
                    && other.master.as_ref() == Some(bridge)
                    && other.kind != DeviceKind::Tap
                    && other.name != *device
            });
            if let Some(other) = other {
                return Err((
                    "wrong-bridge",
                    format!("{bridge} has another port, {}", other.name),
                    Some(device.clone()),
                ));
            }
        }
        Ok(())
    }

    /// Whether the roots to be replaced are the kernel's own, and nobody else has put classifiers beside them.
    pub(super) fn check_roots(&self, launcher: &Launcher) -> Result<(), Refused> {
        for (device, _) in &self.owned {
            if launcher.clsacts.get(device).is_some_and(|clsact| !clsact.is_of_runs()) {
                let detail = format!("{device} has a clsact qdisc that is not of this run");
                return Err(("foreign-qdisc", detail, Some(device.clone())));
            }
            if root_handle(launcher, device) != "0:" {
                return Err(foreign_root(launcher, device));
            }
        }
        Ok(())
    }
}

fn root_handle<'a>(launcher: &'a Launcher, device: &str) -> &'a str {
    launcher.roots.get(device).map_or("0:", |root| root.is().1)
}

/// A root qdisc that is neither the kernel's nor a run's.
pub(super) fn is_foreign_root(launcher: &Launcher, device: &str) -> bool {
    let (kind, handle) = launcher.roots.get(device).map_or(("none", "0:"), Root::is);
    handle != "0:" && !(["netem", "tbf"].contains(&kind) && is_of_a_run(handle))
}

pub(super) fn foreign_root(launcher: &Launcher, device: &str) -> Refused {
    let (kind, handle) = launcher.roots.get(device).map_or(("none", "0:"), Root::is);
    let detail = format!("the root of {device} is {kind} {handle}, which is not the kernel's default");
    ("foreign-qdisc", detail, Some(device.to_owned()))
}

/// The link of a launcher that a plan names, as the plan says it is.
fn link(launcher: &Launcher, device: &str, bridge: &str) -> Result<DeviceKind, Refused> {
    let refuse = |reason, detail: String| (reason, detail, Some(device.to_owned()));
    let link = launcher.vm.devices.iter().find(|link| link.name == device);
    let link = link.ok_or_else(|| {
        refuse(
            "no-device",
            format!(
                "there is no device {device} in the network namespace of process {}",
                launcher.pid
            ),
        )
    })?;
    if !link.up {
        return Err(refuse("device-down", format!("{device} is not up")));
    }
    if bridge != "-" && link.master.as_deref() != Some(bridge) {
        return Err(refuse(
            "wrong-bridge",
            format!(
                "{device} is not a port of {bridge} but of {}",
                link.master.as_deref().unwrap_or("-")
            ),
        ));
    }
    Ok(link.kind)
}
