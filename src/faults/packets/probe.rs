//! `--probe`: whether, and how fast, a VM answers its node before, during and after a fault.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::fault::{Directions, ValueError};
use crate::faults::packets::spec::PacketEffect;

/// What is sent to the VM's address about once a second.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Probe {
    /// An echo request.
    Icmp,
    /// A connection to this port, which is closed as soon as it is open.
    Tcp(u16),
    /// `GET` of this path; any status line below 500 is an answer.
    Http(u16, String),
}

/// How long an answer may take beyond what the fault itself makes of a round trip, in seconds.
const SLACK: u64 = 2;
/// No probe waits longer, in seconds.
const LONGEST: u64 = 120;
/// Bytes of a path.
const LONGEST_PATH: usize = 512;

impl Probe {
    /// Round trips until the answer is there.
    fn round_trips(&self) -> u64 {
        match self {
            Self::Icmp | Self::Tcp(_) => 1,
            // The connection, then the request.
            Self::Http(..) => 2,
        }
    }

    /// Whole seconds until a probe counts as not answered: the fault's latency, jitter included, for each way and each
    /// round trip, and [`SLACK`].
    pub fn patience(&self, fault: &PacketEffect, directions: Directions) -> u64 {
        let one_way = match fault {
            PacketEffect::Netem(netem) => netem.longest_delay().as_micros(),
            PacketEffect::Filter(_) => 0,
        };
        let ways = directions.iter().count() as u64;
        let added = (one_way * ways * self.round_trips()).div_ceil(1_000_000);
        (SLACK + added).min(LONGEST)
    }

    /// In words, for a plan: `tcp port 8080`.
    pub fn words(&self) -> String {
        match self {
            Self::Icmp => "ping (ICMP echo)".to_owned(),
            Self::Tcp(port) => format!("a TCP connection to port {port}"),
            Self::Http(port, path) => format!("HTTP GET {path} on port {port}"),
        }
    }
}

impl FromStr for Probe {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const EXAMPLE: &str = "tcp:22, http:8080/healthz or icmp";
        let (kind, rest) = text
            .split_once(':')
            .map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        match (kind, rest) {
            ("icmp", None) => Ok(Self::Icmp),
            ("icmp", Some(_)) => Err(ValueError::new("icmp has no port", "icmp")),
            ("tcp", None) => Err(ValueError::new("has no port", "tcp:22")),
            ("http", None) => Err(ValueError::new("has no port", "http:80/")),
            ("tcp", Some(rest)) => {
                let bare = rest.split('/').next().unwrap_or_default();
                if bare != rest {
                    return Err(ValueError::new("tcp has no path", format!("http:{rest}")));
                }
                port(rest, "tcp").map(Self::Tcp)
            }
            ("http", Some(rest)) => {
                let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let (number, path) = rest.split_at(at);
                let port = port(number, "http")?;
                let path = if path.is_empty() { "/" } else { path };
                sound_path(path, port)?;
                Ok(Self::Http(port, path.to_owned()))
            }
            ("https", _) => Err(ValueError::new(
                "there is no TLS in a probe; a connection alone can be probed",
                "tcp:443",
            )),
            ("ping", None) => Err(ValueError::new("not a kind of probe", "icmp")),
            _ => Err(ValueError::new("not a kind of probe", EXAMPLE)),
        }
    }
}

fn port(text: &str, kind: &str) -> Result<u16, ValueError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse::<u16>().ok()).flatten();
    number
        .filter(|port| *port != 0)
        .ok_or_else(|| ValueError::new("the port is not a number from 1 to 65535", format!("{kind}:8080")))
}

