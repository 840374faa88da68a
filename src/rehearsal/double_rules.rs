//! What a filter's plan says once for a node: engine, marks, sets and rules. Read as the script reads it.

use super::double_plan::is_of_a_run;
use super::nft::Hook;

/// Words of which an nft rule is made, besides the names of sets.
const NFT_WORDS: [&str; 17] = [
    "saddr", "daddr", "meta", "l4proto", "protocol", "th", "dport", "type", "{", "}", "!=", "133-137", "ip", "ip6",
    "tcp", "udp", "sctp",
];

/// Those that may stand in a list.
const LISTED: [&str; 10] = [
    "ip",
    "ip6",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmpv6",
    "ipv6-icmp",
    "vlan",
    "8021q",
];

/// Which engine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// nft where the kernel has its hooks, else tc.
    Auto,
    Nft,
    Tc,
    /// Nothing is cut: everything is tried.
    Any,
}

/// What rules are in force for: packets into the guest, or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

impl Way {
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "in" => Some(Self::In),
            "out" => Some(Self::Out),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A hook of a device that the rules of a direction go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) device: String,
    pub(super) way: Way,
    pub(super) hook: Hook,
}

/// The node-wide part of a plan.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) engine: Option<Wish>,
    /// Whether `reject` has to work.
    pub(super) reject: bool,
    /// The run's number, `0x7000` to `0x7fff`.
    pub(super) mark: Option<u32>,
    /// Names and elements of the sets, as in the plan.
    pub(super) sets: Vec<(String, String)>,
    pub(super) nft: Vec<(Way, String)>,
    /// Protocol and match words.
    pub(super) tc: Vec<(Way, Vec<String>)>,
}

