//! Parameters of a statement: tuples of values that both engines can bind.

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Encode, Postgres, Sqlite, Type};

/// The values of `$1`, `$2`, ...: a tuple of up to 16, or `()`.
///
/// Each value must bind on both engines: `Id`, `Timestamp`, `Currency`, `Uuid`, `i64`, `i32`, `bool`, texts, bytes,
/// `serde_json::Value`, [`Name`](crate::Name), options of these types, and [`List`](crate::List).
pub trait Params<'q>: Send + Sync {
    /// Encodes the values for SQLite.
    #[doc(hidden)]
    fn sqlite(&self) -> Result<SqliteArguments, BoxDynError>;
    /// Encodes the values for Postgres.
    #[doc(hidden)]
    fn postgres(&self) -> Result<PgArguments, BoxDynError>;
}

macro_rules! params_for_tuple {
    ($($index:tt $T:ident),*) => {
        impl<'q, $($T),*> Params<'q> for ($($T,)*)
        where
            $($T: Encode<'q, Sqlite> + Type<Sqlite> + Encode<'q, Postgres> + Type<Postgres> + Send + Sync,)*
        {
            fn sqlite(&self) -> Result<SqliteArguments, BoxDynError> {
                #[allow(unused_mut, reason = "the empty tuple adds nothing")]
                let mut arguments = SqliteArguments::default();
                $(Arguments::add(&mut arguments, &self.$index)?;)*
                Ok(arguments)
            }

            fn postgres(&self) -> Result<PgArguments, BoxDynError> {
                #[allow(unused_mut, reason = "the empty tuple adds nothing")]
                let mut arguments = PgArguments::default();
                $(Arguments::add(&mut arguments, &self.$index)?;)*
                Ok(arguments)
            }
        }
    };
}

params_for_tuple!();
params_for_tuple!(0 A);
params_for_tuple!(0 A, 1 B);
params_for_tuple!(0 A, 1 B, 2 C);
params_for_tuple!(0 A, 1 B, 2 C, 3 D);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O);
params_for_tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O, 15 P);
