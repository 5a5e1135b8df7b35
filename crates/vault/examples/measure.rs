//! Measures a vault in a process of its own: seconds and the most memory it had. Also what tests kill.
//!
//! `measure init|take|stall|check|catalogue|prune DIR [ID] [MiB] [noise|text]`

#![allow(clippy::print_stdout, reason = "its figures are its purpose")]

use std::{path::Path, time::Instant};

use roadstead_core::{
    Error, Millis, Result, Secret, SecretRef, Timestamp, Version,
    manifest::Manifest,
    model::{Name, VaultSpec},
    port::{
        ambient::Unwatched,
        stream::StreamWriter,
        vault::{Draft, Dumped, SnapshotId, Vault, Vaults},
    },
};
use roadstead_vault::LocalVaults;

const MIB: usize = 1 << 20;
/// What a dump's pipe gives at once.
const PIECE: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
    let (verb, root) = (argument(1), Path::new(argument(2)));
    let id = SnapshotId(format!("{:0>32}", argument(3)));
    let length = argument(4).parse().unwrap_or(300) * MIB;
    let begun = Instant::now();
    let key = Secret::new(std::env::var("MEASURE_KEY").unwrap_or("a key that is long enough, 9431".into()));
    let spec = VaultSpec {
        name: name("local")?,
        url: root.display().to_string(),
        key: SecretRef::Env("MEASURE_KEY".into()),
    };
    let vault = match verb {
        "init" => LocalVaults::new().init(&spec, &key).await?,
        _ => LocalVaults::new().open(&spec, &key).await?,
    };
    let opened = begun.elapsed();
    let told = match verb {
        "init" => String::new(),
        "take" | "stall" => take(&*vault, id, length, argument(5), verb == "stall").await?,
        "check" => format!("{} findings", vault.check(&id, &Unwatched).await?.len()),
        "catalogue" => format!("{} records", vault.catalogue().await?.records.len()),
        "prune" => format!("{} freed", vault.prune(&[id], false, &Unwatched).await?.freed),
        _ => {
            return Err(Error::internal(
                "measure init|take|stall|check|catalogue|prune DIR [ID] [MiB] [noise|text]",
            ));
        }
    };
    let (opened, all) = (opened.as_secs_f64(), begun.elapsed().as_secs_f64());
    println!("{verb}: {all:.3} s, of it {opened:.3} s to open; peak {} MiB; {told}", peak());
    Ok(())
}

async fn take(vault: &dyn Vault, id: SnapshotId, length: usize, kind: &str, stall: bool) -> Result<String> {
    let mut taking = vault.take(draft(id)?).await?;
    let mut writer = taking.stream("database/orders.dump").await?;
    fill(&mut *writer, length, kind).await?;
    if stall {
        println!("stalled");
        // Whoever started this kills it now.
        std::future::pending::<()>().await;
    }
    writer.finish().await?;
    let dumped = Dumped {
        flavour: "Engine".into(),
        version: Version { parts: vec![1] },
        position: None,
        manifest: Manifest::default(),
        findings: vec![],
    };
    let record = taking.commit(dumped, Millis(0)).await?;
    Ok(format!("{} stored of {}", record.stored, record.bytes()))
}

async fn fill(writer: &mut dyn StreamWriter, length: usize, kind: &str) -> Result<()> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut row = 0_u64;
    let mut piece = Vec::with_capacity(PIECE + 200);
    let mut left = length;
    while left > 0 {
        piece.clear();
        while piece.len() < PIECE {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if kind == "noise" {
                piece.extend_from_slice(&state.to_le_bytes());
            } else {
                row += 1;
                let line = format!(
                    "{row}\tcustomer-{}\t{}.{:02}\t2026-11-{:02} 10:{:02}:07+00\tshipped by road\t{state:x}\n",
                    state % 100_000,
                    state % 1000,
                    state % 100,
                    1 + state % 28,
                    state % 60,
                );
                piece.extend_from_slice(line.as_bytes());
            }
        }
        piece.truncate(left);
        left -= piece.len();
        writer.write(piece.clone().into()).await?;
    }
    Ok(())
}

fn draft(id: SnapshotId) -> Result<Draft> {
    Ok(Draft {
        id,
        set: "set".into(),
        fleet: name("harbour")?,
        cluster: name("orders")?,
        member: name("orders-1")?,
        engine: "engine".into(),
        started: Timestamp::from_millis(0),
        number: 0,
        by: "measure".into(),
    })
}

fn name(text: &str) -> Result<Name> {
    Name::parse(text).ok_or_else(|| Error::internal("not a name"))
}

/// The most memory that this process had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
