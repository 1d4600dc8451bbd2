//! Assignment of work to replicas: a pure function of the names and the living replicas. Reads no database.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The replica assigned to a name, among the replicas that offer the name.
///
/// Names of one group, such as `gauges/0` and `gauges/1`, are dealt out round-robin over the replicas in an order hashed
/// from the group, so that each replica gets an even share.
pub(crate) fn assigned_replica(name: &str, mut offering: Vec<Uuid>) -> Option<Uuid> {
    let (group, number) = match name.rsplit_once('/') {
        Some((group, number)) => (group, number.parse().unwrap_or(0)),
        None => (name, 0),
    };
    offering.sort_by_key(|instance| {
        let mut hash = Sha256::new();
        hash.update(instance.as_bytes());
        hash.update(group.as_bytes());
        <[u8; 32]>::from(hash.finalize())
    });
    let index = number % offering.len().max(1);
    offering.get(index).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::assigned_replica;

    #[test]
    fn every_replica_gets_an_even_share() {
        let replicas: Vec<_> = (1..=3).map(Uuid::from_u128).collect();
        let mut shares = BTreeMap::<Uuid, u32>::new();
        for number in 0..8 {
            let holder = assigned_replica(&format!("gauges/{number}"), replicas.clone());
            *shares
                .entry(holder.expect("three replicas offer the name"))
                .or_default() += 1;
        }
        assert_eq!(shares.len(), 3);
        assert!(shares.values().all(|share| (2..=3).contains(share)), "{shares:?}");
        assert_eq!(assigned_replica("gauges/0", Vec::new()), None);
    }
}
