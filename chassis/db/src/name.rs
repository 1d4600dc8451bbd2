//! Columns with the name of an enum's variant.

use offshoot_contract::Named;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

use crate::element::Element;

/// A variant stored by its name, as a text. A name that the enum does not have does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<T>(pub T);

/// A stored name without a variant: another version of the module wrote it, or somebody bypassed the schema's check.
#[derive(Debug, thiserror::Error)]
#[error("`{stored}` is not a valid name: expected {}", expected.join(", "))]
struct UnknownName {
    stored: String,
    expected: Vec<&'static str>,
}

impl<T: Named> Name<T> {
    fn parse(stored: &str) -> Result<Self, BoxDynError> {
        let unknown = || UnknownName {
            stored: stored.chars().take(80).collect(),
            expected: T::ALL.iter().map(|variant| variant.name()).collect(),
        };
        Ok(Self(T::from_name(stored).ok_or_else(unknown)?))
    }
}

impl<T> Type<Sqlite> for Name<T> {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <str as Type<Sqlite>>::compatible(ty)
    }
}

impl<T: Named> Encode<'_, Sqlite> for Name<T> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.name(), buffer)
    }
}

impl<'r, T: Named> Decode<'r, Sqlite> for Name<T> {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        Self::parse(<&str as Decode<Sqlite>>::decode(value)?)
    }
}

impl<T> Type<Postgres> for Name<T> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
    fn compatible(ty: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(ty)
    }
}

impl<T> PgHasArrayType for Name<T> {
    fn array_type_info() -> PgTypeInfo {
        <String as PgHasArrayType>::array_type_info()
    }
}

impl<T: Named> Encode<'_, Postgres> for Name<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.0.name(), buffer)
    }
}

impl<'r, T: Named> Decode<'r, Postgres> for Name<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Self::parse(<&str as Decode<Postgres>>::decode(value)?)
    }
}

impl<T: Named> Element for Name<T> {
    fn write_json(&self, json: &mut String) {
        self.0.name().to_owned().write_json(json);
    }
}
