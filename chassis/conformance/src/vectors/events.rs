//! Section "Events".

use http::header::AUTHORIZATION;
use offshoot_contract::{EventDescription, Timestamp, fnv1a};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::expectation::Expectation;
use crate::fit;
use crate::probe::{Answer, Probe};
use crate::tester::Tester;

/// Events of one page.
const LIMIT: u32 = 50;

#[derive(Debug, Clone, Deserialize)]
struct Head {
    log_id: Uuid,
    last: i64,
    removed_through: i64,
}

#[derive(Debug, Deserialize)]
struct Page {
    head: Head,
    through: i64,
    complete_at: Option<Timestamp>,
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    position: i64,
    name: String,
    version: u32,
    key: String,
    payload: String,
    at: Timestamp,
}

/// Query of a page.
#[derive(Clone, Copy)]
struct Query {
    after: i64,
    partition: u64,
    partitions: u64,
    limit: u32,
}

const FIRST_PAGE: Query = Query {
    after: 0,
    partition: 0,
    partitions: 1,
    limit: LIMIT,
};

pub(super) async fn send(tester: &mut Tester) {
    let head = tester.get(tester.path("/events/head?beyond=-1"));
    let answer = tester
        .expect("events-head", head.clone(), readable::<Head>(tester, check_head))
        .await;
    let last = answer.and_then(|answer| answer.json()["last"].as_i64());
    send_refused(tester).await;
    send_pages(tester, last.unwrap_or_default()).await;
    // The last request: the reader of this test must keep no event from being removed.
    let leaving = page(
        tester,
        Query {
            after: i64::MAX,
            ..FIRST_PAGE
        },
    );
    let left = readable::<Page>(tester, |page| none_expected(&page));
    tester.expect("events-leave", leaving, left).await;
}

async fn send_pages(tester: &mut Tester, last: i64) {
    let known = tester.subject.contract.events.clone();
    let shapes: Vec<_> = known
        .iter()
        .map(|event| tester.subject.contract.shape(&event.payload))
        .collect();
    let events = readable::<Page>(tester, move |page| {
        check_page(&page, FIRST_PAGE)?;
        let mut events = page.events.iter();
        events.try_for_each(|event| check_event(event, &known, &shapes))
    });
    tester.expect("events", page(tester, FIRST_PAGE), events).await;
    for partition in [0, 1] {
        let query = Query {
            partition,
            partitions: 2,
            ..FIRST_PAGE
        };
        let expected = readable::<Page>(tester, move |page| check_page(&page, query));
        tester.expect("event-partitions", page(tester, query), expected).await;
    }
    let query = Query { limit: 1, ..FIRST_PAGE };
    let limited = readable::<Page>(tester, move |page| {
        check_page(&page, query)?;
        match page.events.len() {
            0 | 1 => Ok(()),
            many => Err(format!("the page has {many} events")),
        }
    });
    tester.expect("events-limit", page(tester, query), limited).await;
    let query = Query {
        after: last,
        ..FIRST_PAGE
    };
    let ended = readable::<Page>(tester, move |page| match page.through >= last {
        // An event may have been published since the head was read.
        true if page.head.last > last => Ok(()),
        true => none_expected(&page),
        false => Err(format!("`through` is {}, before `after`", page.through)),
    });
    tester.expect("events-at-the-end", page(tester, query), ended).await;
}

async fn send_refused(tester: &mut Tester) {
    let valid = page(tester, FIRST_PAGE);
    let path = tester.path("/events");
    let caller = tester.subject.caller.clone();
    let with = |text: &str| tester.get(format!("{path}?{text}"));
    let of_another = with("reader=someone-else/conformance&after=0&partition=0&partitions=1&limit=1");
    let of_three = with(&format!(
        "reader={caller}/conformance&after=0&partition=0&partitions=3&limit=1"
    ));
    let before = with(&format!(
        "reader={caller}/conformance&after=-1&partition=0&partitions=1&limit=1"
    ));
    for (vector, probe, status, code) in [
        ("events-of-another-reader", of_another, 422, "bad-request"),
        ("events-of-three-partitions", of_three, 422, "bad-request"),
        ("events-before-the-first", before, 422, "bad-request"),
        (
            "events-unknown-parameter",
            valid.clone().with_query("no_such_parameter", "1"),
            400,
            "bad-request",
        ),
        (
            "events-without-token",
            valid.without(AUTHORIZATION),
            401,
            "unauthenticated",
        ),
    ] {
        let refused = tester.identity.refusal(status, code);
        tester.expect(vector, probe, refused).await;
    }
}

