//! Converts one row into a product.

use catalog_api::v1::NewProduct;
use offshoot_contract::{Currency, Money};

use super::Options;
use super::columns::Field;

/// Makes a product from the fields that `value` returns, each trimmed. The error names field and value.
pub(super) fn product<'a>(value: impl Fn(Field) -> Option<&'a str>, options: &Options) -> Result<NewProduct, String> {
    let text = |field| value(field).map(str::trim).filter(|text| !text.is_empty());
    let needed = |field: Field| text(field).ok_or_else(|| format!("{} is missing", field.name()));
    let currency = match text(Field::Currency) {
        None => options.currency,
        Some(code) => code
            .to_ascii_uppercase()
            .parse::<Currency>()
            .map_err(|error| format!("{}: {error}", Field::Currency.name()))?,
    };
    if !options.currencies.contains(&currency) {
        let sold: Vec<_> = options.currencies.iter().map(Currency::as_str).collect();
        let (field, sold) = (Field::Currency.name(), sold.join(", "));
        return Err(format!(
            "{field}: the store does not sell in {currency}: the currencies are {sold}"
        ));
    }
    let price = Money::parse(needed(Field::Price)?, currency);
    Ok(NewProduct {
        sku: needed(Field::Sku)?.to_owned(),
        name: needed(Field::Name)?.to_owned(),
        description: text(Field::Description).unwrap_or_default().to_owned(),
        category: text(Field::Category).map_or_else(|| options.category.clone(), in_hyphens),
        price: price.map_err(|error| format!("{}: {error}", Field::Price.name()))?,
        price_since: None,
    })
}

/// `Ski/boarding` becomes `ski-boarding`.
fn in_hyphens(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::in_hyphens;

    #[test]
    fn a_category_becomes_lower_case_words_joined_by_hyphens() {
        for (text, category) in [
            ("Ski/boarding", "ski-boarding"),
            (" Home & Garden ", "home-garden"),
            ("beauty", "beauty"),
            ("&", ""),
        ] {
            assert_eq!(in_hyphens(text), category);
        }
    }
}
