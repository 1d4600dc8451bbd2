//! `offshoot sagas`: shows sagas, retries them, and requests undo. Reads the databases that this configuration may
//! open; no process has to run.

mod arguments;
mod text;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use offshoot_contract::{CallContext, Clock as _, SystemClock};
use offshoot_db::Db;
use offshoot_saga::{Filter, OperateError, SagaRow, SagaStatus, StepRow, list, request_undo, retry, show};
use serde::Serialize;

use self::arguments::ListArguments;
pub(super) use self::arguments::SagasCommand;
use self::text::{story, table};
use super::databases::with;
use super::print;
use crate::config::Settings;
use crate::wiring;

/// Chassis migration that creates the tables.
const TABLES: &str = "0007_sagas";

/// A saga with its module.
#[derive(Debug, Serialize)]
struct Listed {
    module: &'static str,
    /// Whether this binary has the saga's definition.
    known: bool,
    #[serde(flatten)]
    saga: SagaRow,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    saga: Listed,
    steps: Vec<StepRow>,
}

/// A request of an operator, with its result.
#[derive(Debug, Serialize)]
struct Asked {
    id: String,
    granted: bool,
    said: String,
}

pub(super) async fn execute(what: &SagasCommand, settings: &Settings, json: bool) -> Result<ExitCode> {
    match what {
        SagasCommand::List(arguments) => {
            let rows = listed(arguments, settings).await?;
            print(&rows, &table(&rows, SystemClock.now()), json)?;
        }
        SagasCommand::Show { id } => {
            let shown = shown(id, settings).await?;
            if shown.is_empty() {
                bail!(
                    "there is no saga {id}, and no saga of that subject; `offshoot sagas list --state done,undone` lists ended sagas"
                );
            }
            print(&shown, story(&shown).trim_end(), json)?;
        }
        SagasCommand::Retry(arguments) => {
            let ids = if arguments.stuck {
                ids_of_stuck(settings).await?
            } else {
                arguments.ids.clone()
            };
            return push(&ids, settings, json, Push::Retry).await;
        }
        SagasCommand::Undo { id } => {
            return push(std::slice::from_ref(id), settings, json, Push::Undo).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn with_definition(module: &'static str, saga: SagaRow) -> Listed {
    let implementations = wiring::implementations().into_iter();
    let sagas = implementations.filter(|implementation| implementation.schema.module == module);
    let known = sagas
        .flat_map(|implementation| implementation.sagas)
        .any(|(kind, version)| (*kind, i64::from(*version)) == (saga.kind.as_str(), saga.version));
    Listed { module, known, saga }
}

async fn listed(arguments: &ListArguments, settings: &Settings) -> Result<Vec<Listed>> {
    let filter = Filter {
        states: if arguments.state.is_empty() {
            SagaStatus::OPEN.to_vec()
        } else {
            arguments.state.clone()
        },
        limit: arguments.limit,
    };
    let mut rows = Vec::new();
    for db in with(TABLES, settings, arguments.module.as_deref()).await? {
        let mut cx = CallContext::root("operator");
        let mut read = db.read(&mut cx).await?;
        let found = list(&mut read, &filter).await?;
        rows.extend(found.into_iter().map(|saga| with_definition(db.module(), saga)));
        drop(read);
        db.close().await;
    }
    Ok(rows)
}

async fn shown(id: &str, settings: &Settings) -> Result<Vec<Shown>> {
    let mut all = Vec::new();
    for db in with(TABLES, settings, None).await? {
        let mut cx = CallContext::root("operator");
        let mut read = db.read(&mut cx).await?;
        for (saga, steps) in show(&mut read, id).await? {
            let saga = with_definition(db.module(), saga);
            all.push(Shown { saga, steps });
        }
        drop(read);
        db.close().await;
    }
    Ok(all)
}

async fn ids_of_stuck(settings: &Settings) -> Result<Vec<String>> {
    let arguments = ListArguments {
        module: None,
        state: vec![SagaStatus::Stuck],
        limit: u32::MAX,
    };
    let stuck = listed(&arguments, settings).await?;
    Ok(stuck.into_iter().map(|row| row.saga.id).collect())
}

#[derive(Debug, Clone, Copy)]
enum Push {
    Retry,
    Undo,
}

async fn push(ids: &[String], settings: &Settings, json: bool, how: Push) -> Result<ExitCode> {
    let databases = with(TABLES, settings, None).await?;
    let mut answers = Vec::with_capacity(ids.len());
    for id in ids {
        answers.push(ask(&databases, id, how).await?);
    }
    for db in databases {
        db.close().await;
    }
    let mut text = if answers.is_empty() {
        "No saga is stuck.\n".to_owned()
    } else {
        String::new()
    };
    for Asked { granted, said, .. } in &answers {
        if *granted || json {
            let _ = writeln!(text, "{said}");
        } else {
            eprintln!("error: {said}");
        }
    }
    let refused = answers.iter().any(|answer| !answer.granted);
    if json || !text.is_empty() {
        print(&answers, text.trim_end(), json)?;
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The first module that has the saga.
async fn ask(databases: &[Db], id: &str, how: Push) -> Result<Asked> {
    let now = SystemClock.now();
    for db in databases {
        let mut cx = CallContext::root("operator");
        let mut tx = db.begin(&mut cx).await?;
        let result = match how {
            Push::Retry => retry(&mut tx, id, now).await,
            Push::Undo => request_undo(&mut tx, id, now).await,
        };
        let (granted, said) = match result {
            Ok(()) => {
                tx.commit_part().await?;
                let said = match how {
                    Push::Retry => format!("{id} is due now"),
                    Push::Undo => format!("{id} will be undone"),
                };
                (true, said)
            }
            Err(OperateError::Unknown { .. }) => continue,
            Err(OperateError::Call(failure)) => return Err(failure.into()),
            Err(refused) => (false, refused.to_string()),
        };
        let id = id.to_owned();
        return Ok(Asked { id, granted, said });
    }
    let said = format!("there is no saga {id}; `offshoot sagas list` lists open sagas");
    Ok(Asked {
        id: id.to_owned(),
        granted: false,
        said,
    })
}
