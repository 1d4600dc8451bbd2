//! The baselines: a hand-written handler that issues the same read through sqlx, and one that has its answer ready.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use catalog_api::ProductId;
use catalog_api::v1::{Product, ProductStatus};
use offshoot_contract::{Money, Timestamp};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{ConnectOptions as _, FromRow};

use crate::peer;

/// What the store reads for a product.
const SELECT: &str = "SELECT id, sku, name, description, category, price, currency, status, version, created_at, \
    updated_at FROM products WHERE id = $1";
const PATH: &str = "/api/v1/products/{id}";
/// As many connections as the store has: readers of a SQLite file, and half of a process's 24 on Postgres.
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 12;

type Columns = (
    ProductId,
    String,
    String,
    String,
    String,
    i64,
    String,
    String,
    i64,
    Timestamp,
    Timestamp,
);

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Serves products read through sqlx. `ping`: a pool as sqlx makes it, which pings a connection before it lends it;
/// without, it does no more than it must.
pub(crate) async fn serve_reads(engine: &str, location: &str, ping: bool) {
    let pool = match engine {
        "SQLite" => {
            let options = SqliteConnectOptions::new()
                .filename(location)
                .read_only(true)
                .disable_statement_logging();
            let pool = SqlitePoolOptions::new()
                .max_connections(SQLITE_CONNECTIONS)
                .test_before_acquire(ping);
            Pool::Sqlite(pool.connect_with(options).await.expect("the store's file opens"))
        }
        _ => {
            let options: PgConnectOptions = location.parse().expect("it is a URL");
            let options = options
                .options([("search_path", "catalog")])
                .disable_statement_logging();
            let pool = PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .test_before_acquire(ping);
            Pool::Postgres(pool.connect_with(options).await.expect("the store's database opens"))
        }
    };
    peer::serve(Router::new().route(PATH, get(read)).with_state(pool)).await;
}

async fn read(State(pool): State<Pool>, Path(id): Path<ProductId>) -> Result<Json<Product>, StatusCode> {
    let found = match &pool {
        Pool::Sqlite(pool) => {
            sqlx::query_as::<_, ProductRow>(SELECT)
                .bind(id)
                .fetch_optional(pool)
                .await
        }
        Pool::Postgres(pool) => {
            sqlx::query_as::<_, ProductRow>(SELECT)
                .bind(id)
                .fetch_optional(pool)
                .await
        }
    };
    match found {
        Ok(Some(ProductRow(product))) => Ok(Json(product)),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Columns by their place, as fast as sqlx decodes them.
struct ProductRow(Product);

impl<'r> FromRow<'r, SqliteRow> for ProductRow {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        product(Columns::from_row(row)?)
    }
}

impl<'r> FromRow<'r, PgRow> for ProductRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        product(Columns::from_row(row)?)
    }
}

fn product(columns: Columns) -> Result<ProductRow, sqlx::Error> {
    let (id, sku, name, description, category, price, currency, status, version, created_at, updated_at) = columns;
    let unreadable = |error: &dyn std::error::Error| sqlx::Error::Decode(error.to_string().into());
    let currency = currency.parse().map_err(|error| unreadable(&error))?;
    let version = u32::try_from(version).map_err(|error| unreadable(&error))?;
    let status = if status == "active" {
        ProductStatus::Active
    } else {
        ProductStatus::Discontinued
    };
    let price = Money::new(price, currency);
    Ok(ProductRow(Product {
        id,
        sku,
        name,
        description,
        category,
        price,
        status,
        version,
        created_at,
        updated_at,
    }))
}

/// Serves the same text to whoever asks.
pub(crate) async fn serve_text(json: String) {
    let answer = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    peer::serve(Router::new().route(PATH, get(answer))).await;
}
