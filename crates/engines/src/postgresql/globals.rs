//! What belongs to the whole server and to no dump of a database: accounts with their passwords' verifiers,
//! memberships, settings, tablespaces, and each database's own properties. Read in one transaction, kept as JSON.

use std::collections::BTreeMap;

use roadstead_core::{
    Error, Kind, Result, Text,
    manifest::{Object, Strength},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{link::Session, profile::ADMIN};

/// The form of [`Globals`] as it lies in a snapshot.
pub(super) const FORMAT: u32 = 1;
/// Its stream.
pub(super) const STREAM: &str = "accounts.json";
/// Longer ones are refused: a million accounts are shorter.
pub(super) const BYTES_MAX: usize = 512 << 20;

/// Never printed: it holds verifiers.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Globals {
    pub(super) format: u32,
    /// The server's version, and that of the `pg_dump` that wrote the databases' streams.
    pub(super) server: String,
    pub(super) dumped_with: String,
    /// Whether the verifiers of the passwords could be read.
    pub(super) passwords: bool,
    pub(super) roles: Vec<Role>,
    pub(super) memberships: Vec<Membership>,
    pub(super) tablespaces: Vec<Tablespace>,
    pub(super) parameters: Vec<ParameterRights>,
    pub(super) settings: Vec<Settings>,
    pub(super) databases: Vec<Database>,
}

impl Globals {
    /// The superuser that the server was created with.
    pub(super) fn first(&self) -> Option<&str> {
        self.roles.iter().find(|role| role.bootstrap).map(|role| role.name.as_str())
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    /// The superuser that the server was created with.
    pub(super) bootstrap: bool,
    pub(super) superuser: bool,
    pub(super) inherit: bool,
    pub(super) makes_roles: bool,
    pub(super) makes_databases: bool,
    pub(super) login: bool,
    pub(super) replication: bool,
    pub(super) bypass_row_security: bool,
    pub(super) connection_limit: i64,
    pub(super) valid_until: Option<String>,
    pub(super) verifier: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) labels: Vec<Label>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) provider: String,
    pub(super) label: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Membership {
    pub(super) role: String,
    pub(super) member: String,
    pub(super) grantor: Option<String>,
    pub(super) bootstrap_grantor: bool,
    pub(super) admin: bool,
    /// From 16 on; `None` before.
    pub(super) inherit: Option<bool>,
    pub(super) set: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tablespace {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) location: String,
    pub(super) options: Option<Vec<String>>,
    pub(super) rights: Option<Vec<Right>>,
    pub(super) comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ParameterRights {
    pub(super) name: String,
    pub(super) rights: Option<Vec<Right>>,
}

impl ParameterRights {
    /// The rights that were given: not those of the server's `first` superuser, who owns every parameter.
    pub(super) fn given(&self, first: Option<&str>) -> impl Iterator<Item = &Right> {
        let all = self.rights.iter().flatten();
        all.filter(move |right| first.is_none() || right.grantee.as_deref() != first)
    }

    /// The given rights as they are in a server of ours, whose first superuser is [`ADMIN`]: who granted one matters to
    /// nobody. Of an original whose first superuser is called so too this is what the server tells, so that older
    /// snapshots keep their digests. Empty: nobody was given any.
    fn comparable(&self, first: Option<&str>) -> Vec<Right> {
        let mut all: BTreeMap<(bool, Option<&str>, &str), bool> = BTreeMap::new();
        for right in self.given(first).filter(|right| right.grantee.as_deref() != Some(ADMIN)) {
            let grantee = right.grantee.as_deref();
            // Everybody comes last, as in the server's list.
            *all.entry((grantee.is_none(), grantee, right.privilege.as_str())).or_default() |=
                right.grantable;
        }
        if all.is_empty() {
            return Vec::new();
        }
        for privilege in ["ALTER SYSTEM", "SET"] {
            all.insert((false, Some(ADMIN), privilege), false);
        }
        all.into_iter()
            .map(|((_, grantee, privilege), grantable)| Right {
                grantee: grantee.map(str::to_owned),
                privilege: privilege.to_owned(),
                grantable,
                grantor: ADMIN.to_owned(),
            })
            .collect()
    }
}

/// One right of one role; `grantee` `None` is everybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Right {
    pub(super) grantee: Option<String>,
    pub(super) privilege: String,
    pub(super) grantable: bool,
    pub(super) grantor: String,
}

