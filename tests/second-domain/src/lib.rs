//! A domain that is no shop: weather stations report readings. One contract, one table, one implementation.
//!
//! What a team writes for a module of its own beside an axum application that it already has.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Clock, ContractError, Timestamp, contract};
use offshoot_db::{Db, Migration, ModuleSchema, sql};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the stations report.
#[contract(name = "readings", version = "1.0")]
#[async_trait]
pub trait ReadingsApi: Send + Sync + 'static {
    /// Adds a reading of now. Fails with `Implausible`.
    #[post("/stations/{station}/readings")]
    async fn report(&self, cx: &mut CallContext, station: String, celsius: i32) -> Result<Reading, ReadingsError>;

    /// The newest reading of a station. Fails with `Silent`.
    #[get("/stations/{station}/readings/latest")]
    async fn latest(&self, cx: &mut CallContext, station: String) -> Result<Reading, ReadingsError>;
}

/// One temperature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Degrees Celsius.
    pub celsius: i32,
    /// When it was reported.
    pub at: Timestamp,
}

/// What is answered instead of a reading.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ReadingsError {
    /// Outside of what the earth has seen.
    #[error("{celsius} degrees are not between -90 and 60")]
    #[problem(status = 422, code = "implausible")]
    Implausible {
        /// As it was reported.
        celsius: i32,
    },
    /// The station has not reported yet.
    #[error("{station} has not reported")]
    #[problem(status = 404, code = "silent")]
    Silent {
        /// As it was asked for.
        station: String,
    },
    /// Not the module's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// The module's data.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "readings",
    migrations: &[Migration {
        version: 1,
        name: "0001_readings",
        sqlite: include_str!("../migrations/0001_readings.sqlite.sql"),
        postgres: include_str!("../migrations/0001_readings.postgres.sql"),
    }],
    tables: "[tables.readings]\nkind = \"owned\"\n",
};

/// The implementation.
pub struct Readings {
    /// Its data.
    pub db: Db,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl ReadingsApi for Readings {
    async fn report(&self, cx: &mut CallContext, station: String, celsius: i32) -> Result<Reading, ReadingsError> {
        if !(-90..=60).contains(&celsius) {
            return Err(ReadingsError::Implausible { celsius });
        }
        let at = self.clock.now();
        let insert = sql!("INSERT INTO readings (station, celsius, at) VALUES ($1, $2, $3)");
        let mut tx = self.db.begin(cx).await?;
        tx.execute(insert, (station, celsius, at)).await?;
        Ok(tx.commit(Reading { celsius, at }).await?)
    }

    async fn latest(&self, cx: &mut CallContext, station: String) -> Result<Reading, ReadingsError> {
        let newest = sql!("SELECT celsius, at FROM readings WHERE station = $1 ORDER BY at DESC LIMIT 1");
        let mut read = self.db.read(cx).await?;
        let row = read.fetch_optional::<(i32, Timestamp)>(newest, (&station,)).await?;
        row.map(|(celsius, at)| Reading { celsius, at })
            .ok_or(ReadingsError::Silent { station })
    }
}
