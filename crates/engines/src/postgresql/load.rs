//! Loading a snapshot into a running, empty server: globals, then each database in three parts (structure, rows,
//! the rest), then event triggers, then settings. Nothing that is restored fires while it is restored.
//!
//! Only `pg_restore` reads a dump, over the protocol; no shell and no `psql` ever see it. Any error of it ends the
//! load and is told.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    manifest::{Manifest, Object},
    port::{Link, Progress, Source, Watch, engine::LoadAsk},
    seen::Tool,
};
use tokio::io::AsyncWriteExt;

use super::{
    backup::{pick, run_tool, server_version, stream_of, warnings},
    catalog, clear, constraints,
    globals::{Database, Globals},
    inspect,
    link::{STEADY, Session},
    observe::fixed,
    recreate::{self, Target},
    search_path,
    sql::shown,
};

use crate::common::occupied;

/// How much of an archive is kept at first to read its table of contents; four times more while it does not suffice.
const HEAD_BYTES: u64 = 4 << 20;
/// How many processes build indexes and check constraints.
const JOBS: usize = 2;
/// Above so many entries one process is quicker: the tool's choice of the next entry takes time with their square
/// (40 000 entries on 15: 150 s of choosing for 20 s of work).
const ENTRIES_FOR_JOBS_MAX: usize = 4_000;

/// What the databases' parts are restored with.
struct Restoring<'a> {
    link: &'a Link,
    tool: &'a Tool,
    options: String,
    home: &'a Session,
    globals: &'a Globals,
    watch: &'a dyn Watch,
}

/// A file that is removed with its last use.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // The folder it lies in is removed by the caller; a failure here costs space until then.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Loads everything.
pub(super) async fn load(
    source: &dyn Source,
    link: &Link,
    ask: &LoadAsk<'_>,
    watch: &dyn Watch,
) -> Result<Vec<Finding>> {
    // Whoever calls has asked too; what is merged into somebody's data cannot be taken out again.
    if let Some(holds) = inspect::occupied(link).await? {
        return Err(occupied(link, holds));
    }
    let globals = clear::globals_of(source).await?;
    clear::check(&globals, link, ask).await?;
    let version = server_version(&Session::home(link).await?).await?;
    let dumped_with = [&globals.dumped_with, &globals.server];
    let dumped_with = dumped_with.into_iter().find_map(|version| roadstead_core::Version::parse(version));
    let tool = pick(link, "restore", dumped_with.map_or(0, |version| version.major()))?;
    let target = Target { link, keep: &ask.keep_accounts, private: ask.private_target };
    let mut findings = recreate::before_data(&target, &globals).await?;
    let home = Session::home(link).await?;
    let options = options(version.major());
    let restoring = Restoring { link, tool, options, home: &home, globals: &globals, watch };
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        watch.go_on()?;
        findings.extend(load_database(&restoring, source, database).await?);
        findings.extend(extensions(&restoring, &ask.record.dumped.manifest, database).await?);
    }
    findings.extend(recreate::after_data(&target, &globals).await?);
    Ok(findings)
}

/// What the sessions of the restore begin with, over whatever databases and accounts would set.
fn options(major: u32) -> String {
    let mut all = "-c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0 \
        -c idle_in_transaction_session_timeout=0 -c row_security=off -c client_min_messages=warning \
        -c synchronous_commit=off -c check_function_bodies=off"
        .to_owned();
    if major >= 17 {
        all.push_str(" -c event_triggers=off -c transaction_timeout=0");
    }
    all
}

