//! Section "Identity".

use serde_json::Value;
use uuid::Uuid;

use super::Basis;
use crate::expectation::Expectation;
use crate::probe::CONTRACT;
use crate::tester::Tester;

/// A path that no contract has.
pub(super) const UNKNOWN_PATH: &str = "/conformance/no-such-path";

/// Asks for the identity, and learns the store.
pub(super) async fn send_identity(tester: &mut Tester) {
    let probe = tester.get(tester.identity_path());
    let answer = tester.expect("identity", probe.clone(), identity(tester)).await;
    let store = answer.and_then(|answer| answer.json()["store_id"].as_str()?.parse().ok());
    if let Some(store) = store {
        tester.learn_store(store);
    }
    let refused = tester.identity.refusal(405, "wrong-contract");
    tester.expect("identity-verb", probe.with_verb("POST"), refused).await;
}

fn identity(tester: &Tester) -> Expectation {
    let (expected, contract) = (tester.identity.clone(), &tester.subject.contract);
    let (name, major) = (contract.name.clone(), contract.major().to_owned());
    let (version, hash) = (contract.version.clone(), contract.hash.clone());
    Box::new(move |answer| {
        if answer.status != 200 {
            return Err(format!("the answer is {}", answer.status));
        }
        let identity = answer.json();
        if identity["name"] != name {
            return Err("`name` is not the module".to_owned());
        }
        let uuid = |name: &str| identity[name].as_str().and_then(|text| text.parse::<Uuid>().ok());
        let store = uuid("store_id").ok_or("`store_id` is not a UUID")?;
        uuid("instance").ok_or("`instance` is not a UUID")?;
        let versions = identity["versions"].as_array().ok_or("`versions` is not a list")?;
        let is_major = |entry: &&Value| {
            let version = entry["version"].as_str().unwrap_or_default();
            version.split('.').next() == Some(&major)
        };
        let served = versions.iter().find(is_major);
        let served = served.ok_or(format!("`versions` has no entry of major version {major}"))?;
        if served["version"] == version && served["hash"] != hash {
            return Err(format!("the hash of the same version is not {hash}"));
        }
        let of_identity = crate::expectation::ExpectedIdentity {
            store: Some(store),
            ..expected
        };
        of_identity.check(answer)?;
        let header = answer.header(CONTRACT).unwrap_or_default();
        match served["hash"].as_str() {
            Some(hash) if header.contains(&format!("hash={hash}")) => Ok(()),
            _ => Err("the header offshoot-contract has another hash than the version".to_owned()),
        }
    })
}

/// Addresses the right and wrong contracts, stores and paths.
pub(super) async fn send_addresses(tester: &mut Tester, basis: &Basis) {
    let (name, major) = (
        tester.subject.contract.name.clone(),
        tester.subject.contract.major().to_owned(),
    );
    let own = format!("{name}/{major}");
    let store = tester.identity.store.unwrap_or_default();
    let like_basis = |tester: &Tester| tester.identity.like(basis.answer.as_ref());
    for (vector, address) in [
        ("addressed", format!("{own} store={store}")),
        ("addressed-without-store", own.clone()),
    ] {
        let probe = basis.call.clone().with(CONTRACT, &address);
        tester.expect(vector, probe, like_basis(tester)).await;
    }
    for (vector, address) in [
        ("other-store", format!("{own} store={}", Uuid::new_v4())),
        ("other-version", format!("{name}/999999 store={store}")),
        ("other-module", format!("no-such-{name}/{major} store={store}")),
        ("unreadable-address", "nonsense".to_owned()),
    ] {
        let probe = basis.call.clone().with(CONTRACT, &address);
        let refused = tester.identity.refusal(502, "wrong-contract");
        tester.expect(vector, probe, refused).await;
    }
    let probe = tester.get(tester.path(UNKNOWN_PATH));
    let refused = tester.identity.refusal(502, "wrong-contract");
    tester.expect("unknown-path", probe, refused).await;
    let probe = basis.call.clone().with_verb("PATCH");
    let refused = tester.identity.refusal(405, "wrong-contract");
    tester.expect("unknown-verb", probe, refused).await;
}
