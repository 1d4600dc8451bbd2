//! The chassis has no word of the store in it: not in names, not in prose, not in its examples and tests.

use crate::sources::{File, catches, files, keeps};

/// Words of the store's domain. `order` alone is a word of every domain, `store` one of the chassis: where data is.
const DOMAIN: &str = "basket cart carts catalog catalogue checkout customer customers discontinued inventory invoice \
    invoices merchant orders payment payments price prices product products purchase refund reprice shop shopper sku \
    skus stock";

fn domain_words(files: &[File]) -> Vec<String> {
    let domain: Vec<_> = DOMAIN.split(' ').collect();
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("chassis/")) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let words = words(line).into_iter().filter(|word| domain.contains(&word.as_str()));
            violations.extend(words.map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    violations
}

/// The words of a line in lower case; `NewProduct` and `new_product` are two each.
fn words(line: &str) -> Vec<String> {
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
                .expect("there is always one")
                .extend(letter.to_lowercase());
        }
    }
    words
}

#[test]
fn the_chassis_knows_no_word_of_the_store() {
    keeps(&domain_words(&files()));
}

#[test]
fn a_word_of_the_store_in_the_chassis_is_found() {
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
    catches(
        &domain_words(&planted),
        &["lib.rs:1: products", "lib.rs:2: cart", "lib.rs:3: price"],
    );
}
