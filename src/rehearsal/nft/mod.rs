//! The netdev tables of a network namespace without a kernel, for [`DoubleNode`](super::double::DoubleNode).
//!
//! Held to what the real `nft` says, as the shell fake is: refusals and the JSON of a listing included.

mod rule;
mod set;

use std::time::Instant;

use serde_json::{Value, json};

use self::rule::Rule;
use self::set::Set;
use super::qdisc::Refusal;

/// What nft says about itself in every listing.
const VERSION: &str = "1.0.6";
const RELEASE: &str = "Lester Gooch #5";

/// Where in a device's path a chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    Ingress,
    Egress,
}

impl Hook {
    /// By its name; none for any other word.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "ingress" => Some(Self::Ingress),
            "egress" => Some(Self::Egress),
            _ => None,
        }
    }

    /// As nft and tc call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// What of nftables the kernel of a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Hooks on the egress of a device (Linux 5.16).
    pub(super) egress: bool,
    /// `reject` in netdev chains (Linux 5.11 with `nft_reject_netdev`).
    pub(super) reject: bool,
}

#[derive(Debug, Clone)]
struct Chain {
    name: String,
    handle: u32,
    hook: Option<(Hook, String, i32)>,
    rules: Vec<(u32, Rule)>,
}

/// A table of the netdev family.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    handle: u32,
    sets: Vec<(u32, Set)>,
    chains: Vec<Chain>,
    /// The last handle given to a thing in it.
    last: u32,
}

/// The tables of a network namespace, in the order of their creation.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    tables: Vec<Table>,
    last: u32,
}

impl Tables {
    /// `create table netdev NAME`.
    pub(super) fn create(&mut self, name: &str) -> Result<&mut Table, Refusal> {
        if self.get(name).is_some() {
            return Err("Error: Could not process rule: File exists");
        }
        self.last += 1;
        self.tables.push(Table {
            name: name.to_owned(),
            handle: self.last,
            sets: Vec::new(),
            chains: Vec::new(),
            last: 0,
        });
        self.tables.last_mut().ok_or("Error: No such file or directory")
    }

    /// `delete table netdev NAME`.
    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        let before = self.tables.len();
        self.tables.retain(|table| table.name != name);
        if self.tables.len() == before {
            return Err("Error: Could not process rule: No such file or directory");
        }
        Ok(())
    }

    /// The table of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The table of that name, to be changed.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.name == name)
    }

    /// All tables.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }
}

impl Table {
    fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// `add set netdev TABLE NAME { type KIND; flags interval; auto-merge; elements = { ELEMENTS }; }`.
    pub(super) fn add_set(&mut self, name: &str, elements: &str) -> Result<(), Refusal> {
        let set = Set::parse(name, elements).ok_or("Error: syntax error, unexpected string")?;
        let handle = self.next();
        self.sets.push((handle, set));
        Ok(())
    }

    /// `add chain netdev TABLE NAME`, with `{ type filter hook HOOK device "DEVICE" priority NUMBER; policy accept; }`
    /// if it is a base chain.
    pub(super) fn add_chain(
        &mut self,
        name: &str,
        hook: Option<(Hook, &str, i32)>,
        kernel: Abilities,
    ) -> Result<(), Refusal> {
        if matches!(hook, Some((Hook::Egress, _, _))) && !kernel.egress {
            return Err("Error: Could not process rule: Operation not supported");
        }
        let handle = self.next();
        self.chains.push(Chain {
            name: name.to_owned(),
            handle,
            hook: hook.map(|(hook, device, priority)| (hook, device.to_owned(), priority)),
            rules: Vec::new(),
        });
        Ok(())
    }

    /// `add rule netdev TABLE CHAIN BODY`.
    pub(super) fn add_rule(&mut self, chain: &str, body: &str, kernel: Abilities) -> Result<(), Refusal> {
        let rule = Rule::parse(body, Instant::now()).ok_or("Error: syntax error, unexpected string")?;
        let unknown = rule
            .sets()
            .any(|name| !self.sets.iter().any(|(_, set)| set.name == name));
        if unknown {
            return Err("Error: No such file or directory");
        }
        // A set without a name is a thing of its own.
        self.last += rule.anonymous_sets();
        let handle = self.next();
        let chain = self
            .chains
            .iter_mut()
            .find(|known| known.name == chain)
            .ok_or("Error: Could not process rule: No such file or directory")?;
        if rule.rejects() && !kernel.reject {
            return Err("Error: Could not process rule: No such file or directory");
        }
        if rule.rejects() && !matches!(chain.hook, Some((Hook::Ingress, _, _))) {
            return Err("Error: Could not process rule: Operation not supported");
        }
        chain.rules.push((handle, rule));
        Ok(())
    }

    /// Whether one of its chains is on a device.
    pub(super) fn hooks(&self, device: &str) -> bool {
        let on = |chain: &Chain| matches!(&chain.hook, Some((_, name, _)) if name == device);
        self.chains.iter().any(on)
    }

    /// What its chains of one direction (`in_…`, `out_…`) on these devices do to a packet: whether it is rejected, if it does
    /// not pass.
    pub(super) fn verdict(&self, way: &str, devices: &[&str], protocol: &str, port: Option<u16>) -> Option<bool> {
        let holds = |name: &str, port| self.sets.iter().any(|(_, set)| set.name == name && set.holds(port));
        let on_the_way = |chain: &&Chain| {
            let device = chain.name.strip_prefix(way).and_then(|rest| rest.strip_prefix('_'));
            device.is_some_and(|device| devices.contains(&device))
        };
        let rules = self.chains.iter().filter(on_the_way).flat_map(|chain| &chain.rules);
        let mut verdicts = rules.filter_map(|(_, rule)| rule.verdict(protocol, port, holds));
        verdicts.next()
    }

    /// Whether it has a chain of that name.
    pub(super) fn has_chain(&self, name: &str) -> bool {
        self.chains.iter().any(|chain| chain.name == name)
    }

    /// As `nft -j list table netdev NAME` prints it: the table, its sets, its chains, and the rules of each chain.
    pub(super) fn json(&self) -> Value {
        let mut all = vec![
            json!({"metainfo": {"version": VERSION, "release_name": RELEASE, "json_schema_version": 1}}),
            json!({"table": {"family": "netdev", "name": self.name, "handle": self.handle}}),
        ];
        all.extend(self.sets.iter().map(|(handle, set)| set.json(&self.name, *handle)));
        all.extend(self.chains.iter().map(|chain| chain.json(&self.name)));
        for chain in &self.chains {
            all.extend(chain.rules.iter().enumerate().map(|(index, (handle, rule))| {
                json!({"rule": {
                    "family": "netdev", "table": self.name, "chain": chain.name, "handle": handle,
                    "expr": rule.json(index == 0),
                }})
            }));
        }
        json!({"nftables": all})
    }
}

impl Chain {
    /// nft 1.0.6 does not print the device of a base chain in JSON.
    fn json(&self, table: &str) -> Value {
        let mut chain = json!({"family": "netdev", "table": table, "name": self.name, "handle": self.handle});
        if let Some((hook, _, priority)) = &self.hook {
            chain["type"] = "filter".into();
            chain["hook"] = hook.name().into();
            chain["prio"] = (*priority).into();
            chain["policy"] = "accept".into();
        }
        json!({ "chain": chain })
    }
}

#[cfg(test)]
#[path = "../nft_tests.rs"]
mod tests;