/// What a request line and the plan of a node can carry as it is: all else is to be percent-encoded (RFC 3986, 2.1).
fn sound_path(path: &str, port: u16) -> Result<(), ValueError> {
    let example = |path: &str| format!("http:{port}{path}");
    if !path.starts_with('/') {
        return Err(ValueError::new(
            "the path has no slash before it",
            example(&format!("/{path}")),
        ));
    }
    if path.len() > LONGEST_PATH {
        let problem = format!("the path is longer than {LONGEST_PATH} bytes");
        return Err(ValueError::new(problem, example("/healthz")));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/?=&%:@+,".contains(&b);
    if let Some(odd) = path.chars().find(|c| !u8::try_from(*c).is_ok_and(plain)) {
        let encoded = path.bytes().fold(String::new(), |mut all, byte| {
            if plain(byte) {
                all.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = fmt::Write::write_fmt(&mut all, format_args!("%{byte:02X}"));
            }
            all
        });
        let problem = format!("the path has a {odd:?}, which must be percent-encoded");
        return Err(ValueError::new(problem, example(&encoded)));
    }
    let hex = |bytes: &[u8]| bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit);
    if path.split('%').skip(1).any(|after| !hex(after.as_bytes())) {
        return Err(ValueError::new(
            "the path has a % without two hexadecimal digits after it",
            example(&path.replace('%', "%25")),
        ));
    }
    Ok(())
}

/// As it is typed.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Icmp => f.write_str("icmp"),
            Self::Tcp(port) => write!(f, "tcp:{port}"),
            Self::Http(port, path) => write!(f, "http:{port}{path}"),
        }
    }
}

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::packets::netem::NetemPreset;

    #[test]
    fn kinds_are_read_as_they_are_shown() {
        for text in ["icmp", "tcp:22", "http:80/", "http:8080/a/b?c=%20d"] {
            assert_eq!(text.parse::<Probe>().unwrap().to_string(), text);
        }
        assert_eq!("http:8080".parse::<Probe>().unwrap().to_string(), "http:8080/");
    }

    #[test]
    fn what_is_no_probe_is_refused_with_one_that_is() {
        for (bad, instead) in [
            ("icmp:1", "icmp"),
            ("tcp", "tcp:22"),
            ("http", "http:80/"),
            ("tcp:0", "tcp:8080"),
            ("tcp:65536", "tcp:8080"),
            ("tcp:+22", "tcp:8080"),
            ("tcp:", "tcp:8080"),
            ("tcp:80/x", "http:80/x"),
            ("http:80?x", "http:80/?x"),
            ("http:80/a b", "http:80/a%20b"),
            ("http:80/a\r\nHost: x", "http:80/a%0D%0AHost:%20x"),
            ("http:80/$(id)", "http:80/%24%28id%29"),
            ("http:80/a#b", "http:80/a%23b"),
            ("http:80/é", "http:80/%C3%A9"),
            ("http:80/%zz", "http:80/%25zz"),
            ("https:443", "tcp:443"),
            ("ping", "icmp"),
        ] {
            let instead_of_it = bad.parse::<Probe>().unwrap_err().instead;
            assert_eq!(instead_of_it, instead, "{bad}");
            if instead != "icmp" {
                instead.parse::<Probe>().unwrap();
            }
        }
    }

    #[test]
    fn patience_covers_the_fault() {
        let degraded = PacketEffect::Netem(NetemPreset::Degraded.settings().resolve().unwrap());
        let patience = |text: &str, directions| text.parse::<Probe>().unwrap().patience(&degraded, directions);
        assert_eq!(patience("tcp:80", Directions::BOTH), 6);
        assert_eq!(patience("tcp:80", Directions::INGRESS), 4);
        assert_eq!(patience("http:80", Directions::BOTH), 10);
    }

    #[test]
    fn a_path_is_as_long_as_fits_into_the_plan_of_a_node() {
        let probe = |length: usize| format!("http:80/{}", "a".repeat(length - 1)).parse::<Probe>();
        probe(LONGEST_PATH).unwrap();
        for longer in [LONGEST_PATH + 1, LONGEST_PATH * 2] {
            assert!(probe(longer).unwrap_err().problem.contains("is longer than"));
        }
    }
}
