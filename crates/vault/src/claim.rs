//! Claims: who takes, reads or prunes now, written into the vault so that other hosts see it as well.
//!
//! A claim is written first and the others are looked at second, so of two that exclude each other at least one sees
//! the other. Its holder renews it; one whose process is gone on this host, or that nobody renewed for a bounded time,
//! counts no more. Time is the storage's own, compared with our own claim's: no host's clock is trusted. The folder is
//! not restic's `locks`, whose objects restic would try to open.

use std::{fs, time::Duration};

use roadstead_core::{Error, Kind, Result, Text};
use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    key::Cipher,
    place::{Object, Place, Put},
};

/// The folder of claims.
pub(crate) const FOLDER: &str = "claims/";
/// A judgement that a claim is dead: its holder finds it and stops.
const BROKEN: &str = ".broken";

/// What somebody does with the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Use {
    /// Stores a snapshot.
    Take,
    /// Reads streams back.
    Read,
    /// Removes what nobody needs: alone.
    Prune,
}

impl Use {
    fn excludes(self, other: Self) -> bool {
        self == Self::Prune || other == Self::Prune
    }

    fn word(self) -> Text {
        Text::new(match self {
            Self::Take => "vault-use-take",
            Self::Read => "vault-use-read",
            Self::Prune => "vault-use-prune",
        })
    }
}

/// How often a claim is renewed, and after how long without it counts no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two renewals.
    pub(crate) beat: Duration,
    /// Without a renewal.
    pub(crate) stale: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { beat: Duration::from_secs(30), stale: Duration::from_secs(15 * 60) }
    }
}

/// Who holds a claim. `kernel` and `processes` say where `process` means something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    using: Use,
    host: String,
    /// The kernel's boot id: another one, another life.
    kernel: String,
    /// The process namespace: containers of one kernel count processes apart.
    processes: String,
    process: u32,
    /// When the process started, in the kernel's ticks: numbers are used again.
    started: u64,
}

/// A claim that is held. Dropping it gives it up.
pub(crate) struct Claim {
    place: Place,
    path: String,
    /// `None` once it is given up.
    renewing: Option<Renewing>,
}

/// The look at a claim, for work that outlasts every look of its holder. It keeps nothing claimed.
pub(crate) struct Hold {
    place: Place,
    path: String,
}

/// The task that renews, and the word that ends it between two renewals: a write cut short could come late.
struct Renewing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Renewing {
    async fn end(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the renewal of a claim on the vault ended badly");
        }
    }
}

impl Claim {
    /// Claims the vault for this use; `Kind::Busy` when somebody's use excludes it.
    pub(crate) async fn new(place: &Place, cipher: &Cipher, using: Use, pace: Pace) -> Result<Self> {
        let holder = Holder::this(using);
        let path = format!("{FOLDER}{:032x}", rand::random::<u128>());
        let plain = serde_json::to_vec(&holder).map_err(Error::internal)?;
        let sealed = cipher.seal(&path, &plain)?;
        place.put(&path, vec![sealed.clone()], Put::New).await?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(renew(place.clone(), path.clone(), sealed, pace.beat, stopped));
        // From here on every way out gives it up.
        let claim = Self { place: place.clone(), path, renewing: Some(Renewing { stop, task }) };
        match claim.refuse_if_excluded(cipher, using, pace).await {
            Ok(()) => Ok(claim),
            Err(refused) => {
                claim.give_up().await?;
                Err(refused)
            }
        }
    }

    /// The claim's own object is still there, and nobody took the holder for dead.
    pub(crate) async fn still_holds(&self) -> Result<()> {
        self.hold().still_holds().await
    }

    /// For those who work under this claim and must look at it themselves.
    pub(crate) fn hold(&self) -> Hold {
        Hold { place: self.place.clone(), path: self.path.clone() }
    }

    /// Gives it up now, and waits until that is done.
    pub(crate) async fn give_up(mut self) -> Result<()> {
        if let Some(renewing) = self.renewing.take() {
            renewing.end().await;
        }
        self.place.remove(&self.path).await
    }

