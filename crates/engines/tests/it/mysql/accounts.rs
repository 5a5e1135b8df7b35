//! Accounts as the vendors' own installations have them, and accounts by the names of hosts.

use roadstead_core::port::{ambient::Unwatched, engine::Purpose};
use roadstead_testkit::stage::Place;

use super::server::Which;
use crate::server::{Server, cluster, layout};

/// A server with everything that the vendor's program makes of itself, and our administrator beside it.
async fn as_the_vendor_makes_it(which: Which) -> Server<Which> {
    let (declared, place) = (cluster(which), Place::new());
    let mut layout = layout::<Which>(&declared, &place, Purpose::Member);
    let first =
        layout.files.iter_mut().find(|file| file.path.ends_with("init.sql")).expect("its first statements");
    let taken = first.body.remove(0);
    assert!(format!("{taken:?}").contains("root"), "what takes the vendor's accounts away: {taken:?}");
    if which == Which::Mariadb {
        first.body.insert(0, roadstead_core::port::layout::Piece::Text("FLUSH PRIVILEGES;\n".into()));
    }
    for program in &mut layout.create {
        program.args.retain(|arg| arg != "--skip-test-db" && !arg.starts_with("--auth-root"));
    }
    let mut server = Server::begin(which, place, &layout, declared).await;
    server.ready().await;
    server
}

