//! What several engines check and say alike. Pure.

use roadstead_core::{Error, Finding, Kind, Text, model::ClusterSpec, port::Link};

/// Why nothing is loaded into a server that holds something.
pub(crate) fn occupied(link: &Link, holds: Text) -> Error {
    let what = Text::new("engines-occupied").with("endpoint", link.endpoint.to_string());
    Error::new(Kind::Exists, what.with("holds", holds))
}

/// Settings that are declared more than once, in spellings that the server takes for one name: an error each, at every
/// spelling but the first.
pub(crate) fn declared_twice(cluster: &ClusterSpec, canonical: impl Fn(&str) -> String) -> Vec<Finding> {
    let told = |name: &String| {
        let one = canonical(name);
        let same = cluster.settings.keys().filter(|other| canonical(other) == one);
        let spellings: Vec<&str> = same.map(String::as_str).collect();
        (spellings[0] != name).then(|| {
            let what = Text::new("engines-setting-twice").with("name", one);
            let subject = format!("clusters.{}.settings.{name}", cluster.name);
            Finding::error(subject, what.with("spellings", spellings.join(", ")))
                .cure(Text::new("engines-setting-twice-cure"))
        })
    };
    cluster.settings.keys().filter_map(told).collect()
}
