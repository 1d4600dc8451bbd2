//! Many rows in one statement: json_each on SQLite, UNNEST on Postgres. One round trip, one text per shape.

use std::fmt::Write;

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use crate::{Element, Engine, Params, Sql};

/// Where the rows stand in the author's text.
const PLACE: &str = "VALUES $rows";

/// A row for [`insert_many`](crate::Tx::insert_many): a tuple of up to 16 [`Element`]s, in the order of the columns.
pub trait InsertRow: Sized + Send + Sync {
    /// Which columns are bytes on SQLite.
    #[doc(hidden)]
    const BYTES: &'static [bool];
    /// Appends the row as a JSON array.
    #[doc(hidden)]
    fn write_json(&self, json: &mut String);
    /// One array per column.
    #[doc(hidden)]
    fn columns(rows: &[Self]) -> Result<PgArguments, BoxDynError>;
}

/// The author's text with the rows' source in place of `VALUES $rows`; none if the text has no such place.
pub(crate) fn text<R: InsertRow>(sql: Sql, engine: Engine) -> Option<String> {
    let (before, after) = sql.text(engine).split_once(PLACE)?;
    let mut text = before.to_owned();
    match engine {
        Engine::Sqlite => {
            for (place, &bytes) in R::BYTES.iter().enumerate() {
                text.push_str(if place == 0 { "SELECT " } else { ", " });
                let (open, close) = if bytes { ("unhex(", ")") } else { ("", "") };
                // Writing to a string cannot fail.
                let _ = write!(text, "{open}value ->> {place}{close}");
            }
            // Without a WHERE, SQLite would read a following ON CONFLICT as the condition of a join.
            text.push_str(" FROM json_each($1) WHERE true");
        }
        Engine::Postgres => {
            for place in 1..=R::BYTES.len() {
                text.push_str(if place == 1 { "SELECT * FROM UNNEST($" } else { ", $" });
                text.push_str(&place.to_string());
            }
            text.push(')');
        }
    }
    text.push_str(after);
    Some(text)
}

/// The rows as parameters: all of them as one JSON text, or an array per column.
pub(crate) struct Rows<R>(pub(crate) Vec<R>);

impl<R: InsertRow> Params<'_> for Rows<R> {
    fn sqlite(&self) -> Result<SqliteArguments, BoxDynError> {
        let mut json = String::from("[");
        for (place, row) in self.0.iter().enumerate() {
            if place > 0 {
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
    ($first:tt $First:ident $(, $place:tt $T:ident)*) => {
        impl<$First: Element, $($T: Element),*> InsertRow for ($First, $($T,)*) {
            const BYTES: &'static [bool] = &[$First::BYTES, $($T::BYTES),*];

            fn write_json(&self, json: &mut String) {
                json.push('[');
                self.$first.write_json(json);
                $(json.push(','); self.$place.write_json(json);)*
                json.push(']');
            }

            fn columns(rows: &[Self]) -> Result<PgArguments, BoxDynError> {
                let mut arguments = PgArguments::default();
                Arguments::add(&mut arguments, rows.iter().map(|row| &row.$first).collect::<Vec<_>>())?;
                $(Arguments::add(&mut arguments, rows.iter().map(|row| &row.$place).collect::<Vec<_>>())?;)*
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
