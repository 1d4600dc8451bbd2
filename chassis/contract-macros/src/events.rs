//! Code generation for `#[derive(EventSet)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, LitInt, LitStr, Result, Type, Variant};

use crate::attribute::require_name;
use crate::model::doc;

pub(crate) fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &item.data else {
        return Err(Error::new(item.ident.span(), "a module's events must be an enum"));
    };
    let module = parse_module(item)?;
    let events = data.variants.iter().map(Event::new).collect::<Result<Vec<_>>>()?;
    for (index, event) in events.iter().enumerate() {
        let same = |other: &&Event<'_>| other.name == event.name && other.version == event.version;
        if events[..index].iter().any(|other| same(&other)) {
            let why = format!("event `{}` version {} is defined twice", event.name, event.version);
            return Err(Error::new(event.ident.span(), why));
        }
    }
    Ok(expand(&item.ident, &module, &events))
}

fn expand(name: &Ident, module: &str, events: &[Event<'_>]) -> TokenStream {
    let specs = events.iter().map(Event::spec);
    let spec_arms = events.iter().enumerate().map(|(index, event)| {
        let ident = event.ident;
        quote!(Self::#ident(_) => &Self::SPECS[#index])
    });
    let key_arms = events.iter().map(|Event { ident, key, .. }| {
        quote!(Self::#ident(event) => ::offshoot_contract::generated::key_text(&event.#key).unwrap_or_default())
    });
    let payload_arms = events.iter().map(|Event { ident, .. }| {
        quote!(Self::#ident(event) => ::offshoot_contract::generated::serde_json::to_string(event))
    });
    let decode_arms = events.iter().map(
        |Event {
             ident, name, version, ..
         }| {
            quote! {
                (#name, #version) => ::offshoot_contract::generated::decode_payload(name, payload).map(Self::#ident)
            }
        },
    );
    let descriptions = events.iter().enumerate().map(|(index, Event { payload, .. })| {
        quote!(::offshoot_contract::EventDescription::from_spec::<#payload>(&Self::SPECS[#index], generator))
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

            fn decode(
                name: &str,
                version: u32,
                payload: &str,
            ) -> ::std::result::Result<Self, ::offshoot_contract::UnreadableEvent> {
                match (name, version) {
                    #(#decode_arms,)*
                    _ => ::std::result::Result::Err(::offshoot_contract::generated::unknown_event::<Self>(name, version)),
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

/// Parses `#[events(module = "readings")]`.
fn parse_module(item: &DeriveInput) -> Result<String> {
    let missing = || {
        Error::new(
            item.ident.span(),
            "the enum needs the name of the publishing module: #[events(module = \"readings\")]",
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

/// One variant of the enum.
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
        let form = "an event needs #[event(name = \"level-read\", version = 1, key = station)]";
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
        } = parse_options(attribute)?;
        let (Some(name), Some(version), Some(key)) = (name, version, key) else {
            return Err(Error::new(variant.ident.span(), form));
        };
        let text = name.value();
        let valid = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !valid {
            return Err(Error::new(
                name.span(),
                "an event's name starts with a lower-case letter, followed by lower-case letters, digits and hyphens",
            ));
        }
        let payload = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0].ty,
            _ => {
                let why = "an event holds exactly one payload struct: LevelRead(Reading)";
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

/// Arguments of `#[event(..)]`.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    version: Option<LitInt>,
    key: Option<Ident>,
    lasting: bool,
}

fn parse_options(attribute: &Attribute) -> Result<Options> {
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
