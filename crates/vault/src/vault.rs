//! Vaults in local folders: making, opening, and the vault's port put together from its parts.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use roadstead_core::{
    Error, Finding, Kind, Result, Secret, Text,
    model::VaultSpec,
    port::{
        ambient::Watch,
        stream::Source,
        vault::{
            Catalogue as Listing, Draft, Event, Pruned, Record, SnapshotId, Structure, Taking, Vault, Vaults,
        },
    },
};
use tokio::task::JoinError;

use crate::{
    catalogue::{self, Catalogue, SEAL, SEAL_LENGTH_MAX},
    check,
    claim::{self, Claim, Pace, Use},
    key::{self, Cipher, Master},
    local, lost,
    place::{Place, Put},
    prune,
    repository::{self, Archive, FOLDERS, Library},
    source::VaultSource,
    taking::VaultTaking,
};

/// Makes and opens vaults in folders of this host.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalVaults {
    pace: Pace,
}

impl LocalVaults {
    /// With the usual pace of claims.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Vaults for LocalVaults {
    async fn init(&self, spec: &VaultSpec, key: &Secret) -> Result<Arc<dyn Vault>> {
        key::strong_enough(key)?;
        let root = folder(spec)?;
        let there = look(&root).await?;
        if !matches!(there, There::Nothing | There::Empty | There::Vault) {
            return Err(foreign(&root, &there));
        }
        let (folder, existed) = (root.clone(), matches!(there, There::Vault));
        let made = blocking(move || {
            local::make_folder(&folder).map_err(|error| Error::io(at("vault-unwritable", &folder), &error))
        });
        made.await?;
        let place = Place::local(&root)?;
        if !existed {
            // The seal comes first: with it an interrupted making can be completed, and by its key alone.
            let (sealing, key) = (place.clone(), key.clone());
            let sealed =
                blocking(move || repository::new_master().and_then(|master| key::seal(SEAL, &key, &master)))
                    .await?;
            sealing.put(SEAL, vec![sealed], Put::New).await?;
        }
        let vault = LocalVault::unlock(place.clone(), key, self.pace).await?;
        place.make_folders(&FOLDERS).await?;
        place.make_folders(&[claim::FOLDER.trim_end_matches('/')]).await?;
        let (master, password) = (vault.master.clone(), key.clone());
        let completed =
            blocking(move || repository::create(place, &master, key::password(&password))).await?;
        if !completed {
            let cure = Text::new("vault-exists-cure");
            return Err(Error::new(Kind::Exists, at("vault-exists", &root)).cure(cure));
        }
        Ok(Arc::new(vault))
    }

    async fn is_there(&self, spec: &VaultSpec) -> Result<bool> {
        Ok(matches!(look(&folder(spec)?).await?, There::Vault | There::Unsealed | There::Restic))
    }

    async fn open(&self, spec: &VaultSpec, key: &Secret) -> Result<Arc<dyn Vault>> {
        let root = folder(spec)?;
        match look(&root).await? {
            There::Vault | There::Unsealed => {}
            There::Restic => return Err(foreign(&root, &There::Restic)),
            There::Nothing | There::Empty | There::Other(_) => {
                let cure = Text::new("vault-absent-cure");
                return Err(Error::new(Kind::NotFound, at("vault-absent", &root)).cure(cure));
            }
        }
        Ok(Arc::new(LocalVault::unlock(Place::local(&root)?, key, self.pace).await?))
    }
}

/// One open vault. Holds keys, and nothing of what is in the vault.
#[derive(Clone)]
pub(crate) struct LocalVault {
    pub(crate) place: Place,
    pub(crate) master: Arc<Master>,
    pub(crate) cipher: Cipher,
    pub(crate) catalogue: Catalogue,
    pub(crate) pace: Pace,
}

