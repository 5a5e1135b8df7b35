//! Accounts with least privilege: four groups a database (own, migrate, write, read), and each account a member of
//! one of them. Rights hang on groups alone, and default privileges give later tables the same rights.
//!
//! Everything here is idempotent SQL and pure decisions; `deploy.rs` decides when, `observe.rs` asks whether.

use roadstead_core::{
    Error, Finding, Kind, Result, Secret, SecretRef, Text,
    model::{ClusterSpec, May, RoleSpec},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    profile::ADMIN,
    sql::{array, block, identifier, literal},
};

/// The longest name that the server keeps whole, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// The longest of the groups' endings.
const ENDING_BYTES_MAX: usize = "_may_migrate".len();

/// The groups of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) owner: String,
    pub(super) migrate: String,
    pub(super) write: String,
    pub(super) read: String,
}

impl Groups {
    pub(super) fn of(database: &str) -> Self {
        let mut stem = database.to_owned();
        if stem.len() > NAME_BYTES_MAX - ENDING_BYTES_MAX {
            let mark = hex::encode(&Sha256::digest(database)[..4]);
            let mut length = 40;
            while !database.is_char_boundary(length) {
                length -= 1;
            }
            stem = format!("{}_{mark}", &database[..length]);
        }
        let group = |ending: &str| format!("{stem}_may_{ending}");
        Self { owner: group("own"), migrate: group("migrate"), write: group("write"), read: group("read") }
    }

    fn for_may(&self, may: May) -> &str {
        match may {
            May::Read => &self.read,
            May::Write => &self.write,
            May::Migrate => &self.migrate,
            May::Owner => &self.owner,
        }
    }

    /// Each group with the one whose rights it has as well.
    fn all(&self) -> [&str; 4] {
        [&self.owner, &self.migrate, &self.write, &self.read]
    }
}

/// What an account must have: the payload of the act that gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) password: Option<SecretRef>,
    pub(super) may: May,
    /// On these databases.
    pub(super) on: Vec<String>,
    /// And on none of these others.
    pub(super) not_on: Vec<String>,
}

impl Account {
    pub(super) fn declared(cluster: &ClusterSpec, name: &str, role: &RoleSpec) -> Self {
        let is_on = |database: &&String| role.on.is_empty() || role.on.contains(database);
        let (on, not_on) = cluster.databases.iter().partition::<Vec<_>, _>(is_on);
        Self {
            name: name.to_owned(),
            password: role.password.clone(),
            may: role.may,
            on: on.into_iter().cloned().collect(),
            not_on: not_on.into_iter().cloned().collect(),
        }
    }

    fn wanted(&self) -> Vec<String> {
        self.on.iter().map(|database| Groups::of(database).for_may(self.may).to_owned()).collect()
    }

    fn unwanted(&self) -> Vec<String> {
        let wanted = self.wanted();
        let databases = self.on.iter().chain(&self.not_on);
        let all = databases.flat_map(|database| Groups::of(database).all().map(str::to_owned));
        all.filter(|group| !wanted.contains(group)).collect()
    }

