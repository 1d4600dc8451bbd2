//! Service tokens: authenticate the calling module to a module in another process.
//!
//! A token holds the caller's name and an expiry, signed with keys that the processes of a deployment share. The short
//! lifetime and keys derived for each module limit the damage of a leaked token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::HeaderValue;
use offshoot_contract::{Clock as _, SystemClock};

use crate::headers;
use crate::keys::ModuleKeys;
use crate::limits::{MAX_CLOCK_SKEW, MAX_VERIFIED_TOKENS, REPLACEMENT_PAUSE, TOKEN_LIFETIME};

const SCHEME: &str = "Bearer ";

/// Seconds since the Unix epoch.
fn now() -> u64 {
    u64::try_from(SystemClock.now().as_micros() / 1_000_000).unwrap_or(0)
}

impl ModuleKeys {
    /// Issues a service token for `caller`, valid for five minutes: the value of the `Authorization` header, for
    /// requests made with other tools. The value is a secret.
    #[must_use]
    pub fn issue_token(&self, caller: &str) -> String {
        self.issue_token_until(caller, now() + TOKEN_LIFETIME.as_secs())
    }

    /// Like [`issue_token`](Self::issue_token), with an expiry in seconds since the Unix epoch. Servers accept an expiry at
    /// most six minutes ahead.
    #[must_use]
    pub fn issue_token_until(&self, caller: &str, until: u64) -> String {
        let claims = format!("{caller}.{until}");
        format!("{SCHEME}{claims}.{}", self.sign(&claims))
    }
}

/// Issues a token for `caller`: the value of the `Authorization` header, and the expiry in seconds.
fn issue(keys: &ModuleKeys, caller: &str, now: u64) -> (HeaderValue, u64) {
    let until = now + TOKEN_LIFETIME.as_secs();
    let text = keys.issue_token_until(caller, until);
    // Module names, digits and dots are always a valid header value.
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    (value, until)
}

/// The caller named in a valid token, and the expiry in seconds; none for an invalid token.
fn verify(keys: &ModuleKeys, presented: &HeaderValue, now: u64) -> Option<(Arc<str>, u64)> {
    let text = headers::bearer_token(presented)?;
    let (claims, signature) = text.rsplit_once('.')?;
    if !keys.verify(claims, signature) {
        return None;
    }
    let (caller, until) = claims.rsplit_once('.')?;
    let until = until.parse().ok()?;
    is_valid_at(until, now).then(|| (caller.into(), until))
}

fn is_valid_at(until: u64, now: u64) -> bool {
    // A token with an expiry beyond the longest lifetime was not issued by this deployment.
    now <= until + MAX_CLOCK_SKEW.as_secs() && until <= now + TOKEN_LIFETIME.as_secs() + MAX_CLOCK_SKEW.as_secs()
}

/// Issues and caches the tokens for calls to one module, one for each calling module of this process.
pub(crate) struct TokenIssuer {
    keys: ModuleKeys,
    issued: ArcSwap<Vec<IssuedToken>>,
    /// Origin of the monotonic times.
    started_at: Instant,
}

#[derive(Clone)]
struct IssuedToken {
    caller: &'static str,
    header: HeaderValue,
    issued_at: Moment,
    /// Generation of the keys that signed.
    generation: u64,
    /// The token replaces one that a server refused.
    is_replacement: bool,
}

/// A time on both clocks: the clock of the machine dates a token and may be set at any time, the monotonic one measures
/// the age of a token.
#[derive(Clone, Copy)]
struct Moment {
    /// Seconds since the Unix epoch.
    wall: u64,
    /// Since the start of the issuer.
    monotonic: Duration,
}

impl IssuedToken {
    /// Whether the token is in the first half of its lifetime, on both clocks.
    fn is_fresh(&self, now: Moment) -> bool {
        let half = TOKEN_LIFETIME / 2;
        let dated = self.issued_at.wall..self.issued_at.wall + half.as_secs();
        dated.contains(&now.wall) && now.monotonic.saturating_sub(self.issued_at.monotonic) < half
    }
}

impl TokenIssuer {
    pub(crate) fn new(keys: ModuleKeys) -> Self {
        Self {
            keys,
            issued: ArcSwap::default(),
            started_at: Instant::now(),
        }
    }

    /// The `Authorization` header of `caller`. Renews the token at half of its lifetime, and when the clock was set.
    pub(crate) fn header(&self, caller: &'static str) -> HeaderValue {
        self.header_at(caller, self.now())
    }

