//! Accounts as the vendors' own installations have them, and accounts by the names of hosts.

use roadstead_core::port::{ambient::Unwatched, engine::Purpose, vault::Dumped};
use roadstead_testkit::{memory::MemorySource, stage::Place};

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

const PEOPLE: &[&str] = &[
    "CREATE DATABASE shop",
    "CREATE TABLE shop.t (id INT PRIMARY KEY)",
    "CREATE USER 'demands'@'%' IDENTIFIED BY 'x' REQUIRE SUBJECT '/CN=a\"''b\\\\' AND ISSUER '/CN=ü' AND \
     CIPHER 'ECDHE-RSA-AES256-GCM-SHA384' WITH MAX_USER_CONNECTIONS 3",
    "CREATE USER 'over'@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE",
    "GRANT RELOAD ON *.* TO 'over'@'%' WITH GRANT OPTION",
    "CREATE USER 'shut'@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE NEVER ACCOUNT LOCK",
    "CREATE ROLE r1, r2",
    "GRANT r1 TO r2",
    "GRANT r2 TO 'shut'@'%' WITH ADMIN OPTION",
    "GRANT SELECT ON `sh%`.* TO 'shut'@'%'",
    "GRANT PROXY ON 'over'@'%' TO 'shut'@'%' WITH GRANT OPTION",
];

const PEOPLE_OF_MYSQL: &[&str] = &[
    "SET GLOBAL partial_revokes = ON",
    "CREATE USER 'part'@'%' IDENTIFIED BY 'x'",
    "GRANT SELECT, INSERT, CREATE USER ON *.* TO 'part'@'%'",
    "REVOKE INSERT ON shop.* FROM 'part'@'%'",
    "REVOKE SELECT ON mysql.* FROM 'part'@'%'",
    "CREATE USER 'rules'@'%' IDENTIFIED BY 'x' REQUIRE X509 WITH MAX_QUERIES_PER_HOUR 5 MAX_UPDATES_PER_HOUR 6 \
     MAX_CONNECTIONS_PER_HOUR 7 PASSWORD HISTORY 5 PASSWORD REUSE INTERVAL 30 DAY PASSWORD EXPIRE INTERVAL 90 DAY \
     PASSWORD REQUIRE CURRENT FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED COMMENT 'c''ö\"\\\\'",
    "ALTER USER 'rules'@'%' IDENTIFIED BY 'y'",
    "CREATE USER 'says'@'%' IDENTIFIED BY 'x' ATTRIBUTE '{\"a\": [1, {\"b\": \"c''d\"}], \"ü\": \"é\"}'",
    "CREATE USER 'two'@'%' IDENTIFIED BY 'old'",
    "ALTER USER 'two'@'%' IDENTIFIED BY 'new' RETAIN CURRENT PASSWORD",
    "INSTALL PLUGIN mysql_no_login SONAME 'mysql_no_login.so'",
    "CREATE USER 'nobody'@'%' IDENTIFIED WITH mysql_no_login",
    "CREATE USER 'both'@'%' IDENTIFIED BY 'x' AND IDENTIFIED WITH mysql_no_login",
    "SET DEFAULT ROLE ALL TO 'shut'@'%'",
];

const PEOPLE_OF_MARIADB: &[&str] = &[
    "INSTALL SONAME 'auth_ed25519'",
    "CREATE USER 'ed'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x')",
    "CREATE USER 'either'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x') OR mysql_native_password USING PASSWORD('y') \
     OR unix_socket",
    "INSTALL SONAME 'password_reuse_check'",
    "CREATE USER 'again'@'%' IDENTIFIED BY 'x'",
    "SET DEFAULT ROLE r2 FOR 'shut'@'%'",
    "GRANT DELETE HISTORY ON shop.* TO 'over'@'%'",
];

