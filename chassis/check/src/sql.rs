//! SQL as words with their lines. No parser: what a statement names is enough, and every dialect has it.

/// How statements begin, and what follows in one that is not written in capitals, so that prose is not taken for SQL.
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
    /// In lower case, without quotes.
    pub(crate) text: String,
    /// Counted from zero, from the text's beginning.
    pub(crate) line: usize,
    /// What stands before it, without spaces.
    pub(crate) before: char,
    /// What stands behind it, without spaces.
    pub(crate) after: char,
}

pub(crate) fn looks_like_sql(text: &str) -> bool {
    let text = text.trim_start();
    let lower = text.to_lowercase();
    let begins = |(verb, more): &(&str, &str)| {
        text.starts_with(verb) || (lower.starts_with(&verb.to_lowercase()) && lower.contains(more))
    };
    STATEMENTS.iter().any(begins)
}

/// The statements of a script, each as its words. Comments and texts are none; the body of a function counts, even where
/// it stands between dollars.
pub(crate) fn statements(sql: &str) -> Vec<Vec<Word>> {
    let plain = without_comments_and_texts(sql);
    let mut statements = vec![Vec::<Word>::new()];
    let (mut line, mut before) = (0, ' ');
    let mut letters = plain.chars().peekable();
    while let Some(letter) = letters.next() {
        if is_of_a_word(letter) {
            let mut text = String::from(letter);
            while let Some(letter) = letters.next_if(|letter| is_of_a_word(*letter)) {
                text.push(letter);
            }
            if let Some(words) = statements.last_mut() {
                words.push(Word {
                    text: text.to_lowercase(),
                    line,
                    before,
                    after: ' ',
                });
            }
            before = 'a';
            continue;
        }
        match letter {
            '\n' => line += 1,
            ';' => {
                statements.push(Vec::new());
                before = ' ';
            }
            // Quotes of a name are no part of it.
            '"' | '`' => {}
            sign if !sign.is_whitespace() => {
                if let Some(word) = statements
                    .last_mut()
                    .and_then(|words| words.last_mut())
                    .filter(|_| before == 'a')
                {
                    word.after = sign;
                }
                before = sign;
            }
            _ => {}
        }
    }
    statements.retain(|words| !words.is_empty());
    statements
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The same text, of the same lines, with spaces in the place of comments and texts.
fn without_comments_and_texts(sql: &str) -> String {
    let mut plain = String::with_capacity(sql.len());
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let mut skip_to = |is_end: &mut dyn FnMut(char, Option<char>) -> bool| {
            while let Some(skipped) = letters.next() {
                plain.push(if skipped == '\n' { '\n' } else { ' ' });
                if is_end(skipped, letters.peek().copied()) {
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
            // A doubled quote ends one text and begins the next.
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
        let of = |words: Vec<Word>| {
            words
                .into_iter()
                .map(|word| format!("{}@{}", word.text, word.line))
                .collect()
        };
        statements(sql).into_iter().map(of).collect()
    }

    #[test]
    fn comments_and_texts_are_no_words_and_lines_are_kept() {
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
