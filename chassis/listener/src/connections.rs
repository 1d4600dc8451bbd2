//! The open connections of a socket, and their limits. At a limit, the connection that has waited longest makes room.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connection::{Connection, Phase};
use crate::limits::{ListenerLimits, RESERVED_CONNECTIONS};

/// The open connections of one socket.
#[derive(Debug)]
pub(crate) struct Connections {
    connections: usize,
    connections_per_peer: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<Connection>>,
    by_peer: HashMap<IpAddr, usize>,
}

/// The place of an open connection; dropping the value frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    pub(crate) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(crate) fn new(limits: &ListenerLimits) -> Arc<Self> {
        Arc::new(Self {
            connections: limits.connections,
            connections_per_peer: limits.connections_per_peer,
            open: Mutex::default(),
        })
    }

    /// A place for a new connection, for which another one may be closed. `None` if every other connection of the peer, or
    /// of all peers, executes a request.
    pub(crate) fn take_place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let peer = network(address);
        let mut open = self.open();
        let of_peer = open.by_peer.get(&peer).copied().unwrap_or(0);
        if of_peer >= self.connections_per_peer {
            open.close_longest_waiting(|connection| connection.peer() == peer)?;
        }
        let mut is_reserved = false;
        // A closed connection gives up the place at once, before the task ends; a reserved place stays reserved.
        if open.by_number.len() >= self.connections {
            is_reserved = match open.close_longest_waiting(|_| true) {
                Some(closed) => closed.is_reserved(),
                None if open.by_number.len() >= self.connections + RESERVED_CONNECTIONS => return None,
                None => true,
            };
        }
        let connection = Arc::new(Connection::new(peer, is_reserved));
        let number = open.next;
        open.next += 1;
        open.by_number.insert(number, Arc::clone(&connection));
        *open.by_peer.entry(peer).or_default() += 1;
        Some(Place {
            number,
            connection,
            connections: Arc::clone(self),
        })
    }

    /// Closes the connection that has waited longest, of all peers.
    pub(crate) fn close_longest_waiting(&self) {
        self.open().close_longest_waiting(|_| true);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open().by_number.is_empty()
    }

    /// Closes the connections on which no request is complete.
    pub(crate) fn close_incomplete(&self) {
        for connection in self.open().by_number.values() {
            connection.close_if(|phase| connection.is_incomplete(phase));
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes one connection, frees the place, and returns the connection. `None` if all are executing.
    fn close_longest_waiting(&mut self, of: impl Fn(&Connection) -> bool) -> Option<Arc<Connection>> {
        loop {
            let waiting = self.by_number.iter().filter(|(_, connection)| of(connection));
            let waiting = waiting.filter_map(|(number, connection)| Some((connection.waits_since()?, *number)));
            let (_, number) = waiting.min()?;
            // A request that arrived in between keeps the connection: the next one is chosen.
            let is_closed = self.by_number[&number].close_if(|phase| phase != Phase::Executing);
            if is_closed {
                return self.remove(number);
            }
        }
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let connection = self.by_number.remove(&number)?;
        if let Some(count) = self.by_peer.get_mut(&connection.peer()) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&connection.peer());
            }
        }
        Some(connection)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(self.number);
    }
}

/// The peer that an address counts for: an IPv6 host has a network of 64 bits to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: usize, per_peer: usize) -> Arc<Connections> {
        Connections::new(&ListenerLimits {
            connections: all,
            connections_per_peer: per_peer,
            ..ListenerLimits::default()
        })
    }

    fn peer(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    fn is_closed(place: &Place) -> bool {
        !place.connections.open().by_number.contains_key(&place.number)
    }

    #[test]
    fn the_longest_waiting_connection_makes_room() {
        let connections = connections(3, 3);
        let places: Vec<_> = (0..3)
            .map(|number| connections.take_place(peer(number)).expect("a place"))
            .collect();
        places[0].connection.enter(Phase::Executing);
        let next = connections.take_place(peer(9)).expect("the second makes room");
        assert_eq!(places.iter().map(is_closed).collect::<Vec<_>>(), [false, true, false]);
        assert!(!next.connection.is_reserved());
    }

    #[test]
    fn a_peer_at_its_limit_closes_its_own_connections_only() {
        let connections = connections(10, 2);
        let other = connections.take_place(peer(1)).expect("a place");
        let own: Vec<_> = (0..3)
            .map(|_| connections.take_place(peer(2)).expect("a place"))
            .collect();
        assert!(!is_closed(&other));
        assert_eq!(own.iter().map(is_closed).collect::<Vec<_>>(), [true, false, false]);
        for place in &own[1..] {
            place.connection.enter(Phase::Executing);
        }
        assert!(
            connections.take_place(peer(2)).is_none(),
            "all of them execute requests"
        );
        assert!(connections.take_place(peer(3)).is_some());
    }

    #[test]
    fn reserved_places_are_bounded_and_free_places_are_used_again() {
        let connections = connections(1, 100);
        let first = connections.take_place(peer(1)).expect("a place");
        first.connection.enter(Phase::Executing);
        let reserved: Vec<_> = (0..RESERVED_CONNECTIONS)
            .map(|_| {
                let place = connections.take_place(peer(1)).expect("a reserved place");
                place.connection.enter(Phase::Executing);
                place
            })
            .collect();
        assert!(reserved.iter().all(|place| place.connection.is_reserved()));
        assert!(connections.take_place(peer(1)).is_none());
        // A reserved place that waits is given to the next one as a reserved place.
        reserved[0].connection.enter(Phase::Idle);
        assert!(
            connections
                .take_place(peer(1))
                .expect("a reserved place")
                .connection
                .is_reserved()
        );
        drop((first, reserved));
        assert!(
            !connections
                .take_place(peer(1))
                .expect("a place")
                .connection
                .is_reserved()
        );
        assert!(
            connections.open().by_peer.is_empty(),
            "nothing is left of closed connections"
        );
    }

    #[test]
    fn an_ipv6_host_counts_with_its_network() {
        let in_network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(in_network("2001:db8::1"), in_network("2001:db8::ffff:2"));
        assert_ne!(in_network("2001:db8::1"), in_network("2001:db8:0:1::1"));
        assert_eq!(in_network("::ffff:10.0.0.1"), peer(1));
    }
}
