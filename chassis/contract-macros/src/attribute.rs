//! Parsing of the arguments of `#[contract]` and of the verb attributes `#[get]`, `#[put]`, `#[post]` and `#[delete]`.

use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Path, Result, Token};

/// Arguments of `#[contract]`: `name = "readings", version = "1.0", events = ReadingsEvent`.
pub(crate) struct ContractAttribute {
    pub(crate) name: String,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) events: Option<Path>,
}

impl Parse for ContractAttribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version, mut events) = (None, None, None);
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match option.to_string().as_str() {
                "name" => name = Some(input.parse::<LitStr>()?),
                "version" => version = Some(input.parse::<LitStr>()?),
                "events" => events = Some(input.parse::<Path>()?),
                _ => {
                    let known = "expected `name`, `version` or `events`";
                    return Err(Error::new(option.span(), known));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = |option| {
            input.error(format!(
                "a contract needs a {option}: #[contract(name = \"readings\", version = \"1.0\")]"
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
            .ok_or_else(|| Error::new(version.span(), "a version has the form major.minor, such as \"1.0\""))?;
        Ok(Self {
            name: text,
            major,
            minor,
            events,
        })
    }
}

pub(crate) fn require_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let valid = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if valid {
        return Ok(());
    }
    Err(Error::new(
        name.span(),
        "a contract's name starts with a lower-case letter, followed by lower-case letters, digits and `_`: it names a schema, a path and a role",
    ))
}

/// Arguments of a verb attribute: `"/stations/{id}", key = id, safe, stale_ok, max = "64KiB", timeout = "5s"`.
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
            attribute.parse_option(input)?;
        }
        Ok(attribute)
    }
}

impl MethodAttribute {
    fn parse_option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let option: Ident = input.parse()?;
        match option.to_string().as_str() {
            "safe" | "idempotent" if self.class.is_none() => self.class = Some(option),
            "stale_ok" => self.stale_ok = true,
            "key" => {
                input.parse::<Token![=]>()?;
                self.key = Some(input.parse()?);
            }
            "max" => self.max_bytes = Some(parse_quantity(input, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1)])?),
            "timeout" => self.timeout_ms = Some(parse_quantity(input, &[("ms", 1), ("s", 1_000), ("min", 60_000)])?),
            _ => {
                return Err(Error::new(
                    option.span(),
                    "expected `key = <param>`, one of `safe` and `idempotent`, `stale_ok`, `max = \"64KiB\"` or `timeout = \"5s\"`",
                ));
            }
        }
        Ok(())
    }

    /// Parameter names of the path template, in order.
    pub(crate) fn path_parameters(&self) -> Result<Vec<String>> {
        let path = self.path.value();
        let invalid = |why: &str| Error::new(self.path.span(), format!("`{path}` {why}"));
        if !path.starts_with('/') {
            return Err(invalid("does not start with `/`"));
        }
        let mut names = Vec::new();
        for segment in path.split('/').skip(1) {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match inner {
                Some(name) if syn::parse_str::<Ident>(name).is_ok() => names.push(name.to_owned()),
                None if !segment.is_empty() && !segment.contains(['{', '}', '?', '#', '*', ':']) => {}
                _ => {
                    return Err(invalid(
                        "has a segment that is neither a plain word nor a parameter such as `{id}`",
                    ));
                }
            }
        }
        Ok(names)
    }
}

/// Parses `= "64KiB"`: a whole number followed by one of the units.
fn parse_quantity(input: ParseStream<'_>, units: &[(&str, u64)]) -> Result<u64> {
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
