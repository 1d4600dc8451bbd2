//! The chassis uses no word of the store's domain: not in names, prose, examples or tests.

use crate::sources::{File, assert_no_violations, assert_violations, files};

/// Words of the store's domain. `order` alone is a word of every domain, and `store` is a chassis word for a module's
/// data.
const DOMAIN_WORDS: &str = "basket cart carts catalog catalogue checkout customer customers discontinued inventory invoice \
    invoices merchant orders payment payments price prices product products purchase refund reprice shop shopper sku \
    skus stock";

fn vocabulary_violations(files: &[File]) -> Vec<String> {
    let domain: Vec<_> = DOMAIN_WORDS.split(' ').collect();
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("chassis/")) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let words = split_words(line)
                .into_iter()
                .filter(|word| domain.contains(&word.as_str()));
            violations.extend(words.map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    violations
}

/// The words of a line in lower case. `NewProduct` and `new_product` are two words each.
fn split_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for letter in line.chars() {
        if !letter.is_alphabetic() || (letter.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        after_lower = letter.is_lowercase();
        if letter.is_alphabetic() {
            words
                .last_mut()
                .expect("the list starts with one word")
                .extend(letter.to_lowercase());
        }
    }
    words
}

#[test]
fn the_chassis_uses_no_domain_word() {
    assert_no_violations(&vocabulary_violations(&files()));
}

#[test]
fn a_domain_word_in_the_chassis_is_reported() {
    let planted = [
        File::new(
            "chassis/db/src/tx.rs",
            "//! In order.\nfn begin_production(store: Id, ORDER: u8) {}\n",
        ),
        File::new(
            "chassis/db/src/lib.rs",
            "/// `SELECT 1 FROM products`\nstruct NewCart;\nconst MAX_PRICE: u8 = 1;",
        ),
        File::new("modules/catalog/src/lib.rs", "struct Product;"),
    ];
    assert_violations(
        &vocabulary_violations(&planted),
        &["lib.rs:1: products", "lib.rs:2: cart", "lib.rs:3: price"],
    );
}
