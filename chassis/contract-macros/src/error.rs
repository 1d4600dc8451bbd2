//! Code generation for `#[derive(ContractError)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, FieldsNamed, Ident, LitInt, LitStr, Result, Variant};

use crate::model::doc;

/// Members of every problem document, and the members that a `CallFailure` adds.
const RESERVED_FIELDS: [&str; 9] = [
    "type",
    "title",
    "status",
    "detail",
    "instance",
    "code",
    "trace_id",
    "may_have_executed",
    "retry_after_ms",
];
/// Codes of `CallFailure`, and codes with which the chassis refuses a call.
const RESERVED_CODES: [&str; 14] = [
    "unavailable",
    "overloaded",
    "timeout",
    "connection-lost",
    "bad-answer",
    "wrong-contract",
    "dependency",
    "internal",
    "unauthenticated",
    "caller-not-allowed",
    "bad-request",
    "too-large",
    "bad-idempotency-key",
    "idempotency-key-reused",
];

pub(crate) fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &item.data else {
        return Err(Error::new(item.ident.span(), "a contract's error must be an enum"));
    };
    let mut domain_errors = Vec::new();
    let mut failure = None;
    for variant in &data.variants {
        match variant
            .attrs
            .iter()
            .find(|attribute| attribute.path().is_ident("problem"))
        {
            Some(attribute) => domain_errors.push(DomainError::new(variant, attribute)?),
            None if failure.is_none() && holds_one_value(variant) => failure = Some(&variant.ident),
            None => {
                let why = "a variant needs #[problem(status = 404, code = \"unknown-station\")]; only `Call(#[from] CallFailure)` has none";
                return Err(Error::new(variant.ident.span(), why));
            }
        }
    }
    let failure = failure.ok_or_else(|| {
        Error::new(
            item.ident.span(),
            "a contract's error needs a variant `Call(#[from] CallFailure)` for call failures",
        )
    })?;
    Ok(implementation(&item.ident, failure, &domain_errors))
}

/// The implementation of `ContractError`. `failure`: the variant for call failures.
fn implementation(name: &Ident, failure: &Ident, domain_errors: &[DomainError<'_>]) -> TokenStream {
    let descriptions = domain_errors.iter().map(DomainError::description);
    let variants = domain_errors.iter().map(|error| {
        let (ident, text) = (error.ident, error.ident.to_string());
        quote!(Self::#ident { .. } => ::std::option::Option::Some(#text))
    });
    let to_problem = domain_errors.iter().map(DomainError::to_problem);
    let from_problem = domain_errors.iter().map(DomainError::parse_problem);
    quote! {
        impl ::offshoot_contract::ContractError for #name {
            fn descriptions() -> ::std::vec::Vec<::offshoot_contract::ErrorDescription> {
                ::std::vec![#(#descriptions),*]
            }

            fn variant(&self) -> ::std::option::Option<&'static str> {
                match self {
                    #(#variants,)*
                    Self::#failure(_) => ::std::option::Option::None,
                }
            }

            fn failure(&self) -> ::std::option::Option<&::offshoot_contract::CallFailure> {
                match self {
                    Self::#failure(failure) => ::std::option::Option::Some(failure),
                    _ => ::std::option::Option::None,
                }
            }

            fn to_problem(&self) -> ::std::result::Result<::offshoot_contract::Problem, &::offshoot_contract::CallFailure> {
                match self {
                    #(#to_problem,)*
                    Self::#failure(failure) => ::std::result::Result::Err(failure),
                }
            }

            fn from_problem(problem: &::offshoot_contract::Problem) -> ::std::option::Option<Self> {
                match problem.code.as_str() {
                    #(#from_problem,)*
                    _ => ::std::option::Option::None,
                }
            }

            fn into_failure(self) -> ::std::result::Result<::offshoot_contract::CallFailure, Self> {
                match self {
                    Self::#failure(failure) => ::std::result::Result::Ok(failure),
                    domain_error => ::std::result::Result::Err(domain_error),
                }
            }
        }
    }
}

/// A variant with a `#[problem]` attribute.
struct DomainError<'a> {
    ident: &'a Ident,
    doc: String,
    status: u16,
    code: String,
    fields: Option<&'a FieldsNamed>,
}

