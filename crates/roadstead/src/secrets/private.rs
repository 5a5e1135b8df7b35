//! Files that hold a secret: readable by their owner alone, small, and never written over.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use rand::{Rng, distr::Alphanumeric};
use roadstead_core::{Error, Kind, Result, Secret, Text};

use crate::regular::{self, Opened};

/// The longest secret, in bytes.
pub(crate) const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// How long a generated secret is: 32 characters out of 62 are 190 bits.
const GENERATED_LENGTH: usize = 32;

/// Reads a secret; one line break at its end does not belong to it.
pub(crate) fn read(path: &Path) -> Result<Secret> {
    let told = |key: &str| Text::new(key).with("path", path.display().to_string());
    let io = |error: &std::io::Error| {
        let found = Error::io(told("cli-secret-file-unreadable"), error);
        if found.kind == Kind::NotFound { found.cure(told("cli-secret-file-absent-cure")) } else { found }
    };
    let refuse = |kind, key: &str| Err(Error::new(kind, told(key)));
    let (file, facts) = match regular::open(path).map_err(|error| io(&error))? {
        Opened::File(file, facts) => (file, facts),
        Opened::Other(sort) => {
            let what = told("cli-secret-file-not-regular").with("sort", sort);
            return Err(Error::new(Kind::Input, what).cure(Text::new("cli-secret-file-not-regular-cure")));
        }
    };
    if facts.mode() & 0o077 != 0 {
        let what = told("cli-secret-file-open").with("mode", format!("{:04o}", facts.mode() & 0o7777));
        return Err(Error::new(Kind::Denied, what).cure(told("cli-secret-file-open-cure")));
    }
    let mut value = String::new();
    let limited = file.take(SECRET_BYTES_MAX + 1);
    read_text(limited, &mut value).map_err(|error| io(&error))?;
    if value.len() as u64 > SECRET_BYTES_MAX {
        return refuse(Kind::Input, "cli-secret-file-long");
    }
    let secret = without_line_break(value);
    if secret.expose().is_empty() {
        return refuse(Kind::Input, "cli-secret-file-empty");
    }
    if secret.expose().contains(['\n', '\r', '\0']) {
        return refuse(Kind::Input, "cli-secret-file-lines");
    }
    Ok(secret)
}

fn read_text(mut from: impl Read, into: &mut String) -> std::io::Result<usize> {
    from.read_to_string(into)
}

/// The value without one line break at its end.
pub(crate) fn without_line_break(value: String) -> Secret {
    let whole = Secret::new(value);
    let text = whole.expose();
    let text = text.strip_suffix('\n').unwrap_or(text);
    Secret::new(text.strip_suffix('\r').unwrap_or(text))
}

/// Writes a new file, mode 0600, whole or not at all; folders on the way are made with mode 0700.
/// `Kind::Exists` when something is there.
pub(crate) fn write_new(path: &Path, contents: &Secret) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let told = || Text::new("cli-secret-file-unwritable").with("path", path.display().to_string());
    let io = |error: &std::io::Error| Error::io(told(), error);
    let exists = || {
        Error::new(Kind::Exists, Text::new("cli-secret-file-exists").with("path", path.display().to_string()))
            .cure(Text::new("cli-secret-file-exists-cure"))
    };
    if fs::symlink_metadata(path).is_ok() {
        return Err(exists());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| io(&error))?;
    let draft = folder.join(format!(".roadstead-{}", random_text(12).expose()));
    let written = write_draft(&draft, contents).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists()),
        Err(error) => return Err(io(&error)),
        Ok(()) => {}
    }
    removed.and_then(|()| File::open(folder)?.sync_all()).map_err(|error| io(&error))
}

fn write_draft(path: &Path, contents: &Secret) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents.expose().as_bytes())?;
    file.sync_all()
}

/// Writes a new file with a random secret in it.
pub(crate) fn generate(path: &Path) -> Result<()> {
    write_new(path, &Secret::new(format!("{}\n", random_text(GENERATED_LENGTH).expose())))
}

/// Random letters and digits, which need no quoting anywhere.
pub(crate) fn random_text(length: usize) -> Secret {
    Secret::new(rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn what_was_generated_is_read_back_and_never_written_over() {
        let folder = folder();
        let path = folder.path().join("deep/er/secret");
        generate(&path).expect("generated");
        let secret = read(&path).expect("read");
        assert_eq!(secret.expose().len(), GENERATED_LENGTH);
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert_eq!(generate(&path).expect_err("refused").kind, Kind::Exists);
        assert_eq!(read(&path).expect("read").expose(), secret.expose());
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("listed").count(), 1);
    }

    #[test]
    fn what_others_may_read_is_no_secret() {
        let folder = folder();
        let path = folder.path().join("s");
        for (contents, mode, kind) in [
            ("value\n", 0o644, Kind::Denied),
            ("value\n", 0o640, Kind::Denied),
            ("\n", 0o600, Kind::Input),
            (&*"x".repeat(65 * 1024), 0o600, Kind::Input),
        ] {
            fs::write(&path, contents).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
            let error = read(&path).expect_err("refused");
            assert_eq!(error.kind, kind, "{error}");
            assert!(!error.to_string().contains("value"), "{error}");
        }
        assert_eq!(read(folder.path()).expect_err("a folder").kind, Kind::Input);
        assert_eq!(read(&folder.path().join("none")).expect_err("absent").kind, Kind::NotFound);
    }

    #[test]
    fn one_line_break_goes_and_no_more() {
        for (written, secret) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
        {
            assert_eq!(without_line_break(written.to_owned()).expose(), secret);
        }
    }
}
