//! Ways to members: where they answer, as whom, with which secret.
//!
//! Secrets come from the purse that travelled with the order, or from files of this host below its data folder.

use std::path::{Component, Path};

use roadstead_core::{
    Error, Kind, Millis, Result, Secret, SecretRef, Text,
    model::{HostSpec, MemberHome, MemberSpec, Runtime, TlsMode, TlsSpec},
    port::{
        Ids, Secrets,
        engine::Link,
        hand::Purse,
        layout::{Endpoint, Layout},
    },
    seen::Tools,
};

use crate::{files, private::PrivateFolder};

/// The limit for connecting and for each short question of an act.
pub(crate) const WORK_DEADLINE: Millis = Millis::seconds(15);
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Resolves references from a purse, and `${host:…}` from this host's files.
pub(crate) struct HandSecrets<'a> {
    purse: &'a Purse,
    data: &'a str,
}

impl<'a> HandSecrets<'a> {
    /// With the host whose data folder may be read.
    pub(crate) fn new(purse: &'a Purse, host: &'a HostSpec) -> Self {
        Self { purse, data: &host.data }
    }
}

impl Secrets for HandSecrets<'_> {
    fn resolve(&self, reference: &SecretRef) -> Result<Secret> {
        if let Some(secret) = self.purse.get(reference) {
            return Ok(secret.clone());
        }
        match reference {
            SecretRef::Host(path) => read_host(self.data, path),
            SecretRef::Env(_) | SecretRef::File(_) | SecretRef::Age(_) => Err(Error::new(
                Kind::NotFound,
                Text::new("agent-secret-not-sent").with("reference", reference.to_string()),
            )),
        }
    }
}

fn read_host(data: &str, path: &str) -> Result<Secret> {
    let told = |kind, key: &str| Error::new(kind, Text::new(key).with("path", path));
    let (data, path) = (Path::new(data), Path::new(path));
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !plain || !path.starts_with(data) {
        return Err(told(Kind::Denied, "agent-secret-outside"));
    }
    match files::mode_and_owner(path) {
        Ok((mode, _)) if mode & 0o077 != 0 => return Err(told(Kind::Denied, "agent-secret-open")),
        Ok(_) => {}
        Err(error) => return Err(files::failed("agent-secret-unreadable", path, &error)),
    }
    let bytes = files::read(path, SECRET_BYTES_MAX)
        .map_err(|error| files::failed("agent-secret-unreadable", path, &error))?;
    let text = String::from_utf8(bytes).map_err(|_| told(Kind::Corrupt, "agent-secret-not-text"))?;
    Ok(Secret::new(text.strip_suffix('\n').unwrap_or(&text)))
}

/// A link with the private folder that it needs, removed when this is dropped.
pub(crate) struct Linked {
    /// The link.
    pub(crate) link: Link,
    _private: PrivateFolder,
}

/// What a link is made from.
pub(crate) struct Way<'a> {
    /// The member.
    pub(crate) member: &'a MemberSpec,
    /// Its home, when it runs here.
    pub(crate) home: Option<&'a MemberHome>,
    /// The layout it runs by; `None`: it was never started here, or runs elsewhere.
    pub(crate) layout: Option<&'a Layout>,
    /// Where secrets come from.
    pub(crate) secrets: &'a dyn Secrets,
    /// The programs of this host for its engine.
    pub(crate) tools: Tools,
    /// Whether anything may be changed.
    pub(crate) may_write: bool,
    /// The limit for each short question.
    pub(crate) deadline: Millis,
}

/// Makes the link.
pub(crate) fn link(way: Way<'_>, ids: &dyn Ids) -> Result<Linked> {
    let (endpoint, user, password, tls) = match &way.member.runtime {
        Runtime::Managed { address, port, user, password, tls } => {
            let password = password.as_ref().map(|reference| way.secrets.resolve(reference)).transpose()?;
            (Endpoint::Tcp(address.clone(), *port), user.clone(), password, tls.clone())
        }
        Runtime::Process { .. } => {
            let (Some(layout), Some(home)) = (way.layout, way.home) else {
                let what = Text::new("agent-no-layout").with("member", &way.member.name);
                return Err(Error::new(Kind::Precondition, what).cure(Text::new("agent-no-layout-cure")));
            };
            let password = way.secrets.resolve(&home.admin_password())?;
            let tls = TlsSpec { mode: TlsMode::Off, ca: None };
            (layout.endpoint.clone(), layout.admin.clone(), Some(password), tls)
        }
    };
    let private = PrivateFolder::make(&ids.id())?;
    let link = Link {
        endpoint,
        user,
        password,
        tls,
        deadline: way.deadline,
        may_write: way.may_write,
        tools: way.tools,
        private: private.path(),
    };
    Ok(Linked { link, _private: private })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_closed_files_below_the_hosts_data_are_secrets() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("made");
        let write = |path: &Path, mode| {
            std::fs::write(path, "word\n").expect("written");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        };
        let outside = folder.path().join("outside");
        let (good, open, linked) = (data.join("good"), data.join("open"), data.join("linked"));
        write(&outside, 0o600);
        write(&good, 0o600);
        write(&open, 0o640);
        std::os::unix::fs::symlink(&outside, &linked).expect("linked");
        let read = |path: &Path| read_host(&data.display().to_string(), &path.display().to_string());
        assert_eq!(read(&good).expect("read").expose(), "word");
        for wrong in [&outside, &open, &linked, &data.join("../outside")] {
            assert_ne!(read(wrong).expect_err("refused").kind, Kind::NotFound, "{wrong:?}");
        }
        assert_eq!(read(&data.join("absent")).expect_err("absent").kind, Kind::NotFound);
    }
}
