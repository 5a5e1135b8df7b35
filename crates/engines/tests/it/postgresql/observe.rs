//! What a look tells, and how it ends when the server is silent, refuses, or is no server at all.

use std::time::{Duration, Instant};

use roadstead_core::{
    Kind, Millis,
    port::{engine::Depth, layout::Endpoint},
    seen::Role,
};

use super::server::{Server, engine, majors};

#[tokio::test]
async fn a_look_tells_what_the_server_says_of_itself() {
    for major in majors() {
        let server = Server::member(major).await;
        let facts = server.look().await;
        assert_eq!(facts.version.unwrap().major(), major);
        assert_eq!(facts.role, Some(Role::Primary));
        assert_eq!(facts.read_only, Some(false));
        assert!(facts.position.unwrap().contains('/'));
        assert!(facts.size.unwrap().0 > 1 << 20);
        assert_eq!((facts.connections_used, facts.connections_allowed), (Some(1), Some(200)));
        assert_eq!(facts.databases.unwrap(), ["postgres"]);
        assert!(facts.replication.is_none());

        server.sql("postgres", "create role looker login password 'l'");
        let link = server.link_as("looker", "l");
        let engine = engine();
        let observe = engine.observe().unwrap();
        let facts = observe.look(&link, &server.cluster, Depth::Brief, &[]).await.unwrap();
        assert_eq!(facts.connections_used, None, "a plain account may not ask");
        let wrong = server.link_as("looker", "wrong");
        let refused = observe.look(&wrong, &server.cluster, Depth::Brief, &[]).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Denied);
        assert!(!format!("{refused:?}").contains("wrong"));
        server.stage.stop().await;
        let gone = observe.look(&link, &server.cluster, Depth::Brief, &[]).await.unwrap_err();
        assert_eq!(gone.kind, Kind::Unreachable);
    }
}

#[tokio::test]
async fn a_silent_server_is_unreachable_in_time() {
    let server = Server::member(majors()[0]).await;
    let mut link = server.link.clone();
    link.deadline = Millis(2_000);
    let engine = engine();
    let observe = engine.observe().unwrap();
    server.stage.signal(rustix::process::Signal::STOP);
    let begun = Instant::now();
    let silent = observe.look(&link, &server.cluster, Depth::Full, &[]).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(2_500), "{:?}", begun.elapsed());
    assert_eq!(silent.kind, Kind::Unreachable);

    // Half open: it takes the connection and says nothing.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    link.endpoint = Endpoint::Tcp("127.0.0.1".into(), listener.local_addr().unwrap().port());
    let begun = Instant::now();
    let silent = observe.look(&link, &server.cluster, Depth::Brief, &[]).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(2_500));
    assert_eq!(silent.kind, Kind::Unreachable);

    // Something else: it answers in another tongue.
    let port = listener.local_addr().unwrap().port();
    let other = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (_, _) = (listener.accept(), port);
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let refused = observe.look(&link, &server.cluster, Depth::Brief, &[]).await.unwrap_err();
    assert!(matches!(refused.kind, Kind::Denied | Kind::Unreachable), "{refused:?}");
    other.join().unwrap();
}
