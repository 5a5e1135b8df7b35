//! From what fits the shape to the model: names, references to other parts, and each cluster as its engine sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Input, cross, member,
    nearest::nearest,
    path::Path,
    report::Report,
    secrets::{self, IfAbsent},
    shape, sound,
    sound::shown,
    tree::Node,
    vaults,
};
use crate::{
    Bytes, Text, Version,
    model::{BackupSpec, ClusterSpec, Fleet, MemberSpec, Name, RoleSpec},
    port::{Engine, Engines},
};

/// What building carries along.
pub(super) struct Building<'a, 'r> {
    pub(super) input: &'a Input<'a>,
    pub(super) report: &'a mut Report<'r>,
    /// Absolute paths of secret files to be generated.
    pub(super) generate: BTreeSet<String>,
    /// Names as the file declares them, sound or not: a reference to an unsound vault does not dangle.
    vaults: BTreeSet<&'a str>,
    hosts: BTreeSet<&'a str>,
}

/// The host that is always there: this machine.
pub(super) const LOCAL: &str = "local";

/// Builds the fleet; `None` where not even its name is sound.
pub(super) fn fleet(
    root: &Node,
    input: &Input<'_>,
    engines: &dyn Engines,
    report: &mut Report<'_>,
) -> (Option<Fleet>, BTreeSet<String>) {
    let file = sound::file(root, report);
    let declared = |key: &str| -> Vec<&str> {
        let entries = root.entry(key).map_or(&[][..], |entry| entry.value.entries());
        entries.iter().map(|entry| entry.key.as_str()).collect()
    };
    let mut building = Building {
        input,
        report,
        generate: BTreeSet::new(),
        vaults: declared("vaults").into_iter().collect(),
        hosts: declared("hosts").into_iter().collect(),
    };
    let name = file.fleet.as_deref().and_then(|name| building.name(&Path::top("fleet"), name, true));
    let vaults = vaults::vaults(&file.vaults, &mut building);
    let hosts = vaults::hosts(&file.hosts, &mut building);
    let mut clusters = BTreeMap::new();
    let path = Path::top("clusters");
    for (key, cluster) in file.clusters.iter().flatten() {
        let at = path.key(key);
        let spec = building.cluster(&at, key, cluster, engines);
        clusters.extend(spec.map(|spec| (spec.name.clone(), spec)));
    }
    if file.clusters.as_ref().is_some_and(BTreeMap::is_empty) && declared("clusters").is_empty() {
        let cure = Text::new("fleet-no-clusters-cure");
        building.report.warning(&path, Text::new("fleet-no-clusters"), cure);
    }
    cross::uses(&file, building.report);
    cross::unique(&clusters, &file, &declared("clusters"), building.report);
    let generate = building.generate;
    let directory = super::path::absolute(input.directory, ".");
    let file = super::path::absolute(&directory, input.file.rsplit('/').next().unwrap_or_default());
    (name.map(|name| Fleet { name, directory, file, vaults, hosts, clusters }), generate)
}

impl Building<'_, '_> {
    /// A name, or a finding. `value`: it stands as a value and not as a key.
    pub(super) fn name(&mut self, path: &Path, name: &str, value: bool) -> Option<Name> {
        let good = Name::parse(name);
        if good.is_none() {
            let what = Text::new("fleet-bad-name").with("name", shown(name));
            let cure = Text::new("fleet-bad-name-cure").with("limit", Name::LENGTH_MAX);
            if value { self.report.value(path, what, cure) } else { self.report.key(path, what, cure) }
        }
        good
    }

    /// A path of the file as an absolute one, or a finding.
    pub(super) fn path(&mut self, at: &Path, path: &str) -> Option<String> {
        if path.trim().is_empty() || path.starts_with('~') || path.contains("${") || path.contains('\0') {
            let what = Text::new("fleet-bad-path").with("path", shown(path));
            self.report.value(at, what, Text::new("fleet-bad-path-cure"));
            return None;
        }
        Some(super::path::absolute(self.input.directory, path))
    }