async fn load_database(
    restoring: &Restoring<'_>,
    source: &dyn Source,
    database: &Database,
) -> Result<Vec<Finding>> {
    let stream = stream_of(&database.name);
    let head = keep_head(restoring, source, &stream).await?;
    let inside = Session::open(restoring.link, &database.name).await?;
    inside.run(STEADY).await?;
    if database.public == Some(false) {
        inside.run("DROP SCHEMA IF EXISTS public").await?;
    }
    let after = list_of_post_data(restoring, &head.0).await?;
    let file = head.0.display().to_string();
    let mut findings =
        from_head(restoring, database, vec!["--section=pre-data".into(), file.clone()]).await?;
    let ready_for_rows = Box::pin(async {
        let lent = search_path::lend(&inside, restoring.globals, database).await?;
        Ok((lent, constraints::take_off(&inside).await?))
    });
    let (lent, set_aside) = restoring.home.alive_while(ready_for_rows).await?;
    findings.extend(rows(restoring, source, &stream, database).await?);
    findings.extend(post_data(restoring, database, &file, &after.rest).await?);
    // With indexes there: a constraint may look into other tables. Indexes by what a domain checks need it off.
    findings.extend(constraints::put_back(&inside, restoring.home, &set_aside, &database.name).await?);
    findings.extend(foreign_keys(restoring, database, &inside, &file, &after.foreign_keys).await?);
    restoring.home.alive_while(search_path::take_back(&inside, &lent)).await?;
    findings.extend(post_data(restoring, database, &file, &after.comments).await?);
    findings.extend(post_data(restoring, database, &file, &after.event_triggers).await?);
    Ok(findings)
}

/// Restores these entries of what comes after the rows.
async fn post_data(
    restoring: &Restoring<'_>,
    database: &Database,
    head: &str,
    entries: &str,
) -> Result<Vec<Finding>> {
    if entries.is_empty() {
        return Ok(vec![]);
    }
    restoring.watch.go_on()?;
    let chosen = Chosen::write(restoring, entries).await?;
    let jobs = if entries.lines().count() > ENTRIES_FOR_JOBS_MAX { 1 } else { JOBS };
    let args = vec![chosen.arg(), "--section=post-data".into(), format!("--jobs={jobs}"), head.to_owned()];
    from_head(restoring, database, args).await
}

/// Restores foreign keys; and if the tool fails at one, the rest one by one, so that rows which nobody checked when they
/// came do not stand in the way.
async fn foreign_keys(
    restoring: &Restoring<'_>,
    database: &Database,
    inside: &Session,
    head: &str,
    entries: &str,
) -> Result<Vec<Finding>> {
    match post_data(restoring, database, head, entries).await {
        Err(error) if error.kind == Kind::Failed => tracing::debug!(%error, "foreign keys one by one"),
        other => return other,
    }
    let chosen = Chosen::write(restoring, entries).await?;
    let script =
        read_tool(restoring, vec![chosen.arg(), "--section=post-data".into(), head.to_owned()]).await?;
    let added = constraints::add_foreign_keys(inside, restoring.home, &script, &database.name).await;
    added.map_err(|error| in_database(error, database))
}

/// A file with chosen entries of an archive.
struct Chosen(Temporary);

impl Chosen {
    async fn write(restoring: &Restoring<'_>, entries: &str) -> Result<Self> {
        let file = Temporary(Path::new(&restoring.link.private).join("entries.list"));
        write_private(&file.0, entries.as_bytes()).await?;
        Ok(Self(file))
    }

    fn arg(&self) -> String {
        format!("--use-list={}", self.0.0.display())
    }
}

/// Extensions that came out in another version than the original's: the tools make them in the version that the target
/// has by default.
async fn extensions(
    restoring: &Restoring<'_>,
    manifest: &Manifest,
    database: &Database,
) -> Result<Vec<Finding>> {
    let of = |object: &&Object| {
        object.kind == catalog::EXTENSION_VERSION && object.name.first() == Some(&database.name)
    };
    let mut was: BTreeMap<&str, &str> = BTreeMap::new();
    for object in manifest.objects.iter().filter(of) {
        if let [_, extension, version] = object.name.as_slice() {
            was.insert(extension, version);
        }
    }
    if was.is_empty() {
        return Ok(vec![]);
    }
    let session = Session::open(restoring.link, &database.name).await?;
    session.run(STEADY).await?;
    let mut findings = Vec::new();
    for row in session.rows("SELECT extname, extversion FROM pg_extension ORDER BY 1").await? {
        let [Some(extension), Some(is)] = fixed::<2>(row)? else { continue };
        let Some(before) = was.get(extension.as_str()).filter(|before| **before != is) else { continue };
        let what = Text::new("postgresql-extension-other")
            .with("database", shown(&database.name))
            .with("extension", shown(&extension))
            .with("was", shown(before))
            .with("is", shown(&is));
        let cure = Text::new("postgresql-extension-other-cure").with("was", shown(before));
        findings.push(Finding::warning(shown(&database.name), what).cure(cure));
    }
    Ok(findings)
}

