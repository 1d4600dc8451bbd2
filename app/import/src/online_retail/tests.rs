//! Tests of the reader without a catalog: parsed lines, counts, and the cuts between batches.

use std::io::Write as _;

use super::batch::Batch;
use super::reading::{Read, Reading};
use super::verdict::Verdict::{self, *};
use super::*;

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// Reads a source to its end and keeps all batches.
fn read(source: Source, strict: bool, sent_before: u64) -> (Result<Read>, Vec<Batch>) {
    let (sender, mut receiver) = mpsc::channel(1);
    let reader = std::thread::spawn(move || {
        Reading {
            source,
            strict,
            sent_before,
        }
        .read_to_end(&sender)
    });
    let batches = std::iter::from_fn(|| receiver.blocking_recv()).collect();
    (reader.join().expect("the reader does not panic"), batches)
}

fn read_lines(lines: &str) -> (Read, Vec<Batch>) {
    let text: &'static str = Box::leak(format!("{HEADER}{lines}").into_boxed_str());
    let (read, batches) = read(Source::bytes("test.csv", text.as_bytes()), false, 0);
    (read.expect("readable"), batches)
}

/// `code minute price`, with the rest of the line filled in.
fn sale(code: &str, minute: u32, price: &str) -> String {
    format!("536365,{code}, A THING ,6,2010-12-01 08:{minute:02}:00,{price},17850.0,United Kingdom\n")
}

fn prices(batches: &[Batch]) -> Vec<String> {
    let prices = batches.iter().flat_map(|batch| &batch.prices);
    prices
        .map(|change| format!("{} {} {}", change.sku, change.since, change.price.amount()))
        .collect()
}

#[test]
fn the_first_sale_adds_the_product_and_each_new_price_adds_a_price_point() {
    let lines = [
        sale("10002", 1, "0.85"),
        sale("10002", 2, "0.85"),
        sale("10002", 3, "1.63"),
        sale("10002", 4, "0.85"),
    ];
    let (read, batches) = read_lines(&lines.concat());
    let product = &batches[0].products[0];
    assert_eq!((product.sku.as_str(), product.name.as_str()), ("10002", "A THING"));
    assert_eq!(product.price.amount(), "0.85");
    assert_eq!(
        product.price_since.map(|since| since.to_string()).as_deref(),
        Some("2010-12-01T08:01:00Z")
    );
    assert_eq!(
        prices(&batches),
        ["10002 2010-12-01T08:03:00Z 1.63", "10002 2010-12-01T08:04:00Z 0.85"]
    );
    assert_eq!(
        (
            read.tally.lines_with(AddsProduct),
            read.tally.lines_with(ChangesPrice),
            read.tally.lines_with(ConfirmsPrice)
        ),
        (1, 2, 1)
    );
}

#[test]
fn in_one_minute_the_last_price_holds() {
    let lines = [
        sale("10002", 1, "1.00"),
        sale("10002", 1, "2.00"),
        sale("10002", 2, "3.00"),
        sale("10002", 2, "2.00"),
    ];
    let (read, batches) = read_lines(&lines.concat());
    assert_eq!(batches[0].products[0].price.amount(), "2.00");
    assert!(prices(&batches).is_empty(), "the second minute ends as it began");
    assert_eq!(read.tally.lines_with(ChangesPrice), 3);
}

#[test]
fn codes_are_case_sensitive_and_a_blank_description_gives_the_code_as_the_name() {
    let blank = "536365,15056bl,  ,6,2010-12-01 08:01:00,5.95,,United Kingdom\n";
    let (_, batches) = read_lines(&[sale("15056BL", 1, "5.95"), blank.to_owned()].concat());
    let names: Vec<_> = batches[0]
        .products
        .iter()
        .map(|product| (product.sku.as_str(), product.name.as_str()))
        .collect();
    assert_eq!(names, [("15056BL", "A THING"), ("15056bl", "15056bl")]);
}

