//! Store ids in the data directory: one file `<module>.store` per module, with the id of the module's database.
//!
//! A process that opens a module's data writes the file. A process that calls the module remotely expects the same id. Without
//! the file, a directory without any data takes the id that the first identity check finds, and says so. A directory with data
//! takes none: its data belongs to a store, and the found store may be another one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use offshoot_db::DatabaseUrl;
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

/// Fails if a module's SQLite file is missing although its store is recorded: a new file would be another, empty store.
pub(crate) fn require_own_file(data_dir: &Path, module: &str, url: &DatabaseUrl) -> anyhow::Result<()> {
    let DatabaseUrl::Sqlite(directory) = url else {
        return Ok(());
    };
    let file = data_file(directory, module);
    let Some(store) = known(data_dir, module)?.filter(|_| !file.exists()) else {
        return Ok(());
    };
    let record = path(data_dir, module);
    anyhow::bail!(
        "{module} has the store {store} according to {record}, but {file} is missing: restore a backup with \
         `offshoot backup restore DIR`, say where {module} runs with --remote {module}=http://HOST:PORT, \
         or remove {record} to begin an empty store",
        record = record.display(),
        file = file.display()
    )
}

/// The store that remote calls of `module` must reach. `modules` are all modules that may have data in the directory.
pub(crate) fn expected(data_dir: &Path, module: &'static str, modules: Vec<String>) -> anyhow::Result<ExpectedStore> {
    if let Some(store) = known(data_dir, module)? {
        return Ok(ExpectedStore::exactly(store));
    }
    let data_dir = data_dir.to_owned();
    Ok(ExpectedStore::decided_by(move |found, url| {
        adopt(&data_dir, module, &modules, found, url)
    }))
}

/// Decides which store of `module` is expected, when `url` has shown the store `found`.
fn adopt(data_dir: &Path, module: &str, modules: &[String], found: Uuid, url: &str) -> Result<Uuid, String> {
    // The module may have started here meanwhile.
    let recorded = known(data_dir, module).map_err(|error| format!("{error:#}"))?;
    if let Some(recorded) = recorded {
        return Ok(recorded);
    }
    let record = path(data_dir, module);
    if let Some(own) = modules.iter().find(|own| data_file(data_dir, own).exists()) {
        let (directory, record) = (data_dir.display(), record.display());
        return Err(format!(
            "{directory} has data of {own} and does not say which store of {module} belongs to it; {url} serves the \
             store {found}: if that is the right one, run `echo {found} > {record}`"
        ));
    }
    match write(&record, found) {
        Ok(()) => tracing::warn!(
            module,
            store = %found,
            "{} has no data and takes {url} for its {module} from now on; remove {} to take another one",
            data_dir.display(),
            record.display()
        ),
        Err(error) => tracing::warn!(
            module,
            store = %found,
            %error,
            "{url} is taken for {module} until this process ends: {} cannot be written",
            record.display()
        ),
    }
    Ok(found)
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

fn data_file(directory: &Path, module: &str) -> PathBuf {
    directory.join(format!("{module}.db"))
}

fn path(data_dir: &Path, module: &str) -> PathBuf {
    data_dir.join(format!("{module}.store"))
}

fn write(path: &Path, store: Uuid) -> io::Result<()> {
    let draft = path.with_extension(format!("store-{}", Uuid::now_v7().simple()));
    fs::write(&draft, format!("{store}\n"))?;
    fs::rename(&draft, path)
}
