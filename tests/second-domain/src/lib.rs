//! Example module of another domain: weather stations report readings. One contract, one table, one implementation.
//!
//! Shows the code that a team writes to add a module to an existing axum application.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Clock, ContractError, Timestamp, contract};
use offshoot_db::{Db, Migration, ModuleSchema, sql};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Temperature readings of weather stations.
#[contract(name = "readings", version = "1.0")]
#[async_trait]
pub trait ReadingsApi: Send + Sync + 'static {
    /// Adds a reading with the current time. Fails with `Implausible`.
    #[post("/stations/{station}/readings")]
    async fn report(&self, cx: &mut CallContext, station: String, celsius: i32) -> Result<Reading, ReadingsError>;

    /// Returns the newest reading of a station. Fails with `Silent`.
    #[get("/stations/{station}/readings/latest")]
    async fn latest(&self, cx: &mut CallContext, station: String) -> Result<Reading, ReadingsError>;
}

/// A temperature at a point in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Degrees Celsius.
    pub celsius: i32,
    /// Time of the report.
    pub at: Timestamp,
}

/// Errors of the readings contract.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ReadingsError {
    /// The temperature is outside of -90 to 60 degrees, the range ever measured on earth.
    #[error("{celsius} is not a plausible temperature: give -90 to 60 degrees Celsius")]
    #[problem(status = 422, code = "implausible")]
    Implausible {
        /// The reported temperature, degrees Celsius.
        celsius: i32,
    },
    /// The station has not reported yet.
    #[error("station {station} has not reported yet")]
    #[problem(status = 404, code = "silent")]
    Silent {
        /// The requested station.
        station: String,
    },
    /// The call failed outside of the module's own logic.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// Tables and migrations of the module.
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

/// Implementation of the readings contract.
pub struct Readings {
    /// Database of the module.
    pub db: Db,
    /// Source of the time of readings.
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
