//! What a look tells of this engine alone.

use std::time::Duration;

use roadstead_core::{Kind, port::engine::Depth};
use roadstead_testkit::wait;

use super::server::{Postgresql, majors};
use crate::server::{Server, look};

#[tokio::test]
async fn a_plain_account_is_told_less_and_what_it_is_not_told_is_none() {
    for major in majors() {
        let server = Server::member(major).await;
        // The server takes note of closed sessions in its own time.
        let alone = || async {
            let facts = server.look().await;
            (facts.connections_used == Some(1)).then_some(facts)
        };
        let facts = wait::until_answered("only our own session", Duration::from_secs(30), alone).await;
        assert!(facts.position.unwrap().contains('/'));
        assert_eq!(facts.connections_allowed, Some(200));
        assert_eq!(facts.databases.unwrap(), ["postgres"]);
        server.sql("postgres", "create role looker login password 'l'");
        let link = server.link_as("looker", "l");
        let facts = look::<Postgresql>(&link, &server.cluster, Depth::Brief).await.unwrap();
        assert_eq!(facts.connections_used, None, "a plain account may not ask");
        let wrong = server.link_as("looker", "wrong");
        let refused = look::<Postgresql>(&wrong, &server.cluster, Depth::Brief).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Denied);
    }
}
