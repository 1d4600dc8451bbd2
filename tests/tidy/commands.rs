//! Documents name only commands that exist, and none is explained in two places. The help of each command explains the
//! command; tests of the application hold that.

use std::collections::{BTreeMap, BTreeSet};

use offshoot_tests::run_offshoot;

use super::documents::{code_spans, documents};
use super::entries::entries;
use super::readme::commands as shell_lines;
use crate::sources::{File, assert_no_violations, assert_violations, files};

const PROGRAM: &str = "offshoot ";

/// All commands of the binary, also groups of commands: `events`, `events retry`.
async fn known_commands() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut groups = vec![String::new()];
    while let Some(group) = groups.pop() {
        let mut arguments: Vec<_> = group.split_whitespace().collect();
        arguments.push("-h");
        let help = run_offshoot(&arguments).await.expect_success().stdout;
        for name in subcommands(&help) {
            let path = format!("{group} {name}").trim_start().to_owned();
            groups.push(path.clone());
            known.insert(path);
        }
    }
    known
}

/// The names below `Commands:` in a help text.
fn subcommands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").collect()
}

/// The command that a text calls, such as `events retry` for `offshoot events retry NAME`. An error if the command does
/// not exist, and `None` if the text does not call `offshoot` with a command.
fn called(text: &str, known: &BTreeSet<String>) -> Option<Result<String, String>> {
    let mut starts = text.match_indices(PROGRAM).map(|(start, _)| start);
    let begins_a_word = |start: usize| {
        let before = text[..start].chars().next_back();
        before.is_none_or(|before| "/ (".contains(before))
    };
    let start = starts.find(|start| begins_a_word(*start))?;
    let words = text[start + PROGRAM.len()..].split_whitespace();
    let words = words.map(|word| word.trim_matches([')', '"', '\'']));
    let is_letter = |letter: char| letter.is_ascii_lowercase();
    let is_name = |word: &&str| word.starts_with(is_letter) && word.chars().all(|each| is_letter(each) || each == '-');
    let mut path = String::new();
    for word in words.take_while(is_name) {
        let next = format!("{path} {word}").trim_start().to_owned();
        let group = format!("{path} ");
        let is_group = path.is_empty() || known.iter().any(|command| command.starts_with(&group));
        match (known.contains(&next), is_group) {
            (true, _) => path = next,
            (false, true) => return Some(Err(next)),
            // The word is an argument.
            (false, false) => break,
        }
    }
    (!path.is_empty()).then_some(Ok(path))
}

fn command_violations(files: &[File], known: &BTreeSet<String>) -> Vec<String> {
    let mut violations = Vec::new();
    for document in documents(files) {
        let spans = code_spans(&document.text).into_iter().map(str::to_owned);
        for text in spans.chain(shell_lines(&document.text)) {
            if let Some(Err(command)) = called(&text, known) {
                violations.push(format!(
                    "{} names offshoot {command}, which does not exist",
                    document.path
                ));
            }
        }
    }
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in entries(files) {
        if let Some(Ok(command)) = called(entry.name, known) {
            places.entry(command).or_default().push(entry.place);
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    violations.extend(
        twice.map(|(command, places)| format!("offshoot {command} is explained more than once: {}", places.join(", "))),
    );
    violations
}

#[tokio::test]
async fn the_documents_name_only_commands_that_exist() {
    let known = known_commands().await;
    assert!(known.contains("serve") && known.contains("events retry"), "{known:?}");
    assert_no_violations(&command_violations(&files(), &known));
}

#[test]
fn an_unknown_and_a_twice_explained_command_are_reported() {
    let help = "A store.\n\nUsage: offshoot\n\nCommands:\n  serve   Run the store\n  events  Show\n          more\n  help    Print\n\n\
        Options:\n  -h  Print help\n";
    assert_eq!(subcommands(help), ["serve", "events"]);
    let known = ["serve", "events", "events retry", "token", "token operator"].map(str::to_owned);
    let project = [
        File::new(
            "README.md",
            "`offshoot events retry NAME --all`, `offshoot serve now`, `offshoot --json serve`, `offshoot events NAME`,\n\
             `offshoot event`, `target/debug/offshoot events rety`, `offshoot-trace-id`, `offshoot_calls`, `my-offshoot x`\n\
             ```sh\ncurl -H \"$(offshoot token operator)\" http://localhost\nPASS=a offshoot token user\n```\n\
             - `offshoot serve`: serves\n",
        ),
        File::new(
            "RUNBOOK.md",
            "| `offshoot serve --only NAME` | serves |\n| `offshoot events retry` | retries |\n",
        ),
    ];
    let expected = [
        "README.md names offshoot event,",
        "README.md names offshoot events rety,",
        "README.md names offshoot token user,",
        "offshoot serve is explained more than once: README.md:7, RUNBOOK.md:1",
    ];
    assert_violations(&command_violations(&project, &known.into()), &expected);
}