    fn header_at(&self, caller: &'static str, now: Moment) -> HeaderValue {
        let generation = self.keys.generation();
        let usable =
            |issued: &&IssuedToken| issued.caller == caller && issued.generation == generation && issued.is_fresh(now);
        if let Some(issued) = self.issued.load().iter().find(usable) {
            return issued.header.clone();
        }
        self.issue(caller, now, false)
    }

    /// Another header of `caller` in the place of `refused`; none if that one was such a replacement, issued shortly
    /// before, so that a server with other keys does not get every call twice.
    pub(crate) fn replace(&self, caller: &'static str, refused: &HeaderValue) -> Option<HeaderValue> {
        self.replace_at(caller, refused, self.now())
    }

    fn replace_at(&self, caller: &'static str, refused: &HeaderValue, now: Moment) -> Option<HeaderValue> {
        let all = self.issued.load();
        match all.iter().find(|issued| issued.caller == caller) {
            // Another call has replaced the token meanwhile.
            Some(issued) if issued.header != *refused => Some(issued.header.clone()),
            Some(issued)
                if issued.is_replacement
                    && now.monotonic.saturating_sub(issued.issued_at.monotonic) < REPLACEMENT_PAUSE =>
            {
                None
            }
            _ => Some(self.issue(caller, now, true)),
        }
    }

    fn now(&self) -> Moment {
        Moment {
            wall: now(),
            monotonic: self.started_at.elapsed(),
        }
    }

    fn issue(&self, caller: &'static str, now: Moment, is_replacement: bool) -> HeaderValue {
        // Before the keys are used: of newer keys than it says, the token is issued once more.
        let generation = self.keys.generation();
        let (header, _) = issue(&self.keys, caller, now.wall);
        let fresh = IssuedToken {
            caller,
            header: header.clone(),
            issued_at: now,
            generation,
            is_replacement,
        };
        self.issued.rcu(|all| {
            let others = all.iter().filter(|issued| issued.caller != caller);
            others.chain([&fresh]).cloned().collect::<Vec<_>>()
        });
        header
    }
}

/// Verifies the tokens of calls to one module. Caches verified tokens, so each signature is checked once.
pub(crate) struct TokenVerifier {
    keys: ModuleKeys,
    verified: ArcSwap<Vec<VerifiedToken>>,
}

#[derive(Clone)]
struct VerifiedToken {
    presented: HeaderValue,
    caller: Arc<str>,
    until: u64,
    /// Generation of the keys that verified.
    generation: u64,
}

impl TokenVerifier {
    pub(crate) fn new(keys: ModuleKeys) -> Self {
        Self {
            keys,
            verified: ArcSwap::default(),
        }
    }

    /// The caller named in a valid token; none for a missing or invalid token.
    pub(crate) fn authenticate(&self, presented: Option<&HeaderValue>) -> Option<Arc<str>> {
        self.authenticate_at(presented?, now())
    }

