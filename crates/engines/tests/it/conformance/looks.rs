//! What is told of a server that is well, of one that is silent, and of one that refuses; and what is rendered for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use roadstead_core::{
    Error, Kind, Millis, Result,
    model::May,
    port::{
        Link,
        ambient::Unwatched,
        engine::{Depth, How, Purpose},
        layout::Endpoint,
    },
    seen::{Facts, Protection, Role},
};
use roadstead_testkit::{memory::MemorySink, wait};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::{Run, copies::little};
use crate::{
    server::{NEEDLE, NamedSecrets, Server, cluster, dump, engine, layout, load, look, role},
    subject::Subject,
};

/// What every short question is given here, and how much later its answer may come: a machine may have much to do.
const DEADLINE: Millis = Millis(1_000);
const GRACE: Duration = Duration::from_secs(10);
const DEPTHS: [Depth; 3] = [Depth::Brief, Depth::Full, Depth::Grants];

pub(crate) async fn is_told_as_it_is<S: Subject>(subject: S) {
    let Some(mut run) = Run::of(subject) else { return };
    run.demand("its profile is whole", async { profile::<S>() }).await;
    run.demand("a layout is rendered the same twice, without a secret", async { layouts(subject) }).await;
    let server = Server::member(subject).await;
    run.demand("looks of both depths tell one truth", facts(&server)).await;
    if !engine::<S>().profile().has_databases {
        run.skip("its databases by name", "the engine has none");
    }
    run.demand("a wrong password is refused by every question", refused(&server)).await;
    run.demand("a link that may not write changes nothing", read_only(subject, &server)).await;
    run.demand("the administrator's password is in no process's arguments", async { arguments(&server) })
        .await;
    run.demand("a server that hangs is unreachable in time, and is back when it goes on", frozen(&server))
        .await;
    run.demand("a port that takes connections and says nothing is unreachable in time", half_open(&server))
        .await;
    run.demand("a port where nobody listens is unreachable", nobody(&server)).await;
    run.demand("a port that speaks another tongue is no server", another_tongue(&server)).await;
    run.demand("a server that was stopped does not run", stopped(server)).await;
    run.end();
}

fn profile<S: Subject>() {
    let engine = engine::<S>();
    let profile = engine.profile();
    assert_eq!(profile.name, S::ENGINE);
    assert!(!profile.title.is_empty() && !profile.user.is_empty() && !profile.guarantee.is_empty());
    assert!(profile.port > 0 && profile.memory_min.0 > 0);
    let names: BTreeSet<_> = profile.tools.iter().map(|need| need.name).collect();
    assert_eq!(names.len(), profile.tools.len(), "no two tools of one name");
    assert!(profile.tools.iter().any(|need| need.for_server), "something runs a member");
    for need in profile.tools {
        assert!(!need.files.is_empty() && !need.packages.is_empty(), "{}", need.name);
        assert_eq!(engine.tool_version(need.name, "bash, version 5.2.15(1)-release"), None, "{}", need.name);
    }
    assert!(engine.observe().is_some() && engine.deploy().is_some());
    assert!(engine.backup().is_some() && engine.inspect().is_some());
    let languages: BTreeSet<_> = engine.messages().iter().map(|(language, _)| *language).collect();
    assert_eq!(languages, ["en", "zh"].into());
}

fn layouts<S: Subject>(subject: S) {
    let mut cluster = cluster(subject);
    cluster.roles.insert("app".into(), role(NEEDLE, May::Write, &[]));
    let place = roadstead_testkit::stage::Place::new();
    for purpose in [Purpose::Member, Purpose::Loading, Purpose::Scratch] {
        let once = layout::<S>(&cluster, &place, purpose.clone());
        let again = layout::<S>(&cluster, &place, purpose.clone());
        let bytes = |layout| serde_json::to_vec(layout).expect("plain data");
        assert_eq!(bytes(&once), bytes(&again), "{purpose:?}");
        for program in once.create.iter().chain([&once.server]) {
            let told = format!("{:?} {:?}", program.args, program.env);
            // Neither a value nor a reference that somebody might resolve there.
            assert!(!told.contains(NEEDLE) && !told.contains("${"), "{purpose:?}: {told}");
        }
        let paths: BTreeSet<_> = once.files.iter().map(|file| &file.path).collect();
        assert_eq!(paths.len(), once.files.len(), "no file twice");
        for file in &once.files {
            let has_secret = file
                .body
                .iter()
                .any(|piece| matches!(piece, roadstead_core::port::layout::Piece::Secret(..)));
            assert!(!has_secret || matches!(file.mode, 0o600 | 0o400), "{} is open to others", file.path);
        }
    }
}