/// All that a server says of accounts comes back with them, and what it says to nobody is told when it is backed up.
async fn people_come_back(which: Which, others: &[&str], expected: &[&str]) {
    let original = Server::member(which).await;
    original.run(&[&["SET NAMES utf8mb4"], PEOPLE, others].concat()).await;
    let (dumped, source) = original.dump().await;
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.key.as_str()).collect();
    assert_eq!(told, expected);
    let made = Server::restored(which, Purpose::Loading, (&dumped, &source), &Unwatched).await;
    let (copy, told) = made.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((told, copy.differences(&dumped).await), (vec![], vec![]));
    // So it stays when the server starts anew, with the settings of a member.
    let (declared, place) = (copy.cluster.clone(), copy.stop().await);
    let copy = Server::of(which, declared, place, Purpose::Member).await;
    assert_eq!(copy.differences(&dumped).await, [""; 0]);
    // On a server of somebody else's nothing global is changed and no library loaded: what that costs is told.
    let target = Server::member(which).await;
    if which == Which::Mysql {
        takes_no_parts_away(&target, &dumped, &source).await;
    }
    target.fits(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    let told = target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    let told: Vec<_> =
        told.iter().map(|finding| format!("{} {}", finding.what.key, finding.subject)).collect();
    let expected: &[&str] = match which {
        Which::Mysql => &["mysql-not-made both.%", "mysql-not-made nobody.%"],
        Which::Mariadb => &["mysql-not-made ed.%", "mysql-not-made either.%"],
    };
    assert_eq!(told, expected);
}

/// Nobody gets more rights by a restore than in the backup: such a server is refused, and a load that meets one ends.
async fn takes_no_parts_away(target: &Server<Which>, dumped: &Dumped, source: &MemorySource) {
    let refused = target.fits(dumped, source).await.expect_err("it cannot take a part of a right away");
    let told = refused.what.to_string();
    assert!(told.contains("mysql-no-partial-revokes") && told.contains("part@%"), "{told}");
    assert!(!told.contains("demands"), "only those that lost a part: {told}");
    target.run(&["SET GLOBAL partial_revokes = ON"]).await;
    let before = target.fits(dumped, source).await.unwrap_or_else(|error| panic!("{error:?}"));
    target.run(&["SET GLOBAL partial_revokes = OFF"]).await;
    let failed = target.load_by_address(dumped, source).await.expect_err("it was turned off meanwhile");
    assert!(failed.to_string().contains("part"), "{failed:?}");
    target.run(&["SET GLOBAL partial_revokes = ON"]).await;
    target.clear(dumped, source, &before).await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mysql_says_of_accounts_comes_back() {
    people_come_back(Which::Mysql, PEOPLE_OF_MYSQL, &["mysql-second-password", "mysql-password-history"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mariadb_says_of_accounts_comes_back() {
    people_come_back(Which::Mariadb, PEOPLE_OF_MARIADB, &["mysql-password-history", "mysql-plugins"]).await;
}

/// On a server of somebody else's the comparison knows accounts by name alone, so the load itself looks at those it made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_a_load_made_otherwise_is_told() {
    let original = Server::member(Which::Mysql).await;
    original
        .run(&["CREATE USER 'app'@'%' IDENTIFIED BY 'x'", "CREATE USER 'there'@'%' IDENTIFIED BY 'x'"])
        .await;
    let (mut dumped, source) = original.dump().await;
    drop(original);
    // No server can be made to make one otherwise, so the record is: what it promises is not what the statements make.
    for account in dumped.manifest.objects.iter_mut().filter(|object| object.kind == "account") {
        account.digest = Some("another".into());
    }
    let target = Server::member(Which::Mysql).await;
    target.run(&["CREATE USER 'there'@'%' IDENTIFIED BY 'its own'"]).await;
    let told = target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    let told: Vec<_> =
        told.iter().map(|finding| format!("{} {}", finding.what.key, finding.subject)).collect();
    assert_eq!(told, ["mysql-account-exists there.%", "mysql-account-differs app@%"]);
}
