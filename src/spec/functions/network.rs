//! Addresses in networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::value::Value;
use super::{Call, Function, Wrong, function, wrong};

pub const ALL: &[Function] = &[function("cidrhost", 2, Some(2), cidr_host)];

/// `cidrhost("10.0.0.0/24", 5)` is `10.0.0.5`; negative numbers count from the end.
fn cidr_host(call: &mut Call) -> Result<Value, Wrong> {
    let not_a_network = || wrong(0, "A network such as \"10.0.0.0/24\" is needed here.");
    let network = call.text(0)?;
    let host = call.whole(1)?;
    let (address, prefix) = network.split_once('/').ok_or_else(not_a_network)?;
    let address: IpAddr = address.parse().map_err(|_| not_a_network())?;
    let prefix: u32 = prefix.parse().map_err(|_| not_a_network())?;
    let (bits, base) = match address {
        IpAddr::V4(address) => (32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (128, u128::from(address)),
    };
    let host_bits = u32::checked_sub(bits, prefix).ok_or_else(not_a_network)?;
    // All ones in the host part; a shift by the full width would overflow.
    let mask = if host_bits == 128 { u128::MAX } else { (1_u128 << host_bits) - 1 };
    let too_far = || wrong(1, format!("A /{prefix} network has no address with this number."));
    let offset = if host >= 0 { u128::try_from(host).ok() } else { mask.checked_sub(host.unsigned_abs() - 1) };
    let offset = offset.filter(|offset| *offset <= mask).ok_or_else(too_far)?;
    let made = (base & !mask) | offset;
    Ok(Value::String(if bits == 32 {
        Ipv4Addr::from(u32::try_from(made).map_err(|_| too_far())?).to_string()
    } else {
        Ipv6Addr::from(made).to_string()
    }))
}
