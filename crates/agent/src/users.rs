//! System users: who exists, who we are, and as whom a server runs.
//!
//! Makes users without login; never changes or removes one.

use std::{fs, path::Path, process::Stdio, time::Duration};

use roadstead_core::{Error, Kind, Result, Text};
use tokio::process::Command;

/// One line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    /// User id.
    pub(crate) uid: u32,
    /// Primary group id.
    pub(crate) gid: u32,
}

/// Whether this process may change owners and users.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The account of this name; `None`: there is none.
pub(crate) fn account(name: &str) -> Option<Account> {
    accounts().into_iter().find(|account| account.name == name)
}

/// All local accounts.
pub(crate) fn accounts() -> Vec<Account> {
    fs::read_to_string("/etc/passwd").unwrap_or_default().lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    Some(Account {
        name: (*fields.first()?).to_owned(),
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
    })
}

/// The name we run as, or the number where it has none.
pub(crate) fn current() -> String {
    let uid = rustix::process::geteuid().as_raw();
    accounts().into_iter().find(|account| account.uid == uid).map_or(uid.to_string(), |found| found.name)
}

/// As whom a layout's programs run: `None` where we are not root and they run as we do.
pub(crate) fn runner(user: &str) -> Result<Option<Account>> {
    if !is_root() {
        return Ok(None);
    }
    let Some(found) = account(user) else {
        return Err(Error::new(Kind::NotFound, Text::new("agent-user-missing").with("user", user))
            .cure(Text::new("agent-user-missing-cure").with("user", user)));
    };
    if found.uid == 0 {
        return Err(Error::new(Kind::Precondition, Text::new("agent-user-is-root").with("user", user))
            .cure(Text::new("agent-user-is-root-cure")));
    }
    Ok(Some(found))
}

/// Makes a system user without login and home; `false`: it exists.
pub(crate) async fn create(user: &str) -> Result<bool> {
    if account(user).is_some() {
        return Ok(false);
    }
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if user.is_empty()
        || user.len() > 32
        || !user.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        || !user.bytes().all(allowed)
    {
        return Err(Error::new(Kind::Input, Text::new("agent-user-name").with("user", user)));
    }
    let told = |kind| {
        Error::new(kind, Text::new("agent-user-not-made").with("user", user))
            .cure(Text::new("agent-user-not-made-cure").with("user", user))
    };
    if !is_root() {
        return Err(told(Kind::Denied));
    }
    let mut command = Command::new("useradd");
    command.args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]);
    command.args(["--shell", "/usr/sbin/nologin", "--comment", "database server", "--", user]);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    let output = match ended {
        Err(_) => return Err(told(Kind::Unreachable)),
        Ok(Err(error)) => return Err(told(Kind::Missing).caused_by(&error)),
        Ok(Ok(output)) => output,
    };
    if account(user).is_some() {
        return Ok(true);
    }
    let mut error = told(Kind::Failed);
    error.causes.push(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    Err(error)
}

/// The first folder on the way to `path` that this account may not enter; `None`: the way is open.
pub(crate) fn closed_to<'a>(account: &Account, path: &'a Path) -> Option<&'a Path> {
    use std::os::unix::fs::MetadataExt;
    let mut ways: Vec<&Path> = path.ancestors().filter(|way| !way.as_os_str().is_empty()).collect();
    ways.reverse();
    ways.into_iter().find(|way| {
        let Ok(found) = fs::metadata(way) else { return false };
        let bit = if found.uid() == account.uid {
            0o100
        } else if found.gid() == account.gid {
            0o010
        } else {
            0o001
        };
        found.mode() & bit == 0
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("made");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("closed");
        let nobody = Account { name: "nobody".into(), uid: 65_534, gid: 65_534 };
        assert_eq!(closed_to(&nobody, &inner), Some(folder.path()));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("opened");
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).expect("opened");
        assert_eq!(closed_to(&nobody, &inner), None);
    }

    #[tokio::test]
    async fn a_name_that_could_be_an_option_is_refused() {
        for wrong in ["", "-x", "Root", "a b", "a:b", "ä"] {
            assert_eq!(create(wrong).await.expect_err(wrong).kind, Kind::Input, "{wrong}");
        }
        assert!(!create("root").await.expect("root exists"));
    }
}
