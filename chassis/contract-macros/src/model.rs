//! The parsed and validated model of a contract trait. Validation happens here, so that the generated code compiles.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, Ident, ItemTrait, Lit, Meta, Pat, Path, PathArguments,
    Result, ReturnType, TraitItem, TraitItemFn, Type,
};

use crate::attribute::{ContractAttribute, MethodAttribute};

/// A validated contract trait.
pub(crate) struct Contract {
    pub(crate) name: String,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) events: Option<Path>,
    pub(crate) doc: String,
    /// The trait without the verb attributes.
    pub(crate) item: ItemTrait,
    pub(crate) methods: Vec<Method>,
}

/// One method of a contract.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) doc: String,
    /// `Get`, `Put`, `Post`, `Delete`.
    pub(crate) verb: Ident,
    pub(crate) attribute: MethodAttribute,
    /// In the order of the signature, without `cx`.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) answer: Type,
    pub(crate) error: Type,
}

/// One parameter of a method.
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) location: Location,
    /// `#[schemars(..)]`: limits for the schema.
    pub(crate) limits: Vec<Attribute>,
}

/// Location of a parameter in the HTTP request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    Path,
    Query,
    Body,
}

impl Contract {
    pub(crate) fn new(attribute: &ContractAttribute, mut item: ItemTrait) -> Result<Self> {
        if !item.generics.params.is_empty() {
            return Err(Error::new(
                item.generics.span(),
                "a contract cannot have type parameters: the trait must be object-safe",
            ));
        }
        let mut methods = Vec::new();
        for member in &mut item.items {
            match member {
                TraitItem::Fn(method) => methods.push(Method::new(method)?),
                other => return Err(Error::new(other.span(), "a contract can only contain methods")),
            }
        }
        Ok(Self {
            name: attribute.name.clone(),
            major: attribute.major,
            minor: attribute.minor,
            events: attribute.events.clone(),
            doc: doc(&item.attrs),
            item,
            methods,
        })
    }
}

impl Method {
    fn new(method: &mut TraitItemFn) -> Result<Self> {
        check_signature(method)?;
        let (verb, attribute) = take_verb(method)?;
        let mut limits = method
            .sig
            .inputs
            .iter_mut()
            .skip(2)
            .map(take_limits)
            .collect::<Vec<_>>()
            .into_iter();
        let signature = &method.sig;
        let mut inputs = signature.inputs.iter();
        if !matches!(inputs.next(), Some(FnArg::Receiver(receiver)) if receiver.reference.is_some() && receiver.mutability.is_none())
        {
            return Err(Error::new(
                signature.span(),
                "the first parameter of a contract's method must be `&self`",
            ));
        }
        if !inputs.next().is_some_and(is_context) {
            return Err(Error::new(
                signature.span(),
                "the parameter after `&self` of a contract's method must be `cx: &mut CallContext`",
            ));
        }
        let (answer, error) = result_types(&signature.output).ok_or_else(|| {
            Error::new(
                signature.output.span(),
                "a contract's method must return `Result<Answer, Error>`, not an alias of it",
            )
        })?;
        let path = attribute.path_parameters()?;
        let has_no_body = verb == "Get" || verb == "Delete";
        let parameters = inputs
            .map(|input| Parameter::new(input, &path, has_no_body, limits.next().unwrap_or_default()))
            .collect::<Result<Vec<_>>>()?;
        let known = |name: &str| parameters.iter().any(|parameter| parameter.ident == name);
        if let Some(unknown) = path.iter().find(|name| !known(name)) {
            let why = format!(
                "the path contains `{{{unknown}}}`, but `{}` has no parameter `{unknown}`",
                signature.ident
            );
            return Err(Error::new(attribute.path.span(), why));
        }
        if let Some(key) = attribute.key.as_ref().filter(|key| !known(&key.to_string())) {
            return Err(Error::new(
                key.span(),
                format!("`{key}` is not a parameter of `{}`", signature.ident),
            ));
        }
        Ok(Self {
            ident: signature.ident.clone(),
            doc: doc(&method.attrs),
            verb,
            attribute,
            parameters,
            answer,
            error,
        })
    }

