//! Postgres server of one test, on a loopback address of its own, with settings of the test. The test starts and stops the
//! server, which ends with the value.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::server_shell::ServerShell;

/// Shell script that creates a server and executes the commands `start` and `stop`.
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
    esac && echo done || { tr '\n' ' ' <"$dir/log"; echo; }
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
    shell: ServerShell,
}

impl TlsServer {
    /// A loopback address that no other process uses for tests: made from the id of this process.
    #[must_use]
    pub fn own_address() -> Ipv4Addr {
        let [_, a, b, c] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, a | 0x80, b, c)
    }

    /// Creates a server that is not started yet; `None` without a Postgres installation: a required one that is missing is an
    /// error.
    #[must_use]
    pub fn create(settings: &ServerSettings) -> Option<Self> {
        static PORT: AtomicU16 = AtomicU16::new(5432);
        let (address, port) = (Self::own_address(), PORT.fetch_add(1, Ordering::Relaxed));
        let mut options = String::new();
        if settings.certificate.is_some() {
            options += "-c ssl=on";
        }
        if settings.client_authority.is_some() {
            options += " -c ssl_ca_file=root.crt";
        }
        let (certificate, key) = settings.certificate.clone().unwrap_or_default();
        let mut shell = ServerShell::start(SCRIPT, |command| {
            command
                .args([&address.to_string(), &port.to_string(), &options])
                .env("SERVER_CERTIFICATE", certificate)
                .env("SERVER_KEY", key)
                .env(
                    "CLIENT_AUTHORITY",
                    settings.client_authority.as_deref().unwrap_or_default(),
                )
                .env("ACCESS", &settings.access);
        })?;
        assert_eq!(shell.next_answer(), "created");
        Some(Self { address, port, shell })
    }

    /// Starts the server, and returns once it accepts connections.
    pub fn start(&mut self) {
        self.shell.execute("start");
    }

    /// Stops the server as an administrator does for a restart.
    pub fn stop(&mut self) {
        self.shell.execute("stop");
    }

    /// URL of the superuser with this host name or address and these parameters.
    #[must_use]
    pub fn url(&self, host: &str, parameters: &str) -> String {
        format!("postgres://postgres@{host}:{}/postgres?{parameters}", self.port)
    }
}
