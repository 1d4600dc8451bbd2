//! Postgres server of one test, on a loopback address of its own, with settings of the test. The test starts and stops the
//! server, which ends with the value.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::postgres::{find_programs, shell};

/// Shell script that creates a server and executes the commands `start` and `stop` from standard input until the input ends.
/// Prints a line after each.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
umask 077
dir=$(mktemp -d "${TMPDIR:-/tmp}/offshoot-pg.XXXXXX") || exit 1
data="$dir/data"
"$1/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1
printf '%s' "$SERVER_CERTIFICATE" >"$data/server.crt"
printf '%s' "$SERVER_KEY" >"$data/server.key"
printf '%s' "$CLIENT_AUTHORITY" >"$data/root.crt"
printf '%s\n' "$ACCESS" >"$data/pg_hba.conf"
echo created
while read -r command
do
    case $command in
    start) "$1/pg_ctl" -D "$data" -l "$dir/log" -w -o "-k $dir -p $3 -c listen_addresses=$2 -c fsync=off $4" start >>"$dir/log" 2>&1 ;;
    stop) "$1/pg_ctl" -D "$data" -m fast -w stop >>"$dir/log" 2>&1 ;;
    esac && echo done || tr '\n' ' ' <"$dir/log"
done
"$1/pg_ctl" -D "$data" -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
"#;

/// Settings of a server.
#[derive(Debug, Default)]
pub struct ServerSettings {
    /// Certificate and key of the server, PEM; `None`: no TLS.
    pub certificate: Option<(String, String)>,
    /// Authority of client certificates, PEM.
    pub client_authority: Option<String>,
    /// The lines of `pg_hba.conf`.
    pub access: String,
}

/// A server that a test starts and stops.
#[derive(Debug)]
pub struct TlsServer {
    /// The only address of the server.
    pub address: Ipv4Addr,
    /// Port.
    pub port: u16,
    shell: Child,
    /// Taken at the end, which ends the script.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl TlsServer {
    /// A loopback address that no other process uses for tests: made from the id of this process.
    #[must_use]
    pub fn own_address() -> Ipv4Addr {
        let [_, a, b, c] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, a | 0x80, b, c)
    }

    /// Creates a server that is not started yet; `None` without a Postgres installation.
    #[must_use]
    pub fn create(settings: &ServerSettings) -> Option<Self> {
        static PORT: AtomicU16 = AtomicU16::new(5432);
        let programs = find_programs()?;
        let (address, port) = (Self::own_address(), PORT.fetch_add(1, Ordering::Relaxed));
        let mut options = String::new();
        if settings.certificate.is_some() {
            options += "-c ssl=on";
        }
        if settings.client_authority.is_some() {
            options += " -c ssl_ca_file=root.crt";
        }
        let (certificate, key) = settings.certificate.clone().unwrap_or_default();
        let mut command = shell(SCRIPT, &programs);
        command
            .args([&address.to_string(), &port.to_string(), &options])
            .env("SERVER_CERTIFICATE", certificate)
            .env("SERVER_KEY", key)
            .env(
                "CLIENT_AUTHORITY",
                settings.client_authority.as_deref().unwrap_or_default(),
            )
            .env("ACCESS", &settings.access);
        let mut shell = command.spawn().expect("`sh`, or `runuser` as root, can be started");
        let answers = shell.stdout.take().expect("standard output is piped");
        let mut server = Self {
            address,
            port,
            commands: shell.stdin.take(),
            answers: BufReader::new(answers),
            shell,
        };
        assert_eq!(server.next_answer(), "created");
        Some(server)
    }

    /// Starts the server, and returns once it accepts connections.
    pub fn start(&mut self) {
        self.execute("start");
    }

    /// Stops the server as an administrator does for a restart.
    pub fn stop(&mut self) {
        self.execute("stop");
    }

    /// URL of the superuser with this host name or address and these parameters.
    #[must_use]
    pub fn url(&self, host: &str, parameters: &str) -> String {
        format!("postgres://postgres@{host}:{}/postgres?{parameters}", self.port)
    }

    fn execute(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("the script runs");
        writeln!(commands, "{command}").expect("the script reads commands");
        assert_eq!(self.next_answer(), "done", "{command}");
    }

    fn next_answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the script prints text");
        answer.trim_end().to_owned()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.commands = None;
        // The script ends by itself; its success changes nothing.
        let _ = self.shell.wait();
    }
}
