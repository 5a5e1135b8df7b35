//! Taking a backup: the globals first, then each database by `pg_dump` in one exported snapshot, with the digests
//! computed beside it in the same snapshot. An error anywhere means that there is no backup.

use roadstead_core::{
    Bytes, Error, Finding, Kind, Result, Text, Version,
    manifest::{Manifest, Object},
    port::{
        Link, Progress, Sink, StreamWriter, Watch,
        vault::{Dumped, Record},
    },
    seen::Tool,
};
use tokio::sync::Notify;

use super::{
    globals::{self, Database},
    link::{STEADY, Session, tool_environment},
    manifest::{self, Snapshot},
    profile::{self, MAJORS, NAME},
    sql::{percent, shown},
    survey,
};
use crate::tool::{self, Run};

/// The stream of a database.
pub(super) fn stream_of(database: &str) -> String {
    format!("database/{}.dump", percent(database))
}

/// The server's version, where it is one that we know.
pub(super) async fn server_version(session: &Session) -> Result<Version> {
    let text = session.value("SELECT current_setting('server_version')").await?.unwrap_or_default();
    let version = Version::parse(&text).unwrap_or(Version { parts: vec![0] });
    if MAJORS.contains(&version.major()) {
        return Ok(version);
    }
    let what = Text::new("postgresql-version-unknown").with("version", shown(&text));
    let cure = Text::new("postgresql-version-unknown-cure");
    let cure = cure.with("least", *MAJORS.start()).with("greatest", *MAJORS.end());
    Err(Error::new(Kind::Unsupported, what).cure(cure))
}

/// The vendor's tool for a server of this major version: the same major where there is one, else the next newer;
/// never an older one.
pub(super) fn pick<'a>(link: &'a Link, role: &str, major: u32) -> Result<&'a Tool> {
    let next =
        link.tools.of(NAME, role).into_iter().map(|tool| tool.version.major()).filter(|m| *m >= major).min();
    let wanted = format!("PostgreSQL {major}");
    let packages = profile::package(role, major);
    let suits = |version: &Version, _: &str| Some(version.major()) == next;
    tool::pick(&link.tools, NAME, role, suits, &wanted, &packages)
}

/// One of the vendor's tools, led to this database. The name goes by environment, where nothing in it is read as a
/// connection string.
pub(super) fn run_tool(
    link: &Link,
    session: &Session,
    tool: &Tool,
    database: &str,
    args: Vec<String>,
    options: &str,
) -> Result<Run> {
    let (mut env, secrets) = tool_environment(link, session, tool.version.major(), options)?;
    env.push(("PGDATABASE".into(), database.to_owned()));
    Ok(Run {
        path: tool.path.clone(),
        args,
        env: env.into_iter().collect(),
        secrets: secrets.into_iter().collect(),
    })
}

/// Streams everything into the sink.
pub(super) async fn dump(link: &Link, sink: &mut dyn Sink, watch: &dyn Watch) -> Result<Dumped> {
    let home = Session::home(link).await?;
    home.run(STEADY).await?;
    let version = server_version(&home).await?;
    let tool = pick(link, "dump", version.major())?;
    let mut findings = survey::survey(link).await?;
    if let Some(error) = survey::refusal(&findings) {
        return Err(error);
    }
    if tool.version.major() > version.major() {
        let what = Text::new("postgresql-newer-dump").with("tool", tool.version.to_string());
        findings.push(Finding::note(NAME, what.with("server", version.to_string())));
    }
    home.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let mut globals = globals::read(&home, &version.to_string(), &tool.version.to_string()).await?;
    let position = home
        .value("SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END")
        .await?;
    home.run("COMMIT").await?;
    for database in globals.databases.iter_mut().filter(|database| database.is_dumped()) {
        let inside = Session::open(link, &database.name).await?;
        let public = inside.value("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'public'").await?;
        database.public = Some(public.is_some());
    }
    let json = serde_json::to_vec(&globals).expect("globals are plain data");
    roadstead_core::port::stream::write_all(sink, globals::STREAM, json).await?;
    let mut objects = globals::objects(&globals);
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        watch.go_on()?;
        let work = Box::pin(dump_database(link, tool, database, sink, watch));
        let (found, told) = home.alive_while(work).await?;
        objects.extend(found);
        findings.extend(told);
    }
    let manifest = Manifest { method: manifest::method(version.major()), objects };
    Ok(Dumped { flavour: NAME.to_owned(), version, position, manifest, findings })
}