/// Runs the tool on the head of the archive, which holds everything but rows.
async fn from_head(
    restoring: &Restoring<'_>,
    database: &Database,
    more: Vec<String>,
) -> Result<Vec<Finding>> {
    let mut args = vec!["--exit-on-error".to_owned(), "--no-password".to_owned()];
    args.push("--dbname=".to_owned() + &conninfo(&database.name));
    args.extend(more);
    let run =
        run_tool(restoring.link, restoring.home, restoring.tool, &database.name, args, &restoring.options)?;
    let work = async {
        let mut running = run.start()?;
        running.close_input().await?;
        running.finish().await
    };
    let words = restoring.home.alive_while(work).await.map_err(|error| in_database(error, database))?;
    Ok(warnings(&database.name, &words))
}

/// The tool connects only when it is told a database; as a quoted connection string, so that no name is read as one.
fn conninfo(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn in_database(error: Error, database: &Database) -> Error {
    // What a function finds by the search path is not found while a backup is loaded: the tools empty it.
    let missed = error.causes.iter().any(|line| line.contains("does not exist"));
    let error = if missed && error.cure.is_none() {
        error.cure(Text::new("postgresql-load-search-path-cure"))
    } else {
        error
    };
    error.during(Text::new("postgresql-during-load").with("database", shown(&database.name)))
}

/// Streams the archive through the tool, which takes the rows and passes over the rest.
async fn rows(
    restoring: &Restoring<'_>,
    source: &dyn Source,
    stream: &str,
    database: &Database,
) -> Result<Vec<Finding>> {
    let total = source.streams().iter().find(|info| info.name == stream).map(|info| info.bytes);
    let mut reader = source.open(stream).await?;
    let args = vec![
        "--exit-on-error".to_owned(),
        "--no-password".to_owned(),
        "--section=data".to_owned(),
        "--dbname=".to_owned() + &conninfo(&database.name),
    ];
    let run =
        run_tool(restoring.link, restoring.home, restoring.tool, &database.name, args, &restoring.options)?;
    let work = async {
        let mut running = Some(run.start()?);
        let (mut done, mut words) = (0, String::new());
        while let Some(chunk) = reader.next().await? {
            restoring.watch.go_on()?;
            done += chunk.len() as u64;
            let phase = Text::new("postgresql-phase-load").with("database", shown(&database.name));
            restoring.watch.progress(Progress { phase, done, total });
            let Some(mut tool) = running.take() else { continue };
            // A tool that closed its input has failed, or has all it wants: its end tells which. The rest is read
            // all the same, because only the end of a stream says that it was whole.
            match tool.write(&chunk).await {
                Ok(()) => running = Some(tool),
                Err(_) => words = tool.finish().await?,
            }
        }
        match running {
            Some(mut tool) => {
                tool.close_input().await?;
                tool.finish().await
            }
            None => Ok(words),
        }
    };
    let words = restoring.home.alive_while(work).await.map_err(|error| in_database(error, database))?;
    Ok(warnings(&database.name, &words))
}

/// Keeps as much of the archive's beginning as holds its table of contents.
async fn keep_head(restoring: &Restoring<'_>, source: &dyn Source, stream: &str) -> Result<Temporary> {
    let path =
        Path::new(&restoring.link.private).join(format!("{}.head", stream.rsplit('/').next().unwrap_or("x")));
    let path = if path.as_os_str().len() > 240 { path.with_file_name("database.head") } else { path };
    let mut limit = HEAD_BYTES;
    loop {
        let kept = Temporary(path.clone());
        let whole = copy_head(source, stream, &kept.0, limit).await?;
        match list(restoring, &kept.0, &[]).await {
            Ok(_) => return Ok(kept),
            Err(error) if whole => return Err(error),
            Err(_) => limit *= 4,
        }
    }
}

/// Writes the first `limit` bytes; `true` when that was all.
async fn copy_head(source: &dyn Source, stream: &str, path: &Path, limit: u64) -> Result<bool> {
    let mut reader = source.open(stream).await?;
    write_private(path, b"").await?;
    let unwritable = |error: std::io::Error| {
        Error::io(Text::new("postgresql-private-file").with("path", path.display().to_string()), &error)
    };
    let mut file = tokio::fs::OpenOptions::new().append(true).open(path).await.map_err(unwritable)?;
    let mut left = limit;
    while left > 0 {
        let Some(chunk) = reader.next().await? else {
            file.flush().await.map_err(unwritable)?;
            return Ok(true);
        };
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        file.write_all(&chunk[..part]).await.map_err(unwritable)?;
        left -= part as u64;
    }
    file.flush().await.map_err(unwritable)?;
    Ok(false)
}

async fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let unwritable = |error: std::io::Error| {
        Error::io(Text::new("postgresql-private-file").with("path", path.display().to_string()), &error)
    };
    let mut options = tokio::fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(path).await.map_err(unwritable)?;
    file.write_all(bytes).await.map_err(unwritable)?;
    file.flush().await.map_err(unwritable)
}