    /// The entity key: the parameter named by `key = ..`, otherwise the first path parameter.
    pub(crate) fn key(&self) -> Option<&Parameter> {
        let find = |name: &str| self.parameters.iter().find(|parameter| parameter.ident == name);
        match &self.attribute.key {
            Some(key) => find(&key.to_string()),
            None => find(self.attribute.path_parameters().ok()?.first()?),
        }
    }
}

impl Parameter {
    fn new(input: &FnArg, path: &[String], has_no_body: bool, limits: Vec<Attribute>) -> Result<Self> {
        let FnArg::Typed(typed) = input else {
            return Err(Error::new(input.span(), "expected a parameter"));
        };
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new(
                typed.pat.span(),
                "a contract's parameter must have a name: parameters travel by name",
            ));
        };
        if let Type::Reference(reference) = &*typed.ty {
            return Err(Error::new(
                reference.span(),
                "a contract's parameter must be an owned value: the call may leave the process",
            ));
        }
        let location = match (path.iter().any(|name| pattern.ident == name), has_no_body) {
            (true, _) => Location::Path,
            (false, true) => Location::Query,
            (false, false) => Location::Body,
        };
        Ok(Self {
            ident: pattern.ident.clone(),
            ty: (*typed.ty).clone(),
            location,
            limits,
        })
    }

    /// Whether the type is spelled `Option<..>`. Such a parameter may be absent.
    pub(crate) fn is_optional(&self) -> bool {
        let Type::Path(path) = &self.ty else {
            return false;
        };
        path.path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "Option")
    }
}

/// Checks the parts of a method that every contract has alike.
fn check_signature(method: &TraitItemFn) -> Result<()> {
    let signature = &method.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new(signature.span(), "a contract's method must be `async`"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a contract's method cannot have type parameters: types cannot be sent over the wire",
        ));
    }
    if method.default.is_some() {
        return Err(Error::new(
            method.default.span(),
            "a contract's method cannot have a default body",
        ));
    }
    Ok(())
}

/// Removes the verb attribute from the method and parses the arguments.
fn take_verb(method: &mut TraitItemFn) -> Result<(Ident, MethodAttribute)> {
    let mut verb = None;
    let mut kept = Vec::new();
    for attribute in std::mem::take(&mut method.attrs) {
        let name = attribute.path().get_ident().map(Ident::to_string).unwrap_or_default();
        let variant = match name.as_str() {
            "get" => "Get",
            "put" => "Put",
            "post" => "Post",
            "delete" => "Delete",
            _ => {
                kept.push(attribute);
                continue;
            }
        };
        if verb.is_some() {
            return Err(Error::new(attribute.span(), "a contract's method has exactly one verb"));
        }
        verb = Some((Ident::new(variant, attribute.span()), attribute.parse_args()?));
    }
    method.attrs = kept;
    verb.ok_or_else(|| {
        let why =
            "a contract's method needs a verb: #[get(\"/stations/{id}\")], #[put(..)], #[post(..)] or #[delete(..)]";
        Error::new(method.sig.ident.span(), why)
    })
}

/// Removes the limits from a parameter of the trait, where the compiler knows no such attribute.
fn take_limits(input: &mut FnArg) -> Vec<Attribute> {
    let FnArg::Typed(typed) = input else {
        return Vec::new();
    };
    let (limits, kept) = std::mem::take(&mut typed.attrs)
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("schemars"));
    typed.attrs = kept;
    limits
}

fn is_context(input: &FnArg) -> bool {
    let FnArg::Typed(typed) = input else {
        return false;
    };
    let Type::Reference(reference) = &*typed.ty else {
        return false;
    };
    let Type::Path(path) = &*reference.elem else {
        return false;
    };
    reference.mutability.is_some()
        && path
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "CallContext")
}

fn result_types(output: &ReturnType) -> Option<(Type, Type)> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let Type::Path(path) = &**ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    Some((types.next()?, types.next()?))
}

/// The text of the documentation comment.
pub(crate) fn doc(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => Some(text.value().trim().to_owned()),
            other => Some(other.to_token_stream().to_string()),
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
