//! What a backup must hold, object by object, and the comparison that proves it.
//!
//! A manifest is counts and order-independent content digests. Two manifests are compared by what both
//! could know; each entry says how strong its word is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// How strong an entry's word is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Only that it exists (or how many), read after the dump.
    CountAfter,
    /// Content read after the dump: writes in between make it differ.
    ContentAfter,
    /// Count read in the dump's own snapshot.
    CountSnapshot,
    /// Content digest read in the dump's own snapshot.
    ContentSnapshot,
}

/// One object: a table, a sequence, a role, the keys of one type in one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The engine's word for it: `table`, `sequence`, `role`, `view`, `keys`.
    pub kind: String,
    /// Its full name, outermost first: database, schema, table.
    pub name: Vec<String>,
    /// Rows, keys or items; `None` where counting makes no sense for this kind.
    pub count: Option<u64>,
    /// Order-independent digest of its content or definition, lower-case hexadecimal; `None` when only counted.
    pub digest: Option<String>,
    /// How strong the two figures are.
    pub strength: Strength,
}

/// The objects of one cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Method and its version, so that digests of different methods are never compared: `postgresql-rows-1`.
    pub method: String,
    /// All objects; no two share kind and name.
    pub objects: Vec<Object>,
}

/// One way in which a restored copy is not the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Kind of the object.
    pub kind: String,
    /// Full name of the object.
    pub name: Vec<String>,
    /// What differs.
    pub how: Unlike,
}

/// How one object differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlike {
    /// In the original, not in the copy.
    Missing,
    /// In the copy, not in the original.
    Extra,
    /// Another number of rows, keys or items.
    Count {
        /// In the original.
        original: u64,
        /// In the copy.
        copy: u64,
    },
    /// The same number, other content.
    Content,
    /// The two were measured by different methods, so nothing can be said.
    Incomparable,
}

/// What a comparison looked at and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Objects compared by content digest.
    pub by_content: u64,
    /// Objects compared by count alone.
    pub by_count: u64,
    /// Objects compared by existence alone.
    pub by_name: u64,
    /// Rows, keys and items covered by a content digest.
    pub rows: u64,
    /// The weakest strength among the compared objects; `None` when nothing was compared.
    pub weakest: Option<Strength>,
    /// How many compared objects of each kind were measured after the dump, not in its own snapshot. Empty in records of
    /// before this was kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, u64>,
    /// Every difference.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Equal, and at least one object was compared or both sides were empty.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Unlike {
    /// The sentence for it, with the object's kind and name.
    pub fn text(&self, kind: &str, name: &[String]) -> Text {
        let text = match self {
            Self::Missing => Text::new("core-differs-missing"),
            Self::Extra => Text::new("core-differs-extra"),
            Self::Count { original, copy } => {
                Text::new("core-differs-count").with("original", *original).with("copy", *copy)
            }
            Self::Content => Text::new("core-differs-content"),
            Self::Incomparable => Text::new("core-differs-incomparable"),
        };
        text.with("kind", kind).with("name", name.join("."))
    }
}

impl Manifest {
    /// First names of objects of these kinds that the other lacks.
    pub fn names_besides(&self, other: &Self, kinds: &[&str]) -> Vec<String> {
        let of = |manifest: &Self| -> BTreeSet<String> {
            let objects = manifest.objects.iter().filter(|object| kinds.contains(&object.kind.as_str()));
            objects.filter_map(|object| object.name.first().cloned()).collect()
        };
        of(self).difference(&of(other)).cloned().collect()
    }
}

/// Compares a restored copy with the original.
pub fn compare(original: &Manifest, copy: &Manifest) -> Comparison {
    let mut result = Comparison::default();
    if original.method != copy.method {
        let name = vec![original.method.clone(), copy.method.clone()];
        result.differences.push(Difference { kind: "method".into(), name, how: Unlike::Incomparable });
        return result;
    }
    let index = |manifest: &'_ Manifest| -> BTreeMap<(String, Vec<String>), Object> {
        let key = |object: &Object| (object.kind.clone(), object.name.clone());
        manifest.objects.iter().map(|object| (key(object), object.clone())).collect()
    };
    let (left, mut right) = (index(original), index(copy));
    for ((kind, name), object) in left {
        let how = match right.remove(&(kind.clone(), name.clone())) {
            None => Some(Unlike::Missing),
            Some(other) => compare_object(&object, &other, &mut result),
        };
        if let Some(how) = how {
            result.differences.push(Difference { kind, name, how });
        }
    }
    for (kind, name) in right.into_keys() {
        result.differences.push(Difference { kind, name, how: Unlike::Extra });
    }
    result
}

fn compare_object(original: &Object, copy: &Object, result: &mut Comparison) -> Option<Unlike> {
    let weakest = original.strength;
    if matches!(weakest, Strength::CountAfter | Strength::ContentAfter) {
        *result.after.entry(original.kind.clone()).or_default() += 1;
    }
    result.weakest = Some(result.weakest.map_or(weakest, |known| known.min(weakest)));
    if let (Some(original), Some(copy)) = (original.count, copy.count)
        && original != copy
    {
        return Some(Unlike::Count { original, copy });
    }
    match (&original.digest, &copy.digest) {
        (Some(original_digest), Some(copy_digest)) => {
            result.by_content += 1;
            result.rows += original.count.unwrap_or(0);
            (original_digest != copy_digest).then_some(Unlike::Content)
        }
        (Some(_), None) | (None, Some(_)) => Some(Unlike::Incomparable),
        (None, None) if original.count.is_some() => {
            result.by_count += 1;
            None
        }
        (None, None) => {
            result.by_name += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, count: u64, digest: Option<&str>) -> Object {
        Object {
            kind: "table".into(),
            name: vec!["orders".into(), name.into()],
            count: Some(count),
            digest: digest.map(str::to_owned),
            strength: Strength::ContentSnapshot,
        }
    }

    fn manifest(objects: Vec<Object>) -> Manifest {
        Manifest { method: "rows-1".into(), objects }
    }

    #[test]
    fn each_kind_of_difference_is_told_with_its_name() {
        let original = manifest(vec![
            table("altered", 2, Some("aa")),
            table("gone", 1, Some("bb")),
            table("short", 3, Some("cc")),
            table("same", 4, Some("dd")),
        ]);
        let copy = manifest(vec![
            table("altered", 2, Some("ab")),
            table("short", 2, Some("cd")),
            table("same", 4, Some("dd")),
            table("new", 0, None),
        ]);
        let found = compare(&original, &copy);
        let told: Vec<_> = found.differences.iter().map(|d| (d.name[1].as_str(), d.how.clone())).collect();
        assert_eq!(
            told,
            [
                ("altered", Unlike::Content),
                ("gone", Unlike::Missing),
                ("short", Unlike::Count { original: 3, copy: 2 }),
                ("new", Unlike::Extra),
            ]
        );
        assert!(compare(&original, &original).is_equal());
        assert_eq!(compare(&original, &original).rows, 10);
    }

    #[test]
    fn a_digest_that_only_one_side_has_is_not_equal() {
        let found = compare(&manifest(vec![table("t", 1, Some("aa"))]), &manifest(vec![table("t", 1, None)]));
        assert_eq!(found.differences[0].how, Unlike::Incomparable);
    }

    #[test]
    fn other_methods_are_never_compared() {
        let mut other = manifest(vec![]);
        other.method = "rows-2".into();
        assert!(!compare(&manifest(vec![]), &other).is_equal());
    }
}
