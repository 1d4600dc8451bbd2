//! What the README tells people to type is what CI runs: every line of its `sh` blocks stands in a file below `.ci/`.

use crate::sources::{File, catches, files, keeps};

/// The commands of a document: lines of `sh` blocks, without prompts, comments and blanks.
fn commands(text: &str) -> Vec<String> {
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

fn not_run(files: &[File]) -> Vec<String> {
    let scripts = files
        .iter()
        .filter(|file| file.path.starts_with(".ci/"))
        .flat_map(|file| file.text.lines());
    // A script may wait for a command that a person would leave in its terminal.
    let run: Vec<_> = scripts.map(|line| line.trim().trim_end_matches(" &")).collect();
    let readme = files.iter().filter(|file| file.path == "README.md");
    let commands = readme.flat_map(|file| commands(&file.text));
    let missing = commands.filter(|command| !run.contains(&command.as_str()));
    missing
        .map(|command| format!("CI does not run `{command}`: add it to .ci/quickstart"))
        .collect()
}

#[test]
fn ci_runs_the_commands_of_the_readme() {
    keeps(&not_run(&files()));
}

#[test]
fn a_command_that_ci_does_not_run_is_found() {
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
    catches(&not_run(&planted), &["`cargo bench`"]);
}
