//! Blocks of addresses in CIDR notation (RFC 4632, RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::ValueError;

/// A block of IPv4 or IPv6 addresses: an address whose bits behind the prefix are all 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr(IpNet);

impl Cidr {
    /// `10.0.0.0/8`, `fd00::/8`; without a prefix, one address.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        const EXAMPLE: &str = "10.0.0.0/8";
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(ValueError::new("not an IPv4 or IPv6 address or block", EXAMPLE));
        };
        let one = IpNet::from(address);
        let bits = one.max_prefix_len();
        let block = match prefix {
            None => one,
            Some(prefix) => {
                let length = prefix_length(prefix, address);
                match length.and_then(|length| IpNet::new(address, length).ok()) {
                    Some(block) if prefix.len() <= 3 => block,
                    Some(block) => {
                        return Err(ValueError::new(
                            "the length of the prefix is a number of bits",
                            Self(block.trunc()).to_string(),
                        ));
                    }
                    None => {
                        return Err(ValueError::new(
                            format!("the prefix is not a number from 0 to {bits}"),
                            address.to_string(),
                        ));
                    }
                }
            }
        };
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            let v4 =
                IpNet::new(v4.into(), block.prefix_len().saturating_sub(96)).unwrap_or(IpNet::from(IpAddr::from(v4)));
            return Err(ValueError::new(
                "an IPv4-mapped address is never on the wire; say the IPv4 address",
                Self(v4.trunc()).to_string(),
            ));
        }
        if block.trunc() != block {
            return Err(ValueError::new(
                format!("{address} is an address within the block; say the block"),
                Self(block.trunc()).to_string(),
            ));
        }
        if address.is_unspecified() && block == one {
            return Err(ValueError::new("no packet has this address", format!("{address}/0")));
        }
        Ok(Self(block))
    }

    pub fn is_ipv4(&self) -> bool {
        self.0.addr().is_ipv4()
    }

    /// Every address of its family.
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }

    /// First and last address, as numbers.
    pub fn range(&self) -> (u128, u128) {
        (number(self.0.network()), number(self.0.broadcast()))
    }
}

/// Blocks in order, without those that lie within another.
pub(crate) fn merged(blocks: &[Cidr]) -> Vec<Cidr> {
    let mut kept: Vec<Cidr> = blocks
        .iter()
        .filter(|block| !blocks.iter().any(|other| other != *block && other.0.contains(&block.0)))
        .copied()
        .collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// `8`, or an IPv4 netmask.
fn prefix_length(text: &str, address: IpAddr) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mask = text.parse::<Ipv4Addr>().ok().filter(|_| address.is_ipv4())?;
    ipnet::ip_mask_to_prefix(mask.into()).ok()
}

/// One address without a prefix, as `nft` and `tc` print it.
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

impl serde::Serialize for Cidr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_addresses() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.168.1.7", "192.168.1.7"),
            ("192.168.1.7/32", "192.168.1.7"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("FD00::/8", "fd00::/8"),
            ("2001:db8:0::1", "2001:db8::1"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(Cidr::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn a_slip_is_told_the_fix() {
        for (text, instead) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("fd00::1/8", "fd00::/8"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
            ("10.0.0.0/33", "10.0.0.0"),
            ("10.0.0.0/", "10.0.0.0"),
            ("10.0.0.0/-1", "10.0.0.0"),
            ("fd00::/129", "fd00::"),
            ("10.0.0", "10.0.0.0/8"),
            ("010.0.0.1", "10.0.0.0/8"),
            ("fe80::1%eth0", "10.0.0.0/8"),
            ("web-1", "10.0.0.0/8"),
            ("0.0.0.0", "0.0.0.0/0"),
        ] {
            assert_eq!(Cidr::parse(text).unwrap_err().instead, instead, "{text}");
        }
    }

    #[test]
    fn what_lies_within_another_is_left_out() {
        let blocks: Vec<_> = ["10.1.0.0/16", "fd00::/8", "10.0.0.0/8", "10.0.0.0/8", "11.0.0.1"]
            .map(|text| Cidr::parse(text).unwrap())
            .to_vec();
        let shown: Vec<_> = merged(&blocks).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "11.0.0.1", "fd00::/8"]);
    }

    #[test]
    fn ranges_end_with_the_last_address() {
        let range = |text| Cidr::parse(text).unwrap().range();
        assert_eq!(range("10.0.0.0/8"), (0x0a00_0000, 0x0aff_ffff));
        assert_eq!(range("192.168.1.7"), (0xc0a8_0107, 0xc0a8_0107));
        assert_eq!(range("::/0"), (0, u128::MAX));
    }
}
