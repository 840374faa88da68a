//! Blocks of addresses in CIDR notation (RFC 4632, RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ValueError;

/// A block of IPv4 or IPv6 addresses: an address whose bits behind the prefix are all 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

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
        let bits = width(address);
        let prefix = match prefix {
            None => bits,
            Some(prefix) => match prefix_length(prefix, address) {
                Some(length) if prefix.len() <= 3 && length <= bits => length,
                Some(length) if length <= bits => {
                    return Err(ValueError::new(
                        "the length of the prefix is a number of bits",
                        Self {
                            address,
                            prefix: length,
                        }
                        .network()
                        .to_string(),
                    ));
                }
                _ => {
                    return Err(ValueError::new(
                        format!("the prefix is not a number from 0 to {bits}"),
                        Self { address, prefix: bits }.to_string(),
                    ));
                }
            },
        };
        let block = Self { address, prefix };
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            let v4 = Self {
                address: v4.into(),
                prefix: prefix.saturating_sub(96),
            };
            return Err(ValueError::new(
                "an IPv4-mapped address is never on the wire; say the IPv4 address",
                v4.network().to_string(),
            ));
        }
        let network = block.network();
        if network != block {
            return Err(ValueError::new(
                format!("{address} is an address within the block; say the block"),
                network.to_string(),
            ));
        }
        if block.address.is_unspecified() && prefix == bits {
            let every = Self { address, prefix: 0 };
            return Err(ValueError::new("no packet has this address", every.to_string()));
        }
        Ok(block)
    }

    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Every address of its family.
    pub fn is_everything(&self) -> bool {
        self.prefix == 0
    }

    /// First and last address, as numbers.
    pub fn range(&self) -> (u128, u128) {
        let first = number(self.address);
        (first, first | self.host_bits())
    }

    fn network(self) -> Self {
        let network = number(self.address) & !self.host_bits();
        let address = match self.address {
            IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(network).unwrap_or(0)).into(),
            IpAddr::V6(_) => Ipv6Addr::from(network).into(),
        };
        Self { address, ..self }
    }

    /// The bits behind the prefix, all 1.
    fn host_bits(&self) -> u128 {
        let host = u32::from(width(self.address) - self.prefix);
        u128::MAX.checked_shr(128 - host).unwrap_or(0)
    }
}

/// Blocks in order, without those that lie within another.
pub fn merged(blocks: &[Cidr]) -> Vec<Cidr> {
    let within = |inner: &Cidr, outer: &Cidr| {
        let ((first, last), (start, end)) = (inner.range(), outer.range());
        inner.is_ipv4() == outer.is_ipv4() && start <= first && last <= end
    };
    let mut kept: Vec<Cidr> = blocks
        .iter()
        .filter(|block| !blocks.iter().any(|other| other != *block && within(block, other)))
        .copied()
        .collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
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
    let mask = u32::from(text.parse::<Ipv4Addr>().ok().filter(|_| address.is_ipv4())?);
    let length = mask.leading_ones();
    (mask.checked_shl(length).unwrap_or(0) == 0).then_some(u8::try_from(length).ok()?)
}

/// One address without a prefix, as `nft` and `tc` print it.
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.address) {
            self.address.fmt(f)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
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
