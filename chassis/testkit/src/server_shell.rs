//! A shell script around a Postgres server of one test. The script executes each line of standard input, answers each with a
//! line, and removes the server when standard input ends: when the value is dropped, and when the test process ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command};

use crate::postgres;

/// A running script.
#[derive(Debug)]
pub(crate) struct ServerShell {
    shell: Child,
    /// Taken at the end, which ends the script.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl ServerShell {
    /// Starts a script, whose first argument is the folder of the server's programs. `prepare` adds arguments and variables.
    /// `None` without a Postgres installation: a required one that is missing is an error.
    pub(crate) fn start(script: &str, prepare: impl FnOnce(&mut Command)) -> Option<Self> {
        // Reports a missing installation.
        postgres::server()?;
        let mut command = postgres::shell(script, &postgres::find_programs()?);
        prepare(&mut command);
        let mut shell = command.spawn().expect("the shell of the server starts");
        Some(Self {
            commands: shell.stdin.take(),
            answers: BufReader::new(shell.stdout.take().expect("standard output is piped")),
            shell,
        })
    }

    /// Executes a command, and waits for its end.
    pub(crate) fn execute(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("open until the value is dropped");
        writeln!(commands, "{command}").expect("the shell reads");
        assert_eq!(self.next_answer(), "done", "`{command}` failed");
    }

    /// The next line of the script; empty if the script has ended.
    pub(crate) fn next_answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the shell output is text");
        answer.trim_end().to_owned()
    }
}

impl Drop for ServerShell {
    fn drop(&mut self) {
        drop(self.commands.take());
        // The shell stops the server; without the shell there is none.
        let _ = self.shell.wait();
    }
}
