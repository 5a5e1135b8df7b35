//! Streams: entries, consumer groups, what was delivered and not acknowledged.
//!
//! When a consumer was last seen is left out: the server sets it anew, and nothing depends on it.

use super::{
    canon::Canon,
    input::{Fault, Input},
    listpack::Listpack,
    value::Sort,
};

const BROKEN: Fault = Fault::Damaged("stream");
/// The entry was deleted and only its place is left.
const DELETED: i64 = 1;
/// The entry has the fields of its block's first.
const SAME_FIELDS: i64 = 2;

/// Reads a stream in the form of this version of the format's three.
pub(super) fn read(input: &mut Input<'_>, canon: &mut Canon, form: u8) -> Result<Sort, Fault> {
    let (mut first, mut block) = (Vec::new(), Vec::new());
    let mut entries = 0;
    for _ in 0..input.length()? {
        first.clear();
        block.clear();
        input.string(&mut first)?;
        input.string(&mut block)?;
        entries += read_block(&first, &block, canon)?;
    }
    if input.length()? != entries {
        return Err(BROKEN);
    }
    canon.number(entries);
    id(input, canon)?;
    if form >= 2 {
        // The first entry's id, which the entries tell themselves.
        input.length()?;
        input.length()?;
        id(input, canon)?;
        canon.number(input.length()?);
    } else {
        canon.raw(&[0; 16]);
        canon.number(entries);
    }
    groups(input, canon, form)?;
    Ok(Sort::Stream)
}

fn id(input: &mut Input<'_>, canon: &mut Canon) -> Result<(), Fault> {
    canon.number(input.length()?);
    canon.number(input.length()?);
    Ok(())
}

/// One block of entries: ids and fields are told as differences from the first. How many entries are not deleted.
fn read_block(first: &[u8], block: &[u8], canon: &mut Canon) -> Result<u64, Fault> {
    let part = |at: usize| {
        first.get(at..at + 8).and_then(|eight| eight.first_chunk().copied()).map(u64::from_be_bytes)
    };
    let (Some(millis), Some(sequence), 16) = (part(0), part(8), first.len()) else { return Err(BROKEN) };
    let mut pack = Listpack::new(block)?;
    let number = |pack: &mut Listpack<'_>| pack.must()?.number();
    number(&mut pack)?;
    number(&mut pack)?;
    let width = number(&mut pack)?;
    let mut fields = Vec::new();
    for _ in 0..width {
        fields.push(pack.must()?);
    }
    // The end of the first entry.
    number(&mut pack)?;
    let (mut entries, mut text) = (0, Vec::new());
    while let Some(flags) = pack.next()? {
        let flags = flags.number()?;
        let millis = millis.wrapping_add_signed(number(&mut pack)?);
        let sequence = sequence.wrapping_add_signed(number(&mut pack)?);
        let same = flags & SAME_FIELDS != 0;
        let count = if same { width } else { number(&mut pack)? };
        let alive = flags & DELETED == 0;
        if alive {
            canon.number(millis);
            canon.number(sequence);
            entries += 1;
        }
        for at in 0..count {
            let named =
                if same { usize::try_from(at).ok().and_then(|at| fields.get(at).copied()) } else { None };
            let field = named.map_or_else(|| pack.must(), Ok)?;
            for item in [field, pack.must()?] {
                text.clear();
                item.append(&mut text);
                if alive {
                    canon.text(&text);
                }
            }
        }
        if alive {
            canon.number(count.unsigned_abs());
        }
        // How many elements this entry has, for walking backwards.
        number(&mut pack)?;
    }
    Ok(entries)
}

fn groups(input: &mut Input<'_>, canon: &mut Canon, form: u8) -> Result<(), Fault> {
    let groups = input.length()?;
    let mut name = Vec::new();
    for _ in 0..groups {
        name.clear();
        input.string(&mut name)?;
        canon.text(&name);
        id(input, canon)?;
        canon.number(if form >= 2 { input.length()? } else { 0 });
        let pending = input.length()?;
        for _ in 0..pending {
            let entry: [u8; 16] = input.array()?;
            let delivered: [u8; 8] = input.array()?;
            canon.raw(&entry);
            canon.raw(&delivered);
            canon.number(input.length()?);
        }
        canon.number(pending);
        let consumers = input.length()?;
        for _ in 0..consumers {
            name.clear();
            input.string(&mut name)?;
            canon.text(&name);
            let _seen: [u8; 8] = input.array()?;
            if form >= 3 {
                let _active: [u8; 8] = input.array()?;
            }
            let pending = input.length()?;
            for _ in 0..pending {
                let entry: [u8; 16] = input.array()?;
                canon.raw(&entry);
            }
            canon.number(pending);
        }
        canon.number(consumers);
    }
    canon.number(groups);
    Ok(())
}
