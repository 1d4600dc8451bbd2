//! A hand-written axum application that takes the module in: its routes, its state and its server stay its own.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use offshoot_contract::{CallContext, Contract, Edge, Problem, Switch, SystemClock, Target};
use offshoot_db::{DatabaseUrl, Db, DbOptions};
use offshoot_rest::{ServerOptions, ServiceKeys, router};
use second_domain::{Readings, ReadingsApi, SCHEMA};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "stations".to_owned());
    let db = Db::open(&SCHEMA, &DatabaseUrl::sqlite(&directory), &DbOptions::default()).await?;
    let clock = Arc::new(SystemClock);
    let edge = Arc::new(Edge::new(
        Arc::new(Readings { db: db.clone(), clock }) as Arc<dyn ReadingsApi>
    ));
    // What the application holds: it would not change if the module ran in another process.
    let readings = <dyn ReadingsApi>::object(Switch::new(Target::Local(Arc::clone(&edge))));

    // The module's contract, for other processes that have the key.
    let key = ServiceKeys::load_or_create(&std::path::Path::new(&directory).join("service.key"))?;
    let contract = ServerOptions {
        store_id: db.store_id(),
        instance: db.store_id(),
        keys: key.of("readings"),
    };
    let app = Router::new()
        .route("/about", get(|| async { "An application of its own." }))
        .route("/weather/{station}", get(weather))
        .with_state(readings)
        .merge(router(edge, contract));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// A route of the application, in its own words.
async fn weather(State(readings): State<Arc<dyn ReadingsApi>>, Path(station): Path<String>) -> impl IntoResponse {
    match readings.latest(&mut CallContext::root("application"), station).await {
        Ok(reading) => Json(reading).into_response(),
        Err(error) => {
            let problem = Problem::of(&error);
            (StatusCode::from_u16(problem.status).unwrap_or_default(), Json(problem)).into_response()
        }
    }
}