impl LocalVault {
    /// Opens by the seal; where the seal is gone, damaged, or too long to be one, by the repository's own key files, and
    /// makes it anew.
    async fn unlock(place: Place, key: &Secret, pace: Pace) -> Result<Self> {
        let seal = match place.get_within(SEAL, SEAL_LENGTH_MAX).await {
            // The latter: it was cut while it was read.
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Corrupt) => None,
            seal => seal?,
        };
        let password = key.clone();
        let opened = blocking(move || match seal {
            Some(seal) => key::unseal(SEAL, &password, &seal),
            None => Ok(None),
        });
        let master = match opened.await? {
            Some(json) => repository::master_from(&json)?,
            None => Self::unlock_slowly(&place, key).await?,
        };
        let cipher = Cipher::of_catalogue(&master);
        let catalogue = Catalogue::new(place.clone(), cipher.clone());
        Ok(Self { place, master: Arc::new(master), cipher, catalogue, pace })
    }

    async fn unlock_slowly(place: &Place, key: &Secret) -> Result<Master> {
        // Without the repository's key files, which an interrupted making lacks, the seal's word is the last one.
        if !place.exists("config").await? || !place.exists("keys/").await? {
            return Err(repository::denied_at(place));
        }
        let (slow, password) = (place.clone(), key.clone());
        let master = blocking(move || repository::master_by_password(slow, key::password(&password))).await?;
        let password = key.clone();
        let (master, sealed) = blocking(move || {
            let sealed = key::seal(SEAL, &password, &master)?;
            Ok((master, sealed))
        })
        .await?;
        if let Err(error) = place.put(SEAL, vec![sealed], Put::Replace).await {
            tracing::warn!(%error, "the vault's seal is damaged and could not be made anew");
        }
        Ok(master)
    }

    /// Claims the vault for reading; `None` where it cannot be written, and so cannot be pruned.
    pub(crate) async fn claim_reading(&self) -> Result<Option<Arc<Claim>>> {
        match Claim::new(&self.place, &self.cipher, Use::Read, self.pace).await {
            Ok(claim) => Ok(Some(Arc::new(claim))),
            Err(error) if error.kind == Kind::Busy => Err(error),
            Err(error) => {
                tracing::debug!(%error, "reading without a claim: the vault cannot be written");
                Ok(None)
            }
        }
    }

    /// Opens the repository for reading.
    pub(crate) async fn library(&self) -> Result<Arc<Library>> {
        let (place, master) = (self.place.clone(), self.master.clone());
        blocking(move || Library::open(place, &master)).await.map(Arc::new)
    }
}

#[async_trait]
impl Vault for LocalVault {
    async fn take(&self, draft: Draft) -> Result<Box<dyn Taking>> {
        if !catalogue::is_id(&draft.id.0) {
            return Err(Error::internal(format!("not a snapshot's id: {:?}", draft.id.0)));
        }
        let claim = Claim::new(&self.place, &self.cipher, Use::Take, self.pace).await?;
        if self.catalogue.has(&draft.id.0).await? {
            let what = Text::new("vault-snapshot-exists").with("snapshot", draft.id.0.as_str());
            return Err(Error::new(Kind::Exists, what));
        }
        let (place, master) = (self.place.clone(), self.master.clone());
        let archive = blocking(move || Archive::open(place, &master)).await?;
        self.catalogue.begin(&draft).await?;
        let (place, catalogue) = (self.place.clone(), self.catalogue.clone());
        Ok(Box::new(VaultTaking::new(place, catalogue, Arc::new(archive), Arc::new(claim), draft)))
    }

    async fn catalogue(&self) -> Result<Listing> {
        let loaded = lost::load(self).await?;
        let records = loaded.entries.into_iter().map(|entry| entry.record).collect();
        let unreadable = loaded.damaged.into_iter().map(SnapshotId).collect();
        Ok(Listing { records, unreadable, findings: loaded.findings })
    }

    async fn record(&self, id: &SnapshotId) -> Result<Record> {
        Ok(self.catalogue.entry(id).await?.record)
    }

