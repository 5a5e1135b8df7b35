//! An agent around the tests' small engine: a process that tests can kill. Arguments: its socket, the host's data.

#[path = "../tests/it/tiny/mod.rs"]
mod tiny;

#[path = "../tests/it/vault.rs"]
mod vault;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use roadstead_agent::{Parts, ServeOptions, SystemClock, SystemIds, serve};
use roadstead_core::{
    Result,
    model::{HostSpec, Name},
};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("two arguments");
    let name = |text| Name::parse(text).expect("a name");
    let (socket, data) = (PathBuf::from(next()), next());
    let fleet_file = Path::new(&data).with_file_name("fleet.yaml").display().to_string();
    let host = HostSpec { name: name("local"), data, programs: Vec::new(), user: None };
    let options = ServeOptions { socket, fleet: name("harbour"), fleet_file, host, version: "test".into() };
    let parts = Parts {
        engines: Arc::new(tiny::OnlyTiny),
        vaults: Arc::new(vault::MemoryVault::default()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    serve(options, parts).await
}
