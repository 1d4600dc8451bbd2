//! SQL as words with line numbers. Not a parser: rules need only the names in a statement, in any dialect.

/// First words of statements. A text that is not in capitals must also contain the second entry, so that prose is not
/// taken for SQL.
const STATEMENTS: [(&str, &str); 8] = [
    ("SELECT ", " from "),
    ("INSERT ", " into "),
    ("UPDATE ", " set "),
    ("DELETE ", " from "),
    ("WITH ", " as ("),
    ("CREATE ", " table "),
    ("ALTER ", " table "),
    ("DROP ", " table "),
];

/// A word of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word in lower case, without quotes.
    pub(crate) text: String,
    /// Line, counted from zero.
    pub(crate) line: usize,
    /// Last character before the word, ignoring whitespace.
    pub(crate) before: char,
    /// First character after the word, ignoring whitespace.
    pub(crate) after: char,
    /// Whether the word is inside of `CAST(..)`.
    pub(crate) is_cast: bool,
}

/// Whether a text begins like an SQL statement.
pub(crate) fn looks_like_sql(text: &str) -> bool {
    let text = text.trim_start();
    let lower = text.to_lowercase();
    let begins = |(verb, more): &(&str, &str)| {
        text.starts_with(verb) || (lower.starts_with(&verb.to_lowercase()) && lower.contains(more))
    };
    STATEMENTS.iter().any(begins)
}

/// Splits a script into statements, and each statement into words. Comments and string literals are skipped; the body of
/// a function between dollar quotes is not.
pub(crate) fn statements(sql: &str) -> Vec<Vec<Word>> {
    let plain = blank_comments_and_literals(sql);
    let mut statements = vec![Vec::<Word>::new()];
    let (mut line, mut before) = (0, ' ');
    // Whether each open bracket is that of a `CAST`.
    let mut brackets = Vec::new();
    let mut chars = plain.chars().peekable();
    while let Some(letter) = chars.next() {
        if is_word_char(letter) {
            let mut text = String::from(letter);
            while let Some(letter) = chars.next_if(|letter| is_word_char(*letter)) {
                text.push(letter);
            }
            if let Some(words) = statements.last_mut() {
                words.push(Word {
                    text: text.to_lowercase(),
                    line,
                    before,
                    after: ' ',
                    is_cast: brackets.contains(&true),
                });
            }
            before = 'a';
            continue;
        }
        match letter {
            '\n' => line += 1,
            ';' => {
                statements.push(Vec::new());
                brackets.clear();
                before = ' ';
            }
            // Quotes around an identifier are not part of the word.
            '"' | '`' => {}
            sign if !sign.is_whitespace() => {
                if let Some(word) = statements
                    .last_mut()
                    .and_then(|words| words.last_mut())
                    .filter(|_| before == 'a')
                {
                    word.after = sign;
                    if sign == '(' {
                        brackets.push(word.text == "cast");
                    }
                } else if sign == '(' {
                    brackets.push(false);
                }
                if sign == ')' {
                    brackets.pop();
                }
                before = sign;
            }
            _ => {}
        }
    }
    statements.retain(|words| !words.is_empty());
    statements
}

fn is_word_char(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Replaces comments and string literals by spaces. Line breaks are kept.
fn blank_comments_and_literals(sql: &str) -> String {
    let mut plain = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    while let Some(letter) = chars.next() {
        let next = chars.peek().copied();
        let mut skip_to = |is_end: &mut dyn FnMut(char, Option<char>) -> bool| {
            while let Some(skipped) = chars.next() {
                plain.push(if skipped == '\n' { '\n' } else { ' ' });
                if is_end(skipped, chars.peek().copied()) {
                    break;
                }
            }
        };
        match (letter, next) {
            ('-', Some('-')) => skip_to(&mut |_, next| next.is_none_or(|next| next == '\n')),
            ('/', Some('*')) => {
                let mut before = ' ';
                skip_to(&mut |letter, _| {
                    let ends = before == '*' && letter == '/';
                    before = letter;
                    ends
                });
            }
            // A doubled quote ends one literal and starts the next.
            ('\'', _) => skip_to(&mut |letter, _| letter == '\''),
            (letter, _) => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<Vec<String>> {
        let format_words = |words: Vec<Word>| {
            words
                .into_iter()
                .map(|word| format!("{}@{}", word.text, word.line))
                .collect()
        };
        statements(sql).into_iter().map(format_words).collect()
    }

    #[test]
    fn comments_and_literals_are_skipped_and_lines_are_kept() {
        let sql = "-- of parts\nSELECT 'a parts''s' /* parts\n parts */ FROM \"Things\";\nDELETE\nFROM a.b -- end";
        assert_eq!(
            words(sql),
            [
                vec!["select@1", "from@2", "things@2"],
                vec!["delete@3", "from@4", "a@4", "b@4"]
            ]
        );
        let qualified = &statements("SELECT 1 FROM a . \"b\"")[0];
        assert_eq!((qualified[3].after, qualified[4].before), ('.', '.'));
        assert_eq!(words("'open"), [[""; 0]; 0]);
        assert_eq!(words("--"), [[""; 0]; 0]);
    }
}
