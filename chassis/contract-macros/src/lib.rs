//! Procedural macros for contracts: `#[contract]`, `#[derive(ContractError)]` and `#[derive(EventSet)]`.
//!
//! The macros generate only code that a person could write by hand for each method, error and event. Every decision
//! about a call is made by ordinary code in `offshoot-contract` and `offshoot-rest`.

// Parsing and validation of a trait and its attributes.
mod attribute;
mod model;
// Code generation.
mod error;
mod events;
mod expand;

#[cfg(test)]
mod golden;

use proc_macro::TokenStream;

/// Turns a trait into a contract: `#[contract(name = "readings", version = "1.0")]`.
///
/// The trait itself does not change. Each method has exactly one of the attributes `#[get]`, `#[put]`, `#[post]` and
/// `#[delete]`. The first argument is the path template, optionally followed by
/// - `key = <param>`: the entity key of the call; default: the first path parameter;
/// - `safe` or `idempotent`: the idempotency class; default by verb: GET safe, PUT and DELETE idempotent, POST unsafe;
/// - `stale_ok`: a follower may answer;
/// - `max = "64KiB"`: the largest request body; default: 4 MiB;
/// - `timeout = "5s"`: the longest execution; default: 10 s.
///
/// A method is `async`, takes `&self`, `cx: &mut CallContext` and the parameters, and returns a `Result` with an error
/// type that derives [`ContractError`]. Path parameters are matched by name. All other parameters travel in the query
/// of GET and DELETE, and in a JSON object keyed by parameter name for PUT and POST. `#[schemars(range(min = 1))]` on a
/// parameter adds the limits that the module enforces to the schema of the parameter.
///
/// `events = ReadingsEvent` names the enum of published events.
///
/// Generates a module `<trait>_methods` with one `Method` type per method, `impl Contract for dyn Trait`,
/// `impl Trait for ContractProxy<I>`, and a type alias for the switch.
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

/// Derives `ContractError` for the error enum of a contract.
///
/// Each variant is a domain error: a unit variant or one with named fields, with the attribute
/// `#[problem(status = 404, code = "unknown-station")]` for the HTTP status (4xx) and the stable code. Exactly one
/// variant, `Call(#[from] CallFailure)`, has no such attribute and holds call failures.
#[proc_macro_derive(ContractError, attributes(problem))]
pub fn contract_error(item: TokenStream) -> TokenStream {
    syn::parse(item)
        .and_then(|item| error::derive(&item))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Derives `EventSet` for the enum of a module's events, `#[events(module = "readings")]`.
///
/// Each variant holds one payload struct and has the attribute
/// `#[event(name = "level-read", version = 1, key = station)]`: the stable name of the event, the version of the
/// payload, and the payload field with the ordering key. The option `lasting` states that the payload holds the whole
/// state of the key, so that the newest event of each key is kept for ever.
#[proc_macro_derive(EventSet, attributes(events, event))]
pub fn event_set(item: TokenStream) -> TokenStream {
    syn::parse(item)
        .and_then(|item| events::derive(&item))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