impl Rules {
    /// Reads a line that has no VM number; none if it is not one of them.
    pub(super) fn record(&mut self, words: &[&str], first_vm: bool) -> Option<Result<(), &'static str>> {
        let (key, rest) = words.split_first()?;
        if !["engine", "mark", "ports", "peers4", "peers6", "nft", "tc"].contains(key) {
            return None;
        }
        if first_vm {
            return Some(Err("a line of the whole node after the first VM"));
        }
        Some(match *key {
            "engine" => self.engine(rest),
            "mark" => self.mark(rest),
            "nft" | "tc" => self.rule(key, rest),
            name => self.set(name, rest),
        })
    }

    fn engine(&mut self, words: &[&str]) -> Result<(), &'static str> {
        let (engine, reject) = match words {
            ["auto"] => (Wish::Auto, false),
            ["nft"] => (Wish::Nft, false),
            ["tc"] => (Wish::Tc, false),
            ["any"] => (Wish::Any, false),
            ["auto", "reject"] => (Wish::Auto, true),
            ["nft", "reject"] => (Wish::Nft, true),
            ["any", "reject"] => (Wish::Any, true),
            _ => return Err("not an engine"),
        };
        if self.engine.replace(engine).is_some() {
            return Err("not an engine");
        }
        self.reject = reject;
        Ok(())
    }

    fn mark(&mut self, words: &[&str]) -> Result<(), &'static str> {
        let wrong = "not a handle of a run";
        let [mark] = words else { return Err(wrong) };
        if self.mark.is_some() || !is_of_a_run(mark) {
            return Err(wrong);
        }
        self.mark = u32::from_str_radix(mark.trim_end_matches(':'), 16).ok();
        Ok(())
    }

    fn set(&mut self, name: &str, words: &[&str]) -> Result<(), &'static str> {
        let (wrong, allowed) = match name {
            "ports" => ("not a list of ports", "0123456789-"),
            "peers4" => ("not a list of peers", "0123456789./"),
            _ => ("not a list of peers", "0123456789abcdefABCDEF.:/"),
        };
        let [elements] = words else { return Err(wrong) };
        let written = |one: &str| !one.is_empty() && one.chars().all(|c| allowed.contains(c));
        if self.sets.iter().any(|(known, _)| known == name) || !elements.split(',').all(written) {
            return Err(wrong);
        }
        self.sets.push((name.to_owned(), (*elements).to_owned()));
        Ok(())
    }

    fn rule(&mut self, engine: &str, words: &[&str]) -> Result<(), &'static str> {
        let [way, words @ ..] = words else {
            return Err("neither in nor out");
        };
        let way = Way::named(way).ok_or("neither in nor out")?;
        if engine == "nft" {
            self.check_nft(words)?;
            self.nft.push((way, words.join(" ")));
        } else {
            self.check_flower(words)?;
            self.tc.push((way, words.iter().map(ToString::to_string).collect()));
        }
        Ok(())
    }

    /// Matches, then a counter and one verdict.
    fn check_nft(&self, words: &[&str]) -> Result<(), &'static str> {
        let text = words.join(" ");
        let verdicts = ["drop", "reject with tcp reset", "reject with icmpx port-unreachable"];
        let matches = verdicts
            .iter()
            .find_map(|verdict| text.strip_suffix(verdict)?.strip_suffix("counter "));
        let matches = matches.ok_or("not a rule that ends in a counter and a verdict")?;
        for word in matches.split_whitespace() {
            if word.starts_with('@') {
                self.check_set(word)?;
            } else if !NFT_WORDS.contains(&word) && !LISTED.contains(&word.trim_end_matches(',')) {
                return Err("a word that no rule of a filter has");
            }
        }
        Ok(())
    }

    /// PROTOCOL, then pairs of KEY VALUE.
    fn check_flower(&self, words: &[&str]) -> Result<(), &'static str> {
        let ["ip" | "ipv6" | "802.1Q", pairs @ ..] = words else {
            return Err("not a protocol");
        };
        for pair in pairs.chunks(2) {
            match pair {
                ["ip_proto", "tcp" | "udp" | "sctp" | "icmp" | "icmpv6"] | ["vlan_ethtype", "ip" | "ipv6"] => {}
                ["dst_port", set @ "@ports"] | ["src_ip" | "dst_ip", set @ ("@peers4" | "@peers6")] => {
                    self.check_set(set)?;
                }
                ["type", number] if number.starts_with(|c: char| c.is_ascii_digit()) => {}
                _ => return Err("a match that no rule of a filter has"),
            }
        }
        Ok(())
    }

    /// A set that a rule names has to be there.
    fn check_set(&self, word: &str) -> Result<(), &'static str> {
        let name = word.trim_start_matches('@');
        if !["ports", "peers4", "peers6"].contains(&name) {
            return Err("a word that no rule of a filter has");
        }
        let known = self.sets.iter().any(|(known, _)| known == name);
        if known {
            Ok(())
        } else {
            Err("a set that is not in the plan")
        }
    }

    /// Whether a VM's packets of that direction can be cut: there are rules for it, whichever engine it will be.
    pub(super) fn check_cut(&self, way: Way) -> Result<(), &'static str> {
        let nft = self.nft.iter().any(|(of, _)| *of == way);
        let tc = self.tc.iter().any(|(of, _)| *of == way);
        let ruled = match self.engine {
            None | Some(Wish::Any) => return Err("no engine for a cut"),
            Some(Wish::Auto) => nft && (tc || self.reject),
            Some(Wish::Nft) => nft,
            Some(Wish::Tc) => tc,
        };
        if !ruled {
            return Err("no rule for that direction");
        }
        self.mark.map(|_| ()).ok_or("no handle of the run")
    }

    fn elements(&self, name: &str) -> Vec<&str> {
        let set = self.sets.iter().find(|(known, _)| known == name);
        set.map(|(_, elements)| elements.split(',').collect())
            .unwrap_or_default()
    }

    /// The filters of one direction, one for each element of the sets they name: protocol, then match words in pairs.
    pub(super) fn filters(&self, way: Way) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for (_, words) in self.tc.iter().filter(|(of, _)| *of == way) {
            let mut lines = vec![Vec::new()];
            for word in words {
                let values = match word.strip_prefix('@') {
                    Some(name) => self.elements(name),
                    None => vec![word.as_str()],
                };
                lines = lines
                    .into_iter()
                    .flat_map(|line: Vec<String>| {
                        values
                            .iter()
                            .map(move |value| line.iter().cloned().chain([(*value).to_owned()]).collect::<Vec<_>>())
                    })
                    .collect();
            }
            all.extend(lines);
        }
        all
    }
}
