//! What the processes of one store share: a data directory and, on Postgres, a database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use offshoot_db::Engine;
use offshoot_testkit::postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::process::{Finished, Process, command, run_command};

/// A new store's data. Thrown away when it is dropped.
#[derive(Debug)]
pub struct Data {
    folder: TempDir,
    database: Option<String>,
    /// What else every process and command is told.
    environment: Vec<(String, String)>,
}

impl Data {
    /// Empty data on `engine`, migrated where that is not done by starting.
    pub async fn new(engine: Engine) -> Self {
        let data = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            database: match engine {
                Engine::Sqlite => None,
                Engine::Postgres => Some(new_database().await),
            },
            environment: Vec::new(),
        };
        if engine == Engine::Postgres {
            data.run(&["db", "migrate"]).await.expect_success();
        }
        data
    }

    /// The token of the operator `local`, from the file that a store makes.
    #[must_use]
    pub fn operator_token(&self) -> String {
        let file = std::fs::read_to_string(self.folder().join("operators")).expect("a store makes it");
        let (_, token) = file.trim().split_once(' ').expect("a name and a token");
        token.to_owned()
    }

    /// The data directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database, on Postgres.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Starts a process on this data, at a free port unless `arguments` say where.
    pub async fn serve(&self, arguments: &[&str]) -> Process {
        self.serve_with(&[], arguments).await
    }

    /// The same with an environment.
    pub async fn serve_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Process {
        let own = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<_> = own.chain(environment.iter().copied()).collect();
        Process::start_with(&environment, &self.with_data(&serving(arguments)), self.log()).await
    }

    /// Starts a process to which the disk is full where a file has so many bytes.
    pub async fn serve_on_a_small_disk(&self, bytes: u64, arguments: &[&str]) -> Process {
        Process::start_on_a_small_disk(bytes, &self.with_data(&serving(arguments)), self.log()).await
    }

    /// The same data, with another way to its database.
    #[must_use]
    pub fn through(self, database: String) -> Self {
        let database = Some(database);
        Self { database, ..self }
    }

    /// The same data, with something that every process is told in its environment.
    #[must_use]
    pub fn told(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the processes on this data have logged.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder().join("process.log")
    }

    /// Runs a command on this data to its end.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        run_command(self.command(arguments), arguments).await
    }

    /// A command on this data that has not been started.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = command(&self.with_data(arguments));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn with_data<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = arguments.to_vec();
        all.extend([
            "--data-dir",
            self.folder().to_str().expect("temporary folders have plain names"),
        ]);
        all.extend(self.database.iter().flat_map(|url| ["--database", url]));
        all
    }
}

fn serving<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["serve", "--sample", "no"];
    if !arguments.contains(&"--listen") {
        all.extend(["--listen", "127.0.0.1:0"]);
    }
    all.extend(arguments);
    all
}

/// Makes an empty database on the server of this process and gives its URL.
pub async fn new_database() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let server = postgres::server().expect("whoever asks for Postgres has seen that it is there");
    let name = format!(
        "store_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the server answers");
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create)
        .execute(&mut connection)
        .await
        .expect("a test may make databases");
    connection.close().await.expect("the server answers");
    server.url(&name)
}