async fn facts<S: Subject>(server: &Server<S>) {
    let brief = look::<S>(&server.link, &server.cluster, Depth::Brief).await.expect("a look");
    let full = server.look().await;
    let grants = look::<S>(&server.link_to_read(), &server.cluster, Depth::Grants).await.expect("a look");
    for facts in [&brief, &full, &grants] {
        coherent(server, facts);
    }
    assert!(full.uptime >= brief.uptime, "{:?} {:?}", brief.uptime, full.uptime);
    assert_eq!((brief.settings, brief.databases), (BTreeMap::new(), None), "a brief look asks for neither");
    assert_eq!(full.databases.is_some(), engine::<S>().profile().has_databases, "{:?}", full.databases);
    let engine = engine::<S>();
    let deploy = engine.deploy().expect("the facet");
    let wanted = deploy.settings_of_interest(&server.cluster);
    let rendered: Vec<_> = server.stage.layout.settings.iter().map(|setting| &setting.name).collect();
    let watched: Vec<_> = wanted.iter().filter(|name| rendered.contains(name)).collect();
    assert!(watched.len() > 3, "{watched:?} of {rendered:?}");
    for name in watched {
        assert!(full.settings.contains_key(name), "{name} is not told");
    }
    let changes = deploy.changes(&server.cluster, &server.stage.layout, &full);
    assert_eq!(changes, (vec![], vec![]), "a new member is as it was declared");
}

fn coherent<S: Subject>(server: &Server<S>, facts: &Facts) {
    let wanted = &server.stage.layout;
    assert_eq!((facts.role, facts.read_only), (Some(Role::Primary), Some(false)));
    assert_eq!((facts.version.as_ref(), &facts.flavour), (Some(&wanted.version), &wanted.flavour));
    assert!(facts.uptime.is_some_and(|uptime| uptime < Millis::seconds(600)), "{:?}", facts.uptime);
    assert!(facts.position.as_ref().is_some_and(|position| !position.is_empty()), "{:?}", facts.position);
    let (used, allowed) =
        (facts.connections_used.expect("used"), facts.connections_allowed.expect("allowed"));
    assert!(used >= 1 && used <= allowed, "{used} of {allowed}: at least we are there");
    assert!(facts.size.is_some_and(|size| size.0 > 0), "{:?}", facts.size);
    assert_eq!(facts.replication, None, "it neither follows nor is followed");
    assert_eq!(facts.protection, Protection::Plain);
    assert!(!facts.own.to_string().contains(NEEDLE));
}

/// Every question that a link can be used for.
async fn every_question<S: Subject>(link: &Link, server: &Server<S>) -> Vec<(&'static str, Result<()>)> {
    let engine = engine::<S>();
    let (observe, inspect) = (engine.observe().expect("the facet"), engine.inspect().expect("the facet"));
    let cluster = &server.cluster;
    let mut answers = Vec::new();
    for depth in DEPTHS {
        answers.push(("look", look::<S>(link, cluster, depth).await.map(drop)));
    }
    answers.push(("survey", observe.survey(link, cluster).await.map(drop)));
    answers.push(("manifest", inspect.manifest(link, cluster, &Unwatched).await.map(drop)));
    answers.push(("occupied", inspect.occupied(link).await.map(drop)));
    let mut sink = MemorySink::default();
    answers.push(("dump", dump::<S>(link, cluster, &mut sink, &Unwatched).await.map(drop)));
    assert!(roadstead_core::port::Source::streams(&sink.source()).is_empty(), "a dump of nothing");
    answers
}

async fn refused<S: Subject>(server: &Server<S>) {
    let (dumped, source) = server.dump().await;
    for user in [server.link.user.as_str(), "n0body"] {
        let link = Link { may_write: true, ..server.link_as(user, "wr0ng-word") };
        let mut answers = every_question(&link, server).await;
        answers.push(("load", load::<S>(&link, &dumped, &source, false).await.map(drop)));
        for (question, answer) in answers {
            let error = answer.expect_err(question);
            assert_eq!(error.kind, Kind::Denied, "{question} as {user}: {error:?}");
            assert!(!format!("{error} {error:?}").contains("wr0ng-word"), "{question}: {error:?}");
        }
    }
}