impl<'a> DomainError<'a> {
    fn new(variant: &'a Variant, attribute: &Attribute) -> Result<Self> {
        let (mut status, mut code) = (None, None);
        attribute.parse_nested_meta(|option| {
            if option.path.is_ident("status") {
                status = Some(option.value()?.parse::<LitInt>()?);
            } else if option.path.is_ident("code") {
                code = Some(option.value()?.parse::<LitStr>()?);
            } else {
                return Err(option.error("expected `status` or `code`"));
            }
            Ok(())
        })?;
        let (Some(status), Some(code)) = (status, code) else {
            return Err(Error::new(
                variant.ident.span(),
                "a problem needs a status and a code: #[problem(status = 404, code = \"unknown-station\")]",
            ));
        };
        let number: u16 = status.base10_parse()?;
        if !(400..500).contains(&number) {
            return Err(Error::new(
                status.span(),
                "a domain error has a 4xx status: a 5xx is a CallFailure",
            ));
        }
        let text = code.value();
        let valid = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !valid || RESERVED_CODES.contains(&text.as_str()) {
            return Err(Error::new(
                code.span(),
                "a code consists of lower-case letters, digits and hyphens, and differs from the codes of CallFailure",
            ));
        }
        let fields = match &variant.fields {
            Fields::Named(fields) => Some(fields),
            Fields::Unit => None,
            Fields::Unnamed(_) => {
                return Err(Error::new(
                    variant.ident.span(),
                    "the fields of a contract's error must be named: they travel by name",
                ));
            }
        };
        let names = fields
            .iter()
            .flat_map(|fields| &fields.named)
            .filter_map(|field| field.ident.as_ref());
        if let Some(reserved) = names
            .clone()
            .find(|name| RESERVED_FIELDS.contains(&name.to_string().as_str()))
        {
            return Err(Error::new(
                reserved.span(),
                format!("`{reserved}` is a member of every problem: rename the field"),
            ));
        }
        Ok(Self {
            ident: &variant.ident,
            doc: doc(&variant.attrs),
            status: number,
            code: text,
            fields,
        })
    }

    fn field_names(&self) -> Vec<&Ident> {
        self.fields
            .iter()
            .flat_map(|fields| &fields.named)
            .filter_map(|field| field.ident.as_ref())
            .collect()
    }

    fn description(&self) -> TokenStream {
        let Self {
            ident,
            doc,
            status,
            code,
            ..
        } = self;
        let variant = ident.to_string();
        let fields = self.fields.iter().flat_map(|fields| &fields.named).map(|field| {
            let (name, ty) = (field.ident.as_ref().map(Ident::to_string), &field.ty);
            quote!(.with_field::<#ty>(#name))
        });
        quote!(::offshoot_contract::ErrorDescription::new(#variant, #status, #code, #doc)#(#fields)*)
    }

    fn to_problem(&self) -> TokenStream {
        let Self {
            ident, status, code, ..
        } = self;
        let names = self.field_names();
        let texts = names.iter().map(|name| name.to_string());
        quote! {
            Self::#ident { #(#names),* } => ::std::result::Result::Ok(
                ::offshoot_contract::Problem::new(#status, #code, ::std::string::ToString::to_string(self))
                    #(.with_field(#texts, #names))*
            )
        }
    }

    fn parse_problem(&self) -> TokenStream {
        let Self { ident, code, .. } = self;
        let names = self.field_names();
        let texts = names.iter().map(|name| name.to_string());
        quote! {
            #code => ::std::option::Option::Some(Self::#ident { #(#names: problem.field(#texts)?),* })
        }
    }
}

fn holds_one_value(variant: &Variant) -> bool {
    matches!(&variant.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1)
}
