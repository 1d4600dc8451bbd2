//! Code generation for `#[contract]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Visibility, parse_quote};

use crate::model::{Contract, Location, Method, Parameter};

pub(crate) fn contract(contract: &Contract) -> TokenStream {
    let item = &contract.item;
    let api = &item.ident;
    let visibility = &item.vis;
    let Contract {
        name,
        major,
        minor,
        doc,
        ..
    } = contract;
    let (events, events_check) = events_type(contract);
    let methods_module = format_ident!("{}_methods", snake_case(api));
    let switch = format_ident!("{}Switch", api.to_string().trim_end_matches("Api"));
    let switch_doc = format!(" Routes the calls of [`{api}`]: decides for each call where the call runs.");
    let methods_doc = format!(" The methods of [`{api}`] as types.");
    // Copied from the trait, so that the attribute resolves however it was imported.
    let async_trait = item.attrs.iter().find(|attribute| {
        attribute
            .path()
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "async_trait")
    });
    let markers: Vec<_> = contract.methods.iter().map(marker).collect();
    let forwards = contract.methods.iter().map(|method| forward(method, &methods_module));
    let methods = contract
        .methods
        .iter()
        .enumerate()
        .map(|(index, one)| method(contract, one, index));
    quote! {
        #item

        impl ::offshoot_contract::Contract for dyn #api {
            const NAME: &'static str = #name;
            const VERSION: ::offshoot_contract::Version = ::offshoot_contract::Version { major: #major, minor: #minor };
            const DOC: &'static str = #doc;

            type Events = #events;

            fn visit_methods<V: ::offshoot_contract::MethodVisitor<Self>>(visitor: &mut V) {
                #(visitor.visit_method::<#methods_module::#markers>();)*
            }

            fn new_proxy(invoke: impl ::offshoot_contract::Invoke<Self>) -> ::std::sync::Arc<Self> {
                ::std::sync::Arc::new(::offshoot_contract::ContractProxy(invoke))
            }
        }

        #events_check

        #async_trait
        impl<I: ::offshoot_contract::Invoke<dyn #api>> #api for ::offshoot_contract::ContractProxy<I> {
            #(#forwards)*
        }

        #[doc = #switch_doc]
        #visibility type #switch = ::offshoot_contract::Switch<dyn #api>;

        #[doc = #methods_doc]
        #visibility mod #methods_module {
            use super::*;

            #(#methods)*
        }
    }
}