    /// Of these databases, those that it should have no right on, and is in a group of all the same.
    pub(super) fn stays_on<'a>(&self, databases: &'a [String], member_of: &[String]) -> Vec<&'a str> {
        let is_member = |database: &&String| {
            Groups::of(database).all().iter().any(|group| member_of.iter().any(|role| role == group))
        };
        let others = databases.iter().filter(|database| !self.on.contains(database));
        others.filter(is_member).map(String::as_str).collect()
    }

    /// From now on it is to have no right on these either.
    pub(super) fn leave(&mut self, databases: impl IntoIterator<Item = String>) {
        for database in databases {
            if !self.on.contains(&database) && !self.not_on.contains(&database) {
                self.not_on.push(database);
            }
        }
    }

    /// One row: its name, whether the account exists, whether it is as declared, and the roles that it is a member of.
    pub(super) fn question(&self) -> String {
        let (wanted, unwanted) = (self.wanted(), self.unwanted());
        let texts = |names: &[String]| array(names.iter().map(String::as_str));
        let defaults = if self.acts_as_group() {
            format!(
                "(SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
                 WHERE s.setrole = r.oid AND d.datname = ANY ({}) AND EXISTS \
                 (SELECT FROM unnest(s.setconfig) c WHERE c LIKE 'role=%')) = {}",
                array(self.on.iter().map(String::as_str)),
                self.on.len()
            )
        } else {
            "true".to_owned()
        };
        let password = if self.password.is_some() {
            "EXISTS (SELECT FROM pg_authid a WHERE a.oid = r.oid AND a.rolpassword LIKE 'SCRAM-SHA-256$%')"
        } else {
            "true"
        };
        format!(
            "SELECT {name}, count(r.oid) > 0, coalesce(bool_and(r.rolcanlogin AND NOT (r.rolsuper OR r.rolcreatedb OR \
             r.rolcreaterole OR r.rolreplication OR r.rolbypassrls) AND {password} AND {defaults} AND \
             (SELECT count(*) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND \
             g.rolname = ANY ({wanted})) = {count} AND NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g \
             ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname = ANY ({unwanted}))), false), \
             (SELECT json_agg(g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid \
             JOIN pg_roles a ON a.oid = m.member WHERE a.rolname = {name}) \
             FROM pg_roles r WHERE r.rolname = {name}",
            name = literal(&self.name),
            wanted = texts(&wanted),
            count = wanted.len(),
            unwanted = texts(&unwanted),
        )
    }

    /// Whether the account's sessions act as its group, so that what it creates belongs to all who may change it.
    fn acts_as_group(&self) -> bool {
        matches!(self.may, May::Migrate | May::Owner)
    }

    /// The statements that make it so. The verifier is computed here: the password itself never leaves.
    pub(super) fn statements(&self, exists: bool, password: Option<&Secret>) -> Secret {
        let name = identifier(&self.name);
        let verb = if exists { "ALTER" } else { "CREATE" };
        let mut all = vec![format!(
            "{verb} ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT"
        )];
        if let Some(password) = password {
            all.push(format!(" PASSWORD {}", literal(&verifier(password))));
        }
        all.push(";".to_owned());
        for group in self.wanted() {
            all.push(format!("GRANT {} TO {name};", identifier(&group)));
        }
        let unwanted = self.unwanted();
        all.push(block(&format!(
            "DECLARE g record; BEGIN FOR g IN SELECT r.rolname FROM pg_auth_members m \
             JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles a ON a.oid = m.member \
             WHERE a.rolname = {text} AND r.rolname = ANY ({unwanted}) \
             LOOP EXECUTE format('REVOKE %I FROM %I', g.rolname, {text}); END LOOP; \
             FOR g IN SELECT d.datname FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
             JOIN pg_roles a ON a.oid = s.setrole WHERE a.rolname = {text} AND d.datname = ANY ({not_on}) \
             AND EXISTS (SELECT FROM unnest(s.setconfig) c WHERE c LIKE 'role=%' AND substr(c, 6) = ANY ({unwanted})) \
             LOOP EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET role', {text}, g.datname); END LOOP; END",
            text = literal(&self.name),
            unwanted = array(unwanted.iter().map(String::as_str)),
            not_on = array(self.not_on.iter().map(String::as_str)),
        )));
        for database in &self.on {
            let place = format!("ALTER ROLE {name} IN DATABASE {}", identifier(database));
            if self.acts_as_group() {
                all.push(format!("{place} SET role = {};", literal(&Groups::of(database).migrate)));
            } else {
                all.push(format!("{place} RESET role;"));
            }
        }
        Secret::new(all.concat())
    }
}

/// What the server stores instead of the password.
fn verifier(password: &Secret) -> String {
    postgres_protocol::password::scram_sha_256(password.expose().as_bytes())
}

