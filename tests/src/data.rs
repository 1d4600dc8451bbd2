//! The data shared by the processes of one store: a data directory and, on Postgres, a database.

use std::path::{Path, PathBuf};

use offshoot_db::Engine;
use offshoot_testkit::postgres;
use tempfile::TempDir;

use crate::process::{CommandOutput, Process, command, wait_for_command};

/// A store's data directory and database, both deleted on drop.
#[derive(Debug)]
pub struct Data {
    folder: TempDir,
    database: Option<String>,
    _created: Option<postgres::TestDatabase>,
    /// Extra environment variables of every process and command.
    environment: Vec<(String, String)>,
}

impl Data {
    /// Creates empty data on `engine`. A Postgres database is migrated here; SQLite files are migrated when a process
    /// starts.
    pub async fn new(engine: Engine) -> Self {
        let created = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(create_database().await),
        };
        let data = Self {
            folder: tempfile::tempdir().expect("a temporary folder is created"),
            database: created.as_ref().map(|database| database.url().to_owned()),
            _created: created,
            environment: Vec::new(),
        };
        if engine == Engine::Postgres {
            data.run_command(&["db", "migrate"]).await.expect_success();
        }
        data
    }

    /// The token of the operator `local`, from the `operators` file that the first start creates.
    #[must_use]
    pub fn operator_token(&self) -> String {
        let file = std::fs::read_to_string(self.folder().join("operators"))
            .expect("the first start created the operators file");
        let (_, token) = file.trim().split_once(' ').expect("a line holds a name and a token");
        token.to_owned()
    }

    /// The data directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database URL; `None` on SQLite.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Starts `offshoot serve` on this data, on a free port unless `arguments` contain `--listen`.
    pub async fn serve(&self, arguments: &[&str]) -> Process {
        self.serve_with(&[], arguments).await
    }

    /// Like [`serve`](Self::serve), with extra environment variables.
    pub async fn serve_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Process {
        let own = self
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<_> = own.chain(environment.iter().copied()).collect();
        Process::start_with(
            &environment,
            &self.with_data(&serve_arguments(arguments)),
            self.log_path(),
        )
        .await
    }

    /// Like [`serve`](Self::serve), but the operating system refuses to let any file grow beyond `bytes`. The process
    /// sees a full disk.
    pub async fn serve_with_file_limit(&self, bytes: u64, arguments: &[&str]) -> Process {
        Process::start_with_file_limit(bytes, &self.with_data(&serve_arguments(arguments)), self.log_path()).await
    }

    /// Like [`serve_with`](Self::serve_with), after the shell has set `limits`, such as `ulimit -n 100`.
    pub async fn serve_under(&self, limits: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Process {
        let arguments = serve_arguments(arguments);
        Process::start_under(limits, environment, &self.with_data(&arguments), self.log_path()).await
    }

    /// Replaces the database URL, for example by the URL of a proxy.
    #[must_use]
    pub fn with_database(self, database: String) -> Self {
        let database = Some(database);
        Self { database, ..self }
    }

    /// Adds an environment variable for every process and command.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The log of all processes on this data so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("process.log")
    }

    /// Runs a command on this data until the command exits.
    pub async fn run_command(&self, arguments: &[&str]) -> CommandOutput {
        wait_for_command(self.command(arguments), arguments).await
    }

    /// Prepares a command on this data without starting the command.
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
            self.folder().to_str().expect("temporary folders have UTF-8 names"),
        ]);
        all.extend(self.database.iter().flat_map(|url| ["--database", url]));
        all
    }
}

fn serve_arguments<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["serve", "--sample", "no"];
    if !arguments.contains(&"--listen") {
        all.extend(["--listen", "127.0.0.1:0"]);
    }
    all.extend(arguments);
    all
}

/// Creates an empty database on the test process's Postgres server.
pub async fn create_database() -> postgres::TestDatabase {
    let server = postgres::server().expect("the caller has checked that Postgres is available");
    server.create_database("template1").await
}