    fn cluster(
        &mut self,
        at: &Path,
        key: &str,
        cluster: &shape::Cluster,
        engines: &dyn Engines,
    ) -> Option<ClusterSpec> {
        let name = self.name(at, key, false);
        let engine = cluster.engine.as_deref().and_then(|name| self.engine(&at.key("engine"), name, engines));
        let members = self.members(at, cluster, engine.as_deref());
        // As declared, not as built: a member that is unsound is still somebody's.
        let supervised = cluster.members.iter().flatten().all(|member| member.address.is_none());
        let version = cluster.version.as_deref().and_then(|text| self.version(&at.key("version"), text));
        let memory = cluster.memory.as_deref();
        let memory = memory.and_then(|text| self.memory(at, text, supervised, engine.as_deref()));
        let databases = self.databases(at, cluster, engine.as_deref());
        let roles = self.roles(at, cluster, supervised);
        let backup = self.backup(at, cluster);
        if !supervised {
            self.not_reconciled(at, cluster);
        }
        let spec = ClusterSpec {
            name: name?,
            engine: cluster.engine.clone()?,
            version,
            memory,
            members,
            databases,
            roles,
            settings: cluster.settings.clone(),
            backup,
        };
        let engine = engine?;
        if !spec.members.is_empty() {
            for mut finding in engine.check(&spec) {
                if finding.subject.is_empty() {
                    finding.subject = at.to_string();
                }
                self.report.adopt(finding);
            }
        }
        Some(spec)
    }

    fn engine(&mut self, at: &Path, name: &str, engines: &dyn Engines) -> Option<std::sync::Arc<dyn Engine>> {
        let found = engines.get(name);
        if found.is_none() {
            let all = engines.all();
            let names: Vec<&str> = all.iter().map(|engine| engine.profile().name).collect();
            // People also say the title, or a word of it.
            let asked = name.trim().to_lowercase();
            let titled = all.iter().map(|engine| engine.profile()).find(|profile| {
                asked.len() >= 3
                    && profile.title.to_lowercase().split([' ', '/', ',']).any(|word| word == asked)
            });
            let near = titled.map(|profile| profile.name).or_else(|| nearest(name, names.iter().copied()));
            let what = Text::new("fleet-unknown-engine").with("engine", shown(name));
            let known = names.join(", ");
            let cure = match near {
                Some(near) => {
                    Text::new("fleet-unknown-engine-near").with("near", near).with("engines", known)
                }
                None => Text::new("fleet-unknown-engine-cure").with("engines", known),
            };
            self.report.value(at, what, cure);
        }
        found
    }

    fn members(
        &mut self,
        at: &Path,
        cluster: &shape::Cluster,
        engine: Option<&dyn Engine>,
    ) -> Vec<MemberSpec> {
        let at = at.key("members");
        let Some(declared) = &cluster.members else { return Vec::new() };
        let port = engine.map(|engine| engine.profile().port);
        let built = declared.iter().enumerate();
        let members: Vec<MemberSpec> =
            built.filter_map(|(index, member)| member::member(&at.item(index), member, port, self)).collect();
        if declared.is_empty() {
            self.report.key(&at, Text::new("fleet-no-members"), Text::new("fleet-no-members-cure"));
        }
        let run = declared.iter().filter(|member| member.address.is_none()).count();
        if run > 0 && run < declared.len() {
            self.report.key(&at, Text::new("fleet-mixed-members"), Text::new("fleet-mixed-members-cure"));
        } else if run > 1 {
            let what = Text::new("fleet-many-members").with("count", run);
            self.report.key(&at, what, Text::new("fleet-many-members-cure"));
        }
        members
    }

    fn version(&mut self, at: &Path, text: &str) -> Option<Version> {
        let parts: Vec<&str> = text.split('.').collect();
        let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let version = (parts.len() <= 4 && parts.iter().all(digits)).then(|| Version::parse(text)).flatten();
        if version.is_none() {
            let what = Text::new("fleet-bad-version").with("version", shown(text));
            self.report.value(at, what, Text::new("fleet-bad-version-cure"));
        }
        version
    }

    fn memory(
        &mut self,
        at: &Path,
        text: &str,
        supervised: bool,
        engine: Option<&dyn Engine>,
    ) -> Option<Bytes> {
        let at = at.key("memory");
        let Some(size) = Bytes::parse(text) else {
            let what = Text::new("fleet-bad-size").with("size", shown(text));
            self.report.value(&at, what, Text::new("fleet-bad-size-cure"));
            return None;
        };
        let least = engine.map_or(Bytes(0), |engine| engine.profile().memory_min);
        if supervised && size < least {
            let what = Text::new("fleet-memory-small")
                .with("size", size.to_string())
                .with("least", least.to_string());
            let cure = Text::new("fleet-memory-small-cure").with("least", least.to_string().replace(' ', ""));
            self.report.value(&at, what, cure);
        }
        Some(size)
    }

