//! Passwords of the modules' logins: a file in the format of libpq's `PGPASSFILE`, mode 0600. Missing lines get random
//! passwords. Nothing of the file is ever printed.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use offshoot_db::Password;
use offshoot_rest::secret_file::{self, SecretFileError};
use uuid::Uuid;

/// The lines of the file, and new lines that are not written yet.
pub(super) struct Passwords {
    path: PathBuf,
    lines: Vec<[String; 5]>,
    new: Vec<[String; 5]>,
}

impl Passwords {
    /// Reads the file. A missing file counts as empty.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = match secret_file::read(path) {
            Ok(text) => text,
            Err(SecretFileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context("--passwords"),
        };
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = fields(line).with_context(|| {
                format!(
                    "--passwords: line {number} of {} is not host:port:database:user:password",
                    path.display()
                )
            })?;
            lines.push(parsed);
        }
        Ok(Self {
            path: path.to_owned(),
            lines,
            new: Vec::new(),
        })
    }

    /// The password of `user` at a server: the first matching line, as libpq searches. Without a match, a new random
    /// password.
    pub(super) fn find_or_create(&mut self, user: &str, host: &str, port: u16, database: &str) -> Result<Password> {
        let wanted = [host, &port.to_string(), database, user];
        let fits = |line: &&[String; 5]| {
            let mut pairs = line.iter().zip(wanted);
            pairs.all(|(have, wanted)| have == "*" || have == wanted)
        };
        let password = if let Some(line) = self.lines.iter().chain(&self.new).find(fits) {
            line[4].clone()
        } else {
            // Two random ids have 244 random bits.
            let password = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
            // A role belongs to the server, so one password holds for all databases.
            let line = [host, &port.to_string(), "*", user, &password].map(str::to_owned);
            self.new.push(line);
            password
        };
        Password::new(&password).with_context(|| {
            format!("--passwords: the password of {user} may hold printable ASCII only, and not be empty")
        })
    }

    /// Writes the new lines, mode 0600. Called before the server learns a password, so that none is lost.
    pub(super) fn keep(&mut self) -> Result<()> {
        let new: Vec<_> = self.new.drain(..).collect();
        if new.is_empty() {
            return Ok(());
        }
        let text: String = new
            .iter()
            .map(|line| line.each_ref().map(|field| escaped(field)).join(":") + "\n")
            .collect();
        let write = || {
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&self.path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("--passwords: {} cannot be written", self.path.display()))?;
        self.lines.extend(new);
        Ok(())
    }
}

fn escaped(field: &str) -> String {
    field.replace('\\', "\\\\").replace(':', "\\:")
}

fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut()?.push(letters.next()?),
            letter => fields.last_mut()?.push(letter),
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_missing_is_made_up_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("passwords");
        let mut passwords = Passwords::read(&path).expect("it need not be there");
        let first = passwords
            .find_or_create("carts", "db", 5432, "store")
            .expect("it is made up");
        assert!(!path.exists(), "it is kept when that is asked for");
        passwords.keep().expect("a file");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).expect("it is text");
        assert!(
            text.starts_with("db:5432:*:carts:") && text.lines().count() == 1,
            "{text}"
        );
        assert!(!format!("{first:?}").contains(&text[16..40]));

        let mut again = Passwords::read(&path).expect("it is there");
        again.find_or_create("carts", "db", 5432, "store").expect("the same");
        again.find_or_create("orders", "db", 5432, "store").expect("another");
        again.keep().expect("a file");
        let longer = std::fs::read_to_string(&path).expect("it is text");
        assert!(longer.starts_with(&text) && longer.lines().count() == 2, "{longer}");
    }

    #[test]
    fn the_operators_own_lines_are_read_as_libpq_does() {
        assert_eq!(
            fields(r"db:*:*:carts:a\:b:c\\d"),
            Some(["db", "*", "*", "carts", r"a:b:c\d"].map(str::to_owned))
        );
        for bad in ["", "db:5432:carts", r"db:*:*:carts:a\"] {
            assert_eq!(fields(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_file_that_others_read_or_that_is_no_list_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("passwords");
        std::fs::write(&path, "# ours\n\nsecret\n").expect("a file");
        let refused = |path: &Path| format!("{:#}", Passwords::read(path).map(drop).expect_err("refused"));
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        set(0o644);
        assert!(refused(&path).contains("chmod 600"));
        set(0o600);
        let message = refused(&path);
        assert!(message.contains("line 3") && !message.contains("secret\n"), "{message}");
    }
}
