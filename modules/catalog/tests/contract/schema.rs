//! The migrated schema matches `tables.toml`.

use offshoot_db::check_tables;

use crate::T;

pub(crate) async fn the_tables_match_their_declaration(t: T) {
    assert_eq!(check_tables(&t.db).await.unwrap(), Vec::<String>::new());
}