/// Settings of a role, a database, or a role in a database. Both `None`: of all roles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) role: Option<String>,
    pub(super) database: Option<String>,
    /// Each `name=value`, as the server keeps it.
    pub(super) values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Database {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) encoding: String,
    /// `c`: the system's, `i`: ICU, `b`: built in.
    pub(super) provider: String,
    pub(super) collate: String,
    pub(super) ctype: String,
    pub(super) locale: Option<String>,
    pub(super) rules: Option<String>,
    pub(super) template: bool,
    pub(super) connectable: bool,
    pub(super) connection_limit: i64,
    pub(super) tablespace: String,
    pub(super) rights: Option<Vec<Right>>,
    pub(super) comment: Option<String>,
    pub(super) labels: Vec<Label>,
    /// Whether it has a schema `public`; `None` where nobody could look.
    #[serde(default)]
    pub(super) public: Option<bool>,
}

impl Database {
    /// Whether it can be dumped: it takes connections, and no interrupted `DROP` left it broken.
    pub(super) fn is_dumped(&self) -> bool {
        self.connectable && self.connection_limit != -2
    }

    /// What must be equal for a server's own database to stand for this one.
    pub(super) fn shape(&self) -> [Option<&str>; 6] {
        let texts =
            [&self.encoding, &self.provider, &self.collate, &self.ctype].map(|text| Some(text.as_str()));
        let [a, b, c, d] = texts;
        [a, b, c, d, self.locale.as_deref(), self.rules.as_deref()]
    }
}

fn rights(column: &str) -> String {
    format!(
        "(SELECT json_agg(json_build_object('grantee', g.rolname, 'privilege', e.privilege_type, 'grantable', \
         e.is_grantable, 'grantor', coalesce(o.rolname, '')) ORDER BY g.rolname, e.privilege_type, o.rolname) \
         FROM aclexplode({column}) e LEFT JOIN pg_roles g ON g.oid = e.grantee LEFT JOIN pg_roles o ON o.oid = e.grantor)"
    )
}

fn labels(class: &str, oid: &str) -> String {
    format!(
        "coalesce((SELECT json_agg(json_build_object('provider', l.provider, 'label', l.label) ORDER BY l.provider) \
         FROM pg_shseclabel l WHERE l.classoid = '{class}'::regclass AND l.objoid = {oid}), '[]')"
    )
}

fn roles_question(verifiers: bool) -> String {
    let (table, verifier) = if verifiers { ("pg_authid", "rolpassword") } else { ("pg_roles", "NULL::text") };
    format!(
        "SELECT json_build_object('name', rolname, 'bootstrap', oid = 10, 'superuser', rolsuper, 'inherit', rolinherit, \
         'makes_roles', rolcreaterole, 'makes_databases', rolcreatedb, 'login', rolcanlogin, 'replication', \
         rolreplication, 'bypass_row_security', rolbypassrls, 'connection_limit', rolconnlimit, 'valid_until', \
         rolvaliduntil::text, 'verifier', {verifier}, 'comment', shobj_description(oid, 'pg_authid'), 'labels', {labels}) \
         FROM {table} WHERE rolname !~ '^pg_' ORDER BY rolname",
        labels = labels("pg_authid", "oid")
    )
}

const MEMBERSHIPS: &str = "SELECT json_build_object('role', r.rolname, 'member', m.rolname, 'grantor', g.rolname, \
    'bootstrap_grantor', coalesce(a.grantor = 10, true), 'admin', a.admin_option, \
    'inherit', to_jsonb(a) -> 'inherit_option', 'set', to_jsonb(a) -> 'set_option') \
    FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member \
    LEFT JOIN pg_roles g ON g.oid = a.grantor WHERE m.rolname !~ '^pg_' ORDER BY 1::text";

