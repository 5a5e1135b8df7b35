//! Looking into the data: counts and digests by the very reader that dumps, what of two manifests can rightly be
//! compared, and whether a server is empty.

use std::collections::HashSet;

use async_trait::async_trait;
use roadstead_core::{
    Result, Text,
    manifest::{Manifest, Object},
    model::ClusterSpec,
    port::{Inspect, Link, Watch, engine::Lived},
};

use super::{
    Mysql,
    dump::{self, Output},
    memory, observe, programs,
    session::{ADMIN, Session},
    snapshot::Snapshot,
};

#[async_trait]
impl Inspect for Mysql {
    async fn manifest(&self, link: &Link, _: &ClusterSpec, watch: &dyn Watch) -> Result<Manifest> {
        let mut snapshot = Snapshot::open(link).await?;
        let mut output = Output::new(None, watch);
        let inventory = dump::everything(&mut snapshot.readers, &mut output).await?;
        snapshot.close().await;
        Ok(inventory.manifest())
    }

    fn comparable(
        &self,
        original: Manifest,
        copy: Manifest,
        lived: Lived,
        keep: &[String],
    ) -> (Manifest, Manifest) {
        let (original, copy) = memory::comparable(original, copy, matches!(lived, Lived::Started(_)));
        let (original, copy) = by_name_if_broken(original, copy);
        comparable(original, copy, keep)
    }

    fn accounts_besides(&self, original: &Manifest, copy: &Manifest) -> Vec<String> {
        let roles = copy.names_besides(original, &["role"]).into_iter().map(|role| of_role(&role));
        copy.names_besides(original, &["account"]).into_iter().chain(roles).collect()
    }

    async fn occupied(&self, link: &Link) -> Result<Option<Text>> {
        let mut session = Session::open(link).await?;
        let databases = observe::databases(&mut session).await?;
        session.close().await;
        Ok((!databases.is_empty()).then(|| holds(&databases)))
    }
}

/// What a server holds that is not empty: the first of its databases by name.
pub(super) fn holds(databases: &[String]) -> Text {
    let shown: Vec<_> = databases.iter().take(5).cloned().collect();
    Text::new("mysql-occupied").with("count", databases.len()).with("databases", shown.join(", "))
}

/// How a role of MariaDB's is named among users: it has no host.
pub(super) fn of_role(name: &str) -> String {
    format!("{name}@")
}

/// The first administrator of every vendor's own installation.
const VENDORS_ADMIN: &str = "root";

/// Leaves out the accounts that the load had to keep. A server that somebody else runs had accounts before the load,
/// and each of them stays as it was: there one that both sides have is compared by its name alone, and the vendor's own
/// administrator may be there besides. One that is missing is a difference everywhere.
fn comparable(mut original: Manifest, mut copy: Manifest, keep: &[String]) -> (Manifest, Manifest) {
    let is_kept = |name: &str| keep.iter().any(|kept| kept == name);
    let kept = |object: &Object| match person(object) {
        // A role may have the name of users that have nothing to do with it.
        Some(role) if object.kind == "role" => is_kept(&of_role(role)),
        Some(user) => is_kept(user) || is_kept(&object.name[0]),
        None => false,
    };
    original.objects.retain(|object| !kept(object));
    copy.objects.retain(|object| !kept(object));
    // Every server of ours is loaded by this account, and held no other before; and an original is all its own.
    if keep.is_empty() || keep.iter().any(|name| name == ADMIN) {
        return (original, copy);
    }
    let of = |object: &Object| (object.kind.clone(), object.name.clone());
    let people = |manifest: &Manifest| -> HashSet<_> {
        manifest.objects.iter().filter(|object| person(object).is_some()).map(of).collect()
    };
    let (had, has) = (people(&original), people(&copy));
    copy.objects.retain(|object| person(object) != Some(VENDORS_ADMIN) || had.contains(&of(object)));
    let on_both = |object: &&mut Object| had.contains(&of(object)) && has.contains(&of(object));
    for object in original.objects.iter_mut().chain(&mut copy.objects).filter(on_both) {
        object.digest = None;
    }
    (original, copy)
}

/// A view that the original's reader could not use may want a right of that account's alone, or a table that is gone. So
/// the copy may have it, and its reader be able to use it or not, or its load may have told that it cannot be made: where
/// it is there it is compared by its name. One that only the copy's reader cannot use is missing.
fn by_name_if_broken(mut original: Manifest, mut copy: Manifest) -> (Manifest, Manifest) {
    let names = |manifest: &Manifest, kinds: &[&str]| -> HashSet<Vec<String>> {
        let objects = manifest.objects.iter().filter(|object| kinds.contains(&object.kind.as_str()));
        objects.map(|object| object.name.clone()).collect()
    };
    // Snapshots of earlier versions do not say which views were so: there they are left out of the copy alone.
    let told = names(&original, &[programs::BROKEN]);
    let there = names(&copy, &["view", programs::BROKEN]);
    original.objects.retain(|object| object.kind != programs::BROKEN || there.contains(&object.name));
    copy.objects.retain(|object| object.kind != programs::BROKEN || told.contains(&object.name));
    for object in original.objects.iter_mut().chain(&mut copy.objects) {
        if matches!(object.kind.as_str(), "view" | programs::BROKEN) && told.contains(&object.name) {
            object.kind = "view".into();
            object.digest = None;
        }
    }
    (original, copy)
}