/// The caller watches over it: not every question here has a deadline.
async fn dump_database(
    link: &Link,
    tool: &Tool,
    database: &Database,
    sink: &mut dyn Sink,
    watch: &dyn Watch,
) -> Result<(Vec<Object>, Vec<Finding>)> {
    let name = &database.name;
    let snapshot = Snapshot::take(link, name).await?;
    let sequences = manifest::sequences(&snapshot.session, name).await?;
    let args = vec![
        "--format=custom".to_owned(),
        "--compress=0".to_owned(),
        format!("--snapshot={}", snapshot.id),
        "--lock-wait-timeout=60s".to_owned(),
        "--no-password".to_owned(),
    ];
    let options =
        "-c default_transaction_read_only=on -c statement_timeout=0 -c idle_in_transaction_session_timeout=0";
    let mut run = run_tool(link, &snapshot.session, tool, name, args, options)?;
    if database.encoding == "SQL_ASCII" {
        // Its texts are bytes of any kind; whoever asks for them in UTF-8 is refused.
        run.env.insert("PGCLIENTENCODING".to_owned(), "SQL_ASCII".to_owned());
    }
    let writer = sink.stream(&stream_of(name)).await?;
    // The tool writes nothing before it holds its locks; from then on no table can change its shape under us.
    let locked = Notify::new();
    let digest = async {
        locked.notified().await;
        manifest::database(link, &snapshot, 1, watch).await
    };
    let pump = async {
        let words = pump(&run, name, writer, &locked, watch).await;
        // Whatever came of it, the other side must not wait for ever; an error ends both.
        locked.notify_one();
        words
    };
    let both = async { tokio::try_join!(pump, digest) };
    let (words, mut objects) = Box::pin(both).await?;
    let after = manifest::sequences(&snapshot.session, name).await?;
    objects.extend(manifest::settled(sequences, &after));
    snapshot.release().await?;
    Ok((objects, warnings(name, &words)))
}

/// Moves the tool's bytes into the stream; the stream exists only when the tool ended well.
async fn pump(
    run: &Run,
    database: &str,
    mut writer: Box<dyn StreamWriter>,
    locked: &Notify,
    watch: &dyn Watch,
) -> Result<String> {
    let mut running = run.start()?;
    running.close_input().await?;
    let mut bytes = 0;
    while let Some(chunk) = running.read().await? {
        watch.go_on()?;
        locked.notify_one();
        bytes += chunk.len() as u64;
        writer.write(chunk).await?;
        let phase = Text::new("postgresql-phase-dump").with("database", shown(database));
        watch.progress(Progress { phase, done: bytes, total: None });
    }
    let words = running.finish().await?;
    let info = writer.finish().await?;
    if info.bytes != bytes {
        let what = Text::new("postgresql-bytes-differ").with("database", shown(database));
        let what = what.with("sent", Bytes(bytes).to_string()).with("stored", Bytes(info.bytes).to_string());
        return Err(Error::new(Kind::Corrupt, what));
    }
    Ok(words)
}

/// What the tool said though it succeeded.
pub(super) fn warnings(database: &str, words: &str) -> Vec<Finding> {
    let lines = words.lines().map(shown).filter(|line| !line.is_empty()).take(50);
    let told = lines.map(|line| {
        let what = Text::new("postgresql-tool-says").with("database", shown(database)).with("words", line);
        Finding::warning(shown(database), what)
    });
    told.collect()
}

/// The server that can load a snapshot: of the same major version.
pub(super) fn loads_into(record: &Record) -> (Version, String) {
    (Version { parts: vec![record.dumped.version.major()] }, NAME.to_owned())
}
