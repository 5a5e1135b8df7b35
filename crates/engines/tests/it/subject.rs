//! What the tests must know of one kind of real server; each engine's folder says it.

use std::{path::PathBuf, time::Duration};

use roadstead_core::{
    Finding, Version,
    model::ClusterSpec,
    port::{
        layout::{Layout, Piece},
        vault::Dumped,
    },
};

use crate::server::Server;

/// One kind of real server: an engine, a flavour, a version.
pub(crate) trait Subject: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// The engine's name in the registry.
    const ENGINE: &'static str;

    /// Its name in what is printed: `postgresql 15`.
    fn title(self) -> String;
    /// The version that a fleet file would ask for; `None`: whatever is installed.
    fn version(self) -> Option<Version>;
    /// Folders with the engine's programs, of all versions.
    fn folders() -> Vec<PathBuf>;
    /// Changes what every cluster of the tests begins with.
    fn declare(self, _cluster: &mut ClusterSpec) {}

    /// A layout whose server also speaks TLS with this certificate, and the port where it does; `None`: this build of
    /// the server cannot.
    fn encrypted(
        self,
        layout: Layout,
        cluster: &ClusterSpec,
        certificate: &Certificate,
    ) -> Option<(Layout, u16)>;

    /// Fills an empty server with every type and every kind of object that it has, odd names, empty and wide
    /// containers, binary and non-ASCII. What this server lacks is told by [`skipped`](crate::conformance::skipped).
    async fn fill(server: &Server<Self>);
    /// Fills an empty server with one object so large that its dump goes on for long after the first mebibyte.
    async fn fill_bulk(server: &Server<Self>);
    /// The stream that this object's content goes into.
    const BULK: &'static str;
    /// What damages a copy of the hard data, each with the line in which the comparison must name it.
    fn harms() -> Vec<Harm>;
    /// Does one of them.
    async fn harm(server: &Server<Self>, act: &str);
    /// What puts something into a copy of the hard data that its snapshot does not hold, with what takes it out again,
    /// each with what a refusal says of it.
    const INTRUSIONS: &'static [(&'static str, &'static str, &'static str)];
    /// Does one of them.
    async fn intrude(server: &Server<Self>, act: &str);
    /// Whatever else this engine must say of a dump of the hard data and of its copy, asked of the servers
    /// themselves and not of our own reader.
    async fn same(original: &Server<Self>, copy: &Server<Self>, dumped: &Dumped, loaded: &[Finding]);
    /// How long the engine suffers silence in the middle of a dump, where each short question has a second.
    const PATIENCE: Duration;
    /// What differs, because a server that somebody else runs keeps it, where the snapshot has another.
    const KEPT: &'static [&'static str] = &[];
}

/// Files of a certificate that names 127.0.0.1, readable for the server's user.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) authority: String,
    pub(crate) server: String,
    pub(crate) key: String,
}

/// A layout with more lines in the file whose name ends so, for what no fleet file may say.
pub(crate) fn with_lines(mut layout: Layout, file: &str, lines: &str) -> Layout {
    let found =
        layout.files.iter_mut().find(|found| found.path.ends_with(file)).expect("the layout has the file");
    found.body.push(Piece::Text(format!("{lines}\n")));
    layout
}

/// What was done to a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// One item (row, key, value) is another.
    ItemAltered,
    /// One item is gone.
    ItemMissing,
    /// One object (table, view, all keys of a type) is gone.
    ObjectMissing,
    /// One account is gone.
    AccountMissing,
    /// Anything else that a comparison must name.
    Other,
}

/// One damage and how it must be named.
#[derive(Clone, Debug)]
pub(crate) struct Harm {
    pub(crate) what: What,
    pub(crate) act: String,
    /// `Missing table shop.parts`, as [`lines`](crate::server::lines) writes it.
    pub(crate) named: String,
}

impl Harm {
    pub(crate) fn new(what: What, act: &str, named: impl Into<String>) -> Self {
        Self { what, act: act.to_owned(), named: named.into() }
    }
}
