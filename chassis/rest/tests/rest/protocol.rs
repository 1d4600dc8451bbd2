//! The page `PROTOCOL.md` states the codes, headers, values and numbers of the sources, and the worked example is right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use hmac::{Hmac, KeyInit as _, Mac as _};
use offshoot_contract::{CallFailure, Entity, FailureKind, Id, MAX_KEY_LENGTH, Money, Problem, Timestamp};
use offshoot_rest::{Identity, ServedVersion, ServiceKeys};
use sha2::Sha256;

const PAGE: &str = include_str!("../../PROTOCOL.md");

/// The cells of the rows below the table head that begins with `head`.
fn table(head: &str) -> Vec<Vec<String>> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let row = row.trim_start_matches('|').trim_end_matches('|');
        row.split('|')
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    };
    let rows: Vec<_> = rows.map(cells).collect();
    assert!(!rows.is_empty(), "the page has no table {head}");
    rows
}

/// The Rust files below the `src` folders of these crates of the chassis, without unit tests.
fn sources(crates: &[&str]) -> Vec<String> {
    let chassis = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> = crates.iter().map(|name| chassis.join(name).join("src")).collect();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                texts.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
            }
        }
    }
    texts
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

#[test]
fn the_worked_example_of_a_token_is_right() {
    let example: BTreeMap<_, _> = table("| worked example |")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let value = |name: &str| example[name].as_str();
    // Once from the words of the page alone.
    let key = hmac(
        &unhex(value("service key")),
        &format!("offshoot contract {}", value("module")),
    );
    assert_eq!(hex(&key), value("key of the module"));
    let claims = format!("{}.{}", value("caller"), value("expiry"));
    let header = format!("Bearer {claims}.{}", hex(&hmac(&key, &claims)));
    assert_eq!(header, value("header"));
    // And once by the sources.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.key");
    offshoot_rest::secret_file::read_or_create(&file, || value("service key").to_owned()).unwrap();
    let keys = ServiceKeys::load(&file).unwrap().for_module(value("module"));
    let until = value("expiry").parse().unwrap();
    assert_eq!(keys.issue_token_until(value("caller"), until), value("header"));
}

/// Status, code and the fields of the problem.
fn row_of(failure: CallFailure) -> (String, String, BTreeSet<String>) {
    let problem = Problem::from(&failure);
    let fields = problem.fields.keys().filter(|name| *name != "may_have_executed");
    (problem.code, problem.status.to_string(), fields.cloned().collect())
}

/// The failures that the chassis gives, without refusals.
fn kinds() -> Vec<FailureKind> {
    let retry_after = std::time::Duration::from_secs(1);
    let text = String::new;
    vec![
        FailureKind::Unavailable,
        FailureKind::Overloaded { retry_after },
        FailureKind::Timeout,
        FailureKind::ConnectionLost,
        FailureKind::BadAnswer,
        FailureKind::WrongContract,
        FailureKind::Dependency {
            module: text(),
            method: text(),
            cause: text(),
        },
        FailureKind::Internal,
    ]
}

/// Status and code of each refusal in the sources: `refused(400, "bad-request", ..)`.
fn refusals(texts: &[String]) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for call in texts
        .iter()
        .flat_map(|text| text.split("CallFailure::refused(").skip(1))
    {
        let mut arguments = call.split(',').map(str::trim);
        let (status, code) = (arguments.next().unwrap(), arguments.next().unwrap());
        if let (Ok(_), Some(code)) = (status.parse::<u16>(), code.strip_prefix('"')) {
            found.insert((code.trim_end_matches('"').to_owned(), status.to_owned()));
        }
    }
    found
}

#[test]
fn the_codes_are_those_of_the_sources() {
    let rows = table("| code | status |");
    let mut stated: BTreeSet<_> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    for kind in kinds() {
        let (code, status, fields) = row_of(CallFailure::not_executed(kind, ""));
        assert!(stated.remove(&(code.clone(), status.clone())), "{code} {status}");
        let row = rows.iter().find(|row| row[0] == code).unwrap();
        let named: BTreeSet<_> = row[4].split(", ").filter(|name| !name.is_empty()).collect();
        let named: BTreeSet<_> = named.iter().map(|name| name.trim_matches('`').to_owned()).collect();
        assert_eq!(named, fields, "{code}");
    }
    let mut refused = refusals(&sources(&["contract", "db", "outbox", "rest"]));
    // These two stand in constants and variables.
    refused.insert(("unauthenticated".to_owned(), "401".to_owned()));
    refused.insert(("bad-idempotency-key".to_owned(), "400".to_owned()));
    assert_eq!(stated, refused);
    for row in rows
        .iter()
        .filter(|row| refused.contains(&(row[0].clone(), row[1].clone())))
    {
        assert_eq!((row[2].as_str(), row[3].as_str()), ("false", "server"), "{row:?}");
    }
}