/// The statement that makes the groups of a database; run before the database exists.
pub(super) fn make_groups(database: &str) -> String {
    let groups = Groups::of(database);
    let mut all = Vec::new();
    for group in groups.all() {
        all.push(block(&format!(
            "BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN \
             EXECUTE format('CREATE ROLE %I NOLOGIN', {text}); END IF; END",
            text = literal(group),
        )));
        all.push(format!("ALTER ROLE {} NOLOGIN NOSUPERUSER;", identifier(group)));
    }
    for pair in groups.all().windows(2) {
        all.push(format!("GRANT {} TO {};", identifier(pair[1]), identifier(pair[0])));
    }
    all.concat()
}

/// The statements, run inside the database, that give the groups their rights and everybody else none.
pub(super) fn give_rights(database: &str) -> String {
    let groups = Groups::of(database);
    let [owner, migrate, write, read] = groups.all().map(identifier);
    let name = identifier(database);
    let mut all = vec![format!(
        "SET search_path = ''; ALTER DATABASE {name} OWNER TO {owner}; REVOKE ALL ON DATABASE {name} FROM PUBLIC; \
         GRANT CONNECT ON DATABASE {name} TO {read}; GRANT TEMPORARY ON DATABASE {name} TO {write}; \
         GRANT CREATE ON DATABASE {name} TO {migrate};"
    )];
    for creator in [owner.as_str(), migrate.as_str(), &identifier(ADMIN)] {
        let default = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {creator} GRANT");
        all.push(format!(
            "{default} USAGE ON SCHEMAS TO {read}; {default} SELECT ON TABLES TO {read}; \
             {default} INSERT, UPDATE, DELETE ON TABLES TO {write}; {default} SELECT ON SEQUENCES TO {read}; \
             {default} USAGE, UPDATE ON SEQUENCES TO {write};"
        ));
    }
    let [_, migrate, write, read] = groups.all().map(literal);
    all.push(block(&format!(
        "DECLARE s name; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE {USER_SCHEMA} LOOP \
         EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', s, {read}); \
         EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', s, {read}); \
         EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I', s, {read}); \
         EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', s, {write}); \
         EXECUTE format('GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA %I TO %I', s, {write}); \
         IF s = 'public' THEN EXECUTE format('ALTER SCHEMA public OWNER TO %I', {migrate}); \
         REVOKE CREATE ON SCHEMA public FROM PUBLIC; END IF; END LOOP; END"
    )));
    all.concat()
}

const USER_SCHEMA: &str = "nspname !~ '^pg_' AND nspname <> 'information_schema'";

