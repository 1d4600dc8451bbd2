//! A Postgres server for one test alone, which the test may stop, fill, copy and promote. Removed when the value is dropped,
//! and when the test process ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use crate::postgres;

/// Shell script around a server. Executes each line of standard input, and answers each with a line; the server stops when
/// standard input ends. The data directory of a server is the folder of its socket too.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
bin=$1 connections=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/offshoot-pg.XXXXXX") || exit 1
start() {
    "$bin/pg_ctl" -D "$dir/$1" -l "$dir/log" -w -o "-k $dir/$1 -c listen_addresses= -c fsync=off -c full_page_writes=off \
        -c max_connections=$connections -c max_wal_senders=2 -c min_wal_size=32MB -c max_wal_size=128MB" start
}
stop() { "$bin/pg_ctl" -D "$dir/$1" -m "$2" -w stop; }
copy() {
    stop primary fast && cp -a "$dir/primary" "$dir/standby" && touch "$dir/standby/standby.signal" &&
        echo "primary_conninfo = 'host=$dir/primary user=postgres'" >>"$dir/standby/postgresql.auto.conf" &&
        start primary && start standby
}
promote() { "$bin/pg_ctl" -D "$dir/standby" -w promote; }
if "$bin/initdb" -D "$dir/primary" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
   start primary >>"$dir/log" 2>&1
then
    echo "$dir"
    while read -r command; do
        if $command >>"$dir/log" 2>&1; then echo done; else tail -n 20 "$dir/log" | tr '\n' '|'; echo; fi
    done
else
    cat "$dir/log" >&2
fi
stop primary immediate >/dev/null 2>&1
stop standby immediate >/dev/null 2>&1
rm -rf "$dir"
"#;

/// A Postgres server for one test.
#[derive(Debug)]
pub struct PrivateServer {
    folder: String,
    shell: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl PrivateServer {
    /// Starts a server that allows so many connections, three of them for superusers only. `None` without a Postgres
    /// installation: a required one that is missing is an error.
    #[must_use]
    pub fn start(connections: u32) -> Option<Self> {
        // Reports a missing installation.
        postgres::server()?;
        let programs = postgres::find_programs()?;
        let mut command = postgres::shell(SCRIPT, &programs);
        let mut shell = command
            .arg(connections.to_string())
            .spawn()
            .expect("the shell of the server starts");
        let commands = shell.stdin.take();
        let mut answers = BufReader::new(shell.stdout.take().expect("standard output is piped"));
        let mut folder = String::new();
        answers.read_line(&mut folder).expect("the shell output is text");
        assert!(!folder.is_empty(), "a private Postgres does not start");
        Some(Self {
            folder: folder.trim_end().to_owned(),
            shell,
            commands,
            answers,
        })
    }

    /// URL of a database of the server, with a superuser login.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// URL of a database of the server, with another login.
    #[must_use]
    pub fn url_as(&self, login: &str, database: &str) -> String {
        format!("postgres://{login}@localhost/{database}?host={}/primary", self.folder)
    }

    /// URL of a database of the standby.
    #[must_use]
    pub fn standby_url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}/standby", self.folder)
    }

    /// Stops the server as an administrator does: open connections end with an error.
    pub fn stop(&mut self) {
        self.execute("stop primary fast");
    }

    /// Stops the server without a farewell to anybody.
    pub fn kill(&mut self) {
        self.execute("stop primary immediate");
    }

    /// Starts the stopped server, and waits until the server accepts connections.
    pub fn start_again(&mut self) {
        self.execute("start primary");
    }

    /// Restarts the server, and starts a standby that follows the server.
    pub fn start_standby(&mut self) {
        self.execute("copy");
    }

    /// Makes the standby the primary.
    pub fn promote_standby(&mut self) {
        self.execute("promote");
    }

    fn execute(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("open until the value is dropped");
        writeln!(commands, "{command}").expect("the shell reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the shell output is text");
        assert_eq!(answer.trim_end(), "done", "`{command}` failed");
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        drop(self.commands.take());
        // The shell stops the server; without the shell there is none.
        let _ = self.shell.wait();
    }
}