async fn read_only<S: Subject>(subject: S, server: &Server<S>) {
    // What a declared database and account would need is refused, act by act.
    let mut wanted = server.cluster.clone();
    if engine::<S>().profile().has_databases {
        wanted.databases = vec!["surplus".into()];
    }
    wanted.roles.insert("surplus".into(), role("w0rd", May::Write, &[]));
    let engine = engine::<S>();
    let deploy = engine.deploy().expect("the facet");
    let facts = server.look().await;
    let (needed, findings) = deploy.changes(&wanted, &server.stage.layout, &facts);
    assert_eq!(findings, []);
    assert!(!needed.is_empty());
    let link = server.link_to_read();
    for change in &needed {
        let How::Own(act) = &change.how else { panic!("{change:?}") };
        assert!(deploy.perform(&link, act, &NamedSecrets).await.is_err(), "{act:?} was done");
    }
    let (still, _) = deploy.changes(&wanted, &server.stage.layout, &server.look().await);
    assert_eq!(still, needed, "nothing of it is there");

    // Nor does a load leave anything.
    let (dumped, source) = little(subject).await;
    let before = server.manifest().await;
    assert!(load::<S>(&link, &dumped, &source, false).await.is_err(), "a load without the right to write");
    assert_eq!(server.manifest().await, before);
    assert_eq!(engine.inspect().expect("the facet").occupied(&link).await.expect("an answer"), None);
}

fn arguments<S: Subject>(server: &Server<S>) {
    for pid in server.stage.pids() {
        for file in ["cmdline", "environ"] {
            let told = fs::read(format!("/proc/{}/{file}", pid.as_raw_nonzero())).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&told).contains(NEEDLE), "{file} of {pid:?}");
        }
    }
    assert!(!server.stage.log().contains(NEEDLE), "{}", server.stage.log());
}

/// Every depth of look ends in time, and never well.
async fn unreachable_in_time<S: Subject>(server: &Server<S>, link: &Link) {
    for depth in DEPTHS {
        let begun = Instant::now();
        let error = look::<S>(link, &server.cluster, depth).await.expect_err("nobody answers");
        assert!(begun.elapsed() < DEADLINE.duration() + GRACE, "{depth:?}: {:?}", begun.elapsed());
        assert_eq!(error.kind, Kind::Unreachable, "{depth:?}: {error:?}");
    }
}

async fn frozen<S: Subject>(server: &Server<S>) {
    let link = server.link_within(DEADLINE);
    let all = server.stage.freeze();
    unreachable_in_time(server, &link).await;
    drop(all);
    let again = || async { look::<S>(&link, &server.cluster, Depth::Brief).await.ok() };
    wait::until_answered("it to answer again", Duration::from_secs(60), again).await;
    // Only the first process of it hangs; others may still speak for it.
    server.stage.signal(rustix::process::Signal::STOP);
    let looked = look::<S>(&link, &server.cluster, Depth::Brief).await.map(drop).map_err(|error| error.kind);
    server.stage.signal(rustix::process::Signal::CONT);
    assert_eq!(looked, Err(Kind::Unreachable));
    wait::until_answered("it to answer again", Duration::from_secs(60), again).await;
}

fn at<S>(server: &Server<S>, port: u16) -> Link
where
    S: Subject,
{
    Link { endpoint: Endpoint::Tcp("127.0.0.1".into(), port), ..server.link_within(DEADLINE) }
}

async fn half_open<S: Subject>(server: &Server<S>) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let link = at(server, listener.local_addr().expect("its address").port());
    unreachable_in_time(server, &link).await;
    let begun = Instant::now();
    for (question, answer) in every_question(&link, server).await {
        assert_eq!(answer.expect_err(question).kind, Kind::Unreachable, "{question}");
    }
    assert!(begun.elapsed() < (DEADLINE.duration() + GRACE) * 7, "{:?}", begun.elapsed());
}

async fn nobody<S: Subject>(server: &Server<S>) {
    let link = at(server, roadstead_testkit::place::free_port());
    for (question, answer) in every_question(&link, server).await {
        assert_eq!(answer.expect_err(question).kind, Kind::Unreachable, "{question}");
    }
}

async fn another_tongue<S: Subject>(server: &Server<S>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let link = at(server, listener.local_addr().expect("its address").port());
    let other = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            kept.push(stream);
        }
    });
    let begun = Instant::now();
    for (question, answer) in every_question(&link, server).await {
        let error: Error = answer.expect_err(question);
        let fits = matches!(error.kind, Kind::Denied | Kind::Unreachable | Kind::Failed | Kind::Unsupported);
        assert!(fits, "{question}: {error:?}");
    }
    assert!(begun.elapsed() < (DEADLINE.duration() + GRACE) * 7, "{:?}", begun.elapsed());
    other.abort();
}

async fn stopped<S: Subject>(server: Server<S>) {
    let (link, cluster) = (server.link_within(DEADLINE), server.cluster.clone());
    let _place = server.stop().await;
    let error = look::<S>(&link, &cluster, Depth::Brief).await.expect_err("it was stopped");
    assert!(matches!(error.kind, Kind::Unreachable | Kind::NotFound), "{error:?}");
}
