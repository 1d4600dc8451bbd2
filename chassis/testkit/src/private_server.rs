//! A Postgres server for one test alone, which the test may stop, fill, copy and promote. Removed when the value is dropped,
//! and when the test process ends.

use crate::server_shell::ServerShell;

/// Shell script around a server and its standby. The data directory of a server is the folder of its socket too.
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
    shell: ServerShell,
}

impl PrivateServer {
    /// Starts a server that allows so many connections, three of them for superusers only. `None` without a Postgres
    /// installation: a required one that is missing is an error.
    #[must_use]
    pub fn start(connections: u32) -> Option<Self> {
        let mut shell = ServerShell::start(SCRIPT, |command| {
            command.arg(connections.to_string());
        })?;
        let folder = shell.next_answer();
        assert!(!folder.is_empty(), "a private Postgres does not start");
        Some(Self { folder, shell })
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
        self.shell.execute("stop primary fast");
    }

    /// Stops the server without a farewell to anybody.
    pub fn kill(&mut self) {
        self.shell.execute("stop primary immediate");
    }

    /// Starts the stopped server, and waits until the server accepts connections.
    pub fn start_again(&mut self) {
        self.shell.execute("start primary");
    }

    /// Restarts the server, and starts a standby that follows the server.
    pub fn start_standby(&mut self) {
        self.shell.execute("copy");
    }

    /// Makes the standby the primary.
    pub fn promote_standby(&mut self) {
        self.shell.execute("promote");
    }
}