    async fn refuse_if_excluded(&self, cipher: &Cipher, using: Use, pace: Pace) -> Result<()> {
        let claims = look(&self.place, cipher).await?;
        let now =
            claims.iter().find(|seen| seen.object.path == self.path).and_then(|seen| seen.object.written);
        for seen in claims.into_iter().filter(|seen| seen.object.path != self.path) {
            let excludes = seen.holder.as_ref().is_none_or(|holder| using.excludes(holder.using));
            if excludes && self.alive(&seen, now, pace).await? {
                return Err(busy(seen.holder.as_ref()));
            }
            if gone(seen.holder.as_ref()) {
                self.place.remove(&seen.object.path).await?;
            } else if excludes {
                self.bury(&seen.object.path).await?;
            }
        }
        Ok(())
    }

    /// Whether a claim counts: by its process where that can be asked, else by its age, and then only when it also
    /// stands still while we look, because a clock that jumps makes a living claim look old.
    async fn alive(&self, seen: &Seen, now: Option<i64>, pace: Pace) -> Result<bool> {
        if let Some(alive) = seen.holder.as_ref().and_then(Holder::runs) {
            return Ok(alive);
        }
        let (Some(now), Some(written)) = (now, seen.object.written) else { return Ok(true) };
        // One that lies far ahead was not renewed since the clock went back.
        if u128::from(now.abs_diff(written)) <= pace.stale.as_millis() {
            return Ok(true);
        }
        tokio::time::sleep(pace.beat * 2).await;
        let again = self.place.list(FOLDER).await?;
        let again = again.into_iter().find(|object| object.path == seen.object.path);
        Ok(again.is_some_and(|object| object.written != seen.object.written))
    }

    /// Removes a claim that counts no more, leaving word for a holder that only slept.
    async fn bury(&self, path: &str) -> Result<()> {
        match self.place.put(&format!("{path}{BROKEN}"), vec![], Put::New).await {
            Err(error) if error.kind != Kind::Exists => Err(error),
            _ => self.place.remove(path).await,
        }
    }
}

impl Hold {
    /// The same as [`Claim::still_holds`].
    pub(crate) async fn still_holds(&self) -> Result<()> {
        let broken = self.place.exists(&format!("{}{BROKEN}", self.path)).await?;
        if broken || !self.place.exists(&self.path).await? {
            let what = Text::new("vault-claim-lost");
            return Err(Error::new(Kind::Busy, what).cure(Text::new("vault-claim-lost-cure")));
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(renewing) = self.renewing.take() else { return };
        // At once where that takes no waiting, so that what this process does next is not refused by itself.
        self.place.forget(&self.path);
        let (place, path) = (self.place.clone(), self.path.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Left behind by a runtime that ends, it counts no more as soon as the process is gone.
            runtime.spawn(async move {
                renewing.end().await;
                if let Err(error) = place.remove(&path).await {
                    tracing::debug!(%error, "a claim was not removed; it ends with this process");
                }
            });
        }
    }
}

/// Removes words left for holders, once nobody can be waiting for them any more. To be called by a holder alone.
pub(crate) async fn sweep(place: &Place, pace: Pace) -> Result<()> {
    let listed = place.list(FOLDER).await?;
    let now = listed.iter().filter_map(|object| object.written).max();
    for object in listed.iter().filter(|object| object.path.ends_with(BROKEN)) {
        let age = now.zip(object.written).map(|(now, written)| now.abs_diff(written));
        if age.is_some_and(|age| u128::from(age) > pace.stale.as_millis() * 96) {
            place.remove(&object.path).await?;
        }
    }
    Ok(())
}

/// Whether anybody may be taking now: leftovers cannot be told from what is just being stored.
pub(crate) async fn anybody_takes(place: &Place, cipher: &Cipher) -> Result<bool> {
    let claims = look(place, cipher).await?;
    let takes = |seen: &Seen| seen.holder.as_ref().is_none_or(|holder| holder.using == Use::Take);
    Ok(claims.iter().any(|seen| takes(seen) && !gone(seen.holder.as_ref())))
}

struct Seen {
    object: Object,
    /// `None`: it cannot be read, and so may be anything.
    holder: Option<Holder>,
}

async fn look(place: &Place, cipher: &Cipher) -> Result<Vec<Seen>> {
    let mut claims = Vec::new();
    let listed = match place.list(FOLDER).await {
        // A copy of a vault may lack its empty folders.
        Err(error) if error.kind == Kind::NotFound => return Ok(claims),
        listed => listed?,
    };
    for object in listed.into_iter().filter(|object| !object.path.ends_with(BROKEN)) {
        let content = match place.get(&object.path).await {
            // It was given up meanwhile.
            Err(error) if error.kind == Kind::NotFound => continue,
            content => content?,
        };
        let plain = cipher.open(&object.path, &content);
        let holder = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        claims.push(Seen { object, holder });
    }
    Ok(claims)
}

/// Whether the holder's process is known to be gone.
fn gone(holder: Option<&Holder>) -> bool {
    holder.and_then(Holder::runs) == Some(false)
}

fn busy(holder: Option<&Holder>) -> Error {
    let what = match holder {
        Some(holder) => Text::new("vault-busy")
            .with("use", holder.using.word())
            .with("host", holder.host.as_str())
            .with("process", holder.process),
        None => Text::new("vault-busy-unknown"),
    };
    Error::new(Kind::Busy, what).cure(Text::new("vault-busy-cure"))
}

/// Rewrites the claim again and again, so that the storage tells its age anew.
async fn renew(
    place: Place,
    path: String,
    sealed: bytes::Bytes,
    beat: Duration,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut clock = tokio::time::interval(beat);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    clock.tick().await;
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            _ = clock.tick() => {}
        }
        match place.exists(&format!("{path}{BROKEN}")).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "a claim on the vault could not be looked at");
                continue;
            }
        }
        if let Err(error) = place.put(&path, vec![sealed.clone()], Put::Replace).await {
            tracing::warn!(%error, "a claim on the vault could not be renewed");
        }
    }
}

