//! Files that are read must be files: opening a pipe waits for a writer, and reading a device may never end.

use std::{
    fs::{self, File, FileType, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use roadstead_core::Text;

/// A regular file that was opened for reading, or what the path leads to instead.
pub(crate) enum Opened {
    /// The file and its facts.
    File(File, Metadata),
    /// Something that is no file, in words: a pipe, a folder, a device.
    Other(Text),
}

/// Opens a regular file for reading; never waits, and never opens what is something else.
pub(crate) fn open(path: &Path) -> io::Result<Opened> {
    let facts = fs::metadata(path)?;
    if !facts.is_file() {
        return Ok(Opened::Other(sort(facts.file_type())));
    }
    // What lies there may have been exchanged since the look: a pipe that nobody writes must not be waited for.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let facts = file.metadata()?;
    if facts.is_file() { Ok(Opened::File(file, facts)) } else { Ok(Opened::Other(sort(facts.file_type()))) }
}

/// The word for what is no regular file.
pub(crate) fn sort(kind: FileType) -> Text {
    Text::new(if kind.is_dir() {
        "cli-sort-folder"
    } else if kind.is_fifo() {
        "cli-sort-pipe"
    } else if kind.is_socket() {
        "cli-sort-socket"
    } else {
        "cli-sort-device"
    })
}