const SETTINGS: &str = "SELECT json_build_object('role', r.rolname, 'database', d.datname, 'values', s.setconfig) \
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase \
    WHERE (s.setrole = 0 OR r.oid IS NOT NULL) AND (s.setdatabase = 0 OR d.oid IS NOT NULL) \
    ORDER BY d.datname, r.rolname";

fn tablespaces_question() -> String {
    format!(
        "SELECT json_build_object('name', spcname, 'owner', pg_get_userbyid(spcowner), 'location', \
         pg_tablespace_location(oid), 'options', spcoptions, 'rights', {}, 'comment', \
         shobj_description(oid, 'pg_tablespace')) FROM pg_tablespace WHERE spcname !~ '^pg_' ORDER BY spcname",
        rights("spcacl")
    )
}

fn parameters_question() -> String {
    let rights = rights("paracl");
    format!(
        "SELECT json_build_object('name', parname, 'rights', {rights}) FROM pg_parameter_acl ORDER BY parname"
    )
}

fn databases_question() -> String {
    format!(
        "SELECT json_build_object('name', datname, 'owner', pg_get_userbyid(datdba), 'encoding', \
         pg_encoding_to_char(encoding), 'provider', datlocprovider, 'collate', datcollate, 'ctype', datctype, \
         'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), \
         'rules', to_jsonb(d) ->> 'daticurules', 'template', datistemplate, 'connectable', datallowconn, \
         'connection_limit', datconnlimit, 'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = dattablespace), \
         'rights', {rights}, 'comment', shobj_description(oid, 'pg_database'), 'labels', {labels}) \
         FROM pg_database d WHERE datname <> 'template0' ORDER BY datname",
        rights = rights("datacl"),
        labels = labels("pg_database", "oid"),
    )
}

/// Reads all of it, in the transaction that the session is in.
pub(super) async fn read(session: &Session, server: &str, dumped_with: &str) -> Result<Globals> {
    let may = "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')";
    let passwords = session.value(may).await?.as_deref() == Some("t");
    Ok(Globals {
        format: FORMAT,
        server: server.to_owned(),
        dumped_with: dumped_with.to_owned(),
        passwords,
        roles: all(session, &roles_question(passwords)).await?,
        memberships: all(session, MEMBERSHIPS).await?,
        tablespaces: all(session, &tablespaces_question()).await?,
        parameters: all(session, &parameters_question()).await?,
        settings: all(session, SETTINGS).await?,
        databases: all(session, &databases_question()).await?,
    })
}

/// The databases as they are, for comparing with what is wanted.
pub(super) async fn databases(session: &Session) -> Result<Vec<Database>> {
    all(session, &databases_question()).await
}

async fn all<T: DeserializeOwned>(session: &Session, question: &str) -> Result<Vec<T>> {
    let rows = session.rows(question).await?;
    let texts = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    texts.map(|text| serde_json::from_str(&text).map_err(Error::internal)).collect()
}

/// Reads it back from a snapshot.
pub(super) fn parse(bytes: &[u8]) -> Result<Globals> {
    let unreadable =
        |why: String| Error::new(Kind::Corrupt, Text::new("postgresql-accounts-unreadable").with("why", why));
    let globals: Globals = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    if globals.format != FORMAT {
        return Err(Error::new(
            Kind::Unsupported,
            Text::new("postgresql-accounts-format").with("format", globals.format),
        ));
    }
    Ok(globals)
}

