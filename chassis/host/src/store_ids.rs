//! Ids of the stores that a data directory belongs to, in one small file per module.
//!
//! The process that opens a module's data writes the file; a process that calls the module elsewhere expects the same
//! store there. A directory without the file learns the id from the first response.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use offshoot_rest::ExpectedStore;
use uuid::Uuid;

/// Records the store of `module`.
pub(crate) fn remember(data_dir: &Path, module: &str, store: Uuid) -> anyhow::Result<()> {
    match known(data_dir, module)? {
        Some(known) if known == store => return Ok(()),
        Some(known) => {
            let directory = data_dir.display();
            tracing::warn!(
                module,
                "the data of {module} opened here is of store {store}; {directory} knew store {known} so far"
            );
        }
        None => {}
    }
    write(&path(data_dir, module), store).with_context(|| format!("cannot note which store {module} belongs to"))
}

/// The store that must answer for `module`.
pub(crate) fn expected(data_dir: &Path, module: &'static str) -> anyhow::Result<ExpectedStore> {
    if let Some(store) = known(data_dir, module)? {
        return Ok(ExpectedStore::exactly(store));
    }
    let path = path(data_dir, module);
    Ok(ExpectedStore::from_first_response(move |store| {
        if let Err(error) = write(&path, store) {
            tracing::warn!(module, %store, %error, "cannot note which store answered; the next start will learn it again");
        }
    }))
}

/// The recorded store of `module`, if any.
pub fn known(data_dir: &Path, module: &str) -> anyhow::Result<Option<Uuid>> {
    let path = path(data_dir, module);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let store = text.trim().parse();
            Ok(Some(store.with_context(|| {
                format!("{} holds no store id: remove it", path.display())
            })?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn path(data_dir: &Path, module: &str) -> PathBuf {
    data_dir.join(format!("{module}.store"))
}

fn write(path: &Path, store: Uuid) -> io::Result<()> {
    let draft = path.with_extension(format!("store-{}", Uuid::now_v7().simple()));
    fs::write(&draft, format!("{store}\n"))?;
    fs::rename(&draft, path)
}