fn page(tester: &Tester, query: Query) -> Probe {
    let reader = format!("{}/conformance", tester.subject.caller);
    let numbers = [
        ("after", query.after.to_string()),
        ("partition", query.partition.to_string()),
        ("partitions", query.partitions.to_string()),
        ("limit", query.limit.to_string()),
    ];
    let probe = tester.get(tester.path("/events")).with_query("reader", &reader);
    numbers
        .iter()
        .fold(probe, |probe, (name, value)| probe.with_query(name, value))
}

/// Decodes an answer, and checks the value.
fn readable<T: for<'de> Deserialize<'de> + 'static>(
    tester: &Tester,
    check: impl FnOnce(T) -> Result<(), String> + Send + 'static,
) -> Expectation {
    let identity = tester.identity.clone();
    Box::new(move |answer: &Answer| {
        if answer.status != 200 {
            return Err(format!("the answer is {}", answer.status));
        }
        identity.check(answer)?;
        let value = serde_json::from_slice::<T>(&answer.body);
        check(value.map_err(|error| format!("the answer does not decode: {error}"))?)
    })
}

fn check_head(head: Head) -> Result<(), String> {
    let Head {
        log_id,
        last,
        removed_through,
    } = head;
    match !log_id.is_nil() && (0..=last).contains(&removed_through) {
        true => Ok(()),
        false => Err(format!(
            "{removed_through} is not from 0 to {last}, or `log_id` is zero"
        )),
    }
}

fn none_expected(page: &Page) -> Result<(), String> {
    match page.events.first() {
        None => Ok(()),
        Some(event) => Err(format!("the page has an event at position {}", event.position)),
    }
}

/// The rules of every page.
fn check_page(page: &Page, query: Query) -> Result<(), String> {
    check_head(page.head.clone())?;
    if page.complete_at.is_some() && page.through < page.head.last {
        return Err("`complete_at` is present, but the page does not reach the end of the log".to_owned());
    }
    let mut before = query.after;
    for event in &page.events {
        let Event { position, key, .. } = event;
        if *position <= before || *position > page.through {
            return Err(format!(
                "position {position} is not after {before} and up to {}",
                page.through
            ));
        }
        before = *position;
        let partition = bucket(key) % query.partitions;
        if partition != query.partition {
            return Err(format!("the key `{key}` belongs to partition {partition}"));
        }
    }
    let is_full = page.events.len() >= query.limit as usize;
    match is_full && page.through > before {
        // A full page cannot know that no event follows, unless the server looked for one more.
        true if page.through < page.head.last => Err("`through` is beyond the last event of a full page".to_owned()),
        _ => Ok(()),
    }
}

fn check_event(event: &Event, known: &[EventDescription], shapes: &[offshoot_contract::Shape]) -> Result<(), String> {
    let Event {
        position,
        name,
        version,
        key,
        payload,
        at,
    } = event;
    let place = known
        .iter()
        .position(|known| known.name == *name && known.version == *version);
    let place = place.ok_or_else(|| format!("`{name}` version {version} is not an event of the contract"))?;
    let value: Value = serde_json::from_str(payload)
        .map_err(|error| format!("the payload at position {position} of {at} is not JSON: {error}"))?;
    fit::check(&shapes[place], &value).map_err(|reason| format!("the payload at position {position}: {reason}"))?;
    let named = &value[&known[place].key];
    let named = named.as_str().map_or_else(|| named.to_string(), str::to_owned);
    match named == *key {
        true => Ok(()),
        false => Err(format!(
            "the key at position {position} is `{key}`, and `{named}` in the payload"
        )),
    }
}

/// The bucket of a key, as the page says: FNV-1a, folded, modulo 64.
fn bucket(key: &str) -> u64 {
    let hash = fnv1a(key);
    ((hash >> 32) ^ hash) % 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_of_a_key_is_the_one_of_the_page() {
        let page = include_str!("../../../rest/PROTOCOL.md");
        let rows = page.lines().skip_while(|line| *line != "| key | bucket |").skip(2);
        let mut checked = 0;
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert_eq!(bucket(cells[1].trim_matches('`')).to_string(), cells[2], "{row}");
            checked += 1;
        }
        assert_eq!(checked, 3);
    }
}
