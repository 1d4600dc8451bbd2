//! CI runs every command of the README: each line of an `sh` block stands in a file below `.ci/`.

use crate::sources::{File, assert_no_violations, assert_violations, files};

/// The commands of a document: lines of `sh` blocks, without prompts, comments and blank lines.
pub(super) fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut in_shell = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_shell = line.trim_end() == "```sh";
            continue;
        }
        let command = line
            .trim()
            .trim_start_matches("$ ")
            .split(" # ")
            .next()
            .unwrap_or_default()
            .trim_end();
        if in_shell && !command.is_empty() && !command.starts_with('#') {
            commands.push(command.to_owned());
        }
    }
    commands
}

fn commands_missing_in_ci(files: &[File]) -> Vec<String> {
    let scripts = files
        .iter()
        .filter(|file| file.path.starts_with(".ci/"))
        .flat_map(|file| file.text.lines());
    // A script may run in the background a command that a person leaves running in a terminal.
    let run: Vec<_> = scripts.map(|line| line.trim().trim_end_matches(" &")).collect();
    let readme = files.iter().filter(|file| file.path == "README.md");
    let commands = readme.flat_map(|file| commands(&file.text));
    let missing = commands.filter(|command| !run.contains(&command.as_str()));
    missing
        .map(|command| format!("CI does not run `{command}`: add it to .ci/quickstart"))
        .collect()
}

#[test]
fn ci_runs_every_command_of_the_readme() {
    assert_no_violations(&commands_missing_in_ci(&files()));
}

#[test]
fn a_command_missing_in_ci_is_reported() {
    let planted = [
        File::new(
            "README.md",
            "```sh\n$ cargo run # the store\n# then\ncargo test --workspace\n\ncargo bench\n```\n```json\n{}\n```\n",
        ),
        File::new(
            ".ci/run",
            "cargo run &\nstage test cargo test\ncargo test --workspace\n",
        ),
    ];
    assert_violations(&commands_missing_in_ci(&planted), &["`cargo bench`"]);
}
