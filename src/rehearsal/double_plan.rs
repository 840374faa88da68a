//! The plan an agent is given, read as the script reads it.

use std::collections::HashMap;
use std::time::Duration;

use super::double::Launcher;
use super::host::DeviceKind;

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
    /// Devices to be swept, of this handle alone if there is one.
    pub(super) sweeps: Vec<(String, Option<String>)>,
    /// Whether it names anything of a fault.
    faulted: bool,
}

/// Why a VM cannot take the fault: reason, detail, device.
pub(super) type Refused = (&'static str, String, Option<String>);

/// Reads a plan; the error is what is wrong with its first bad line.
pub(super) fn parse(text: &str) -> (Vec<VmPlan>, Option<String>) {
    let mut plans: Vec<VmPlan> = Vec::new();
    let mut bad = None;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        if let Err(why) = record(line, &mut plans) {
            bad.get_or_insert(format!("line {} of the plan: {why}", index + 1));
        }
    }
    if plans.is_empty() {
        bad.get_or_insert("the plan names no VM".to_owned());
    }
    (plans, bad)
}

fn record(line: &str, plans: &mut Vec<VmPlan>) -> Result<(), &'static str> {
    if !line
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._:/%@+ -".contains(c))
    {
        return Err("a character that no plan holds");
    }
    let words: Vec<&str> = line.split(' ').collect();
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
    let swept = words[0] == "sweep";
    if (swept && plan.faulted) || (!swept && !plan.sweeps.is_empty()) {
        return Err("a VM is given a fault or is swept, not both");
    }
    plan.faulted = !swept;
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
        ("need", ["sch_netem"]) => {}
        ("own", ["qdisc", device, handle]) => {
            if !is_of_a_run(handle) {
                return Err("not a handle of a run");
            }
            if !plan.taps.iter().chain(&plan.uplinks).any(|(name, _)| name == device) {
                return Err("a device that is neither tap nor uplink of the VM");
            }
            plan.owned.push(((*device).to_owned(), (*handle).to_owned()));
        }
        ("sweep", [device]) => plan.sweeps.push(((*device).to_owned(), None)),
        ("sweep", [device, handle]) if is_of_a_run(handle) => {
            plan.sweeps.push(((*device).to_owned(), Some((*handle).to_owned())));
        }
        ("sweep", _) => return Err("DEVICE or DEVICE and HANDLE of a run expected"),
        ("apply", rest) => plan.apply.push(command(plan, "add", rest)?),
        ("ease+", rest) => plan.easing.push(command(plan, "change", rest)?),
        ("undo", rest) => plan.undo.push(command(plan, "del", rest)?),
        _ => return Err("a record that is not known"),
    }
    Ok(())
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
    /// Whether the VM can take the fault; nothing is changed.
    pub(super) fn check(&self, launchers: &HashMap<String, Launcher>) -> Result<u32, Refused> {
        let launcher = launchers.get(&self.pod_uid).ok_or((
            "no-process",
            "no process of the container is on this node".to_owned(),
            None,
        ))?;
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
        for (device, _) in &self.owned {
            let (kind, handle) = launcher
                .roots
                .get(device)
                .map_or(("none", "0:"), super::qdisc::Root::is);
            if handle != "0:" {
                return Err((
                    "foreign-qdisc",
                    format!("the root of {device} is {kind} {handle}, which is not the kernel's default"),
                    Some(device.clone()),
                ));
            }
        }
        Ok(launcher.pid)
    }
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