/// The user of an account, or a role's name; `None` when the object is neither.
fn person(object: &Object) -> Option<&str> {
    let name = object.name.first()?;
    match object.kind.as_str() {
        "role" => Some(name),
        // A user's name may hold the sign, a host's may not.
        "account" => Some(name.rsplit_once('@').map_or(name.as_str(), |(user, _)| user)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use roadstead_core::manifest::{Strength, Unlike, compare};

    use super::*;

    fn manifest(objects: &[(&str, &str, &str)]) -> Manifest {
        let object = |&(kind, name, digest): &(&str, &str, &str)| Object {
            kind: kind.into(),
            name: vec![name.into()],
            count: None,
            digest: Some(digest.into()),
            strength: Strength::ContentSnapshot,
        };
        Manifest { method: "m".into(), objects: objects.iter().map(object).collect() }
    }

    fn found(original: &Manifest, copy: &Manifest, keep: &str) -> Vec<(Unlike, String)> {
        let (left, right) = comparable(original.clone(), copy.clone(), &[keep.to_owned()]);
        compare(&left, &right).differences.into_iter().map(|d| (d.how, d.name.join("."))).collect()
    }

    #[test]
    fn accounts_that_a_load_keeps_are_no_difference_and_missing_ones_are() {
        let original = manifest(&[
            ("account", "app@%", "a"),
            ("account", "gone@%", "b"),
            ("account", "loader@10.%", "c"),
            ("role", "reader", "d"),
            ("table", "t", "e"),
        ]);
        let copy = manifest(&[
            ("account", "app@%", "its own"),
            ("account", "loader@%", "x"),
            ("account", "other@%", "x"),
            ("account", "root@localhost", "x"),
            ("role", "reader", "its own"),
            ("table", "t", "altered"),
        ]);
        let expected = [
            (Unlike::Missing, "gone@%".to_owned()),
            (Unlike::Content, "t".to_owned()),
            (Unlike::Extra, "other@%".to_owned()),
        ];
        assert_eq!(found(&original, &copy, "loader"), expected);
    }

    #[test]
    fn a_role_of_the_targets_hides_no_account_of_its_name() {
        let original = manifest(&[("account", "app@%", "a")]);
        let copy = manifest(&[("role", "app", "x"), ("account", "loader@%", "x")]);
        let (left, right) = comparable(original, copy, &["loader".to_owned()]);
        let besides = Mysql.accounts_besides(&left, &right);
        assert_eq!(besides, ["app@"], "the one that loads is nobody's account besides");
        let expected = [(Unlike::Missing, "app@%".to_owned())];
        assert_eq!(found(&left, &right, &besides[0]), expected);
    }

    #[test]
    fn a_server_of_ours_keeps_no_account_but_its_administrator() {
        let original = manifest(&[("account", "app@%", "a")]);
        let copy = manifest(&[("account", "app@%", "b"), ("account", "root@localhost", "x")]);
        let expected = [(Unlike::Content, "app@%".to_owned()), (Unlike::Extra, "root@localhost".to_owned())];
        assert_eq!(found(&original, &copy, ADMIN), expected);
    }

    #[test]
    fn a_view_that_the_backup_could_not_use_is_compared_by_its_name_where_it_is() {
        let mut broken = manifest(&[(programs::BROKEN, "v", "")]);
        broken.objects[0].digest = None;
        let (usable, none) = (manifest(&[("view", "v", "a")]), manifest(&[]));
        let found = |original: &Manifest, copy: &Manifest| {
            let (left, right) = by_name_if_broken(original.clone(), copy.clone());
            // It may be asked twice.
            let (left, right) = by_name_if_broken(left, right);
            let compared = compare(&left, &right);
            let how: Vec<_> = compared.differences.into_iter().map(|difference| difference.how).collect();
            (how, compared.by_name)
        };
        assert_eq!(found(&broken, &usable), (vec![], 1));
        assert_eq!(found(&broken, &broken), (vec![], 1));
        assert_eq!(found(&broken, &none), (vec![], 0), "its load told that it could not be made");
        assert_eq!(found(&usable, &broken), (vec![Unlike::Missing], 0));
        assert_eq!(found(&usable, &none), (vec![Unlike::Missing], 0));
        // A snapshot that does not say which views were broken.
        assert_eq!(found(&none, &broken), (vec![], 0));
        assert_eq!(found(&none, &usable), (vec![Unlike::Extra], 0));
    }
}
