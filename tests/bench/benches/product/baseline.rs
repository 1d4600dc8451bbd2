//! Baselines: a handwritten handler that issues the same read through sqlx, and a handler with a fixed response.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use catalog_api::ProductId;
use catalog_api::v1::{Product, ProductStatus};
use offshoot_contract::{Money, Timestamp};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, FromRow};
use tokio::sync::Semaphore;

use crate::server_process;

/// The data that the store returns for a product. With both tables at hand, one statement suffices.
const SELECT: &str = "SELECT p.id, p.sku, p.name, p.description, p.category, p.price, p.currency, p.status, p.version, \
    p.created_at, p.updated_at, COALESCE(s.on_hand - s.reserved, 0) FROM products p \
    LEFT JOIN inventory.stock s ON s.product_id = p.id WHERE p.id = $1";
const PATH: &str = "/api/v1/products/{id}";
/// Connection counts of the store: the readers of a SQLite file, and the catalog's share of a process's connections on
/// Postgres.
const SQLITE_CONNECTIONS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;

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
    i64,
);

/// A product page as the store returns the page.
#[derive(serde::Serialize)]
struct Page {
    #[serde(flatten)]
    product: Product,
    availability: Availability,
}

#[derive(serde::Serialize)]
struct Availability {
    in_stock: bool,
    available: i64,
}

/// Shares connections between requests.
#[derive(Clone)]
enum Reader {
    SqlitePool(SqlitePool),
    PostgresPool(PgPool),
    SqliteConnections(Arc<UncheckedConnections<SqliteConnection>>),
    PostgresConnections(Arc<UncheckedConnections<PgConnection>>),
}

/// Connections without a pool's health checks: taken, used and put back. Unsafe in production; shows the cost of the
/// database itself.
struct UncheckedConnections<C> {
    permits: Semaphore,
    connections: Mutex<Vec<C>>,
}

/// Serves products read through sqlx, with a pool or with unchecked connections.
pub(crate) async fn serve_reads(engine: &str, location: &str, pooled: bool) {
    let reader = match engine {
        "SQLite" => open_sqlite(location, pooled).await,
        _ => open_postgres(location, pooled).await,
    };
    let reader = reader.expect("the store's database opens");
    server_process::serve(Router::new().route(PATH, get(read)).with_state(reader)).await;
}

async fn open_sqlite(file: &str, pooled: bool) -> Result<Reader, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .disable_statement_logging();
    // The inventory's file is in the same folder as the catalog's file.
    let attach = format!("ATTACH '{}' AS inventory", file.replace("catalog.db", "inventory.db"));
    if pooled {
        // Disables the ping before a connection is lent. sqlx always pings when a connection comes back.
        let pool = SqlitePoolOptions::new()
            .max_connections(SQLITE_CONNECTIONS)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let attach = AssertSqlSafe(attach.clone());
                Box::pin(async move { sqlx::query(attach).execute(connection).await.map(drop) })
            });
        return Ok(Reader::SqlitePool(pool.connect_with(options).await?));
    }
    let mut connections = Vec::new();
    for _ in 0..SQLITE_CONNECTIONS {
        let mut connection = options.connect().await?;
        sqlx::query(AssertSqlSafe(attach.clone()))
            .execute(&mut connection)
            .await?;
        connections.push(connection);
    }
    Ok(Reader::SqliteConnections(UncheckedConnections::new(connections)))
}

async fn open_postgres(url: &str, pooled: bool) -> Result<Reader, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options
        .options([("search_path", "catalog")])
        .disable_statement_logging();
    if pooled {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .test_before_acquire(false);
        return Ok(Reader::PostgresPool(pool.connect_with(options).await?));
    }
    let mut connections = Vec::new();
    for _ in 0..POSTGRES_CONNECTIONS {
        connections.push(options.connect().await?);
    }
    Ok(Reader::PostgresConnections(UncheckedConnections::new(connections)))
}

async fn read(State(reader): State<Reader>, Path(id): Path<ProductId>) -> Result<Json<Page>, StatusCode> {
    let found = match &reader {
        Reader::SqlitePool(pool) => sqlx::query_as(SELECT).bind(id).fetch_optional(pool).await,
        Reader::PostgresPool(pool) => sqlx::query_as(SELECT).bind(id).fetch_optional(pool).await,
        Reader::SqliteConnections(connections) => {
            connections
                .lend(async |connection| sqlx::query_as(SELECT).bind(id).fetch_optional(connection).await)
                .await
        }
        Reader::PostgresConnections(connections) => {
            connections
                .lend(async |connection| sqlx::query_as(SELECT).bind(id).fetch_optional(connection).await)
                .await
        }
    };
    match found {
        Ok(Some(ProductRow(page))) => Ok(Json(page)),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl<C> UncheckedConnections<C> {
    fn new(connections: Vec<C>) -> Arc<Self> {
        let permits = Semaphore::new(connections.len());
        Arc::new(Self {
            permits,
            connections: Mutex::new(connections),
        })
    }

    async fn lend<T>(&self, read: impl AsyncFnOnce(&mut C) -> T) -> T {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let taken = self.connections.lock().expect("no thread panicked with the lock").pop();
        let mut connection = taken.expect("each permit stands for one connection");
        let result = read(&mut connection).await;
        self.connections
            .lock()
            .expect("no thread panicked with the lock")
            .push(connection);
        result
    }
}

/// Decodes columns by position, the fastest decoding of sqlx.
struct ProductRow(Page);

impl<'r> FromRow<'r, SqliteRow> for ProductRow {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        decode_product(Columns::from_row(row)?)
    }
}

impl<'r> FromRow<'r, PgRow> for ProductRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        decode_product(Columns::from_row(row)?)
    }
}

fn decode_product(columns: Columns) -> Result<ProductRow, sqlx::Error> {
    let (id, sku, name, description, category, price, currency, status, version, created_at, updated_at, available) =
        columns;
    let unreadable = |error: &dyn std::error::Error| sqlx::Error::Decode(error.to_string().into());
    let currency = currency.parse().map_err(|error| unreadable(&error))?;
    let version = u32::try_from(version).map_err(|error| unreadable(&error))?;
    let status = if status == "active" {
        ProductStatus::Active
    } else {
        ProductStatus::Discontinued
    };
    let price = Money::new(price, currency);
    let product = Product {
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
    };
    let in_stock = available > 0;
    let availability = Availability { in_stock, available };
    Ok(ProductRow(Page { product, availability }))
}

/// Serves the same JSON for every request.
pub(crate) async fn serve_text(json: String) {
    let handler = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    server_process::serve(Router::new().route(PATH, get(handler))).await;
}
