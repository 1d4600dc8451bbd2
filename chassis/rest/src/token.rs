//! Service tokens: how a module of one process knows who calls it from another.
//!
//! A token says who calls whom until when, signed with a key that the processes of a deployment share. It lives for minutes,
//! so one that was seen by somebody else is soon worth nothing, and it opens one module only.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use offshoot_contract::{Clock as _, SystemClock};

use crate::keys::ModuleKeys;

/// How long a token is good for.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_secs(60);
/// Tokens that a server remembers to have checked. One that it has forgotten is checked again.
const REMEMBERED: usize = 64;
const SCHEME: &str = "Bearer ";

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(SystemClock.now().as_micros() / 1_000_000).unwrap_or(0)
}

/// The value of the `Authorization` header of `caller`, and until when it is good.
pub(crate) fn issue(keys: &ModuleKeys, caller: &str, now: u64) -> (HeaderValue, u64) {
    let until = now + LIFETIME.as_secs();
    let claims = format!("{caller}.{until}");
    let text = format!("{SCHEME}{claims}.{}", keys.sign(&claims));
    // Names of modules and digits stand in a header as they are.
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    (value, until)
}

/// Who presents a token, and until when it is good; none if it is not.
fn verify(keys: &ModuleKeys, presented: &HeaderValue, now: u64) -> Option<(Arc<str>, u64)> {
    let text = presented.to_str().ok()?.strip_prefix(SCHEME)?;
    let (claims, signature) = text.rsplit_once('.')?;
    if !keys.signed(claims, signature) {
        return None;
    }
    let (caller, until) = claims.rsplit_once('.')?;
    let until = until.parse().ok()?;
    is_good(until, now).then(|| (caller.into(), until))
}

fn is_good(until: u64, now: u64) -> bool {
    // Also what claims to live longer than any token does is none of ours.
    now <= until + SKEW.as_secs() && until <= now + LIFETIME.as_secs() + SKEW.as_secs()
}

/// The tokens under which a process calls one module: one for each of its own modules that do.
pub(crate) struct Tokens {
    keys: ModuleKeys,
    issued: ArcSwap<Vec<Issued>>,
}

#[derive(Clone)]
struct Issued {
    caller: &'static str,
    header: HeaderValue,
    renew_at: u64,
}

impl Tokens {
    pub(crate) fn new(keys: ModuleKeys) -> Self {
        Self {
            keys,
            issued: ArcSwap::default(),
        }
    }

    /// The `Authorization` header of `caller`, renewed in time.
    pub(crate) fn header(&self, caller: &'static str) -> HeaderValue {
        let now = now();
        let usable = |issued: &&Issued| issued.caller == caller && now < issued.renew_at;
        if let Some(issued) = self.issued.load().iter().find(usable) {
            return issued.header.clone();
        }
        let (header, until) = issue(&self.keys, caller, now);
        let fresh = Issued {
            caller,
            header: header.clone(),
            renew_at: until - LIFETIME.as_secs() / 2,
        };
        self.issued.rcu(|all| {
            let others = all.iter().filter(|issued| issued.caller != caller);
            others.chain([&fresh]).cloned().collect::<Vec<_>>()
        });
        header
    }
}

/// Who may be believed to call one module: those who present a good token. Each is checked once.
pub(crate) struct Callers {
    keys: ModuleKeys,
    known: ArcSwap<Vec<Known>>,
}

#[derive(Clone)]
struct Known {
    presented: HeaderValue,
    caller: Arc<str>,
    until: u64,
}

impl Callers {
    pub(crate) fn new(keys: ModuleKeys) -> Self {
        Self {
            keys,
            known: ArcSwap::default(),
        }
    }

    /// The caller who presents this; none for strangers.
    pub(crate) fn who(&self, presented: Option<&HeaderValue>) -> Option<Arc<str>> {
        self.who_at(presented?, now())
    }

    fn who_at(&self, presented: &HeaderValue, now: u64) -> Option<Arc<str>> {
        use subtle::ConstantTimeEq as _;
        let all = self.known.load();
        let same = |known: &&Known| bool::from(known.presented.as_bytes().ct_eq(presented.as_bytes()));
        if let Some(known) = all.iter().find(same) {
            return is_good(known.until, now).then(|| Arc::clone(&known.caller));
        }
        let (caller, until) = verify(&self.keys, presented, now)?;
        let fresh = Known {
            presented: presented.clone(),
            caller: Arc::clone(&caller),
            until,
        };
        self.known.rcu(|all| {
            let mut all: Vec<_> = all.iter().filter(|known| is_good(known.until, now)).cloned().collect();
            if all.len() == REMEMBERED {
                all.remove(0);
            }
            all.push(fresh.clone());
            all
        });
        Some(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ServiceKeys;

    #[test]
    fn it_is_good_for_its_module_and_its_time() {
        let keys = ServiceKeys::random();
        let (token, until) = issue(&keys.of("notes"), "forecasts", 1_000);
        let notes = Callers::new(keys.of("notes"));
        // Checked, and then known.
        for _ in 0..2 {
            assert_eq!(notes.who_at(&token, 1_000).as_deref(), Some("forecasts"));
        }
        for (now, good) in [
            (until + SKEW.as_secs(), true),
            (until + SKEW.as_secs() + 1, false),
            (1_000 - SKEW.as_secs(), true),
            (1_000 - SKEW.as_secs() - 1, false),
        ] {
            assert_eq!(notes.who_at(&token, now).is_some(), good, "known, at {now}");
            let fresh = Callers::new(keys.of("notes"));
            assert_eq!(fresh.who_at(&token, now).is_some(), good, "at {now}");
        }
        assert_eq!(Callers::new(keys.of("others")).who_at(&token, 1_000), None);
        assert_eq!(
            Callers::new(ServiceKeys::random().of("notes")).who_at(&token, 1_000),
            None
        );
    }

    #[test]
    fn no_letter_of_it_may_change() {
        let keys = ServiceKeys::random();
        let (token, _) = issue(&keys.of("notes"), "forecasts", 1_000);
        let notes = Callers::new(keys.of("notes"));
        let text = token.to_str().unwrap().to_owned();
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = HeaderValue::from_bytes(&changed).unwrap();
            assert_eq!(notes.who_at(&changed, 1_000), None, "{changed:?}");
        }
        let shorter = HeaderValue::from_str(&text[..text.len() - 2]).unwrap();
        assert_eq!(notes.who_at(&shorter, 1_000), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let keys = ServiceKeys::random().of("notes");
        let notes = Callers::new(keys.clone());
        for second in 0..200 {
            let (token, _) = issue(&keys, "forecasts", 1_000 + second);
            assert!(notes.who_at(&token, 1_000).is_some() == (second <= 60), "{second}");
            assert!(notes.known.load().len() <= REMEMBERED);
        }
    }

    #[test]
    fn a_token_is_used_again() {
        let tokens = Tokens::new(ServiceKeys::random().of("notes"));
        assert_eq!(tokens.header("forecasts"), tokens.header("forecasts"));
        assert_ne!(tokens.header("forecasts"), tokens.header("alarms"));
        assert_eq!(tokens.issued.load().len(), 2);
        assert!(!format!("{:?}", tokens.header("alarms")).contains("alarms"));
    }
}
