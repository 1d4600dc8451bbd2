//! Every command's help teaches: an example that parses, and the command to look at next.

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, Parser as _};

use super::Arguments;

/// Each command with its path: `["events", "status"]`.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut all = vec![(Vec::new(), Arguments::command())];
    let mut next = 0;
    while let Some((path, command)) = all.get(next).cloned() {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = [&path[..], &[sub.get_name().to_owned()]].concat();
            all.push((path, sub.clone()));
        }
        next += 1;
    }
    all
}

fn after_help(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// The indented lines under `Example:` or `Examples:`.
fn examples(help: &str) -> Vec<&str> {
    let lines = help
        .lines()
        .skip_while(|line| !["Example:", "Examples:"].contains(line))
        .skip(1);
    lines.map_while(|line| line.strip_prefix("  ")).collect()
}

/// The words of `offshoot` and its arguments in a line of shell.
fn offshoot_words(line: &str) -> Vec<String> {
    let start = line.find("offshoot ").or_else(|| line.find("offshoot"));
    let start = start.unwrap_or_else(|| panic!("`{line}` does not call offshoot"));
    let call = line[start..].split([')', '>', '|']).next().unwrap_or_default();
    call.split_whitespace()
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

/// The texts between backticks that begin with `offshoot `.
fn named_commands(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with("offshoot ")).collect()
}

/// The path of the command that `words` call.
fn path_of(words: &[String]) -> Vec<String> {
    let root = Arguments::command();
    let mut matches = &root
        .try_get_matches_from(words)
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let mut path = Vec::new();
    while let Some((name, below)) = matches.subcommand() {
        path.push(name.to_owned());
        matches = below;
    }
    path
}

#[test]
fn every_command_has_an_example_that_calls_it() {
    for (path, command) in commands() {
        let help = after_help(&command);
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{path:?} has no example");
        for example in examples {
            let called = path_of(&offshoot_words(example));
            assert!(called.starts_with(&path), "the help of {path:?} has `{example}`");
        }
    }
}

#[test]
fn every_help_names_the_next_command_and_only_commands_that_exist() {
    for (path, command) in commands() {
        let help = after_help(&command);
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty(), "{path:?} does not say what the command does");
        assert!(help.contains("\nNext: "), "the help of {path:?} has no line `Next: `");
        for named in named_commands(&help).into_iter().chain(named_commands(&about)) {
            let parsed = Arguments::try_parse_from(offshoot_words(named));
            // A text may name a group of commands, or a command without its arguments.
            let exists = |kind| {
                let incomplete = [
                    ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                    ErrorKind::MissingRequiredArgument,
                ];
                incomplete.contains(&kind)
            };
            assert!(
                parsed.as_ref().map_or_else(|error| exists(error.kind()), |_| true),
                "the help of {path:?} names `{named}`: {parsed:?}"
            );
        }
    }
}

#[test]
fn help_fits_a_terminal() {
    for (path, command) in commands() {
        for line in after_help(&command).lines() {
            assert!(line.chars().count() <= 120, "{path:?}: {line}");
        }
    }
}