    async fn open(&self, id: &SnapshotId) -> Result<Arc<dyn Source>> {
        let claim = self.claim_reading().await?;
        let entry = self.catalogue.entry(id).await?;
        Ok(Arc::new(VaultSource::new(entry, self.library().await?, claim)))
    }

    async fn note(&self, id: &SnapshotId, event: Event) -> Result<()> {
        self.catalogue.note(id, &event).await
    }

    async fn check(&self, id: &SnapshotId, watch: &dyn Watch) -> Result<Vec<Finding>> {
        check::snapshot(self, id, watch).await
    }

    async fn check_structure(&self, watch: &dyn Watch) -> Result<Structure> {
        check::structure(self, watch).await
    }

    async fn prune(&self, remove: &[SnapshotId], dry_run: bool, watch: &dyn Watch) -> Result<Pruned> {
        prune::prune(self, remove, dry_run, watch).await
    }
}

/// Does blocking work on a thread where that hurts nobody.
pub(crate) async fn blocking<T, W>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T> + Send + 'static,
{
    unfold(tokio::task::spawn_blocking(work).await)
}

/// The result of such work. The repository's library panics on some damage: that is damage too.
pub(crate) fn unfold<T>(done: Result<Result<T>, JoinError>) -> Result<T> {
    let Err(error) = done else { return done.expect("it is not an error") };
    if !error.is_panic() {
        return Err(Error::new(Kind::Cancelled, Text::new("core-cancelled")));
    }
    let panic = error.into_panic();
    let said = panic.downcast_ref::<String>().cloned();
    let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
    Err(Error::new(Kind::Corrupt, Text::new("vault-library-panicked").with("said", said)))
}

/// What lies in a folder.
enum There {
    Nothing,
    Empty,
    Vault,
    /// A repository beside a catalogue whose seal is gone.
    Unsealed,
    /// A restic repository that no vault was made of.
    Restic,
    /// Something else, of which this is one.
    Other(String),
}

async fn look(root: &Path) -> Result<There> {
    let root = root.to_owned();
    blocking(move || look_at(&root).map_err(|error| Error::io(at("vault-unreadable", &root), &error))).await
}

fn look_at(root: &Path) -> io::Result<There> {
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Ok(There::Other(root.display().to_string()));
        }
        Err(error) => return Err(error),
    };
    if root.join(SEAL).is_file() {
        return Ok(There::Vault);
    }
    if root.join("config").is_file() && root.join("keys").is_dir() {
        let records = std::fs::read_dir(root.join(catalogue::FOLDER));
        let ours = records.is_ok_and(|mut records| records.next().is_some());
        return Ok(if ours { There::Unsealed } else { There::Restic });
    }
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // A fresh file system has the first; a making that died before the seal leaves the others.
        if !["lost+found", local::TEMPORARY, catalogue::FOLDER.trim_end_matches('/')].contains(&name.as_str())
        {
            return Ok(There::Other(name));
        }
    }
    Ok(There::Empty)
}

fn foreign(root: &Path, there: &There) -> Error {
    let what = match there {
        There::Restic | There::Unsealed => {
            let cure = Text::new("vault-foreign-restic-cure");
            return Error::new(Kind::Precondition, at("vault-foreign-restic", root)).cure(cure);
        }
        There::Other(found) => at("vault-foreign", root).with("found", found.as_str()),
        There::Nothing | There::Empty | There::Vault => at("vault-foreign", root).with("found", ""),
    };
    Error::new(Kind::Precondition, what).cure(Text::new("vault-foreign-cure"))
}

fn folder(spec: &VaultSpec) -> Result<PathBuf> {
    let path = PathBuf::from(&spec.url);
    if path.is_absolute() {
        return Ok(path);
    }
    let what = Text::new("vault-url-unsupported").with("vault", &spec.name).with("url", spec.url.as_str());
    Err(Error::new(Kind::Unsupported, what).cure(Text::new("vault-url-unsupported-cure")))
}

fn at(key: &str, path: &Path) -> Text {
    Text::new(key).with("path", path.display().to_string())
}
