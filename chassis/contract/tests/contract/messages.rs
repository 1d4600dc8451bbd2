//! Compiler messages for invalid contracts. `TRYBUILD=overwrite cargo test -p offshoot-contract` rewrites the expected
//! messages.

#[test]
fn an_invalid_contract_does_not_compile_and_the_message_explains_the_error() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}
