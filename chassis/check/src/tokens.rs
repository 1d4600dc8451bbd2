//! Tokens of Rust source with their lines. Comments and attributes are skipped.

use proc_macro2::{Delimiter, LexError, Span, TokenStream, TokenTree};

use crate::file::File;

/// A token of Rust source: word, punctuation or literal. Comments, doc comments and attributes are not tokens.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    /// Line, counted from one.
    pub line: usize,
    /// Source text of the token.
    pub text: String,
    /// Value of a string literal.
    pub literal: Option<String>,
}

/// A file that is not valid Rust.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line of the error.
    pub line: usize,
    /// Error of the parser.
    pub reason: String,
}

/// Splits Rust source into tokens, in source order and including brackets.
pub fn tokenize(file: &File) -> Result<Vec<Token>, ParseError> {
    let stream: TokenStream = file.text.parse().map_err(|error: LexError| ParseError {
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
