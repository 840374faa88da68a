//! Ports and ranges of ports.

use std::fmt;

use super::ValueError;

/// A sorted list of ranges that neither overlap nor touch; never empty, and 0 is in none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(Vec<(u16, u16)>);

/// Services whose name is likely to be typed for their port.
const SERVICES: [(&str, &str); 14] = [
    ("dns", "53"),
    ("domain", "53"),
    ("ssh", "22"),
    ("http", "80"),
    ("https", "443"),
    ("ntp", "123"),
    ("dhcp", "67-68"),
    ("ldap", "389"),
    ("smtp", "25"),
    ("mysql", "3306"),
    ("postgres", "5432"),
    ("postgresql", "5432"),
    ("redis", "6379"),
    ("rdp", "3389"),
];

impl Ports {
    /// `53,8000-8100`.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let mut ranges = Vec::new();
        for piece in text.split(',').map(str::trim) {
            if piece.is_empty() {
                let rest: Vec<_> = text.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
                let rest: Result<Vec<_>, _> = rest.into_iter().map(range).collect();
                let sound = rest.ok().filter(|ranges| !ranges.is_empty()).map(Self::of);
                return Err(ValueError::new(
                    "a comma without a port beside it",
                    sound.map_or_else(|| "53".to_owned(), |ports| ports.to_string()),
                ));
            }
            ranges.push(range(piece)?);
        }
        Ok(Self::of(ranges))
    }

    /// These ranges, each with its first port not above its last, in order and merged.
    pub(super) fn of(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if u32::from(first) <= u32::from(*end) + 1 => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// A list of single ports, for presets.
    pub(crate) fn single(ports: &[u16]) -> Self {
        Self::of(ports.iter().map(|&port| (port, port)).collect())
    }

    /// First and last port of each range.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&port))
    }
}

fn range(piece: &str) -> Result<(u16, u16), ValueError> {
    if let Some((number, protocol)) = piece.split_once('/')
        && port(number).is_ok()
    {
        return Err(ValueError::new(
            format!("`/{}` is for --protocols to say", protocol.escape_debug()),
            number,
        ));
    }
    if let Some((first, last)) = piece.split_once(':')
        && port(first).is_ok()
        && port(last).is_ok()
    {
        return Err(ValueError::new(
            "a range is written with `-`",
            format!("{first}-{last}"),
        ));
    }
    match piece.split_once('-') {
        None => port(piece).map(|port| (port, port)),
        Some(("", rest)) => Err(ValueError::new("a port cannot be negative", with_port(rest, "53"))),
        Some((first, "")) => Err(ValueError::new(
            "a range without an end",
            format!("{}-65535", with_port(first, "1024")),
        )),
        Some((first, last)) => {
            if first == "0" {
                return Err(ValueError::new(
                    "port 0 is no port; a range begins at 1 or above",
                    format!("1-{}", with_port(last, "1023")),
                ));
            }
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(ValueError::new("the range is reversed", format!("{last}-{first}")));
            }
            Ok((first, last))
        }
    }
}

/// The text when it is a port, else the example.
fn with_port<'a>(text: &'a str, example: &'a str) -> &'a str {
    if port(text).is_ok() { text } else { example }
}

fn port(text: &str) -> Result<u16, ValueError> {
    if let Some((_, number)) = SERVICES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
        return Err(ValueError::new("a service's name is not a port", *number));
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ValueError::new("not a port or a range of ports", "53,8000-8100"));
    }
    match text.parse::<u16>() {
        Ok(0) => Err(ValueError::new(
            "port 0 is no port; leave --ports out for every port",
            "1-65535",
        )),
        Ok(port) => Ok(port),
        Err(_) => Err(ValueError::new("above 65535, the highest port", "65535")),
    }
}

/// `53,8000-8100`.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl serde::Serialize for Ports {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_and_merged() {
        for (text, shown) in [
            ("53", "53"),
            ("8000-8100,53", "53,8000-8100"),
            ("53, 80", "53,80"),
            ("80,81,82", "80-82"),
            ("1-100,50-200,65535", "1-200,65535"),
            ("65535,65534", "65534-65535"),
            ("7-7", "7"),
        ] {
            assert_eq!(Ports::parse(text).unwrap().to_string(), shown, "{text}");
        }
        let ports = Ports::parse("53,8000-8100").unwrap();
        assert!(ports.contains(8100) && !ports.contains(8101) && !ports.contains(52));
    }

    #[test]
    fn a_slip_is_told_the_fix() {
        for (text, instead) in [
            ("0", "1-65535"),
            ("70000", "65535"),
            ("8100-8000", "8000-8100"),
            ("0-100", "1-100"),
            ("53,", "53"),
            (",53", "53"),
            ("53,,80", "53,80"),
            (",", "53"),
            ("dns", "53"),
            ("HTTPS", "443"),
            ("53/udp", "53"),
            ("8000:8100", "8000-8100"),
            ("-5", "5"),
            ("1024-", "1024-65535"),
            ("domain name", "53,8000-8100"),
            ("99999999999999999999", "65535"),
            ("５３", "53,8000-8100"),
            ("+53", "53,8000-8100"),
            ("1-2-3", "53,8000-8100"),
        ] {
            assert_eq!(Ports::parse(text).unwrap_err().instead, instead, "{text}");
        }
    }
}
