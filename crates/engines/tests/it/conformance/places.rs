//! Wherever it lives and however it is reached: a folder of any name, and a connection by TLS that is verified or none.
//! The key below `tls/` is for these tests on loopback alone; the authority's was thrown away.

use roadstead_core::{
    Kind,
    model::{TlsMode, TlsSpec},
    port::{
        Link,
        ambient::Unwatched,
        engine::{Depth, Purpose},
        layout::Endpoint,
    },
    seen::Protection,
};
use roadstead_testkit::{
    memory::MemorySink,
    stage::{self, Place},
};

use super::Run;
use crate::{
    server::{Server, cluster, dump, layout, look},
    subject::{Certificate, Subject},
};

const AUTHORITY: &str = include_str!("../tls/authority.pem");
const SERVER: &str = include_str!("../tls/server.pem");
const KEY: &str = include_str!("../tls/server.key");
/// A name that everybody who takes a path apart takes apart wrongly.
const FOLDER: &str = "a b\\c'd\"é 数据 #;$(a)`b`";

pub(crate) async fn lives_anywhere<S: Subject>(subject: S) {
    let Some(mut run) = Run::of(subject) else { return };
    let made = run.demand("a folder of any name is a home", made(subject)).await;
    match made {
        None => {}
        Some((_, None)) => {
            run.skip("a connection by TLS is verified or refused", "this build of the server cannot");
        }
        Some((server, Some((port, authority)))) => {
            let link = |host: &str, ca: Option<&String>| Link {
                endpoint: Endpoint::Tcp(host.to_owned(), port),
                tls: TlsSpec { mode: TlsMode::VerifyFull, ca: ca.cloned() },
                ..server.link_to_read()
            };
            let trusted = link("127.0.0.1", Some(&authority));
            run.demand("a verified connection is told and dumped by", verified(&server, trusted)).await;
            let others = [link("127.0.0.1", None), link("localhost", Some(&authority))];
            run.demand("a certificate of another authority or name is refused", refused(&server, &others))
                .await;
        }
    }
    run.end();
}

/// A server in an odd folder, and where it speaks TLS: port and file of its authority.
async fn made<S: Subject>(subject: S) -> (Server<S>, Option<(u16, String)>) {
    let (cluster, place) = (cluster(subject), Place::below(FOLDER));
    let layout = layout::<S>(&cluster, &place, Purpose::Member);
    let file = |name: &str, mode, text: &str| {
        let path = place.path().join(name);
        stage::put(&path, mode, text, &layout.user);
        path.display().to_string()
    };
    let certificate = Certificate {
        authority: file("authority.pem", 0o644, AUTHORITY),
        server: file("server.pem", 0o644, SERVER),
        key: file("server.key", 0o600, KEY),
    };
    let (layout, tls) = match subject.encrypted(layout.clone(), &cluster, &certificate) {
        Some((layout, port)) => (layout, Some((port, certificate.authority))),
        None => (layout, None),
    };
    let mut server = Server::begin(subject, place, &layout, cluster).await;
    server.ready().await;
    (server, tls)
}

async fn verified<S: Subject>(server: &Server<S>, link: Link) {
    S::fill(server).await;
    let facts = look::<S>(&link, &server.cluster, Depth::Brief).await.expect("a look");
    assert_eq!(facts.protection, Protection::Verified);
    let mut sink = MemorySink::default();
    let dumped = dump::<S>(&link, &server.cluster, &mut sink, &Unwatched).await.expect("a dump");
    assert_eq!(server.differences(&dumped).await, Vec::<String>::new());
    let told = dumped.findings.iter().map(|finding| finding.what.key.as_str());
    assert_eq!(told.filter(|key| key.contains("plaintext")).count(), 0);
}

async fn refused<S: Subject>(server: &Server<S>, links: &[Link]) {
    for link in links {
        let error = look::<S>(link, &server.cluster, Depth::Brief).await.expect_err("no trust");
        assert_eq!(error.kind, Kind::Denied, "{}: {error:?}", link.endpoint);
    }
}
