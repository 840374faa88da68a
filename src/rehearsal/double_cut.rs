//! What the agent of a [`DoubleNode`](super::double::DoubleNode) does to a VM whose packets are to be cut.

use serde_json::{Map, Value, json};

use super::double::Launcher;
use super::double_agent::Double;
use super::double_engine::Engine;
use super::double_plan::{Refused, VmPlan, foreign_root, is_foreign_root};
use super::double_rules::Cut;
use super::flower::{Filter, run_of};
use super::host::Feature;
use super::nft::{Hook, Tables};
use super::qdisc::Refusal;

/// Where filter rules stand among others on a hook: before all that people commonly use.
const PRIORITY: i32 = -500;

/// The devices of a VM's cuts, each once, in order.
fn devices(cuts: &[Cut]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for cut in cuts {
        if !all.contains(&cut.device.as_str()) {
            all.push(&cut.device);
        }
    }
    all
}

/// Whose rules are on a device: somebody's, or those of a run of this program.
fn others(launcher: &Launcher, device: &str) -> (Option<String>, Option<String>) {
    let (mut foreign, mut another) = (None, None);
    for table in launcher.tables.iter().filter(|table| table.hooks(device)) {
        let name = &table.name;
        if name.starts_with("vmchaos_") {
            another = Some(format!("nft table {name}"));
        } else {
            foreign = Some(format!("the nft table {name}"));
        }
    }
    if foreign.is_none() && another.is_none() {
        for filter in launcher.clsacts.get(device).iter().flat_map(|clsact| clsact.filters()) {
            match run_of(filter) {
                Some(run) => another = Some(format!("flower {run:x}:")),
                None => foreign = Some("a flower filter".to_owned()),
            }
        }
    }
    (foreign, another)
}

impl Double {
    /// The table of this run.
    pub(super) fn table(&self) -> String {
        format!("vmchaos_{}", self.run)
    }

    /// Whether a VM can take the fault, and its process ID; nothing is changed.
    pub(super) fn inspect(&self, vm: usize) -> Result<u32, Refused> {
        let launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let launcher = plan.launcher(&launchers)?;
        if plan.needs_netem && !self.kernel.has(Feature::Netem) {
            let missing = "the kernel has no sch_netem, and it could not be loaded".to_owned();
            return Err(("no-netem", missing, None));
        }
        self.can_probe()?;
        if !plan.cuts.is_empty() {
            self.able()?;
        }
        plan.check_links(launcher)?;
        plan.check_roots(launcher)?;
        Self::foreign(plan, launcher)?;
        Ok(launcher.pid)
    }

    /// Something on a device that is not of this run, where rules of this run would go.
    fn foreign(plan: &VmPlan, launcher: &Launcher) -> Result<(), Refused> {
        for device in devices(&plan.cuts) {
            if is_foreign_root(launcher, device) {
                return Err(foreign_root(launcher, device));
            }
            let (foreign, another) = others(launcher, device);
            let detail = match (foreign, another) {
                (Some(what), _) => format!("{device} has {what}, which is not of this run"),
                (None, Some(what)) => format!("another run of this program has a filter on {device}: {what}"),
                (None, None) => continue,
            };
            return Err(("foreign-filter", detail, Some(device.to_owned())));
        }
        Ok(())
    }

    /// What others have put on the VM's devices meanwhile.
    pub(super) fn others(&self, vm: usize) -> Vec<String> {
        let launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let Some(launcher) = launchers.get(&plan.pod_uid) else {
            return Vec::new();
        };
        let all = devices(&plan.cuts).into_iter();
        all.filter_map(|device| Some(format!("{device} has {}", others(launcher, device).0?)))
            .collect()
    }

    /// Whether each device has a place for filters: `none` or `clsact`.
    pub(super) fn places(&self, vm: usize) -> Vec<(String, String)> {
        let launchers = self.kernel.launchers();
        let Some(launcher) = launchers.get(&self.plans[vm].pod_uid) else {
            return Vec::new();
        };
        let kind = |device: &str| match launcher.clsacts.get(device) {
            Some(_) => "clsact",
            None => "none",
        };
        devices(&self.plans[vm].cuts)
            .into_iter()
            .map(|device| (device.to_owned(), kind(device).to_owned()))
            .collect()
    }

    /// What the kernel shows of the run's rules.
    pub(super) fn read_cut(&self, vm: usize) -> Map<String, Value> {
        let launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let Some(launcher) = launchers.get(&plan.pod_uid) else {
            return Map::new();
        };
        if self.engine == Some(Engine::Nft) {
            let table = launcher.tables.get(&self.table());
            let shown = table.map_or_else(|| json!({"nftables": []}), super::nft::Table::json);
            return [("nft".to_owned(), shown)].into_iter().collect();
        }
        let shown = |cut: &Cut| {
            let clsact = launcher.clsacts.get(&cut.device);
            let filters = clsact.map_or_else(|| json!([]), |clsact| clsact.json(cut.hook));
            (format!("{} {}", cut.device, cut.hook.name()), filters)
        };
        plan.cuts.iter().map(shown).collect()
    }

