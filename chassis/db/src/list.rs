//! List of values as one parameter: `WHERE id IN (..)` with the same statement for every length.

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::{Postgres, Sqlite, Type};

use crate::element::Element;

/// A list of values as one parameter: an array on Postgres, a JSON text on SQLite with ids and bytes as hexadecimal.
///
/// ```no_run
/// # use offshoot_contract::CallFailure;
/// # use offshoot_db::{List, Queries, sql};
/// # async fn names(read: &mut Queries, ids: Vec<uuid::Uuid>) -> Result<Vec<(String,)>, CallFailure> {
/// let by_ids = sql!(
///     sqlite: "SELECT name FROM stations WHERE id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY id",
///     postgres: "SELECT name FROM stations WHERE id = ANY($1) ORDER BY id",
/// );
/// read.fetch_all(by_ids, (List(ids),)).await
/// # }
/// ```
///
/// For numbers, texts and times the SQLite statement uses `value` in place of `unhex(value)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Element> List<T> {
    fn json(&self) -> String {
        let mut json = String::from("[");
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            value.write_json(&mut json);
        }
        json.push(']');
        json
    }
}

impl<T> Type<Sqlite> for List<T> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl<T: Element> Encode<'_, Sqlite> for List<T> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.json(), buffer)
    }
}

impl<T: Element> Type<Postgres> for List<T> {
    fn type_info() -> PgTypeInfo {
        T::array_type_info()
    }
}

impl<'q, T: Element> Encode<'q, Postgres> for List<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <Vec<T> as Encode<'q, Postgres>>::encode_by_ref(&self.0, buffer)
    }
}
