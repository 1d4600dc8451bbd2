//! Rust source as words, signs and literals, with their lines. Comments and attributes are none.

use proc_macro2::{Delimiter, LexError, Span, TokenStream, TokenTree};

use crate::file::File;

/// A word, sign or literal of Rust source. Comments and attributes, doc comments among them, are none.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    /// Counted from one.
    pub line: usize,
    /// As it is written.
    pub text: String,
    /// The value, if it is a literal text.
    pub literal: Option<String>,
}

/// A file that is no Rust.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where that shows.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// The tokens of Rust source in order, brackets included.
pub fn tokens(file: &File) -> Result<Vec<Token>, Unreadable> {
    let stream: TokenStream = file.text.parse().map_err(|error: LexError| Unreadable {
        line: error.span().start().line,
        reason: error.to_string(),
    })?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let mut after_hash = false;
    for tree in stream {
        let sign = |text: &str, span: Span| Token {
            line: span.start().line,
            text: text.to_owned(),
            literal: None,
        };
        let is_hash =
            matches!(&tree, TokenTree::Punct(punct) if matches!((punct.as_char(), after_hash), ('#', _) | ('!', true)));
        match tree {
            TokenTree::Group(group) if after_hash && group.delimiter() == Delimiter::Bracket => {}
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                into.push(sign(open, group.span_open()));
                flatten(group.stream(), into);
                into.push(sign(close, group.span_close()));
            }
            TokenTree::Literal(literal) => {
                let mut token = sign(&literal.to_string(), literal.span());
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    token.literal = Some(text.value());
                }
                into.push(token);
            }
            other => into.push(sign(&other.to_string(), other.span())),
        }
        after_hash = is_hash;
    }
}