    /// Puts the rules in; says what was refused.
    pub(super) fn put_cut(&self, vm: usize) -> Vec<Refusal> {
        let mut launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let Some(launcher) = launchers.get_mut(&plan.pod_uid) else {
            return Vec::new();
        };
        let put = match self.engine {
            Some(Engine::Nft) => self
                .transaction(plan, &launcher.tables)
                .map(|tables| launcher.tables = tables),
            _ => self.put_filters(plan, launcher),
        };
        put.err().into_iter().collect()
    }

    /// All tables as they are after the run's are made.
    fn transaction(&self, plan: &VmPlan, tables: &Tables) -> Result<Tables, Refusal> {
        let (kernel, mut tables) = (self.abilities(), tables.clone());
        let own = self.table();
        let table = tables.create(&own)?;
        for (name, elements) in &self.rules.sets {
            table.add_set(name, elements)?;
        }
        for device in devices(&plan.cuts) {
            tables
                .create(&format!("vmchaos_lock_{device}"))?
                .add_chain(&own, None, kernel)?;
        }
        for cut in &plan.cuts {
            let table = tables.get_mut(&own).ok_or("Error: No such file or directory")?;
            let chain = format!("{}_{}", cut.way.name(), cut.device);
            table.add_chain(&chain, Some((cut.hook, &cut.device, PRIORITY)), kernel)?;
            for (_, body) in self.rules.nft.iter().filter(|(way, _)| *way == cut.way) {
                table.add_rule(&chain, body, kernel)?;
            }
        }
        Ok(tables)
    }

    fn put_filters(&self, plan: &VmPlan, launcher: &mut Launcher) -> Result<(), Refusal> {
        for device in devices(&plan.cuts) {
            launcher.clsacts.entry(device.to_owned()).or_default();
        }
        for cut in &plan.cuts {
            let clsact = launcher.clsacts.entry(cut.device.clone()).or_default();
            for filter in self.filters(cut) {
                clsact.add(filter)?;
            }
        }
        Ok(())
    }

    /// The filters of a hook, numbered from 1.
    fn filters(&self, cut: &Cut) -> Vec<Filter> {
        let mark = self.rules.mark.unwrap_or_default();
        let lines = self.rules.filters(cut.way).into_iter().zip(1..);
        lines
            .filter_map(|(words, number): (Vec<String>, u32)| {
                let (protocol, keys) = words.split_first()?;
                let offset = match protocol.as_str() {
                    "ip" => 0,
                    "ipv6" => 0x1000,
                    _ => 0x2000,
                };
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                Filter::new(cut.hook, protocol, mark + offset, (mark << 16) + number, &keys)
            })
            .collect()
    }

    /// Whether all that was asked for is there.
    pub(super) fn is_cut(&self, vm: usize) -> bool {
        let launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let Some(launcher) = launchers.get(&plan.pod_uid) else {
            return false;
        };
        let marked = |hook: Hook, filter: &Filter| filter.hook == hook && run_of(filter) == self.rules.mark;
        match self.engine {
            Some(Engine::Nft) => launcher.tables.get(&self.table()).is_some(),
            _ => plan.cuts.iter().all(|cut| {
                let clsact = launcher.clsacts.get(&cut.device);
                let there = clsact.map(|clsact| clsact.filters().iter().filter(|one| marked(cut.hook, one)).count());
                there == Some(self.filters(cut).len())
            }),
        }
    }

    /// Takes the run's rules out, and what it put under them where nothing else is on it.
    pub(super) fn take_cut(&self, vm: usize, before: &[(String, String)]) {
        let mut launchers = self.kernel.launchers();
        let plan = &self.plans[vm];
        let Some(launcher) = launchers.get_mut(&plan.pod_uid) else {
            return;
        };
        let own = self.table();
        let lock = |device: &str| format!("vmchaos_lock_{device}");
        for device in devices(&plan.cuts) {
            let table = launcher.tables.get(&lock(device));
            if table.is_some_and(|table| table.has_chain(&own)) {
                // It is there.
                let _ = launcher.tables.delete(&lock(device));
            }
            if let Some(clsact) = launcher.clsacts.get_mut(device) {
                clsact.remove(|filter| run_of(filter) == self.rules.mark);
                let was = before.iter().find(|(name, _)| name == device);
                if clsact.filters().is_empty() && was.is_some_and(|(_, kind)| kind == "none") {
                    launcher.clsacts.remove(device);
                }
            }
        }
        // Not there when it was never put.
        let _ = launcher.tables.delete(&own);
    }
}