impl Holder {
    fn this(using: Use) -> Self {
        let process = std::process::id();
        Self {
            using,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            kernel: kernel(),
            processes: processes(),
            process,
            started: started(process).unwrap_or(0),
        }
    }

    /// Whether its process runs; `None` when it cannot be asked from here.
    fn runs(&self) -> Option<bool> {
        let here = !self.kernel.is_empty() && self.kernel == kernel();
        if !here || self.processes.is_empty() || self.processes != processes() {
            return None;
        }
        Some(started(self.process) == Some(self.started))
    }
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn processes() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().into_owned()
}

/// The process's start in ticks since boot; `None` when there is no such process.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything: count from behind it. Field 22 of proc(5).
    let rest = stat.rsplit_once(')')?.1;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use roadstead_core::Secret;
    use zeroize::Zeroizing;

    use super::*;
    use crate::key::Master;

    const PACE: Pace = Pace { beat: Duration::from_millis(40), stale: Duration::from_secs(60) };

    struct Shore {
        _folder: tempfile::TempDir,
        place: Place,
        cipher: Cipher,
    }

    impl Shore {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let place = Place::local(folder.path()).unwrap();
            let key = Secret::new("x");
            let master =
                Master { json: Zeroizing::new(key.expose().into()), material: Zeroizing::new(vec![1; 64]) };
            Self { _folder: folder, place, cipher: Cipher::of_catalogue(&master) }
        }

        async fn claim(&self, using: Use) -> Result<Claim> {
            Claim::new(&self.place, &self.cipher, using, PACE).await
        }

        /// Writes somebody else's claim, last renewed so many milliseconds ago; returns its path.
        async fn plant(&self, holder: &Holder, age: i64) -> String {
            let path = format!("{FOLDER}{:032x}", rand::random::<u128>());
            let sealed = self.cipher.seal(&path, &serde_json::to_vec(holder).unwrap()).unwrap();
            self.place.put(&path, vec![sealed], Put::New).await.unwrap();
            let file = fs::File::options().write(true).open(self.place.address(&path)).unwrap();
            let (now, age) =
                (std::time::SystemTime::now(), (age < 0, Duration::from_millis(age.unsigned_abs())));
            file.set_modified(if age.0 { now + age.1 } else { now - age.1 }).unwrap();
            path
        }
    }

    fn elsewhere() -> Holder {
        let this = Holder::this(Use::Take);
        Holder { host: "elsewhere".into(), kernel: "another".into(), ..this }
    }

    #[tokio::test]
    async fn takes_share_and_pruning_is_alone() {
        let shore = Shore::new();
        let one = shore.claim(Use::Take).await.unwrap();
        let two = shore.claim(Use::Take).await.unwrap();
        let three = shore.claim(Use::Read).await.unwrap();
        assert_eq!(shore.claim(Use::Prune).await.err().unwrap().kind, Kind::Busy);
        for claim in [one, two, three] {
            claim.give_up().await.unwrap();
        }
        let pruning = shore.claim(Use::Prune).await.unwrap();
        for using in [Use::Take, Use::Read, Use::Prune] {
            assert_eq!(shore.claim(using).await.err().unwrap().kind, Kind::Busy);
        }
        pruning.give_up().await.unwrap();
        shore.claim(Use::Prune).await.unwrap();
    }

    #[tokio::test]
    async fn a_process_that_is_gone_holds_nothing() {
        let shore = Shore::new();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let holder = Holder { process: child.id(), started: 1, ..Holder::this(Use::Take) };
        child.wait().unwrap();
        let path = shore.plant(&holder, 0).await;
        shore.claim(Use::Prune).await.unwrap().give_up().await.unwrap();
        assert!(!shore.place.exists(&path).await.unwrap());
        // The number is used again: another start is another process.
        let holder = Holder { started: 1, ..Holder::this(Use::Take) };
        shore.plant(&holder, 0).await;
        shore.claim(Use::Prune).await.unwrap();
    }

    #[tokio::test]
    async fn a_living_process_of_this_host_holds_however_old_its_claim_looks() {
        let shore = Shore::new();
        shore.plant(&Holder::this(Use::Take), 3_600_000).await;
        assert_eq!(shore.claim(Use::Prune).await.err().unwrap().kind, Kind::Busy);
    }

    #[tokio::test]
    async fn a_claim_from_elsewhere_counts_until_it_is_old_and_stands_still() {
        let shore = Shore::new();
        let fresh = shore.plant(&elsewhere(), 0).await;
        assert_eq!(shore.claim(Use::Prune).await.err().unwrap().kind, Kind::Busy);
        shore.place.remove(&fresh).await.unwrap();
        // Long ago, or far ahead because the clock went back since.
        for age in [3_600_000, -3_600_000] {
            let path = shore.plant(&elsewhere(), age).await;
            shore.claim(Use::Prune).await.unwrap().give_up().await.unwrap();
            assert!(!shore.place.exists(&path).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_clock_that_jumped_does_not_kill_a_claim_that_is_renewed() {
        let shore = Shore::new();
        let path = shore.plant(&elsewhere(), 3_600_000).await;
        let sealed = shore.place.get(&path).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let renewing = tokio::spawn(renew(shore.place.clone(), path, sealed, PACE.beat, stopped));
        // Whoever judges waits for many a renewal: one may take its time on a loaded disk.
        let patient = Pace { beat: PACE.beat * 25, ..PACE };
        let judged = Claim::new(&shore.place, &shore.cipher, Use::Prune, patient).await;
        assert_eq!(judged.err().unwrap().kind, Kind::Busy);
        drop(stop);
        renewing.await.unwrap();
    }

    #[tokio::test]
    async fn a_holder_taken_for_dead_learns_of_it() {
        let shore = Shore::new();
        let slept = shore.claim(Use::Take).await.unwrap();
        slept.still_holds().await.unwrap();
        let judge = shore.claim(Use::Take).await.unwrap();
        judge.bury(&slept.path).await.unwrap();
        assert_eq!(slept.still_holds().await.unwrap_err().kind, Kind::Busy);
        // Even when a late renewal brings the object back.
        shore.place.put(&slept.path, vec!["x".into()], Put::Replace).await.unwrap();
        assert_eq!(slept.still_holds().await.unwrap_err().kind, Kind::Busy);
    }

    #[tokio::test]
    async fn a_claim_that_cannot_be_read_is_respected_until_it_is_old() {
        let shore = Shore::new();
        shore.place.put("claims/unreadable", vec!["x".into()], Put::New).await.unwrap();
        let busy = shore.claim(Use::Take).await.err().unwrap();
        assert_eq!((busy.kind, busy.what.key.as_str()), (Kind::Busy, "vault-busy-unknown"));
        assert_eq!(shore.place.list(FOLDER).await.unwrap().len(), 1, "a refused claim was left");
    }
}