async fn comes_back(which: Which) {
    let original = as_the_vendor_makes_it(which).await;
    let root = original.ask("SHOW GRANTS FOR root@localhost").await;
    assert!(root.contains("GRANT PROXY ON") && root.contains("WITH GRANT OPTION"), "{root}");
    original
        .run(&[
            "CREATE USER 'app'@'web01.example.com' IDENTIFIED BY 'x'",
            "CREATE USER ''@'host.example' IDENTIFIED BY 'y'",
            "CREATE DATABASE shop",
            "GRANT SELECT ON shop.* TO 'app'@'web01.example.com'",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    let accounts = "SELECT User, Host FROM mysql.user ORDER BY 1, 2";
    let before = original.ask(accounts).await;
    let made = Server::restored(which, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let (copy, told) = made.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((told, copy.differences(&dumped).await), (vec![], vec![]));
    assert_eq!(copy.ask(accounts).await, before);
    assert_eq!(copy.ask("SHOW GRANTS FOR root@localhost").await, root);
    if which == Which::Mariadb {
        let everybody = "SHOW GRANTS FOR PUBLIC";
        assert_eq!(copy.ask(everybody).await, original.ask(everybody).await);
    }

    // What a start reads is what was restored.
    let (declared, place) = (copy.cluster.clone(), copy.stop().await);
    let copy = Server::of(which, declared, place, Purpose::Member).await;
    assert_eq!(copy.differences(&dumped).await, [""; 0]);
    assert!(copy.ask("SHOW GRANTS FOR 'app'@'web01.example.com'").await.contains("`shop`"));

    // A fleet file that turns names off is told what that costs, and so is whoever asks once it did.
    let place = copy.stop().await;
    let mut declared = cluster(which);
    declared.settings.insert("skip_name_resolve".into(), "ON".into());
    let nameless = Server::of(which, declared, place, Purpose::Member).await;
    nameless.run(&["CREATE USER 'late'@'web02.example.com' IDENTIFIED BY 'x'"]).await;
    let (dumped, _) = nameless.dump().await;
    let mut told: Vec<_> = dumped
        .findings
        .iter()
        .filter(|finding| finding.what.key.starts_with("mysql-account-"))
        // The vendor makes one by this machine's own name.
        .filter(|finding| finding.subject.contains("example"))
        .map(|finding| format!("{} {}", finding.what.key, finding.subject))
        .collect();
    told.sort();
    // MariaDB no longer shows what it does not let in; MySQL does.
    let old = if which == Which::Mariadb { "inert" } else { "by-name" };
    let mut expected = vec![
        format!("mysql-account-{old} @host.example"),
        format!("mysql-account-{old} app@web01.example.com"),
        "mysql-account-by-name late@web02.example.com".to_owned(),
    ];
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mariadb_installs_of_itself_comes_back_with_accounts_by_host_names() {
    comes_back(Which::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mysql_installs_of_itself_comes_back_with_accounts_by_host_names() {
    comes_back(Which::Mysql).await;
}

/// On a server of somebody else's the account may lack the right to give a right on: that is told by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_right_that_the_account_cannot_give_is_told() {
    let original = as_the_vendor_makes_it(Which::Mysql).await;
    let (dumped, source) = original.dump().await;
    drop(original);
    let mut target = Server::member(Which::Mysql).await;
    target
        .run(&[
            "CREATE USER 'loader'@'localhost' IDENTIFIED BY 'l'",
            "GRANT ALL ON *.* TO 'loader'@'localhost' WITH GRANT OPTION",
        ])
        .await;
    target.link = roadstead_core::port::Link { may_write: true, ..target.link_as("loader", "l") };
    let told = target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    let told: Vec<_> =
        told.iter().map(|finding| format!("{} {}", finding.what.key, finding.subject)).collect();
    assert_eq!(told, ["mysql-not-made root.localhost"]);
}

/// A target of somebody else's with a root and accounts of its own: a good load is told to be one, a harm is not.
async fn keeps_what_the_target_had(which: Which, user: &str) -> Vec<String> {
    let original = as_the_vendor_makes_it(which).await;
    original
        .run(&[
            "ALTER USER 'root'@'localhost' IDENTIFIED BY 'the original''s'",
            "CREATE USER 'root'@'10.%' IDENTIFIED BY 'x'",
            "CREATE USER 'app'@'%' IDENTIFIED BY 'x'",
            "CREATE USER 'late'@'%' IDENTIFIED BY 'x'",
            "CREATE DATABASE shop",
            "CREATE TABLE shop.t (id INT PRIMARY KEY)",
            "INSERT INTO shop.t VALUES (1)",
            "GRANT SELECT ON shop.* TO 'app'@'%'",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    drop(original);
    let mut target = as_the_vendor_makes_it(which).await;
    let password = "the target's";
    target
        .run(&[
            "DROP DATABASE IF EXISTS test",
            "ALTER USER 'root'@'localhost' IDENTIFIED BY 'the target''s'",
            "CREATE USER 'app'@'%' IDENTIFIED BY 'other'",
        ])
        .await;
    if user != "root" {
        let make = format!("CREATE USER '{user}'@'localhost' IDENTIFIED BY 'the target''s'");
        let all = format!("GRANT ALL ON *.* TO '{user}'@'localhost' WITH GRANT OPTION");
        let proxy = format!("GRANT PROXY ON ''@'' TO '{user}'@'localhost' WITH GRANT OPTION");
        target.run(&[&make, &all, &proxy]).await;
    }
    target.link = roadstead_core::port::Link { may_write: true, ..target.link_as(user, password) };
    let told = target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(target.differences(&dumped).await, [""; 0], "{told:?}");
    target.run(&["DROP USER 'late'@'%'", "INSERT INTO shop.t VALUES (2)"]).await;
    let harmed = target.differences(&dumped).await;
    assert_eq!(harmed, ["Missing account late@%", "Count { original: 1, copy: 2 } table shop.t"]);
    told.iter()
        .map(|finding| format!("{} {}", finding.what.key, finding.subject))
        .filter(|line| !line.contains("mysql-account-exists") || line.contains("app"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_by_root_keeps_root_and_differs_in_nothing() {
    let told = keeps_what_the_target_had(Which::Mysql, "root").await;
    assert_eq!(told, ["mysql-account-exists app.%", "mysql-account-kept root@10.%"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_by_another_account_keeps_root_and_differs_in_nothing() {
    let told = keeps_what_the_target_had(Which::Mariadb, "loader").await;
    assert_eq!(told, ["mysql-account-exists app.%"]);
}
