//! A hand-written axum application that embeds the readings module and keeps its own routes, state and server.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use offshoot_contract::{CallContext, Contract, Edge, PublicProblem, Switch, SystemClock, Target};
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
    // The application calls the contract through a switch, so this code stays the same if the module moves to another
    // process.
    let readings = <dyn ReadingsApi>::new_proxy(Switch::new(Target::Local(Arc::clone(&edge))));

    // Serves the module's contract to other processes with the same service keys.
    let keys = ServiceKeys::load_or_create(&std::path::Path::new(&directory).join("service.key"))?;
    let options = ServerOptions {
        store_id: db.store_id(),
        instance: db.store_id(),
        keys: keys.for_module("readings"),
    };
    let app = Router::new()
        .route("/about", get(|| async { "A weather application." }))
        .route("/weather/{station}", get(weather))
        .with_state(readings)
        .merge(router(edge, options));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// A route of the application itself, outside of the contract.
async fn weather(State(readings): State<Arc<dyn ReadingsApi>>, Path(station): Path<String>) -> impl IntoResponse {
    match readings.latest(&mut CallContext::root("application"), station).await {
        Ok(reading) => Json(reading).into_response(),
        Err(error) => {
            let PublicProblem { problem, .. } = PublicProblem::from_error(&error);
            (StatusCode::from_u16(problem.status).unwrap_or_default(), Json(problem)).into_response()
        }
    }
}