/// One value, asked inside the database: whether nothing that [`give_rights`] gives is lacking.
pub(super) fn rights_question(database: &str) -> String {
    let groups = Groups::of(database);
    let [owner, migrate, write, read] = groups.all().map(literal);
    format!(
        "WITH g AS (SELECT (SELECT oid FROM pg_roles WHERE rolname = {owner}) AS o, \
         (SELECT oid FROM pg_roles WHERE rolname = {migrate}) AS m, (SELECT oid FROM pg_roles WHERE rolname = {write}) AS w, \
         (SELECT oid FROM pg_roles WHERE rolname = {read}) AS r), \
         wanted(creator, kind, grantee, privilege) AS (SELECT c, k.kind, CASE k.who WHEN 'r' THEN g.r ELSE g.w END, k.p \
         FROM g, unnest(ARRAY[g.o, g.m, (SELECT oid FROM pg_roles WHERE rolname = {admin})]) c, \
         (VALUES ('n', 'r', 'USAGE'), ('r', 'r', 'SELECT'), ('r', 'w', 'INSERT'), ('r', 'w', 'UPDATE'), \
         ('r', 'w', 'DELETE'), ('S', 'r', 'SELECT'), ('S', 'w', 'USAGE'), ('S', 'w', 'UPDATE')) k(kind, who, p)) \
         SELECT (SELECT d.datdba = g.o AND has_database_privilege(g.r, d.oid, 'CONNECT') \
         AND has_database_privilege(g.m, d.oid, 'CREATE') AND NOT has_database_privilege('public', d.oid, 'CONNECT') \
         AND NOT has_database_privilege('public', d.oid, 'TEMP') \
         AND pg_has_role(g.o, g.m, 'USAGE') AND pg_has_role(g.m, g.w, 'USAGE') AND pg_has_role(g.w, g.r, 'USAGE') \
         FROM pg_database d WHERE d.datname = current_database()) IS TRUE \
         AND NOT EXISTS (SELECT FROM wanted w WHERE NOT EXISTS (SELECT FROM pg_default_acl a, aclexplode(a.defaclacl) e \
         WHERE a.defaclrole = w.creator AND a.defaclnamespace = 0 AND a.defaclobjtype = w.kind \
         AND e.grantee = w.grantee AND e.privilege_type = w.privilege)) \
         AND NOT EXISTS (SELECT FROM pg_namespace n WHERE {USER_SCHEMA} AND (NOT has_schema_privilege(g.r, n.oid, 'USAGE') \
         OR (nspname = 'public' AND (nspowner <> g.m OR has_schema_privilege('public', n.oid, 'CREATE'))))) \
         AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA} \
         AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(g.w, c.oid, 'USAGE') \
         WHEN 'r' THEN NOT (has_table_privilege(g.r, c.oid, 'SELECT') AND has_table_privilege(g.w, c.oid, 'INSERT') \
         AND has_table_privilege(g.w, c.oid, 'UPDATE') AND has_table_privilege(g.w, c.oid, 'DELETE')) \
         WHEN 'p' THEN NOT has_table_privilege(g.w, c.oid, 'INSERT') \
         WHEN 'v' THEN NOT has_table_privilege(g.r, c.oid, 'SELECT') \
         WHEN 'm' THEN NOT has_table_privilege(g.r, c.oid, 'SELECT') ELSE false END) FROM g",
        admin = literal(ADMIN),
    )
}

/// What is wrong with the declared accounts.
pub(super) fn check(place: &str, cluster: &ClusterSpec) -> Vec<Finding> {
    let groups: Vec<String> =
        cluster.databases.iter().flat_map(|database| Groups::of(database).all().map(str::to_owned)).collect();
    let wrong = |name: &String| match name.as_str() {
        ADMIN | "public" | "none" => Some("postgresql-account-reserved"),
        name if name.starts_with("pg_") || groups.iter().any(|group| group == name) => {
            Some("postgresql-account-reserved")
        }
        name if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(['\0', '\n', '\r']) => {
            Some("postgresql-account-name")
        }
        _ => None,
    };
    let found = cluster.roles.keys().filter_map(|name| Some((name, wrong(name)?)));
    found
        .map(|(name, key)| {
            Finding::error(format!("{place}.roles.{name}"), Text::new(key).with("account", name))
                .cure(Text::new("postgresql-name-cure"))
        })
        .collect()
}

/// Reads an act's payload.
pub(super) fn payload<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(|error| {
        Error::new(Kind::Input, Text::new("postgresql-act-unreadable").with("why", error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_long_names_fit_and_differ() {
        let (a, b) = ("é".repeat(31), format!("{}x", "é".repeat(30)));
        for database in [&a, &b] {
            for group in Groups::of(database).all() {
                assert!(group.len() <= NAME_BYTES_MAX, "{group}");
            }
        }
        assert_ne!(Groups::of(&a), Groups::of(&b));
        assert_eq!(Groups::of("orders").write, "orders_may_write");
    }

    #[test]
    fn a_password_never_stands_in_the_statements() {
        let account = Account {
            name: "app".into(),
            password: None,
            may: May::Write,
            on: vec!["orders".into()],
            not_on: vec![],
        };
        let statements = account.statements(false, Some(&Secret::new("open sesame")));
        assert!(statements.expose().contains("PASSWORD 'SCRAM-SHA-256$4096:"));
        assert!(!statements.expose().contains("sesame"));
    }
}