#[test]
fn a_refusal_is_found_in_a_source() {
    let text = "CallFailure::refused(\n    418,\n    \"teapot\",\n    why)); CallFailure::refused(status, code, why)"
        .to_owned();
    assert_eq!(
        refusals(&[text]),
        BTreeSet::from([("teapot".to_owned(), "418".to_owned())])
    );
}

#[test]
fn the_headers_are_those_of_the_sources() {
    let stated: BTreeSet<_> = table("| header | value |")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    let texts = sources(&["rest", "listener"]);
    let own = texts
        .iter()
        .flat_map(|text| text.split("HeaderName::from_static(\"").skip(1));
    let own: BTreeSet<_> = own.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(own.len() > 6, "{own:?}");
    for name in &own {
        // Of an answer, and not of a request.
        let of_answers = format!("header `{name}");
        assert!(
            stated.contains(name) || PAGE.contains(&of_answers),
            "the page does not name {name}"
        );
    }
    let of_http = ["authorization", "content-length", "content-encoding", "content-type"];
    let unknown: Vec<_> = stated
        .iter()
        .filter(|name| !own.contains(*name) && !of_http.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

struct Station;

impl Entity for Station {
    const PREFIX: &'static str = "station";
}

#[test]
fn the_values_are_written_as_the_page_says() {
    for row in table("| kind | accepted |") {
        let (kind, accepted, written) = (row[0].as_str(), row[1].as_str(), row[2].as_str());
        let found = match kind {
            "id" => Id::<Station>::from_uuid(accepted.parse().unwrap()).to_string(),
            "time" => accepted.parse::<Timestamp>().unwrap().to_string(),
            "amount" => Money::parse(accepted, Money::GBP).unwrap().amount(),
            other => panic!("{other} is not a kind of value"),
        };
        assert_eq!(found, written, "{accepted}");
    }
}

#[test]
fn the_numbers_are_those_of_the_sources() {
    let limits = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/LIMITS.md")).unwrap();
    // The page of limits is held true by a test of its own.
    for (limit, text) in [
        ("| `MAX_CLOCK_SKEW` ", "60 s are the tolerated difference"),
        ("| `TOKEN_LIFETIME` ", "five minutes ahead"),
        ("| `BODY_TIMEOUT` ", "the arrival within 10 s"),
        ("| `DEFAULT_DEADLINE` ", "| 30 s |"),
        ("| `CallContext::RETRIES_PER_REQUEST` ", "A whole request has 3"),
        ("| `MAX_ANSWER_BYTES` `chassis/rest", "at most 16 MiB"),
        ("| `LONG_POLL_MAX` ", "or after 20 s"),
        ("| `FEED_TIMEOUT` ", "A client waits 25 s."),
        ("| `PAGE_EVENTS_MAX` ", "at most 500."),
        ("| `MAX_TOKEN_CHARS` ", "at most 272 characters"),
    ] {
        let row = limits.lines().find(|line| line.contains(limit)).expect(limit);
        let value = row.split('|').nth(2).unwrap().trim();
        let number = value.split(' ').next().unwrap();
        let is_stated =
            PAGE.contains(text) && (text.contains(number) || (value == "5 min" && text.contains("five minutes")));
        assert!(is_stated, "{limit} is {value}, and the page lacks `{text}`");
    }
    assert!(PAGE.contains(&format!("has 1 to {MAX_KEY_LENGTH} printable ASCII characters")));
}

#[test]
fn the_openapi_document_has_the_members_of_an_identity() {
    let document = offshoot_contract::openapi(&offshoot_contract::describe::<dyn crate::notes::NotesApi>());
    assert!(document["paths"]["/modules/notes/contract"]["get"].is_object());
    let identity = serde_json::to_value(Identity {
        name: String::new(),
        versions: vec![ServedVersion {
            version: String::new(),
            hash: String::new(),
        }],
        store_id: uuid::Uuid::nil(),
        instance: uuid::Uuid::nil(),
        data: None,
        migrations: Vec::new(),
        candidate: false,
        build: None,
    })
    .unwrap();
    for (name, value) in [
        ("ContractIdentity", &identity),
        ("ContractVersion", &identity["versions"][0]),
    ] {
        let documented = &document["components"]["schemas"][name];
        let required = documented["required"].as_array().unwrap();
        let required: BTreeSet<_> = required.iter().filter_map(|name| name.as_str()).collect();
        let names: BTreeSet<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(required, names, "{name}");
    }
}
