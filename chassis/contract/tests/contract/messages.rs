//! The messages that a wrong contract gets. `TRYBUILD=overwrite cargo test -p offshoot-contract` writes them anew.

#[test]
fn a_wrong_contract_is_refused_with_a_readable_message() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/refused/*.rs");
}
