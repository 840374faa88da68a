//! The probes of a VM as words of its plan, and as commands for people.

use std::net::IpAddr;

use super::{CompileError, Order};
use crate::fault::Target;
use crate::faults::packets::probe::Probe;

/// One probe of one VM.
pub(super) struct Compiled {
    /// `KIND ADDRESS PORT SECONDS [PATH]`; `-` for no port.
    pub words: String,
    /// What somebody would type on the node for the same.
    pub command: String,
}

pub(super) fn probes(order: &Order<'_>, target: &Target) -> Result<Vec<Compiled>, CompileError> {
    if order.probes.is_empty() {
        return Ok(Vec::new());
    }
    let no_address = || CompileError::NoAddress { target: target.key() };
    let address = target.launcher.address.ok_or_else(no_address)?;
    let compiled = |probe: &Probe| compile(probe, address, probe.patience(order.fault, order.directions));
    Ok(order.probes.iter().map(compiled).collect())
}

fn compile(probe: &Probe, address: IpAddr, seconds: u64) -> Compiled {
    let (words, command) = match probe {
        Probe::Icmp => (
            format!("icmp {address} - {seconds}"),
            format!("ping -c 1 -W {seconds} {address}"),
        ),
        Probe::Tcp(port) => (
            format!("tcp {address} {port} {seconds}"),
            format!("timeout {seconds} bash -c '</dev/tcp/{address}/{port}'"),
        ),
        Probe::Http(port, path) => {
            let host = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            (
                format!("http {address} {port} {seconds} {path}"),
                format!("curl -sS -m {seconds} -o /dev/null 'http://{host}:{port}{path}'"),
            )
        }
    };
    let command = format!("{command}  # about once a second, before, during and after");
    Compiled { words, command }
}
