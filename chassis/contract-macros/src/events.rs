//! What `#[derive(EventSet)]` writes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, LitInt, LitStr, Result, Type, Variant};

use crate::attribute::require_name;
use crate::model::doc;

pub(crate) fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &item.data else {
        return Err(Error::new(item.ident.span(), "a module's events are an enum"));
    };
    let module = module(item)?;
    let events = data.variants.iter().map(Event::new).collect::<Result<Vec<_>>>()?;
    for (place, event) in events.iter().enumerate() {
        let same = |other: &&Event<'_>| other.name == event.name && other.version == event.version;
        if events[..place].iter().any(|other| same(&other)) {
            let why = format!("two events are `{}` in version {}", event.name, event.version);
            return Err(Error::new(event.ident.span(), why));
        }
    }
    Ok(write(&item.ident, &module, &events))
}

/// The implementation for an enum of these events.
fn write(name: &Ident, module: &str, events: &[Event<'_>]) -> TokenStream {
    let specs = events.iter().map(Event::spec);
    let spec_arms = events.iter().enumerate().map(|(place, event)| {
        let ident = event.ident;
        quote!(Self::#ident(_) => &Self::SPECS[#place])
    });
    let key_arms = events.iter().map(|Event { ident, key, .. }| {
        quote!(Self::#ident(event) => ::offshoot_contract::generated::key_text(&event.#key).unwrap_or_default())
    });
    let payload_arms = events.iter().map(|Event { ident, .. }| {
        quote!(Self::#ident(event) => ::offshoot_contract::generated::serde_json::to_string(event))
    });
    let read_arms = events.iter().map(
        |Event {
             ident, name, version, ..
         }| {
            quote! {
                (#name, #version) => ::offshoot_contract::generated::read_payload(name, payload).map(Self::#ident)
            }
        },
    );
    let descriptions = events.iter().enumerate().map(|(place, Event { payload, .. })| {
        quote!(::offshoot_contract::EventDescription::of::<#payload>(&Self::SPECS[#place], generator))
    });
    quote! {
        impl ::offshoot_contract::EventSet for #name {
            const MODULE: &'static str = #module;
            const SPECS: &'static [::offshoot_contract::EventSpec] = &[#(#specs),*];

            fn spec(&self) -> &'static ::offshoot_contract::EventSpec {
                match self {
                    #(#spec_arms,)*
                }
            }

            fn key(&self) -> ::std::string::String {
                match self {
                    #(#key_arms,)*
                }
            }

            fn payload(
                &self,
            ) -> ::std::result::Result<::std::string::String, ::offshoot_contract::generated::serde_json::Error> {
                match self {
                    #(#payload_arms,)*
                }
            }

            fn read(
                name: &str,
                version: u32,
                payload: &str,
            ) -> ::std::result::Result<Self, ::offshoot_contract::UnreadableEvent> {
                match (name, version) {
                    #(#read_arms,)*
                    _ => ::std::result::Result::Err(::offshoot_contract::generated::unknown::<Self>(name, version)),
                }
            }

            fn descriptions(
                generator: &mut ::offshoot_contract::generated::schemars::SchemaGenerator,
            ) -> ::std::vec::Vec<::offshoot_contract::EventDescription> {
                ::std::vec![#(#descriptions),*]
            }
        }
    }
}

/// `#[events(module = "readings")]`.
fn module(item: &DeriveInput) -> Result<String> {
    let missing = || {
        Error::new(
            item.ident.span(),
            "events are a module's: #[events(module = \"readings\")]",
        )
    };
    let attribute = item.attrs.iter().find(|attribute| attribute.path().is_ident("events"));
    let mut module = None;
    attribute.ok_or_else(missing)?.parse_nested_meta(|option| {
        if !option.path.is_ident("module") {
            return Err(option.error("expected `module`"));
        }
        let name = option.value()?.parse::<LitStr>()?;
        require_name(&name)?;
        module = Some(name.value());
        Ok(())
    })?;
    module.ok_or_else(missing)
}

/// One variant.
struct Event<'a> {
    ident: &'a Ident,
    doc: String,
    name: String,
    version: u32,
    key: Ident,
    lasting: bool,
    payload: &'a Type,
}

impl<'a> Event<'a> {
    fn new(variant: &'a Variant) -> Result<Self> {
        let form = "an event says #[event(name = \"level-read\", version = 1, key = station)]";
        let attribute = variant
            .attrs
            .iter()
            .find(|attribute| attribute.path().is_ident("event"));
        let attribute = attribute.ok_or_else(|| Error::new(variant.ident.span(), form))?;
        let Options {
            name,
            version,
            key,
            lasting,
        } = options(attribute)?;
        let (Some(name), Some(version), Some(key)) = (name, version, key) else {
            return Err(Error::new(variant.ident.span(), form));
        };
        let text = name.value();
        let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !plain {
            return Err(Error::new(
                name.span(),
                "an event's name is lower-case letters, digits and hyphens",
            ));
        }
        let payload = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0].ty,
            _ => {
                let why = "an event holds one value, a struct that says what happened: LevelRead(Reading)";
                return Err(Error::new(variant.ident.span(), why));
            }
        };
        Ok(Self {
            ident: &variant.ident,
            doc: doc(&variant.attrs),
            name: text,
            version: version.base10_parse()?,
            key,
            lasting,
            payload,
        })
    }

    fn spec(&self) -> TokenStream {
        let Self {
            doc,
            name,
            version,
            lasting,
            ..
        } = self;
        let key = self.key.to_string();
        quote!(::offshoot_contract::EventSpec { name: #name, version: #version, key: #key, lasting: #lasting, doc: #doc })
    }
}

/// What stands in `#[event(..)]`.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    version: Option<LitInt>,
    key: Option<Ident>,
    lasting: bool,
}

fn options(attribute: &Attribute) -> Result<Options> {
    let mut options = Options::default();
    attribute.parse_nested_meta(|option| {
        if option.path.is_ident("name") {
            options.name = Some(option.value()?.parse()?);
        } else if option.path.is_ident("version") {
            options.version = Some(option.value()?.parse()?);
        } else if option.path.is_ident("key") {
            options.key = Some(option.value()?.parse()?);
        } else if option.path.is_ident("lasting") {
            options.lasting = true;
        } else {
            return Err(option.error("expected `name`, `version`, `key` or `lasting`"));
        }
        Ok(())
    })?;
    Ok(options)
}
