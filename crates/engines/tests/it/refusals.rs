//! Why a connection by TLS was refused, and what is to be changed for it: told for each cause, on real servers.
//! The certificates below `tls/` are for these tests on loopback alone; their authority's key was thrown away.

use roadstead_core::{
    Kind,
    model::{TlsMode, TlsSpec},
    port::{
        Link,
        engine::{Depth, Purpose},
        layout::{Endpoint, Layout},
    },
};
use roadstead_testkit::stage::{self, Place};

use crate::{
    server::{Server, cluster, layout, look},
    subject::{Certificate, Subject},
};

const AUTHORITY: &str = include_str!("tls/authority.pem");
const ODD_AUTHORITY: &str = include_str!("tls/odd-authority.pem");
/// It names 127.0.0.1 and held until 2021.
const EXPIRED: &str = include_str!("tls/expired.pem");
/// It names elsewhere.example.
const ELSEWHERE: &str = include_str!("tls/elsewhere.pem");
const GOOD: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server.key");

/// A look by TLS at this port that must fail: the error's key, after its kind and its cure were looked at.
pub(crate) async fn refused<S: Subject>(server: &Server<S>, port: u16, ca: Option<&str>) -> String {
    let link = Link {
        endpoint: Endpoint::Tcp("127.0.0.1".into(), port),
        tls: TlsSpec { mode: TlsMode::VerifyFull, ca: ca.map(str::to_owned) },
        ..server.link_to_read()
    };
    let error = look::<S>(&link, &server.cluster, Depth::Brief).await.expect_err("no trust");
    assert_eq!(error.kind, Kind::Denied, "{error:?}");
    assert!(error.cure.is_some(), "{error:?}");
    error.what.key
}

/// A server with this certificate, where it speaks TLS, and files of the odd authority and of another.
async fn with<S: Subject>(
    subject: S,
    (certificate, by): (&str, &str),
    change: impl FnOnce(Layout) -> Layout,
) -> (Server<S>, u16, String, String) {
    let (cluster, place) = (cluster(subject), Place::new());
    let plain = layout::<S>(&cluster, &place, Purpose::Member);
    let file = |name: &str, mode, text: &str| {
        let path = place.path().join(name);
        stage::put(&path, mode, text, &plain.user);
        path.display().to_string()
    };
    let (other, authority) = (file("other.pem", 0o644, AUTHORITY), file("ca.pem", 0o644, by));
    let (server, key) = (file("server.pem", 0o644, certificate), file("server.key", 0o600, KEY));
    let certificate = Certificate { authority: authority.clone(), server, key };
    let made = subject.encrypted(plain.clone(), &cluster, &certificate);
    let (layout, port) = made.expect("this build of the server speaks TLS");
    let mut server = Server::begin(subject, place, &change(layout), cluster).await;
    server.ready().await;
    (server, port, authority, other)
}

/// A server with a good certificate and a layout that was changed, where it speaks TLS, and its authority's file.
pub(crate) async fn encrypted<S: Subject>(
    subject: S,
    change: impl FnOnce(Layout) -> Layout,
) -> (Server<S>, u16, String) {
    let (server, port, authority, _) = with(subject, (GOOD, AUTHORITY), change).await;
    (server, port, authority)
}

/// Servers with certificates that are not good here, each told with its own words.
pub(crate) async fn of_certificates<S: Subject>(subject: S) {
    // That it is over is said first, whoever it comes from.
    for (certificate, others, expected) in [
        (EXPIRED, "engines-tls-expired", "engines-tls-expired"),
        (ELSEWHERE, "engines-tls-authority", "engines-tls-other-name"),
    ] {
        let (server, port, authority, other) =
            with(subject, (certificate, ODD_AUTHORITY), |layout| layout).await;
        assert_eq!(refused(&server, port, Some(&authority)).await, expected);
        assert_eq!(refused(&server, port, Some(&other)).await, others);
        assert_eq!(refused(&server, port, None).await, others);
    }
}