/// The type of the module's events, and a compile-time check that the events belong to this module.
fn events_type(contract: &Contract) -> (TokenStream, Option<TokenStream>) {
    let name = &contract.name;
    match &contract.events {
        Some(events) => (
            quote!(#events),
            Some(quote!(const _: () = ::offshoot_contract::generated::assert_events_of::<#events>(#name);)),
        ),
        None => (quote!(::offshoot_contract::NoEvents), None),
    }
}

/// The proxy's implementation of a trait method: packs the arguments and invokes the method.
fn forward(method: &Method, methods_module: &Ident) -> TokenStream {
    let Method {
        ident, answer, error, ..
    } = method;
    let marker = marker(method);
    let parameters = method
        .parameters
        .iter()
        .map(|Parameter { ident, ty, .. }| quote!(#ident: #ty));
    let params = pack(method, methods_module, Part::Params);
    let body = pack(method, methods_module, Part::Body);
    quote! {
        async fn #ident(
            &self,
            cx: &mut ::offshoot_contract::CallContext,
            #(#parameters),*
        ) -> ::std::result::Result<#answer, #error> {
            let args = ::offshoot_contract::Args { params: #params, body: #body };
            ::offshoot_contract::Invoke::invoke::<#methods_module::#marker>(&self.0, cx, args).await
        }
    }
}

/// The marker type of a method, and the structs of the parameters.
fn method(contract: &Contract, method: &Method, index: usize) -> TokenStream {
    let api = &contract.item.ident;
    let Method {
        ident,
        answer,
        error,
        doc,
        ..
    } = method;
    let marker = marker(method);
    let marker_doc = format!(" [`{api}::{ident}`].");
    let visibility = inner_visibility(&contract.item.vis);
    let (params, params_struct) = part(method, Part::Params, &visibility);
    let (body, body_struct) = part(method, Part::Body, &visibility);
    let spec = spec(contract, method);
    let key_hash = key_hash_function(method);
    let args = method.parameters.iter().map(|parameter| {
        let (name, part) = (&parameter.ident, Part::from_parameter(parameter).field());
        quote!(args.#part.#name)
    });
    let used = if method.parameters.is_empty() {
        quote!(_)
    } else {
        quote!(args)
    };
    let checks = wire_checks(method);
    quote! {
        #params_struct
        #body_struct

        #[doc = #marker_doc]
        #[derive(Debug)]
        #visibility struct #marker;

        impl ::offshoot_contract::WireMethod for #marker {
            type Params = #params;
            type Body = #body;
            type Answer = #answer;
            type Error = #error;
        }

        impl ::offshoot_contract::Method for #marker {
            type Api = dyn #api;

            const SPEC: ::offshoot_contract::MethodSpec = ::offshoot_contract::MethodSpec { doc: #doc, #spec };
            const INDEX: usize = #index;

            #key_hash

            fn call<'a>(
                api: &'a dyn #api,
                cx: &'a mut ::offshoot_contract::CallContext,
                #used: ::offshoot_contract::ArgsOf<Self>,
            ) -> ::offshoot_contract::generated::BoxFuture<'a, ::std::result::Result<#answer, #error>> {
                api.#ident(cx, #(#args),*)
            }
        }

        #checks
    }
}

/// Compile-time checks that every parameter and the answer can travel where the method sends them.
fn wire_checks(method: &Method) -> TokenStream {
    let answer = &method.answer;
    let checks = method
        .parameters
        .iter()
        .map(|Parameter { ty, location, .. }| match location {
            Location::Body => quote!(::offshoot_contract::generated::assert_wire_value::<#ty>();),
            Location::Path | Location::Query => {
                quote!(::offshoot_contract::generated::assert_scalar::<#ty>();)
            }
        });
    quote! {
        const _: () = {
            #(#checks)*
            ::offshoot_contract::generated::assert_wire_value::<#answer>();
        };
    }
}

/// The function that returns the hash of a call's entity key.
fn key_hash_function(method: &Method) -> TokenStream {
    let (args, salt, hash) = match method.key() {
        Some(key) => {
            let (name, part) = (&key.ident, Part::from_parameter(key).field());
            let hash = quote!(::offshoot_contract::generated::key_hash(&args.#part.#name, salt));
            (quote!(args), quote!(salt), hash)
        }
        None => (quote!(_), quote!(_), quote!(::std::option::Option::None)),
    };
    quote! {
        fn key_hash(#args: &::offshoot_contract::ArgsOf<Self>, #salt: u64) -> ::std::option::Option<u64> {
            #hash
        }
    }
}

fn spec(contract: &Contract, method: &Method) -> TokenStream {
    let (module, major) = (&contract.name, contract.major);
    let name = method.ident.to_string();
    let (verb, path) = (&method.verb, &method.attribute.path);
    let class = match (&method.attribute.class, method.verb.to_string().as_str()) {
        (Some(class), _) if class == "safe" => quote!(Safe),
        (Some(_), _) | (None, "Put" | "Delete") => quote!(Idempotent),
        (None, "Get") => quote!(Safe),
        (None, _) => quote!(Unsafe),
    };
    let key = match method.key() {
        Some(key) => {
            let name = key.ident.to_string();
            quote!(::std::option::Option::Some(#name))
        }
        None => quote!(::std::option::Option::None),
    };
    let stale_ok = method.attribute.stale_ok;
    let max_bytes = match method.attribute.max_bytes {
        Some(bytes) => {
            let literal = proc_macro2::Literal::u64_unsuffixed(bytes);
            quote!(#literal)
        }
        None => quote!(::offshoot_contract::MethodSpec::DEFAULT_MAX_BYTES),
    };
    let timeout_ms = match method.attribute.timeout_ms {
        Some(ms) => quote!(#ms),
        None => quote!(::offshoot_contract::MethodSpec::DEFAULT_TIMEOUT_MS),
    };
    let has_body = method
        .parameters
        .iter()
        .any(|parameter| parameter.location == Location::Body);
    quote! {
        module: #module,
        major: #major,
        name: #name,
        verb: ::offshoot_contract::Verb::#verb,
        path: #path,
        class: ::offshoot_contract::Class::#class,
        key: #key,
        stale_ok: #stale_ok,
        max_bytes: #max_bytes,
        timeout: ::std::time::Duration::from_millis(#timeout_ms),
        has_body: #has_body,
    }
}

/// One of the two structs that hold a method's arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Params,
    Body,
}

impl Part {
    fn from_parameter(parameter: &Parameter) -> Self {
        if parameter.location == Location::Body {
            Part::Body
        } else {
            Part::Params
        }
    }

    fn field(self) -> Ident {
        format_ident!("{}", if self == Part::Body { "body" } else { "params" })
    }

    /// The parameters of this part, and the name of the generated struct. Without parameters there is no struct.
    fn select(self, method: &Method) -> (Vec<&Parameter>, Option<Ident>) {
        let parameters: Vec<_> = method
            .parameters
            .iter()
            .filter(|parameter| Self::from_parameter(parameter) == self)
            .collect();
        let suffix = if self == Part::Body { "Body" } else { "Params" };
        let name = (!parameters.is_empty()).then(|| format_ident!("{}{suffix}", camel_case(&method.ident)));
        (parameters, name)
    }
}

/// The type of one part, and the definition of the struct.
fn part(method: &Method, part: Part, visibility: &Visibility) -> (TokenStream, TokenStream) {
    let (parameters, Some(name)) = part.select(method) else {
        return (quote!(::offshoot_contract::NoBody), TokenStream::new());
    };
    let doc = match part {
        Part::Params => format!(" Path and query parameters of `{}`.", method.ident),
        Part::Body => format!(" JSON body of `{}`.", method.ident),
    };
    let fields = parameters.iter().map(|parameter| {
        let Parameter { ident, ty, limits, .. } = parameter;
        let optional = parameter
            .is_optional()
            .then(|| quote!(#[serde(default, skip_serializing_if = "::std::option::Option::is_none")]));
        let field_doc = format!(" Parameter `{ident}`.");
        quote!(#[doc = #field_doc] #(#limits)* #optional #visibility #ident: #ty)
    });
    let structure = quote! {
        #[doc = #doc]
        #[derive(
            Debug,
            Clone,
            PartialEq,
            ::offshoot_contract::generated::serde::Serialize,
            ::offshoot_contract::generated::serde::Deserialize,
            ::offshoot_contract::generated::schemars::JsonSchema,
        )]
        #[serde(crate = "::offshoot_contract::generated::serde", deny_unknown_fields)]
        #[schemars(crate = "::offshoot_contract::generated::schemars")]
        #visibility struct #name {
            #(#fields),*
        }
    };
    (quote!(#name), structure)
}

/// The expression that packs the arguments of one part.
fn pack(method: &Method, methods_module: &Ident, part: Part) -> TokenStream {
    match part.select(method) {
        (parameters, Some(name)) => {
            let names = parameters.iter().map(|parameter| &parameter.ident);
            quote!(#methods_module::#name { #(#names),* })
        }
        _ => quote!(::offshoot_contract::NoBody {}),
    }
}

/// The trait's visibility as seen from inside the generated methods module.
fn inner_visibility(visibility: &Visibility) -> Visibility {
    match visibility {
        Visibility::Inherited => parse_quote!(pub(super)),
        outer => outer.clone(),
    }
}

fn marker(method: &Method) -> Ident {
    format_ident!("{}Method", camel_case(&method.ident))
}

fn camel_case(ident: &Ident) -> String {
    let words = ident.to_string();
    let words = words.split('_').filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn snake_case(ident: &Ident) -> String {
    let mut text = String::new();
    for (index, letter) in ident.to_string().char_indices() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