/// Every object of it, each with the digest of all that is known of it.
pub(super) fn objects(globals: &Globals) -> Vec<Object> {
    let mut found = Vec::new();
    let mut put = |kind: &str, name: Vec<&str>, content: &str| {
        found.push(Object {
            kind: kind.to_owned(),
            name: name.into_iter().map(str::to_owned).collect(),
            count: None,
            digest: Some(hex::encode(&Sha256::digest(content)[..16])),
            strength: Strength::ContentSnapshot,
        });
    };
    for role in &globals.roles {
        let plain = Role { verifier: None, bootstrap: false, ..role.clone() };
        put("role", vec![&role.name], &json(&plain));
        if let Some(verifier) = &role.verifier {
            put("role-password", vec![&role.name], verifier);
        }
    }
    let mut pairs: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for grant in &globals.memberships {
        // Who granted it matters to nobody but the server's own bookkeeping, and need not exist in a copy.
        let options = format!("{} {:?} {:?}", grant.admin, grant.inherit, grant.set);
        pairs.entry((&grant.role, &grant.member)).or_default().push(options);
    }
    for ((role, member), mut options) in pairs {
        options.sort();
        options.dedup();
        put("membership", vec![role, member], &options.join(","));
    }
    for tablespace in &globals.tablespaces {
        let plain = Tablespace { location: String::new(), ..tablespace.clone() };
        put("tablespace", vec![&tablespace.name], &json(&plain));
    }
    for parameter in &globals.parameters {
        let rights = parameter.comparable(globals.first());
        if !rights.is_empty() {
            put("parameter-rights", vec![&parameter.name], &json(&rights));
        }
    }
    for settings in &globals.settings {
        let mut values = settings.values.clone();
        values.sort();
        let name = vec![settings.database.as_deref().unwrap_or("*"), settings.role.as_deref().unwrap_or("*")];
        put("settings", name, &json(&values));
    }
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        let plain = Database { public: None, rights: Some(effective(database)), ..database.clone() };
        put("database", vec![&database.name], &json(&plain));
    }
    found
}

/// A database's rights with the server's defaults spelt out, so that "as made" and "said so" are equal.
fn effective(database: &Database) -> Vec<Right> {
    let right = |grantee: Option<&str>, privilege: &str| Right {
        grantee: grantee.map(str::to_owned),
        privilege: privilege.to_owned(),
        grantable: false,
        grantor: database.owner.clone(),
    };
    let owner = Some(database.owner.as_str());
    let mut rights = database.rights.clone().unwrap_or_else(|| {
        vec![
            right(None, "TEMPORARY"),
            right(None, "CONNECT"),
            right(owner, "CREATE"),
            right(owner, "TEMPORARY"),
            right(owner, "CONNECT"),
        ]
    });
    rights.sort();
    rights
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("these are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rights on one parameter, each `grantee privilege grantor`; a star after the privilege: it may be granted on.
    fn rights(all: &[&str]) -> ParameterRights {
        let right = |text: &&str| {
            let [grantee, privilege, grantor] = text.split(' ').collect::<Vec<_>>()[..] else {
                panic!("three words: {text}")
            };
            Right {
                grantee: Some(grantee).filter(|name| *name != "*").map(str::to_owned),
                privilege: privilege.trim_end_matches('*').replace('_', " "),
                grantable: privilege.ends_with('*'),
                grantor: grantor.to_owned(),
            }
        };
        ParameterRights { name: "work_mem".into(), rights: Some(all.iter().map(right).collect()) }
    }

    #[test]
    fn rights_on_a_parameter_are_the_same_whatever_the_first_superuser_is_called() {
        let plain = rights(&[
            "app SET postgres",
            "dev SET* postgres",
            "postgres ALTER_SYSTEM postgres",
            "postgres SET postgres",
            "* SET postgres",
        ]);
        let common = json(&plain.comparable(Some("postgres")));
        assert_eq!(common, json(&plain.rights), "as older snapshots have it");
        let other = rights(&[
            "app SET dba",
            "dba ALTER_SYSTEM dba",
            "dba SET dba",
            "dev SET app",
            "dev SET* dba",
            "* SET dba",
        ]);
        assert_eq!(json(&other.comparable(Some("dba"))), common);
        assert_eq!(other.given(Some("dba")).count(), 4, "what a load grants");
        let lacking = rights(&["app SET dba", "dev SET dba", "* SET dba"]);
        assert_ne!(json(&lacking.comparable(Some("dba"))), common);
        // What is the first superuser's alone is in no copy.
        assert!(rights(&["dba SET dba"]).comparable(Some("dba")).is_empty());
        assert!(ParameterRights { rights: None, ..plain }.comparable(Some("dba")).is_empty());
    }
}
