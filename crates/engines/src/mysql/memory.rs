//! Tables whose rows live in memory: a backup holds them, and the first start of a restored server takes them. Pure.

use std::collections::{BTreeMap, HashSet};

use roadstead_core::{
    Finding, Text,
    manifest::{Manifest, Object, Strength},
};

use super::{definitions::IN_MEMORY, survey};

/// What such a table has that a start takes: its rows, and in its definition where it counts on from.
const OF_A_PROCESS: [&str; 2] = ["table", "definition"];

/// Leaves out of both what a start has taken. In a copy that `was_started` since it was loaded, a table of these that is
/// empty is compared by its name and by what of its definition lasts. One that holds rows is compared as
/// any other, and so is all of a copy that ran on since its load.
pub(super) fn comparable(
    mut original: Manifest,
    mut copy: Manifest,
    was_started: bool,
) -> (Manifest, Manifest) {
    // Snapshots of earlier versions do not say which tables are in memory: there nothing is left out.
    let told = names(&original);
    let mut here = names(&copy);
    here.retain(|name| told.contains(name));
    copy.objects.retain(|object| object.kind != IN_MEMORY || told.contains(&object.name));
    if !was_started {
        return (original, copy);
    }
    let holds_rows = |object: &Object| object.kind == "table" && object.count.is_some_and(|count| count > 0);
    for object in copy.objects.iter().filter(|object| holds_rows(object)) {
        here.remove(&object.name);
    }
    let is_taken =
        |object: &Object| OF_A_PROCESS.contains(&object.kind.as_str()) && here.contains(&object.name);
    let there: BTreeMap<_, _> =
        original.objects.iter().filter(|o| is_taken(o)).map(|o| (key(o), said(o))).collect();
    let unlike: HashSet<_> = copy
        .objects
        .iter()
        .filter(|o| is_taken(o) && there.get(&key(o)).is_some_and(|said_there| *said_there != said(o)))
        .map(key)
        .collect();
    for object in original.objects.iter_mut().chain(&mut copy.objects).filter(|o| unlike.contains(&key(o))) {
        object.count = None;
        object.digest = None;
        object.strength = Strength::CountAfter;
    }
    (original, copy)
}

fn key(object: &Object) -> (String, Vec<String>) {
    (object.kind.clone(), object.name.clone())
}

fn said(object: &Object) -> (Option<u64>, Option<String>) {
    (object.count, object.digest.clone())
}

fn names(manifest: &Manifest) -> HashSet<Vec<String>> {
    manifest.objects.iter().filter(|object| object.kind == IN_MEMORY).map(|o| o.name.clone()).collect()
}

/// What a load tells that ends with a start: which tables of the snapshot have rows that this start takes.
pub(super) fn taken_by_a_start(snapshot: &Manifest) -> Option<Finding> {
    let in_memory = names(snapshot);
    let holds = |object: &&Object| {
        object.kind == "table" && object.count != Some(0) && in_memory.contains(&object.name)
    };
    let tables: Vec<_> = snapshot.objects.iter().filter(holds).map(|object| object.name.join(".")).collect();
    let first = tables.first()?.clone();
    let what =
        Text::new("mysql-memory-emptied").with("count", tables.len()).with("tables", survey::listed(&tables));
    Some(Finding::warning(first, what).cure(Text::new("mysql-memory-emptied-cure")))
}

#[cfg(test)]
mod tests {
    use roadstead_core::manifest::{Comparison, compare};

    use super::*;

    fn objects(rows: u64, counter: &str, lasting: Option<&str>) -> Manifest {
        let object = |kind: &str, count, digest: &str| Object {
            kind: kind.into(),
            name: vec!["shop".into(), "mem".into()],
            count,
            digest: Some(digest.into()),
            strength: Strength::ContentAfter,
        };
        let table = object("table", Some(rows), &rows.to_string());
        let mut objects = vec![table, object("definition", None, counter)];
        objects.extend(lasting.map(|lasting| object(IN_MEMORY, None, lasting)));
        Manifest { method: "m".into(), objects }
    }

    fn compared(original: &Manifest, copy: &Manifest, was_started: bool) -> Comparison {
        let (original, copy) = comparable(original.clone(), copy.clone(), was_started);
        // It may be asked twice.
        let (original, copy) = comparable(original, copy, was_started);
        compare(&original, &copy)
    }

    #[test]
    fn what_a_start_took_is_no_difference_and_all_else_is() {
        let original = objects(3, "counts on from 4", Some("a"));
        let after = compared(&original, &objects(0, "counts on from 1", Some("a")), true);
        assert_eq!((after.differences.len(), after.by_name, after.by_content), (0, 2, 1));
        assert_eq!((after.rows, after.weakest), (0, Some(Strength::CountAfter)));
        let differ = |original: &Manifest, copy: &Manifest, was_started| {
            compared(original, copy, was_started).differences.len()
        };
        // Its lasting definition, some of its rows, and a copy that was not started since its load.
        assert_eq!(differ(&original, &objects(0, "counts on from 1", Some("b")), true), 1);
        assert_eq!(differ(&original, &objects(2, "counts on from 4", Some("a")), true), 1);
        assert_eq!(differ(&original, &objects(0, "counts on from 4", Some("a")), false), 1);
        // A snapshot that does not say which tables are in memory.
        let older = objects(3, "counts on from 4", None);
        assert_eq!(differ(&older, &objects(0, "counts on from 1", Some("a")), true), 2);
        assert_eq!(differ(&older, &objects(3, "counts on from 4", Some("a")), false), 0);
        // A table of the same name that is not in memory on one side: the marker itself is a difference where it was told.
        assert_eq!(differ(&older, &objects(0, "counts on from 1", None), true), 2);
        assert_eq!(differ(&original, &objects(0, "counts on from 1", None), true), 3);
        // Another one was told, and this one became such a table in the copy alone.
        let mut others = older.clone();
        others
            .objects
            .push(Object { name: vec!["shop".into(), "other".into()], ..original.objects[2].clone() });
        assert_eq!(differ(&others, &objects(0, "counts on from 1", Some("a")), true), 3);
    }

    #[test]
    fn only_tables_with_rows_are_told() {
        assert_eq!(taken_by_a_start(&objects(0, "", Some("a"))), None);
        assert_eq!(taken_by_a_start(&objects(3, "", None)), None);
        let told = taken_by_a_start(&objects(3, "", Some("a"))).expect("a finding");
        assert_eq!(told.what.to_string(), "mysql-memory-emptied(count=1, tables=shop.mem)");
    }
}
