//! Looks at servers that are not well.

use std::time::Duration;

use roadstead_core::{
    Error, Kind, Millis,
    model::{TlsMode, TlsSpec},
    port::{
        Link,
        engine::{Depth, Purpose},
        layout::Endpoint,
    },
};
use roadstead_testkit::{place, stage::Place, wait};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::server::Redis;
use crate::server::{self, Server, cluster, layout};
use crate::subject::with_lines;

async fn look(link: &Link) -> Result<(), Error> {
    server::look::<Redis>(link, &cluster(Redis), Depth::Brief).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_somebody_else_there_are_told_apart() {
    let server = Server::member(Redis).await;
    let at =
        |port| Link { endpoint: Endpoint::Tcp("127.0.0.1".into(), port), ..server.link_within(Millis(700)) };
    assert_eq!(look(&at(place::free_port())).await.expect_err("nobody").kind, Kind::Unreachable);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let other = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("sent");
            kept.push(stream);
        }
    });
    let plain = Link { tls: TlsSpec { mode: TlsMode::Off, ca: None }, ..at(port) };
    assert_eq!(look(&plain).await.expect_err("no such protocol").kind, Kind::Failed);
    assert_eq!(look(&at(port)).await.expect_err("no such protocol").kind, Kind::Failed);
    other.abort();
    // TLS is demanded, and the server has none: not a word in clear.
    let Endpoint::Tcp(_, port) = server.link.endpoint else { panic!("a member answers by TCP") };
    let verified = Link { tls: TlsSpec { mode: TlsMode::VerifyFull, ca: None }, ..at(port) };
    let error = look(&verified).await.expect_err("no TLS there");
    // Whether it answers at all depends on a line end among the greeting's random bytes.
    assert!(["engines-tls-none", "engines-tls-silent"].contains(&error.what.key.as_str()), "{error:?}");
    assert_eq!(error.cure.expect("a cure").key, "engines-tls-none-cure");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_tls_is_refused_is_told_with_a_cure() {
    crate::refusals::of_certificates(Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_demands_a_certificate_of_its_clients_is_told() {
    let (server, port, authority) =
        crate::refusals::encrypted(Redis, |layout| with_lines(layout, "redis.conf", "tls-auth-clients yes"))
            .await;
    assert_eq!(crate::refusals::refused(&server, port, Some(&authority)).await, "engines-tls-client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loads_is_busy() {
    let server = Server::member(Redis).await;
    server.cli(&["CONFIG", "SET", "appendonly", "no"]);
    let lines: Vec<_> = (0..4000).map(|n| format!("SET key:{n} {n}")).collect();
    server.lines(&lines.join("\n"));
    let cluster = server.cluster.clone();
    let place: Place = server.stop().await;
    std::fs::remove_dir_all(format!("{}/appendonlydir", place.home().data())).expect("the file of changes");
    let slow = with_lines(
        layout::<Redis>(&cluster, &place, Purpose::Scratch),
        "redis.conf",
        "key-load-delay 1000\nloading-process-events-interval-bytes 1024",
    );
    let server = Server::begin(Redis, place, &slow, cluster).await;
    let link = server.link_within(Millis::seconds(2));
    let busy = || async { look(&link).await.err().filter(|error| error.kind == Kind::Busy) };
    wait::until_answered("a look while it loads", Duration::from_secs(20), busy).await;
    wait::until_answered("the end of loading", Duration::from_secs(60), || async { look(&link).await.ok() })
        .await;
}