#[test]
fn every_line_is_counted_under_one_verdict() {
    let cases: [(&str, Verdict); 12] = [
        ("536365,10002,X,6,2010-12-01 08:26:00,2.55,1,UK", AddsProduct),
        ("C536365,10002,X,-6,2010-12-01 08:26:00,2.55,1,UK", Cancellation),
        (
            "A563185,B,Adjust bad debt,1,2010-12-01 08:26:00,-11062.06,,UK",
            BadDebtAdjustment,
        ),
        ("536365,POST,POSTAGE,3,2010-12-01 08:26:00,18.00,1,France", NotAProduct),
        ("536365,10002,X,1,2010-12-01 08:26:00,-1.00,,UK", NegativePrice),
        ("536365,10002,damages,-1,2010-12-01 08:26:00,0.0,,UK", NegativeQuantity),
        ("536365,10002,X,1,2010-12-01 08:26:00,0.0,,UK", ZeroPrice),
        ("536365,10002,X,1,2010-12-01 08:25:00,2.55,,UK", OutOfOrder),
        ("536365,10002,X,six,2010-12-01 08:26:00,2.55,1,UK", Malformed),
        ("536365,10002,X,6,01/12/2010 08:26,2.55,1,UK", Malformed),
        ("536365,10002,X,6,2010-12-01 08:26:00,,1,UK", Malformed),
        ("536365,10002,X,6,2010-12-01 08:26:00", Malformed),
    ];
    let text: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    let (read, _) = read_lines(&text);
    assert_eq!(read.lines, cases.len() as u64);
    for (line, verdict) in cases {
        let expected = cases.iter().filter(|(_, other)| *other == verdict).count() as u64;
        assert_eq!(read.tally.lines_with(verdict), expected, "{line}");
    }
    assert_eq!(read.bad_rows.count, 4);
    assert_eq!(
        read.bad_rows.shown[0],
        "test.csv, line 10: Quantity `six` is not a whole number other than 0"
    );
    assert_eq!(read.bad_rows.shown[3], "test.csv, line 13: 5 fields instead of 8");
}

#[test]
fn strict_stops_at_the_first_malformed_line() {
    let text: &'static str =
        Box::leak(format!("{HEADER}{}bad\n{}", sale("10002", 1, "1.00"), sale("10002", 2, "2.00")).into_boxed_str());
    let (outcome, _) = read(Source::bytes("test.csv", text.as_bytes()), true, 0);
    let error = outcome.expect_err("line 3 is malformed").to_string();
    assert!(error.starts_with("test.csv, line 3: 1 fields instead of 8."), "{error}");
}

#[test]
fn the_error_of_a_missing_column_lists_the_present_columns() {
    let source = Source::bytes("test.csv", b"InvoiceNo,Code\n1,2\n");
    let error = read(source, false, 0).0.expect_err("StockCode is missing").to_string();
    assert_eq!(
        error,
        "test.csv has no column `StockCode`; its columns are: InvoiceNo, Code"
    );
}

#[test]
fn batches_are_cut_between_minutes_and_fit_one_call() {
    let minute =
        |minute: u32| (0..400).map(move |code| sale(&format!("{}", 10_000 + code), minute, &format!("{minute}.00")));
    let lines: String = (1..=5).flat_map(minute).collect();
    let (_, batches) = read_lines(&lines);
    let sizes: Vec<_> = batches
        .iter()
        .map(|batch| (batch.products.len(), batch.prices.len(), batch.through_line))
        .collect();
    assert_eq!(sizes, [(400, 800, 1_201), (0, 800, 2_001)]);
}