    fn databases(&mut self, at: &Path, cluster: &shape::Cluster, engine: Option<&dyn Engine>) -> Vec<String> {
        let at = at.key("databases");
        let mut kept: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, database) in cluster.databases.iter().enumerate() {
            if database.is_empty() {
                continue;
            }
            if seen.insert(database.as_str()) {
                kept.push(database.clone());
            } else {
                let what = Text::new("fleet-database-twice").with("database", shown(database));
                let cure = Text::new("fleet-database-twice-cure");
                self.report.value(&at.item(index), what, cure);
            }
        }
        if !kept.is_empty()
            && let Some(profile) = engine.map(Engine::profile).filter(|profile| !profile.has_databases)
        {
            let what = Text::new("fleet-no-named-databases").with("engine", profile.title);
            self.report.key(&at, what, Text::new("fleet-no-named-databases-cure"));
        }
        kept
    }

    fn roles(&mut self, at: &Path, cluster: &shape::Cluster, supervised: bool) -> BTreeMap<String, RoleSpec> {
        let at = at.key("roles");
        let declared: BTreeSet<&str> = cluster.databases.iter().map(String::as_str).collect();
        let if_absent = if supervised { IfAbsent::Generate } else { IfAbsent::Refuse };
        let mut roles = BTreeMap::new();
        for (name, role) in &cluster.roles {
            let at = at.key(name);
            let password = role.password.as_deref();
            let password =
                password.and_then(|text| secrets::reference(&at.key("password"), text, if_absent, self));
            for (index, database) in role.on.iter().enumerate() {
                if !database.is_empty() && !declared.contains(database.as_str()) {
                    let what = Text::new("fleet-no-database").with("database", shown(database));
                    let cure = self.dangling("databases", database, &declared);
                    self.report.value(&at.key("on").item(index), what, cure);
                }
            }
            if let Some(may) = role.may {
                let on = role.on.iter().filter(|name| !name.is_empty()).cloned().collect();
                roles.insert(name.clone(), RoleSpec { password, may, on });
            }
        }
        roles
    }

    fn backup(&mut self, at: &Path, cluster: &shape::Cluster) -> Option<BackupSpec> {
        let Some(backup) = &cluster.backup else {
            // A value of a wrong type was told already, and is not "no backup".
            if self.report.lacks(&at.key("backup")) {
                let what = Text::new("fleet-no-backup").with("cluster", at.last());
                let vault = self.vaults.iter().next().copied().unwrap_or(LOCAL);
                self.report.warning(at, what, Text::new("fleet-no-backup-cure").with("vault", vault));
            }
            return None;
        };
        let vault = backup.vault.as_deref()?;
        if !self.vaults.contains(vault) {
            let what = Text::new("fleet-no-vault").with("vault", shown(vault));
            let cure = self.dangling("vaults", vault, &self.vaults);
            self.report.value(&at.key("backup").key("vault"), what, cure);
        }
        Name::parse(vault).map(|vault| BackupSpec { vault })
    }

    /// A reference to a host; told when it dangles.
    pub(super) fn host(&mut self, at: &Path, host: &str) -> Option<Name> {
        if host != LOCAL && !self.hosts.contains(host) {
            let what = Text::new("fleet-no-host").with("host", shown(host));
            let mut known = self.hosts.clone();
            known.insert(LOCAL);
            let cure = self.dangling("hosts", host, &known);
            self.report.value(at, what, cure);
            return None;
        }
        Name::parse(host)
    }

    /// What a cluster declares and nobody carries out, because its members are run by somebody else.
    fn not_reconciled(&mut self, at: &Path, cluster: &shape::Cluster) {
        let declared = [
            ("memory", cluster.memory.is_some()),
            ("settings", !cluster.settings.is_empty()),
            ("databases", !cluster.databases.is_empty()),
            ("roles", !cluster.roles.is_empty()),
        ];
        for (key, _) in declared.iter().filter(|(_, declared)| *declared) {
            let what = Text::new("fleet-not-reconciled").with("key", *key);
            self.report.warning(&at.key(key), what, Text::new("fleet-not-reconciled-cure").with("key", *key));
        }
    }

    /// The cure of a reference to something that the file does not declare under `list`.
    fn dangling(&self, list: &str, word: &str, known: &BTreeSet<&str>) -> Text {
        if known.is_empty() || self.report.tells_no_more() {
            return Text::new("fleet-dangling-empty").with("list", list);
        }
        if let Some(near) = nearest(word, known.iter().copied()) {
            return Text::new("fleet-dangling-near").with("near", near).with("list", list);
        }
        let shown: Vec<String> = known.iter().take(20).map(|name| shown(name)).collect();
        Text::new("fleet-dangling-cure").with("list", list).with("known", shown.join(", "))
    }
}
