//! The expansion as committed text, so that a change to it is read in review.
//!
//! `OFFSHOOT_BLESS=1 cargo test -p offshoot-contract-macros` writes what the macros write now.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

#[test]
fn a_contract_expands_to_what_a_person_would_write() {
    let arguments = syn::parse_str(r#"name = "counters", version = "1.0""#).expect("the arguments parse");
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
            async fn add(&self, cx: &mut CallContext, id: CounterId, amount: u32) -> Result<(), CountersError>;
        }
        "#,
    )
    .expect("the trait parses");
    let contract = crate::model::Contract::new(&arguments, item).expect("the trait is a contract");
    compare("contract.rs", crate::expand::contract(&contract));
}

#[test]
fn an_error_expands_to_what_a_person_would_write() {
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
    .expect("the enum parses");
    compare("error.rs", crate::error::derive(&item).expect("the enum is an error"));
}

#[test]
fn events_expand_to_what_a_person_would_write() {
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
    .expect("the enum parses");
    compare(
        "events.rs",
        crate::events::derive(&item).expect("the enum is a module's events"),
    );
}

#[expect(clippy::disallowed_methods, reason = "a setting of the test")]
fn compare(name: &str, expansion: TokenStream) {
    let text = prettyplease::unparse(&syn::parse2(expansion).expect("the expansion is Rust"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("OFFSHOOT_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(&path, &text).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&path).expect("the golden file is committed");
    assert_eq!(
        text, golden,
        "the expansion has changed: read it, then run with OFFSHOOT_BLESS=1"
    );
}
