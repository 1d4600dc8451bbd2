//! Database URLs of modules and of the control database, also with another login.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use offshoot_db::DatabaseUrl;

use crate::config::Settings;

/// The database of a module, or of the control database. `login` replaces the role of a Postgres URL.
pub(super) fn url_of(module: &str, settings: &Settings, login: Option<&str>) -> Result<DatabaseUrl> {
    match (settings.database_of(module), login) {
        (Some(url), Some(login)) if url.starts_with("postgres") => settings
            .parse_database(&as_login(url, login))
            .with_context(|| format!("the URL of {module} with another login")),
        _ => settings.database_url(module),
    }
}

/// The URL with another login, without the password of the original one.
fn as_login(url: &str, login: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, more) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut encoded = String::new();
    for byte in login.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{scheme}://{encoded}@{host}{more}")
}

#[cfg(test)]
mod tests {
    use super::as_login;

    #[test]
    fn another_login_takes_the_place_of_the_one_in_the_url() {
        for (url, as_keeper) in [
            ("postgres://{module}@db/store", "postgres://keeper@db/store"),
            ("postgres://me:secret@db:1/store", "postgres://keeper@db:1/store"),
            ("postgres://db", "postgres://keeper@db"),
            (
                "postgres://db/store?host=/run/a@b",
                "postgres://keeper@db/store?host=/run/a@b",
            ),
        ] {
            assert_eq!(as_login(url, "keeper"), as_keeper);
        }
        assert_eq!(
            as_login("postgres://db/store", "a b/é"),
            "postgres://a%20b%2F%C3%A9@db/store"
        );
    }
}
