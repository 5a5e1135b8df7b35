//! Connections by TLS: verified, or none. The key beside this file is for tests on loopback alone; the authority's was
//! thrown away.

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
use roadstead_testkit::{memory::MemorySink, place, stage::Place};

use super::server::{Redis, with_line};
use crate::server::{Server, cluster, engine, layout};

const FILES: [(&str, &str); 3] = [
    ("authority.pem", include_str!("tls/authority.pem")),
    ("server.pem", include_str!("tls/server.pem")),
    ("server.key", include_str!("tls/server.key")),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_is_verified_or_refused() {
    let (cluster, place, port) = (cluster(Redis), Place::new(), place::free_port());
    let file = |name: &str| place.path().join(name).display().to_string();
    for (name, text) in FILES {
        std::fs::write(file(name), text).expect("a file");
    }
    let lines = format!(
        "tls-port {port}\ntls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}\ntls-auth-clients no",
        file("authority.pem"),
        file("server.pem"),
        file("server.key")
    );
    let authority = file("authority.pem");
    let layout = with_line(layout::<Redis>(&cluster, &place, Purpose::Member), &lines);
    let mut server = Server::begin(Redis, place, &layout, cluster).await;
    server.ready().await;
    server.lines("SET a 1\n");
    let link = |host: &str, mode, ca: Option<&String>| Link {
        endpoint: Endpoint::Tcp(host.to_owned(), port),
        tls: TlsSpec { mode, ca: ca.cloned() },
        may_write: false,
        ..server.link.clone()
    };
    let engine = engine::<Redis>();
    let observe = engine.observe().expect("a facet");
    for mode in [TlsMode::VerifyFull, TlsMode::Auto] {
        let link = link("127.0.0.1", mode, Some(&authority));
        let facts = observe.look(&link, &server.cluster, Depth::Brief, &[]).await.expect("a look");
        assert_eq!(facts.protection, Protection::Verified, "{mode:?}");
        let mut sink = MemorySink::default();
        let dumped =
            engine.backup().expect("a facet").dump(&link, &server.cluster, &mut sink, &Unwatched).await;
        assert_eq!(dumped.expect("a dump").findings, [], "{mode:?}");
    }
    for (host, ca) in [("127.0.0.1", None), ("localhost", Some(&authority))] {
        for mode in [TlsMode::VerifyFull, TlsMode::Auto] {
            let looked = observe.look(&link(host, mode, ca), &server.cluster, Depth::Brief, &[]).await;
            assert_eq!(looked.expect_err("no trust").kind, Kind::Denied, "{host} {mode:?}");
        }
    }
}
