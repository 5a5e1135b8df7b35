//! The manifest of a running server, what of two manifests can rightly be compared, and whether a server is empty.

use std::collections::HashSet;

use roadstead_core::{
    Result, Text,
    manifest::{Manifest, Object},
    port::{Link, Watch},
};

use super::{
    backup::server_version,
    catalog, globals,
    link::{STEADY, Session},
    manifest::{self, Snapshot},
    rare,
    sql::shown,
};

/// How many sessions digest a server that does nothing else.
const WORKERS: usize = 2;
/// Kinds whose names are accounts; a membership has two.
const OF_ACCOUNTS: &[&str] = &["role", "role-password", "membership"];

/// Counts and digests of everything, each database in a snapshot of its own.
pub(super) async fn manifest(link: &Link, watch: &dyn Watch) -> Result<Manifest> {
    let home = Session::home(link).await?;
    home.run(STEADY).await?;
    let version = server_version(&home).await?;
    let globals = globals::read(&home, "", "").await?;
    let mut objects = globals::objects(&globals);
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        let work = async {
            let snapshot = Snapshot::take(link, &database.name).await?;
            let mut found = manifest::sequences(&snapshot.session, &database.name).await?;
            found.extend(manifest::database(link, &snapshot, WORKERS, watch).await?);
            snapshot.release().await?;
            Ok(found)
        };
        objects.extend(home.alive_while(work).await?);
    }
    Ok(Manifest { method: manifest::method(version.major()), objects })
}

/// Leaves out the accounts that a load had to keep, what the original itself could not tell, rights on an extension's
/// parts that the original has from the extension itself, and the maintenance database of a server whose original had
/// none.
pub(super) fn comparable(
    mut original: Manifest,
    mut copy: Manifest,
    keep: &[String],
) -> (Manifest, Manifest) {
    let kept = |object: &Object| match object.kind.as_str() {
        kind if OF_ACCOUNTS.contains(&kind) => object.name.iter().any(|name| keep.contains(name)),
        "settings" => object.name.get(1).is_some_and(|role| keep.contains(role)),
        _ => false,
    };
    let stays = |object: &Object| !kept(object) && object.kind != catalog::EXTENSION_VERSION;
    original.objects.retain(stays);
    copy.objects.retain(stays);
    let of = |object: &Object| (object.kind.clone(), object.name.clone());
    let had: HashSet<_> =
        original.objects.iter().filter(|o| o.kind == "database").map(|o| o.name[0].clone()).collect();
    if !had.contains("postgres") {
        let spare = |object: &Object| {
            !OF_ACCOUNTS.contains(&object.kind.as_str())
                && object.name.first().is_some_and(|name| name == "postgres")
        };
        copy.objects.retain(|object| !spare(object));
    }
    let silent: HashSet<_> =
        original.objects.iter().filter(|object| object.digest.is_none()).map(of).collect();
    // What the original's owner of an extension may do is in a copy that another made a right given to it.
    let given = original.objects.iter().filter(|object| object.kind == rare::EXTENSION_RIGHTS);
    let given: HashSet<_> = given.map(|object| object.name.clone()).collect();
    copy.objects.retain(|object| object.kind != rare::EXTENSION_RIGHTS || given.contains(&object.name));
    let verifiers = original.objects.iter().any(|object| object.kind == "role-password");
    copy.objects.retain(|object| verifiers || object.kind != "role-password");
    for object in copy.objects.iter_mut().filter(|object| silent.contains(&of(object))) {
        object.digest = None;
        object.count = None;
    }
    (original, copy)
}

/// What a load would meet: databases that are not the server's own, or things of a user's in those that are.
pub(super) async fn occupied(link: &Link) -> Result<Option<Text>> {
    let home = Session::home(link).await?;
    let others = home
        .rows("SELECT datname FROM pg_catalog.pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1 LIMIT 5")
        .await?;
    if !others.is_empty() {
        let names: Vec<String> = others.into_iter().flatten().flatten().map(|name| shown(&name)).collect();
        return Ok(Some(Text::new("postgresql-occupied-databases").with("databases", names.join(", "))));
    }
    for database in ["postgres", "template1"] {
        if let Some(thing) = thing_in(link, database).await? {
            let what = Text::new("postgresql-occupied-thing").with("database", database);
            return Ok(Some(what.with("thing", shown(&thing))));
        }
    }
    Ok(None)
}

/// One thing of a user's in a database; `None`: there is none, or no such database.
pub(super) async fn thing_in(link: &Link, database: &str) -> Result<Option<String>> {
    let inside = match Session::open(link, database).await {
        Err(error) if error.kind == roadstead_core::Kind::NotFound => return Ok(None),
        other => other?,
    };
    let things = "SELECT pg_catalog.pg_describe_object(x.classid, x.objid, 0) FROM ( \
            SELECT 'pg_catalog.pg_class'::regclass AS classid, oid AS objid FROM pg_catalog.pg_class WHERE oid >= 16384 \
              AND relkind <> 't' AND relkind <> 'i' AND relnamespace::regnamespace::text !~ '^pg_toast' \
            UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, oid FROM pg_catalog.pg_proc WHERE oid >= 16384 \
            UNION ALL SELECT 'pg_catalog.pg_namespace'::regclass, oid FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_' \
            UNION ALL SELECT 'pg_catalog.pg_largeobject'::regclass, oid FROM pg_catalog.pg_largeobject_metadata) x \
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = x.classid AND d.objid = x.objid AND d.deptype = 'e') LIMIT 1";
    inside.value(things).await
}

#[cfg(test)]
mod tests {
    use roadstead_core::manifest::{Strength, compare};

    use super::*;

    fn object(kind: &str, name: &[&str], digest: Option<&str>) -> Object {
        Object {
            kind: kind.into(),
            name: name.iter().map(|part| (*part).to_owned()).collect(),
            count: None,
            digest: digest.map(str::to_owned),
            strength: Strength::ContentSnapshot,
        }
    }

    fn manifest(objects: Vec<Object>) -> Manifest {
        Manifest { method: "m".into(), objects }
    }

    #[test]
    fn only_what_both_sides_can_know_is_compared() {
        let original = manifest(vec![
            object("role", &["postgres"], Some("a")),
            object("role", &["app"], Some("b")),
            object("sequence", &["d", "public", "s"], None),
            object("database", &["d"], Some("c")),
        ]);
        let copy = manifest(vec![
            object("role", &["postgres"], Some("other")),
            object("role-password", &["app"], Some("x")),
            object("role", &["app"], Some("b")),
            object("sequence", &["d", "public", "s"], Some("7")),
            object("database", &["d"], Some("c")),
            object("database", &["postgres"], Some("z")),
        ]);
        let (left, right) = comparable(original.clone(), copy, &["postgres".to_owned()]);
        assert!(compare(&left, &right).is_equal(), "{:?}", compare(&left, &right));
        let (left, right) = comparable(original, manifest(vec![]), &["postgres".to_owned()]);
        assert_eq!(compare(&left, &right).differences.len(), 3);
    }
}
