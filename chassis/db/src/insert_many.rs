//! Inserts many rows with one statement: `json_each` on SQLite, `UNNEST` on Postgres. One round trip; the statement's
//! text depends on the columns and not on the number of rows.

use std::fmt::Write;

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::element::Element;
use crate::params::Params;
use crate::statement::{Engine, Sql};

/// Placeholder for the rows in the statement.
const ROWS_PLACEHOLDER: &str = "VALUES $rows";

/// A row for [`insert_many`](crate::Tx::insert_many): a tuple of up to 16 [`Element`]s in column order.
pub trait InsertRow: Sized + Send + Sync {
    /// Per column, whether SQLite stores bytes.
    #[doc(hidden)]
    const BYTES: &'static [bool];
    /// Appends the row as a JSON array.
    #[doc(hidden)]
    fn write_json(&self, json: &mut String);
    /// One array per column.
    #[doc(hidden)]
    fn columns(rows: &[Self]) -> Result<PgArguments, BoxDynError>;
}

/// Replaces `VALUES $rows` in the statement by the engine's source of rows; none if the statement has no placeholder.
pub(crate) fn expand_rows<R: InsertRow>(sql: Sql, engine: Engine) -> Option<String> {
    let (before, after) = sql.text(engine).split_once(ROWS_PLACEHOLDER)?;
    let mut text = before.to_owned();
    match engine {
        Engine::Sqlite => {
            for (index, &bytes) in R::BYTES.iter().enumerate() {
                text.push_str(if index == 0 { "SELECT " } else { ", " });
                let (open, close) = if bytes { ("unhex(", ")") } else { ("", "") };
                // Writing to a string cannot fail.
                let _ = write!(text, "{open}value ->> {index}{close}");
            }
            // Without a WHERE, SQLite would parse a following ON CONFLICT as the condition of a join.
            text.push_str(" FROM json_each($1) WHERE true");
        }
        Engine::Postgres => {
            for index in 1..=R::BYTES.len() {
                text.push_str(if index == 1 { "SELECT * FROM UNNEST($" } else { ", $" });
                text.push_str(&index.to_string());
            }
            text.push(')');
        }
    }
    text.push_str(after);
    Some(text)
}

/// The rows as parameters: one JSON text on SQLite, one array per column on Postgres.
pub(crate) struct Rows<R>(pub(crate) Vec<R>);

impl<R: InsertRow> Params<'_> for Rows<R> {
    fn sqlite(&self) -> Result<SqliteArguments, BoxDynError> {
        let mut json = String::from("[");
        for (index, row) in self.0.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            row.write_json(&mut json);
        }
        json.push(']');
        (json,).sqlite()
    }

    fn postgres(&self) -> Result<PgArguments, BoxDynError> {
        R::columns(&self.0)
    }
}

macro_rules! insert_row_for_tuple {
    ($first:tt $First:ident $(, $index:tt $T:ident)*) => {
        impl<$First: Element, $($T: Element),*> InsertRow for ($First, $($T,)*) {
            const BYTES: &'static [bool] = &[$First::BYTES, $($T::BYTES),*];

            fn write_json(&self, json: &mut String) {
                json.push('[');
                self.$first.write_json(json);
                $(json.push(','); self.$index.write_json(json);)*
                json.push(']');
            }

            fn columns(rows: &[Self]) -> Result<PgArguments, BoxDynError> {
                let mut arguments = PgArguments::default();
                Arguments::add(&mut arguments, rows.iter().map(|row| &row.$first).collect::<Vec<_>>())?;
                $(Arguments::add(&mut arguments, rows.iter().map(|row| &row.$index).collect::<Vec<_>>())?;)*
                Ok(arguments)
            }
        }
    };
}

insert_row_for_tuple!(0 A);
insert_row_for_tuple!(0 A, 1 B);
insert_row_for_tuple!(0 A, 1 B, 2 C);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O);
insert_row_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O, 15 P);
