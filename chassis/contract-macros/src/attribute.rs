//! The attributes of a contract and of its methods.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Path, Result, Token};

/// `name = "readings", version = "1.0", callers = ["forecasts"], events = ReadingsEvent`.
pub(crate) struct ContractAttribute {
    pub(crate) name: String,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) callers: Vec<LitStr>,
    pub(crate) events: Option<Path>,
}

impl Parse for ContractAttribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut callers, mut events) = (None, None, Vec::new(), None);
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match option.to_string().as_str() {
                "name" => name = Some(input.parse::<LitStr>()?),
                "version" => version = Some(input.parse::<LitStr>()?),
                "callers" => callers = names(input)?,
                "events" => events = Some(input.parse::<Path>()?),
                _ => {
                    let known = "expected `name`, `version`, `callers` or `events`";
                    return Err(Error::new(option.span(), known));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = |what| {
            input.error(format!(
                "a contract has a {what}: #[contract(name = \"readings\", version = \"1.0\")]"
            ))
        };
        let name = name.ok_or_else(|| missing("name"))?;
        let version = version.ok_or_else(|| missing("version"))?;
        require_name(&name)?;
        let text = name.value();
        let numbers = version.value();
        let (major, minor) = numbers
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| Error::new(version.span(), "a version is major.minor, such as \"1.0\""))?;
        Ok(Self {
            name: text,
            major,
            minor,
            callers,
            events,
        })
    }
}

/// `["one", "two"]`: modules, or origins of requests.
fn names(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    let list;
    syn::bracketed!(list in input);
    let names: Vec<LitStr> = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?
        .into_iter()
        .collect();
    names.iter().try_for_each(require_name)?;
    Ok(names)
}

pub(crate) fn require_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        return Ok(());
    }
    Err(Error::new(
        name.span(),
        "a contract's name is lower-case letters, digits and `_`: it names a schema, a path and a role",
    ))
}

/// `"/stations/{id}", key = id, safe, stale_ok, max = "64KiB", timeout = "5s"`.
pub(crate) struct MethodAttribute {
    pub(crate) path: LitStr,
    pub(crate) key: Option<Ident>,
    pub(crate) class: Option<Ident>,
    pub(crate) stale_ok: bool,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) timeout_ms: Option<u64>,
}

impl Parse for MethodAttribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Self {
            path: input.parse()?,
            key: None,
            class: None,
            stale_ok: false,
            max_bytes: None,
            timeout_ms: None,
        };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            attribute.option(input)?;
        }
        Ok(attribute)
    }
}

impl MethodAttribute {
    fn option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let option: Ident = input.parse()?;
        match option.to_string().as_str() {
            "safe" | "idempotent" if self.class.is_none() => self.class = Some(option),
            "stale_ok" => self.stale_ok = true,
            "key" => {
                input.parse::<Token![=]>()?;
                self.key = Some(input.parse()?);
            }
            "max" => self.max_bytes = Some(quantity(input, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)])?),
            "timeout" => self.timeout_ms = Some(quantity(input, &[("ms", 1), ("s", 1_000), ("min", 60_000)])?),
            _ => {
                return Err(Error::new(
                    option.span(),
                    "expected `key = <param>`, one of `safe` and `idempotent`, `stale_ok`, `max = \"64KiB\"` or `timeout = \"5s\"`",
                ));
            }
        }
        Ok(())
    }

    /// The parameter names of the path template, in order.
    pub(crate) fn path_parameters(&self) -> Result<Vec<String>> {
        let path = self.path.value();
        let bad = |why: &str| Error::new(self.path.span(), format!("`{path}` {why}"));
        if !path.starts_with('/') {
            return Err(bad("does not start with `/`"));
        }
        let mut names = Vec::new();
        for segment in path.split('/').skip(1) {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match inner {
                Some(name) if syn::parse_str::<Ident>(name).is_ok() => names.push(name.to_owned()),
                None if !segment.is_empty() && !segment.contains(['{', '}', '?', '#', '*', ':']) => {}
                _ => {
                    return Err(bad(
                        "has a segment that is neither a plain word nor a parameter such as `{id}`",
                    ));
                }
            }
        }
        Ok(names)
    }
}

/// `= "64KiB"`: a whole number and one of the units.
fn quantity(input: ParseStream<'_>, units: &[(&str, u64)]) -> Result<u64> {
    input.parse::<Token![=]>()?;
    let literal: LitStr = input.parse()?;
    let text = literal.value();
    let value = units.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*factor).filter(|&value| value > 0)
    });
    value.ok_or_else(|| {
        let units = units
            .iter()
            .map(|(unit, _)| format!("`{unit}`"))
            .collect::<Vec<_>>()
            .join(", ");
        Error::new(
            literal.span(),
            format!("expected a whole number followed by one of {units}"),
        )
    })
}
