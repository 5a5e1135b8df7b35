//! A dump, loaded into an empty server of the same version, is the original; and what is not, is named or refused.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use roadstead_core::{
    Kind,
    manifest::{Manifest, compare},
    model::{ClusterSpec, May},
    port::{
        Progress, Source as _, Watch,
        ambient::Unwatched,
        engine::{How, Lived, Purpose},
        vault::Dumped,
    },
};
use roadstead_testkit::memory::MemorySource;

use super::Run;
use crate::{
    server::{NEEDLE, NamedSecrets, Server, cluster, engine, lines, load, role},
    strike::cancel,
    subject::{Subject, What},
};

/// How soon work ends that is no longer wanted.
const PROMPTLY: Duration = Duration::from_secs(30);

/// Wants the work stopped at its first byte, and knows since when: making the empty server takes its time before.
#[derive(Default)]
struct Unwanted(OnceLock<Instant>);

impl Watch for Unwanted {
    fn progress(&self, progress: Progress) {
        if progress.done > 0 {
            self.0.get_or_init(Instant::now);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.get().is_some()
    }
}

pub(crate) async fn comes_back_as_it_was<S: Subject>(subject: S) {
    let Some(mut run) = Run::of(subject) else { return };
    let original = Server::member(subject).await;
    S::fill(&original).await;
    let (dumped, source) = original.dump().await;
    run.demand("two dumps of unchanged data are equal", twice(&original, &dumped)).await;
    run.demand("a backup tells no password of the administrator", async { secrets(&dumped, &source) }).await;
    let copy = run.demand("a proof's copy is the original", restored(&original, &dumped, &source)).await;
    if let Some(copy) = copy {
        run.demand("a server that holds data is never loaded into", occupied(&copy, &dumped, &source)).await;
        for what in [What::ItemAltered, What::ItemMissing, What::ObjectMissing, What::AccountMissing] {
            if S::harms().iter().all(|harm| harm.what != what) {
                run.skip(&format!("{what:?} is named"), "the engine has no such thing");
            }
        }
        run.demand("every damage is named by its name", harmed(&copy, &dumped)).await;
    }
    let dump = (&dumped, &source);
    let target =
        run.demand("a server that somebody else runs is loaded by its protocol", by_address(&original, dump));
    if let Some(target) = target.await {
        run.demand("what a broken-off load left is taken out, and nothing else", cleared(&target, dump))
            .await;
        run.demand(
            "accounts that only such a server has are told, and no difference",
            accounts_of_its_own(&target.0, &dumped),
        )
        .await;
    }
    drop(original);
    run.demand("a stream that was cut or altered in the vault is not loaded", damaged(subject, dump)).await;
    run.demand("a stream that was cut before it was stored is not loaded", cut(subject, dump)).await;
    run.demand("a load that is no longer wanted ends", cancelled(subject, dump)).await;
    run.end();
}

async fn twice<S: Subject>(original: &Server<S>, dumped: &Dumped) {
    let (again, _) = original.dump().await;
    assert_eq!(lines(&compare(&dumped.manifest, &again.manifest)), Vec::<String>::new());
    assert_eq!(lines(&compare(&again.manifest, &dumped.manifest)), Vec::<String>::new());
    assert_eq!(original.differences(dumped).await, Vec::<String>::new(), "the original is itself");
}

fn secrets(dumped: &Dumped, source: &MemorySource) {
    let record = serde_json::to_string(dumped).expect("plain data");
    assert!(!record.contains(NEEDLE), "in the manifest or the findings");
    for stream in source.streams() {
        assert!(!stream.name.contains(NEEDLE), "{}", stream.name);
        let bytes = source.bytes(&stream.name);
        let found = bytes.windows(NEEDLE.len()).any(|window| window == NEEDLE.as_bytes());
        assert!(!found, "in the stream {}", stream.name);
    }
}

async fn restored<S: Subject>(original: &Server<S>, dumped: &Dumped, source: &MemorySource) -> Server<S> {
    let made = Server::restored(original.subject, Purpose::Scratch, (dumped, source), &Unwatched).await;
    let (copy, findings) = made.unwrap_or_else(|error| panic!("{error:?}"));
    let compared = copy.compared(dumped).await;
    assert_eq!(lines(&compared), Vec::<String>::new());
    assert!(compared.by_content > 0 && compared.rows > 500, "{compared:?}");
    S::same(original, &copy, dumped, &findings).await;
    copy
}

async fn occupied<S: Subject>(copy: &Server<S>, dumped: &Dumped, source: &MemorySource) {
    let engine = engine::<S>();
    let inspect = engine.inspect().expect("the facet");
    assert!(inspect.occupied(&copy.link_to_read()).await.expect("an answer").is_some());
    // Neither what would meet itself there, nor what would meet nothing of its name.
    let other = little(copy.subject).await;
    for (dumped, source) in [(dumped, source), (&other.0, &other.1)] {
        let refused = load::<S>(&copy.link, dumped, source, false).await.expect_err("it holds data");
        assert_eq!(refused.kind, Kind::Exists, "{refused:?}");
    }
    assert_eq!(copy.differences(dumped).await, Vec::<String>::new(), "it is as it was");
}

async fn harmed<S: Subject>(copy: &Server<S>, dumped: &Dumped) {
    let harms = S::harms();
    for harm in &harms {
        S::harm(copy, &harm.act).await;
    }
    let found = copy.differences(dumped).await;
    for harm in harms {
        assert!(found.contains(&harm.named), "{:?}: {} is not in {found:#?}", harm.what, harm.named);
    }
}

async fn by_address<S: Subject>(
    original: &Server<S>,
    (dumped, source): (&Dumped, &MemorySource),
) -> (Server<S>, serde_json::Value) {
    let target = Server::member(original.subject).await;
    assert!(!target.is_occupied().await);
    let before = target.fits(dumped, source).await.unwrap_or_else(|error| panic!("{error:?}"));
    target.load_by_address(dumped, source).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(target.differences(dumped).await, S::KEPT);
    assert!(target.is_occupied().await);
    (target, before)
}

/// From a server that holds all of it, from one that holds a part, and from one that holds more.
async fn cleared<S: Subject>(
    (target, before): &(Server<S>, serde_json::Value),
    (dumped, source): (&Dumped, &MemorySource),
) {
    target.clear(dumped, source, before).await.unwrap_or_else(|error| panic!("all of it: {error:?}"));
    assert!(!target.is_occupied().await);
    let again = target.fits(dumped, source).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(again, *before, "it is as it was");
    let broken = target.load_watched(dumped, source, &cancel(1_000)).await.expect_err("it was cancelled");
    assert_eq!(broken.kind, Kind::Cancelled, "{broken:?}");
    for _ in 0..2 {
        target.clear(dumped, source, before).await.unwrap_or_else(|error| panic!("a part: {error:?}"));
        assert!(!target.is_occupied().await);
    }
    let loaded = target.load_watched(dumped, source, &Unwatched).await;
    let told = loaded.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(target.differences(dumped).await, S::KEPT, "{told:?}");
    if before.get("server").is_some() {
        let mut other = before.clone();
        other["server"] = "another".into();
        let refused = target.clear(dumped, source, &other).await.expect_err("it is another server");
        assert_eq!(refused.kind, Kind::Precondition, "{refused:?}");
    }
    for (act, undo, named) in S::INTRUSIONS {
        S::intrude(target, act).await;
        let now = target.differences(dumped).await;
        assert_ne!(now, S::KEPT, "{act}");
        let refused = target.clear(dumped, source, before).await.expect_err(act);
        assert_eq!(refused.kind, Kind::Exists, "{act}: {refused:?}");
        assert!(refused.cure.is_some() && refused.what.to_string().contains(named), "{act}: {refused:?}");
        assert_eq!(target.differences(dumped).await, now, "{act}: nothing was removed");
        S::intrude(target, undo).await;
    }
    assert_eq!(target.differences(dumped).await, S::KEPT, "it is as it was");
}

async fn accounts_of_its_own<S: Subject>(target: &Server<S>, dumped: &Dumped) {
    let engine = engine::<S>();
    let inspect = engine.inspect().expect("the facet");
    let told = |copy: &Manifest| inspect.accounts_besides(&dumped.manifest, copy);
    let had = told(&target.manifest().await);
    let mut declared = target.cluster.clone();
    declared.roles.insert("besides".into(), role("w0rd", May::Write, &[]));
    make::<S>(&declared, target).await;
    let copy = target.manifest().await;
    let besides: Vec<String> = told(&copy).into_iter().filter(|account| !had.contains(account)).collect();
    assert!(besides.len() == 1 && besides[0].starts_with("besides"), "{besides:?}");
    let mut keep = inspect.own_accounts(&target.link_to_read()).await.expect("the accounts");
    let differ = |keep: &[String]| {
        let (original, copy) =
            inspect.comparable(dumped.manifest.clone(), copy.clone(), Lived::Unserved, keep);
        lines(&compare(&original, &copy))
    };
    assert!(differ(&keep).iter().any(|line| line.contains("besides")), "{:?}", differ(&keep));
    keep.extend(besides);
    let left = differ(&keep);
    assert!(!left.iter().any(|line| line.contains("besides")), "{left:?}");
}

/// Empty but for one account, and one database where it has such.
pub(super) async fn little<S: Subject>(subject: S) -> (Dumped, MemorySource) {
    let mut wanted = cluster(subject);
    if engine::<S>().profile().has_databases {
        wanted.databases = vec!["surplus".into()];
    }
    wanted.roles.insert("surplus".into(), role("w0rd", May::Write, &[]));
    let server = Server::start(subject, wanted, Purpose::Member).await;
    make::<S>(&server.cluster, &server).await;
    server.dump().await
}

/// Makes what is declared and not there.
async fn make<S: Subject>(declared: &ClusterSpec, server: &Server<S>) {
    let engine = engine::<S>();
    let deploy = engine.deploy().expect("the facet");
    let (changes, _) = deploy.changes(declared, &server.stage.layout, &server.look().await);
    for change in changes {
        if let How::Own(act) = change.how {
            deploy.perform(&server.link, &act, &NamedSecrets).await.expect("an act");
        }
    }
}

/// The longest stream, where a cut is likeliest to be taken for an end.
fn longest(source: &MemorySource) -> String {
    source.streams().iter().max_by_key(|stream| stream.bytes).expect("there are streams").name.clone()
}

/// What was stored is known by its length and digest: a source tells it at the end, and nobody may pass over it.
async fn damaged<S: Subject>(subject: S, (dumped, source): (&Dumped, &MemorySource)) {
    let name = longest(source);
    let whole = source.bytes(&name);
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 1;
    for (what, bytes) in [("half of it", whole[..middle].to_vec()), ("a bit of it", flipped)] {
        let damaged = source.with(&name, whole.clone());
        damaged.damage(&name, |kept| *kept = bytes);
        let made = Server::restored(subject, Purpose::Scratch, (dumped, &damaged), &Unwatched).await;
        let error = made.map(drop).expect_err(what);
        // A server that is given the bytes before their end may stumble first.
        assert!(matches!(error.kind, Kind::Corrupt | Kind::Failed), "{what}: {error:?}");
    }
}

/// Cut in the middle, with a length and a digest to match: the stream itself must say that it is not whole.
async fn cut<S: Subject>(subject: S, (dumped, source): (&Dumped, &MemorySource)) {
    let name = longest(source);
    let whole = source.bytes(&name);
    let half = source.with(&name, whole[..whole.len() / 2].to_vec());
    let made = Server::restored(subject, Purpose::Scratch, (dumped, &half), &Unwatched).await;
    assert!(made.is_err(), "half of {name} was loaded");
}

async fn cancelled<S: Subject>(subject: S, dump: (&Dumped, &MemorySource)) {
    let watch = Unwanted::default();
    let made = Server::restored(subject, Purpose::Scratch, dump, &watch).await;
    let took = watch.0.get().expect("the load told its progress").elapsed();
    assert_eq!(made.map(drop).expect_err("it was cancelled").kind, Kind::Cancelled);
    assert!(took < PROMPTLY, "{took:?}");
}
