//! Store ids in the data directory: one file `<module>.store` per module, with the id of the module's database.
//!
//! A process that opens a module's data writes the file. A process that calls the module remotely expects the same id, and
//! writes the id of the first response if the file is missing.

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
                "the data of {module} belongs to store {store}, but {directory} recorded store {known}; the record is replaced"
            );
        }
        None => {}
    }
    write(&path(data_dir, module), store).with_context(|| format!("cannot record the store id of {module}"))
}

/// The store that remote calls of `module` must reach.
pub(crate) fn expected(data_dir: &Path, module: &'static str) -> anyhow::Result<ExpectedStore> {
    if let Some(store) = known(data_dir, module)? {
        return Ok(ExpectedStore::exactly(store));
    }
    let path = path(data_dir, module);
    Ok(ExpectedStore::from_first_response(move |store| {
        if let Err(error) = write(&path, store) {
            tracing::warn!(
                module,
                %store,
                %error,
                "cannot record the store id of the first response; the next start accepts any store again"
            );
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
                format!("{} does not contain a valid store id: remove the file", path.display())
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
