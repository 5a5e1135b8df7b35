# Sentences of the vault.
vault-absent = there is no vault in { $path }
vault-absent-cure = make one with "roadstead vault init", or correct the vault's url in the fleet file
vault-exists = a vault that this key opens is in { $path } already
vault-exists-cure = use it as it is; nothing was changed
vault-foreign = { $path } holds something else than a vault ({ $found })
vault-foreign-restic = { $path } holds a restic repository and no catalogue: it is another tool's, or a vault that lost its folder catalogue
vault-foreign-restic-cure = give the vault a folder of its own; or, if this was one, bring the folder catalogue back from a copy. Its bytes can be read meanwhile by restic (docs/vault-format.md)
vault-foreign-cure = give the vault a folder of its own that is empty or does not exist
vault-url-unsupported = vault { $vault } lies at { $url }, which is not a folder of this host
vault-url-unsupported-cure = give the path of a folder under vaults.<name>.url
vault-format-unknown = the vault's seal has format { $format }, which this version does not know
vault-format-unknown-cure = use the version of Roadstead that made the vault, or a newer one
vault-key-short = the vault's key has { $length } characters and needs at least { $least }
vault-key-monotonous = the vault's key has only { $variety } different characters and needs at least { $least }
vault-key-cure = let a machine choose it, for example: openssl rand -base64 33
vault-key-wrong = this key does not open the vault in { $path }
vault-key-wrong-cure = restore the key that the vault was made with; without it nobody can read the backups
vault-seal-gone = the vault's seal { $path } is gone
vault-seal-gone-cure = check that the vault's file system is mounted; opening the vault anew makes a lost seal again
vault-unreadable = { $path } cannot be read
vault-unwritable = { $path } cannot be written
vault-object-short = { $path } is shorter than the index says
vault-object-long = { $path } would be longer than { $most }, and nothing that long is read back
vault-object-long-cure = back up smaller clusters: the record has a line for each table, sequence and account
vault-keys-missing = { $path } holds no key file any more: with the seal gone as well nobody could open the vault
vault-keys-missing-cure = have it written again: roadstead vault init
vault-key-unreadable = the key file { $path } cannot be read ({ $why }): restic may not open the vault, and with the seal gone as well nobody might
vault-key-unreadable-cure = let this user read it; where it is lost, remove it and have another one written: roadstead vault init
vault-key-damaged = the key file { $path } is damaged: restic cannot open the vault, and with the seal gone as well nobody could
vault-repository-unreadable-cure = bring the vault's file "config" back from a copy of the vault: without it nothing in the vault can be read
vault-repository-unreadable = the vault's repository cannot be read
vault-repository-uncreatable = the vault's repository cannot be made
vault-index-unreadable = the repository's index cannot be read
vault-library-panicked = the repository's library gave up on damaged data: { $said }
vault-snapshot-exists = snapshot { $snapshot } is in the vault already
vault-snapshot-unknown = the vault has no snapshot { $snapshot }
vault-snapshot-unknown-cure = see "roadstead backups" for those that it has
vault-store-failed = stream { $stream } could not be stored
vault-store-length = stream { $stream } could not be stored: { $read } bytes were read and { $stored } stored
vault-stored-length = { $written } bytes of stream { $stream } were written and { $stored } were stored
vault-stream-ended = stream { $stream } ended with an error before
vault-stream-exists = snapshot { $snapshot } has a stream { $stream } already
vault-stream-unfinished = stream { $stream } of snapshot { $snapshot } was not finished
vault-stream-unknown = snapshot { $snapshot } has no stream { $stream }
vault-stream-damaged = stream { $stream } of snapshot { $snapshot } is damaged: { $why }
vault-damage-cure = take a new backup of the cluster and verify it; then remove the damaged snapshot with "roadstead vault prune"
vault-read-failed = stream { $stream } cannot be read
vault-why-differs = { $bytes } bytes of { $of } were read, and their digest is not the one that was recorded
vault-why-said = { $what } ({ $said })
vault-why-no-object = its entry snapshots/{ $object } is missing in the repository
vault-why-pack = its pack { $pack } is missing or has another length than the index says
vault-why-hash = its pack { $pack } has other content than its name says
vault-hash-cure = move { $pack } out of the vault, remove this snapshot with "roadstead vault prune", and back up anew
vault-record-unreadable = the record { $path } of snapshot { $snapshot } is torn or altered and cannot be opened
vault-record-unreadable-cure = restore this file from a copy of the vault, or remove the snapshot with "roadstead vault prune"
vault-record-lost = the record { $path } of snapshot { $snapshot } is lost: nothing says that the snapshot was removed
vault-record-lost-cure = restore the folder catalogue/ from a copy of the vault; or give the snapshot up with "roadstead vault prune --snapshot { $snapshot }"
vault-backup-interrupted = the taking of snapshot { $snapshot } was interrupted
vault-removal-interrupted = the removal of snapshot { $snapshot } was interrupted
vault-index-damaged = { $path } is damaged: { $why }
vault-packs-unindexed = { $count ->
    [one] a pack of { $bytes } is
   *[other] { $count } packs of { $bytes } are
} in no index: an index was lost, and this may be what damaged snapshots lack
vault-index-cure = remove nothing yet: "roadstead vault prune" first makes the index anew from the packs; then check again
vault-index-mended = the index was made anew: { $count ->
    [one] a pack that is
   *[other] { $count } packs that are
} in the vault can be found again
vault-object-damaged = { $path } is damaged: { $why }
vault-pack-missing = { $path } is missing
vault-pack-length = { $path } has { $bytes } bytes, which is not what the index says
vault-leftover-streams = { $count ->
    [one] a stream belongs
   *[other] { $count } streams belong
} to no snapshot: an interrupted backup left them
vault-leftover-packs = { $count ->
    [one] a pack of { $bytes } is
   *[other] { $count } packs of { $bytes } are
} in no index: an interrupted backup left them
vault-leftover-cure = they do no harm; "roadstead vault prune" removes them
vault-last-proven = snapshot { $snapshot } is the last proven one of cluster { $cluster }
vault-last-proven-cure = back up the cluster and verify the new snapshot first
vault-prune-failed = what no snapshot needs could not be removed
vault-prune-blind = { $path } cannot be read, so nobody knows what it needs
vault-prune-blind-cure = restore this file from a copy of the vault, or move it away if its snapshot is not needed
vault-prune-broken = { $count ->
    [one] snapshot { $snapshots } lacks something that it needs, and pruning would make that final
   *[other] { $count } snapshots lack something that they need, and pruning would make that final: { $snapshots }
}
vault-prune-broken-cure = restore the missing files from a copy of the vault; or run "roadstead vault check", which notes the damage, and remove these snapshots as well, each by --snapshot
vault-mend-failed = the repository's index could not be mended
vault-claim-lost = this work stood still for so long that others took it for dead
vault-claim-lost-cure = start it again
vault-busy = the vault is busy: process { $process } on { $host } { $use }
vault-busy-unknown = the vault is busy: somebody holds a claim that cannot be read
vault-busy-cure = wait for it to end; the claim of a process that died ends by itself, at the latest after 15 minutes
vault-use-take = takes a backup
vault-use-read = reads a backup
vault-use-prune = prunes
vault-phase-reading = reading { $stream }
vault-phase-catalogue = reading the catalogue
vault-phase-structure = looking through the repository
vault-phase-records = removing records
vault-phase-packs = removing what nobody needs
