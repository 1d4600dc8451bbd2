//! Row types that queries decode into, on either engine.
//!
//! A row is a tuple, decoded by position, or a struct declared with [`row!`](crate::row), decoded by column name.
//! `row!` replaces sqlx's derive macro, which would compile both database drivers a second time for the build host.

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A type that decodes from the rows of both engines.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Selection of the rows that are kept. All rows are read in any case: a statement always runs to its end, so that late
/// errors appear on both engines and no unread rows stay on the connection.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    All,
    First,
}

/// Receives the rows of a statement. A trait object hides the row type, so that the code that talks to a database is
/// compiled once for all row types.
pub(crate) trait RowSink: Send {
    fn push_sqlite(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error>;

    fn push_postgres(&mut self, row: &PgRow) -> Result<(), sqlx::Error>;

    /// Discards all rows before the statement is sent again.
    fn clear(&mut self);

    fn is_empty(&self) -> bool;
}

/// Rows decoded as `T`.
pub(crate) struct Decoded<T> {
    rows: Vec<T>,
    keep: Keep,
}

impl<T> Decoded<T> {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { rows: Vec::new(), keep }
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.rows
    }

    fn is_wanted(&self) -> bool {
        matches!(self.keep, Keep::All) || self.rows.is_empty()
    }
}

impl<T: Row> RowSink for Decoded<T> {
    fn push_sqlite(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        if self.is_wanted() {
            self.rows.push(T::from_row(row)?);
        }
        Ok(())
    }

    fn push_postgres(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        if self.is_wanted() {
            self.rows.push(T::from_row(row)?);
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.rows.clear();
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Declares a struct whose fields decode from the columns of the same names.
///
/// The struct is written as usual. A last field `..name: Type` is decoded from the same row by its own `row!`. With
/// `postgres:` in front, only rows of Postgres decode, for columns of types that SQLite lacks.
///
/// ```
/// offshoot_db::row! {
///     /// A station as stored.
///     #[derive(Debug)]
///     pub struct Station {
///         /// Three letters.
///         pub code: String,
///         /// Above sea level, metres.
///         pub height: Option<i64>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! row {
    (postgres: $($declaration:tt)*) => {
        $crate::row!(@declare [$crate::__sqlx::postgres::PgRow] $($declaration)*);
    };
    (@declare [$($row:ty),*]
        $(#[$meta:meta])* $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),+
            $(, ..$rest:ident: $rest_type:ty)? $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)+
            $($rest: $rest_type,)?
        }
        $crate::row!(@decode [$($row),*] $name [$($field),+] [$($rest: $rest_type)?]);
    };
    (@decode [] $name:ident $fields:tt $rest:tt) => {};
    (@decode [$row:ty $(, $more:ty)*] $name:ident [$($field:ident),+] [$($rest:ident: $rest_type:ty)?]) => {
        impl $crate::__sqlx::FromRow<'_, $row> for $name {
            fn from_row(row: &$row) -> ::core::result::Result<Self, $crate::__sqlx::Error> {
                use $crate::__sqlx::Row as _;
                ::core::result::Result::Ok(Self {
                    $($field: row.try_get(stringify!($field))?,)+
                    $($rest: <$rest_type as $crate::__sqlx::FromRow<'_, $row>>::from_row(row)?,)?
                })
            }
        }
        $crate::row!(@decode [$($more),*] $name [$($field),+] [$($rest: $rest_type)?]);
    };
    ($($declaration:tt)*) => {
        $crate::row!(
            @declare [$crate::__sqlx::sqlite::SqliteRow, $crate::__sqlx::postgres::PgRow] $($declaration)*
        );
    };
}
