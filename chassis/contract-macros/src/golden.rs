//! Golden tests of the macro expansions. The expansions are committed, so that a review shows every change.
//!
//! `OFFSHOOT_BLESS=1 cargo test -p offshoot-contract-macros` rewrites the golden files.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

#[test]
fn a_contract_expands_to_the_golden_file() {
    let arguments = syn::parse_str(r#"name = "counters", version = "1.0""#).expect("valid attribute arguments");
    let item = syn::parse_str(
        r#"
        /// Counts.
        #[async_trait]
        pub trait CountersApi: Send + Sync + 'static {
            /// One counter.
            #[get("/counters/{id}", stale_ok)]
            async fn counter(&self, cx: &mut CallContext, id: CounterId, at: Option<Timestamp>) -> Result<Counter, CountersError>;

            /// Adds to a counter.
            #[post("/counters/{id}/additions", max = "1KiB", timeout = "500ms")]
            async fn add(&self, cx: &mut CallContext, id: CounterId, #[schemars(range(min = 1))] amount: u32) -> Result<(), CountersError>;
        }
        "#,
    )
    .expect("a valid trait");
    let contract = crate::model::Contract::new(&arguments, item).expect("a valid contract");
    compare("contract.rs", crate::expand::contract(&contract));
}

#[test]
fn an_error_expands_to_the_golden_file() {
    let item = syn::parse_str(
        r#"
        pub enum CountersError {
            /// No counter has this id.
            #[problem(status = 404, code = "unknown-counter")]
            UnknownCounter { id: CounterId },
            #[problem(status = 409, code = "full")]
            Full,
            Call(#[from] CallFailure),
        }
        "#,
    )
    .expect("a valid enum");
    compare("error.rs", crate::error::derive(&item).expect("a valid contract error"));
}

#[test]
fn events_expand_to_the_golden_file() {
    let item = syn::parse_str(
        r#"
        #[events(module = "counters")]
        pub enum CountersEvent {
            /// A counter was added to.
            #[event(name = "counted", version = 1, key = id)]
            Counted(Counter),
        }
        "#,
    )
    .expect("a valid enum");
    compare("events.rs", crate::events::derive(&item).expect("a valid event set"));
}

#[expect(clippy::disallowed_methods, reason = "OFFSHOOT_BLESS is a setting of this test")]
fn compare(name: &str, expansion: TokenStream) {
    let text = prettyplease::unparse(&syn::parse2(expansion).expect("the expansion is valid Rust"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("OFFSHOOT_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("the golden file has a folder")).expect("creating the folder");
        fs::write(&path, &text).expect("writing the golden file");
    }
    let golden = fs::read_to_string(&path).expect("reading the golden file");
    assert_eq!(
        text, golden,
        "the expansion differs from golden/{name}: review the difference, then rerun with OFFSHOOT_BLESS=1"
    );
}