#[test]
fn lines_sent_by_an_earlier_run_are_read_but_not_sent_again() {
    let text: &'static str = Box::leak(
        [
            HEADER,
            &sale("10002", 1, "1.00"),
            &sale("10002", 2, "2.00"),
            &sale("10002", 3, "3.00"),
        ]
        .concat()
        .into_boxed_str(),
    );
    let source = || Source::bytes("test.csv", text.as_bytes());
    let (outcome, batches) = read(source(), false, 3);
    let resumed = outcome.expect("readable");
    assert_eq!(
        (resumed.lines, resumed.products_before, resumed.prices_before),
        (3, 1, 1)
    );
    assert_eq!(prices(&batches), ["10002 2010-12-01T08:03:00Z 3.00"]);
    let (_, batches) = read(source(), false, 4);
    assert!(batches.is_empty());
}

#[test]
fn a_truncated_gzip_yields_its_whole_minutes_and_an_error_with_the_last_line() {
    let lines: String = (0..60)
        .flat_map(|minute| {
            (0..50).map(move |code| {
                sale(
                    &format!("{}", 10_000 + code),
                    minute,
                    &format!("{}.{code:02}", minute + 1),
                )
            })
        })
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(format!("{HEADER}{lines}").as_bytes()).expect("memory");
    let whole = gzip.finish().expect("memory");
    let half: &'static [u8] = Box::leak(whole[..whole.len() / 2].to_vec().into_boxed_slice());
    let (outcome, batches) = read(Source::bytes("half.csv.gz", half), false, 0);
    let error = outcome.expect_err("half of it is missing").to_string();
    assert!(
        error.starts_with("half.csv.gz ends in the middle of its compressed data, after line "),
        "{error}"
    );
    assert!(error.contains("run the same command again"), "{error}");
    assert_eq!(batches[0].products.len(), 50);
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let endless: &'static str = Box::leak(format!("{HEADER}536365,10002,\"X{}", "x".repeat(3 << 20)).into_boxed_str());
    let error = read(Source::bytes("test.csv", endless.as_bytes()), false, 0)
        .0
        .expect_err("no end")
        .to_string();
    assert!(error.contains("a quote that is not closed"), "{error}");
}

/// The counts in the description of the file.
#[test]
fn the_sample_has_the_counts_of_its_description() {
    let sample = include_bytes!("../../sample/online-retail-small.csv");
    let (outcome, batches) = read(Source::bytes("sample", sample), true, 0);
    let read = outcome.expect("readable");
    assert_eq!(read.lines, 5_017);
    assert_eq!(read.tally.lines_with(Cancellation), 70);
    assert_eq!(
        read.tally.lines_with(ZeroPrice) + read.tally.lines_with(NegativeQuantity),
        12
    );
    assert_eq!(
        read.tally.used().sum() + read.tally.lines_with(NotAProduct),
        4_935,
        "sale lines"
    );
    assert_eq!(
        (read.tally.lines_with(AddsProduct), read.tally.lines_with(ChangesPrice)),
        (1_577, 1_321)
    );
    assert_eq!(batches.iter().map(|batch| batch.products.len()).sum::<usize>(), 1_577);
    assert_eq!(prices(&batches).len(), 1_311);
}

/// Runs only if the whole file lies in `shared/data` beside the project's folder.
#[test]
fn the_whole_file_has_the_counts_of_its_description() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/online-retail.csv.gz");
    if !path.exists() {
        eprintln!("skipped: {} does not exist", path.display());
        return;
    }
    let (outcome, batches) = read(Source::file(path), true, 0);
    let read = outcome.expect("readable");
    assert_eq!(read.lines, 541_909);
    assert_eq!(
        (
            read.tally.lines_with(Cancellation),
            read.tally.lines_with(BadDebtAdjustment)
        ),
        (9_288, 3)
    );
    assert_eq!(
        read.tally.lines_with(ZeroPrice) + read.tally.lines_with(NegativeQuantity),
        1_165 + 1_336
    );
    assert_eq!(
        (read.tally.lines_with(OutOfOrder), read.tally.lines_with(Malformed)),
        (0, 0)
    );
    assert_eq!(
        (read.tally.lines_with(AddsProduct), prices(&batches).len()),
        (3_913, 181_445)
    );
}
