//! What breaks in the middle of a dump is told, and no stream that claims to be whole is left of it.

use std::time::{Duration, Instant};

use roadstead_core::{
    Error, Kind, Millis,
    port::{Link, Source as _, Watch, ambient::Unwatched, engine::Depth},
};
use roadstead_testkit::memory::MemorySink;

use super::Run;
use crate::{
    server::{Server, dump, look},
    strike::{Strike, cancel},
    subject::Subject,
};

/// Where it breaks.
const MIDDLE: u64 = 1 << 20;
/// How soon work ends that is no longer wanted, or no longer possible.
const SOON: Duration = Duration::from_secs(60);
/// The longest silence that is waited for here.
const PATIENCE_MAX: Duration = Duration::from_mins(2);

pub(crate) async fn is_never_half_a_backup<S: Subject>(subject: S) {
    let Some(mut run) = Run::of(subject) else { return };
    let server = Server::member(subject).await;
    S::fill_bulk(&server).await;
    run.demand("a sink that is full ends the dump", full(&server)).await;
    run.demand("a dump that is no longer wanted ends", cancelled(&server)).await;
    let hang = "a server that hangs in the middle is given up";
    if S::PATIENCE > PATIENCE_MAX {
        run.skip(hang, &format!("that takes the engine {:?}", S::PATIENCE));
    } else {
        run.demand(hang, hangs(&server)).await;
    }
    run.demand("after all that it is dumped whole", whole(&server)).await;
    run.demand("a server that is killed in the middle leaves no backup", dies(&server)).await;
    run.end();
}

/// A dump that must fail, and soon, without the stream that it was in the middle of.
async fn broken<S: Subject>(
    server: &Server<S>,
    mut sink: MemorySink,
    watch: &dyn Watch,
    end: Duration,
) -> Error {
    let link = Link { may_write: false, ..server.link_within(Millis::seconds(1)) };
    let begun = Instant::now();
    let dumped = dump::<S>(&link, &server.cluster, &mut sink, watch).await;
    let finished = sink.source();
    let is_there = finished.streams().iter().any(|stream| stream.name == S::BULK);
    assert!(!is_there, "a part of {} claims to be whole", S::BULK);
    let error = dumped.expect_err("half a dump is none");
    assert!(begun.elapsed() < end, "{:?}", begun.elapsed());
    error
}

async fn full<S: Subject>(server: &Server<S>) {
    let mut sink = MemorySink::default();
    sink.room = Some(usize::try_from(MIDDLE).expect("it fits"));
    assert_eq!(broken(server, sink, &Unwatched, SOON).await.kind, Kind::Exhausted);
}

async fn cancelled<S: Subject>(server: &Server<S>) {
    let watch = cancel(MIDDLE);
    let error = broken(server, MemorySink::default(), &watch, SOON).await;
    assert!(watch.has_struck(), "the dump ended before: {error:?}");
    assert_eq!(error.kind, Kind::Cancelled, "{error:?}");
}

async fn hangs<S: Subject>(server: &Server<S>) {
    let frozen = std::sync::Mutex::new(None);
    let watch = Strike::new(MIDDLE, || *frozen.lock().expect("whole") = Some(server.stage.freeze()));
    let error = broken(server, MemorySink::default(), &watch, S::PATIENCE + SOON).await;
    assert!(watch.has_struck(), "the dump ended before: {error:?}");
    assert_eq!(error.kind, Kind::Unreachable, "{error:?}");
}

async fn whole<S: Subject>(server: &Server<S>) {
    let (dumped, source) = server.dump().await;
    let bulk = source.streams().iter().find(|stream| stream.name == S::BULK).expect("the stream");
    assert!(bulk.bytes > 8 * MIDDLE, "{} bytes: what struck in the middle struck at the end", bulk.bytes);
    assert_eq!(server.differences(&dumped).await, Vec::<String>::new());
}

async fn dies<S: Subject>(server: &Server<S>) {
    let watch = Strike::new(MIDDLE, || server.stage.kill());
    let error = broken(server, MemorySink::default(), &watch, SOON).await;
    assert!(watch.has_struck(), "the dump ended before: {error:?}");
    assert!(matches!(error.kind, Kind::Unreachable | Kind::Failed), "{error:?}");
    let gone = look::<S>(&server.link, &server.cluster, Depth::Brief).await.expect_err("it is dead");
    assert!(matches!(gone.kind, Kind::Unreachable | Kind::NotFound), "{gone:?}");
}
