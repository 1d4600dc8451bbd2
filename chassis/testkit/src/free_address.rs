//! Addresses on loopback for servers that listen later, or again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports below those that the system gives to clients and to listeners on port 0, so that none of them takes the address
/// before the server does.
const PORTS: Range<u16> = 10_000..32_000;
/// Distance of the first ports of two test processes with neighbouring process ids.
const STRIDE: u32 = 97;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An address on loopback without a listener. Each call returns another one.
///
/// # Panics
///
/// If all ports are taken.
#[must_use]
pub fn free_address() -> SocketAddr {
    let count = u32::from(PORTS.end - PORTS.start);
    let first = std::process::id().wrapping_mul(STRIDE);
    let candidates = (0..count).map(|_| first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count);
    let mut ports =
        candidates.map(|offset| PORTS.start + u16::try_from(offset).expect("the range has less than 2^16 ports"));
    let free = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    (Ipv4Addr::LOCALHOST, free.expect("loopback has a free port")).into()
}
