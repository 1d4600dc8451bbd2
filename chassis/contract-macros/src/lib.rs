//! `#[contract]`, `#[derive(ContractError)]` and `#[derive(EventSet)]`.
//!
//! They write what a person would write by hand for each method, error and event, and nothing else: every
//! decision about a call is made by ordinary code in `offshoot-contract` and `offshoot-rest`.

// A trait and its attributes, checked.
mod attribute;
mod model;
// What is written for them.
mod error;
mod events;
mod expand;

#[cfg(test)]
mod golden;

use proc_macro::TokenStream;

/// Makes a contract of a trait: `#[contract(name = "readings", version = "1.0")]`.
///
/// The trait is left as it is. Each method has one of `#[get]`, `#[put]`, `#[post]`, `#[delete]`, whose first argument is
/// the path template, followed by any of
/// - `key = <param>`: the entity key of the call; without it the first path parameter;
/// - `safe` or `idempotent`: the idempotency class, where the verb (GET safe; PUT and DELETE idempotent; POST neither) does
///   not say it;
/// - `stale_ok`: a follower may answer;
/// - `max = "64KiB"`: the largest request body (4 MiB);
/// - `timeout = "5s"`: the longest execution (10 s).
///
/// A method is `async`, takes `&self`, `cx: &mut CallContext` and its parameters, and answers a `Result` whose error
/// derives [`ContractError`]. Path parameters are matched by name; the others travel in the query of GET and DELETE
/// and in a JSON object keyed by parameter name otherwise.
///
/// `callers = ["forecasts"]` names who may call it, and `events = ReadingsEvent` what it announces.
///
/// Beside the trait it writes a module `<trait>_methods` with one `Method` per method, `impl Contract for dyn Trait`,
/// `impl Trait for Invoker<I>`, and the alias of the switch.
#[proc_macro_attribute]
pub fn contract(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = syn::parse(arguments)
        .and_then(|arguments| Ok((arguments, syn::parse(item)?)))
        .and_then(|(arguments, item)| model::Contract::new(&arguments, item));
    match parsed {
        Ok(contract) => expand::contract(&contract).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// Makes an enum the error of a contract.
///
/// Each variant is a unit or has named fields, and says `#[problem(status = 404, code = "unknown-station")]`: its HTTP
/// status and its stable code. One variant, `Call(#[from] CallFailure)`, holds what is not the module's own answer.
#[proc_macro_derive(ContractError, attributes(problem))]
pub fn contract_error(item: TokenStream) -> TokenStream {
    syn::parse(item)
        .and_then(|item| error::derive(&item))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes an enum the events of a module, `#[events(module = "readings")]`.
///
/// Each variant holds one value and says `#[event(name = "level-read", version = 1, key = station)]`: its stable name, the
/// version of what it holds, and the field of that which says whose event it is. `lasting`: it holds the whole state of the key,
/// so the newest one is kept for ever.
#[proc_macro_derive(EventSet, attributes(events, event))]
pub fn event_set(item: TokenStream) -> TokenStream {
    syn::parse(item)
        .and_then(|item| events::derive(&item))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