/// The archive's table of contents, one line an entry.
async fn list(restoring: &Restoring<'_>, head: &Path, more: &[&str]) -> Result<String> {
    let mut args = vec!["--list".to_owned()];
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    args.push(head.display().to_string());
    read_tool(restoring, args).await
}

/// What the tool writes about an archive, without a server.
async fn read_tool(restoring: &Restoring<'_>, mut args: Vec<String>) -> Result<String> {
    args.push("--file=-".to_owned());
    let run = run_tool(restoring.link, restoring.home, restoring.tool, "", args, "")?;
    let mut running = run.start()?;
    running.close_input().await?;
    let mut text = Vec::new();
    while let Some(chunk) = running.read().await? {
        text.extend_from_slice(&chunk);
    }
    running.finish().await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What comes after the rows, in the order in which it is restored.
#[derive(Default)]
struct PostData {
    rest: String,
    foreign_keys: String,
    /// On constraints, whichever they are.
    comments: String,
    /// With what belongs to them; they must not fire on the rest.
    event_triggers: String,
}

async fn list_of_post_data(restoring: &Restoring<'_>, head: &Path) -> Result<PostData> {
    let all = list(restoring, head, &["--section=post-data"]).await?;
    Ok(part(&all))
}

fn part(all: &str) -> PostData {
    let mut parts = PostData::default();
    for line in all.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
        // `dump id; class oid, object oid, kind, schema, name, owner`: the kind begins at the fourth word.
        let kind = line.splitn(4, ' ').nth(3).unwrap_or("");
        let events = ["EVENT TRIGGER ", "COMMENT - EVENT TRIGGER ", "SECURITY LABEL - EVENT TRIGGER "];
        let to = if events.iter().any(|event| kind.starts_with(event)) {
            &mut parts.event_triggers
        } else if kind.starts_with("FK CONSTRAINT ") {
            &mut parts.foreign_keys
        } else if kind.starts_with("COMMENT ") && kind.contains(" CONSTRAINT ") {
            &mut parts.comments
        } else {
            &mut parts.rest
        };
        to.push_str(line);
        to.push('\n');
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_rows_is_parted() {
        let all = "; comment\n12; 1259 16390 INDEX public a_idx postgres\n13; 3466 16400 EVENT TRIGGER - e postgres\n\
            14; 0 0 COMMENT - EVENT TRIGGER e postgres\n15; 2620 16401 TRIGGER public t EVENT TRIGGER postgres\n";
        let all = format!(
            "{all}16; 2606 16402 FK CONSTRAINT public t f o\n17; 0 0 COMMENT public CONSTRAINT f ON t o\n"
        );
        let parts = part(&all);
        assert_eq!(parts.rest.lines().count(), 2);
        let events = ["EVENT TRIGGER e", "EVENT TRIGGER - e"];
        assert!(parts.event_triggers.lines().all(|line| events.iter().any(|event| line.contains(event))));
        assert_eq!((parts.foreign_keys.lines().count(), parts.comments.lines().count()), (1, 1));
    }

    #[test]
    fn a_name_is_never_a_connection_string() {
        assert_eq!(conninfo("host=evil 'x\\"), "dbname='host=evil \\'x\\\\'");
    }
}
