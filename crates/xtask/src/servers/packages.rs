//! This system's own packages, by apt. Only what is missing is installed; nothing is removed to make room for it,
//! and the services that packages bring are not started.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::process::{self, Failure};

/// Runs apt while services may not be started. Debian's switch for that is a program, `policy-rc.d`, which most
/// machines do not have; ours goes away with the shell, and one left by a killed run is taken for our own.
const QUIET_INSTALL: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] || grep -q 'made by cargo xtask servers' "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\n# made by cargo xtask servers for the time of one installation\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get "$@"
"#;

const OPTIONS: &[&str] = &["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];

/// Installs those of `wanted` that are missing.
pub(super) fn install<'a>(wanted: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut missing: Vec<&str> = wanted.filter(|package| !is_there(package)).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !process::is_root() {
        let what = format!("these packages are missing, and only root can install them: {names}");
        return Err(Failure::new(what).cure(format!(
            "sudo apt-get update && sudo apt-get install --no-remove --no-install-recommends {names}"
        )));
    }
    println!("installing by apt: {names}");
    let started = Instant::now();
    process::output(Command::new("apt-get").args(OPTIONS).arg("update"))?;
    let mut shell = Command::new("sh");
    shell.args(["-c", QUIET_INSTALL, "sh"]).args(OPTIONS);
    shell.args(["install", "-y", "--no-remove", "--no-install-recommends"]).args(&missing);
    process::output(shell.env("DEBIAN_FRONTEND", "noninteractive"))?;
    println!("installed in {:.0} s", started.elapsed().as_secs_f64());
    if Path::new("/run/systemd/system").exists() {
        println!(
            "their own services were not started, but are enabled: `systemctl disable` those you do not want"
        );
    }
    Ok(())
}

/// Whether dpkg knows the package as wholly installed; programs that come otherwise (pip) count by being there.
fn is_there(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    let state = process::output(query.args(["-W", "-f", "${db:Status-Status}", package]));
    match (state, package) {
        (Ok(state), _) if state == "installed" => true,
        (_, "python3") => process::output(Command::new("python3").arg("--version")).is_ok(),
        (_, "python3-pip") => {
            process::output(Command::new("python3").args(["-m", "pip", "--version"])).is_ok()
        }
        _ => false,
    }
}