    fn authenticate_at(&self, presented: &HeaderValue, now: u64) -> Option<Arc<str>> {
        use subtle::ConstantTimeEq as _;
        let all = self.verified.load();
        let generation = self.keys.generation();
        let is_current = |known: &&VerifiedToken| known.generation == generation;
        let same = |known: &&VerifiedToken| bool::from(known.presented.as_bytes().ct_eq(presented.as_bytes()));
        if let Some(known) = all.iter().filter(is_current).find(same) {
            return is_valid_at(known.until, now).then(|| Arc::clone(&known.caller));
        }
        let (caller, until) = verify(&self.keys, presented, now)?;
        let fresh = VerifiedToken {
            presented: presented.clone(),
            caller: Arc::clone(&caller),
            until,
            generation,
        };
        self.verified.rcu(|all| {
            let mut all: Vec<_> = all
                .iter()
                .filter(|known| known.generation == generation && is_valid_at(known.until, now))
                .cloned()
                .collect();
            if all.len() == MAX_VERIFIED_TOKENS {
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
    fn a_token_is_valid_for_its_module_until_its_expiry() {
        let keys = ServiceKeys::random();
        let (token, until) = issue(&keys.for_module("notes"), "forecasts", 1_000);
        let notes = TokenVerifier::new(keys.for_module("notes"));
        // First verified, then found in the cache.
        for _ in 0..2 {
            assert_eq!(notes.authenticate_at(&token, 1_000).as_deref(), Some("forecasts"));
        }
        for (now, is_valid) in [
            (until + MAX_CLOCK_SKEW.as_secs(), true),
            (until + MAX_CLOCK_SKEW.as_secs() + 1, false),
            (1_000 - MAX_CLOCK_SKEW.as_secs(), true),
            (1_000 - MAX_CLOCK_SKEW.as_secs() - 1, false),
        ] {
            assert_eq!(
                notes.authenticate_at(&token, now).is_some(),
                is_valid,
                "cached, at {now}"
            );
            let fresh = TokenVerifier::new(keys.for_module("notes"));
            assert_eq!(fresh.authenticate_at(&token, now).is_some(), is_valid, "at {now}");
        }
        assert_eq!(
            TokenVerifier::new(keys.for_module("others")).authenticate_at(&token, 1_000),
            None
        );
        assert_eq!(
            TokenVerifier::new(ServiceKeys::random().for_module("notes")).authenticate_at(&token, 1_000),
            None
        );
    }

    #[test]
    fn a_changed_token_is_refused() {
        let keys = ServiceKeys::random();
        let (token, _) = issue(&keys.for_module("notes"), "forecasts", 1_000);
        let notes = TokenVerifier::new(keys.for_module("notes"));
        let text = token.to_str().unwrap().to_owned();
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = HeaderValue::from_bytes(&changed).unwrap();
            assert_eq!(notes.authenticate_at(&changed, 1_000), None, "{changed:?}");
        }
        let shorter = HeaderValue::from_str(&text[..text.len() - 2]).unwrap();
        assert_eq!(notes.authenticate_at(&shorter, 1_000), None);
    }

    #[test]
    fn the_cache_of_verified_tokens_is_bounded() {
        let keys = ServiceKeys::random().for_module("notes");
        let notes = TokenVerifier::new(keys.clone());
        for second in 0..200 {
            let (token, _) = issue(&keys, "forecasts", 1_000 + second);
            assert!(
                notes.authenticate_at(&token, 1_000).is_some() == (second <= 60),
                "{second}"
            );
            assert!(notes.verified.load().len() <= MAX_VERIFIED_TOKENS);
        }
    }

    #[test]
    fn a_token_is_renewed_by_its_age_and_when_the_clock_is_set() {
        let keys = ServiceKeys::random().for_module("notes");
        let half = TOKEN_LIFETIME / 2;
        let at = |wall: u64, monotonic: Duration| Moment { wall, monotonic };
        for (now, is_renewed) in [
            (at(10_000, Duration::ZERO), false),
            (at(10_149, half - Duration::from_secs(1)), false),
            (at(10_000, half), true),
            (at(10_150, Duration::ZERO), true),
            // The clock was set back by an hour: the server would refuse the expiry until then.
            (at(6_400, Duration::from_secs(1)), true),
        ] {
            let tokens = TokenIssuer::new(keys.clone());
            let before = tokens.header_at("forecasts", at(10_000, Duration::ZERO));
            tokens.header_at("forecasts", now);
            let issued_at = tokens.issued.load()[0].issued_at;
            let is_kept = (issued_at.wall, issued_at.monotonic) == (10_000, Duration::ZERO);
            assert_eq!(is_kept, !is_renewed);
            let server = TokenVerifier::new(keys.clone());
            assert!(
                server
                    .authenticate_at(&tokens.header_at("forecasts", now), now.wall)
                    .is_some()
            );
            assert_eq!(server.authenticate_at(&before, now.wall).is_some(), now.wall >= 10_000);
        }
    }

    #[test]
    fn a_refused_token_is_replaced_once_in_a_while() {
        let tokens = TokenIssuer::new(ServiceKeys::random().for_module("notes"));
        let at = |seconds: u64| Moment {
            wall: 10_000 + seconds,
            monotonic: Duration::from_secs(seconds),
        };
        let first = tokens.header_at("forecasts", at(0));
        let second = tokens.replace_at("forecasts", &first, at(5)).unwrap();
        assert_ne!(first, second);
        assert_eq!(
            tokens.replace_at("forecasts", &first, at(5)),
            Some(second.clone()),
            "replaced by another call"
        );
        assert_eq!(tokens.replace_at("forecasts", &second, at(5)), None);
        let later = at(5 + REPLACEMENT_PAUSE.as_secs());
        assert!(tokens.replace_at("forecasts", &second, later).is_some());
    }

    #[test]
    fn an_issued_token_is_reused() {
        let tokens = TokenIssuer::new(ServiceKeys::random().for_module("notes"));
        assert_eq!(tokens.header("forecasts"), tokens.header("forecasts"));
        assert_ne!(tokens.header("forecasts"), tokens.header("alarms"));
        assert_eq!(tokens.issued.load().len(), 2);
        assert!(!format!("{:?}", tokens.header("alarms")).contains("alarms"));
    }
}
