//! The tables made by the migrations match their declaration in `tables.toml`.

use offshoot_db::check_tables;

use crate::T;

pub(crate) async fn the_tables_are_those_declared(t: T) {
    assert_eq!(check_tables(&t.db).await.unwrap(), Vec::<String>::new());
}
