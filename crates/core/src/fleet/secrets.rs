//! References to secrets: that they are references, and that what they name can be had. Values are never touched.

use super::{SecretFile, build::Building, nearest::nearest, path::Path};
use crate::{SecretRef, Text};

/// What an absent secret file means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IfAbsent {
    /// Nobody else knows this secret: it can be made.
    Generate,
    /// Somebody else's server wants it: it must be brought.
    Refuse,
}

const SCHEMES: [&str; 3] = ["env", "file", "age"];

/// A reference whose secret can be had; findings where not. File paths come out absolute.
pub(super) fn reference(
    at: &Path,
    text: &str,
    if_absent: IfAbsent,
    building: &mut Building<'_, '_>,
) -> Option<SecretRef> {
    match SecretRef::parse(text) {
        Some(SecretRef::Env(name)) => environment(at, name, building),
        Some(SecretRef::File(path)) => file(at, &path, if_absent, building),
        Some(SecretRef::Age(value)) => {
            if let Err(why) = building.input.facts.can_decrypt_age(&value) {
                let what = Text::new("fleet-secret-age").with("why", why);
                building.report.value(at, what, Text::new("fleet-secret-age-cure"));
            }
            Some(SecretRef::Age(value))
        }
        Some(SecretRef::Host(_)) => {
            let (what, cure) = (Text::new("fleet-secret-host"), Text::new("fleet-secret-host-cure"));
            building.report.value(at, what, cure);
            None
        }
        None => {
            let (what, cure) = refused(text);
            building.report.value(at, what, cure);
            None
        }
    }
}

/// Why a text is no reference. The text itself is never told: it may be the secret.
fn refused(text: &str) -> (Text, Text) {
    let inner = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let scheme = inner.and_then(|inner| inner.split_once(':')).filter(|(_, rest)| !rest.is_empty());
    match (inner, scheme) {
        (None, _) => (Text::new("fleet-secret-literal"), Text::new("fleet-secret-literal-cure")),
        (Some(_), None) => (Text::new("fleet-secret-malformed"), Text::new("fleet-secret-literal-cure")),
        (Some(_), Some((scheme, _))) => {
            let word = scheme.len() <= 12 && scheme.bytes().all(|byte| byte.is_ascii_lowercase());
            let what = Text::new("fleet-secret-scheme").with("scheme", if word { scheme } else { "…" });
            let cure = match nearest(scheme, SCHEMES) {
                Some(near) => Text::new("fleet-secret-scheme-near").with("near", near),
                None => Text::new("fleet-secret-literal-cure"),
            };
            (what, cure)
        }
    }
}

fn environment(at: &Path, name: String, building: &mut Building<'_, '_>) -> Option<SecretRef> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !first || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        let what = Text::new("fleet-env-name");
        building.report.value(at, what, Text::new("fleet-env-name-cure"));
        return None;
    }
    if !building.input.facts.env_is_set(&name) {
        let what = Text::new("fleet-env-unset").with("name", name.as_str());
        building.report.value(at, what, Text::new("fleet-env-unset-cure").with("name", name.as_str()));
    }
    Some(SecretRef::Env(name))
}

fn file(at: &Path, path: &str, if_absent: IfAbsent, building: &mut Building<'_, '_>) -> Option<SecretRef> {
    let absolute = building.path(at, path)?;
    let told = absolute.as_str();
    let wrong = match building.input.facts.secret_file(&absolute) {
        SecretFile::Fine => None,
        SecretFile::Absent if if_absent == IfAbsent::Generate => {
            let what = Text::new("fleet-secret-generated").with("path", told);
            building.report.note(at, what, Text::new("fleet-secret-generated-cure").with("path", told));
            building.generate.insert(absolute.clone());
            None
        }
        SecretFile::Absent => {
            let cure = Text::new("fleet-secret-absent-cure").with("path", told);
            Some((Text::new("fleet-secret-absent").with("path", told), cure))
        }
        SecretFile::Unreadable(why) => {
            let what = Text::new("fleet-secret-unreadable").with("path", told).with("why", why);
            Some((what, Text::new("fleet-secret-unreadable-cure").with("path", told)))
        }
        SecretFile::NotAFile(sort) => {
            let what = Text::new("fleet-secret-not-a-file").with("path", told).with("sort", sort);
            Some((what, Text::new("fleet-secret-not-a-file-cure")))
        }
        SecretFile::TooOpen(mode) => {
            let mode = format!("{:04o}", mode & 0o7777);
            let what = Text::new("fleet-secret-open").with("path", told).with("mode", mode);
            Some((what, Text::new("fleet-secret-open-cure").with("path", told)))
        }
        SecretFile::Empty => {
            let what = Text::new("fleet-secret-empty").with("path", told);
            Some((what, Text::new("fleet-secret-empty-cure").with("path", told)))
        }
        SecretFile::TooBig => {
            let what = Text::new("fleet-secret-big").with("path", told);
            Some((what, Text::new("fleet-secret-big-cure")))
        }
    };
    if let Some((what, cure)) = wrong {
        building.report.value(at, what, cure);
    }
    Some(SecretRef::File(absolute))
}
