# Redis and Valkey.
redis-guarantee = one snapshot as a replica gets it: every key of every database at one moment, with its position; accounts are read beside it

redis-not-connected = { $endpoint } cannot be reached
redis-no-answer = { $endpoint } did not answer within { $limit }
redis-no-answer-cure = it may be stopped, hung or overloaded: look at its process and its log; or another service listens at that address and port
redis-broken-cure = the server's log says why; check address and port as well, and whether TLS is spoken there
redis-broken = the connection to { $endpoint } broke
redis-ended = { $endpoint } closed the connection before it had answered
redis-not-resp = what answers at { $endpoint } does not speak this protocol
redis-not-resp-cure = check address and port: another service may listen there; where it speaks TLS alone, set tls.mode to verify-full
redis-tls-name = "{ $host }" is no name that a certificate can carry
redis-said = { $endpoint } refused { $command }: { $said }
redis-wrong-password-cure = check user and password of this member in the fleet file
redis-no-permission-cure = allow this account { $command } (ACL SETUSER)
redis-loading = { $endpoint } is loading its data, about { $seconds } s to go
redis-acl-unreadable = { $endpoint } told its accounts in a form that is not known
redis-no-version = { $endpoint } does not tell its version
redis-act-unknown = there is no act "{ $act }" for this engine

redis-plaintext = the connection to { $endpoint } is in clear, passwords and data included
redis-plaintext-cure = give the server a TLS port and set tls.mode to verify-full
redis-sharded = this server is one shard of a cluster: only the keys in its own slots are backed up
redis-sharded-cure = declare a cluster of its own in the fleet file for each shard
redis-link-down = this replica does not reach its primary, and so gives nobody a snapshot
redis-link-down-cure = mend its replication, or back up the primary
redis-lacks = the account { $user } may not use { $command }
redis-lacks-cure = ACL SETUSER { $user } +@connection +info +psync +replconf +config|get +acl|list +acl|whoami +module|list
redis-no-checksum = this server writes no checksum into its snapshots: damage on the way to the vault cannot be seen
redis-no-checksum-cure = set rdbchecksum to yes and restart the server
redis-modules = modules are loaded: { $modules }; values of their own types are counted, not compared
redis-modules-cure = a server that is to load this backup needs the same modules
redis-module-keys = database { $database } holds { $count } { $count ->
    [one] key
   *[other] keys
} of the module type { $module }: counted, not compared
redis-module-data = the module type { $module } keeps data beside the keys: backed up, not compared
redis-module-data-lost = what the module type { $module } keeps beside the keys cannot be loaded key by key

redis-version-old = version { $version } is too old
redis-version-old-cure = use version 7 or later
redis-memory-small = { $memory } of memory are too little for a server
redis-memory-small-cure = give it { $least } or more
redis-databases-declared = this engine's databases are numbered and always there
redis-databases-declared-cure = leave databases out; the setting "databases" says how many there are
redis-setting-unknown = there is no setting "{ $setting }"
redis-setting-unknown-cure = CONFIG GET * lists the settings
redis-setting-meant-cure = did you mean { $setting }?
redis-setting-owned = Roadstead itself decides "{ $setting }"
redis-setting-owned-cure = leave it out; port, listen, hosts and roles in the fleet file say what it follows from
redis-setting-value = "{ $value }" is no value for { $setting }
redis-wants-flag = write yes or no
redis-wants-number = write a whole number, { $least } or more
redis-wants-range = write a whole number from { $least } to { $greatest }
redis-wants-memory = write a size, as 64mb or 64MiB
redis-wants-memory-from = write a size, { $least } or more, as 64mb or 64MiB
redis-wants-share = write a size, as 64mb, or a share of the memory, as 5%
redis-wants-saves = write pairs of seconds and changes, as in "3600 1 300 100", or "" to save only at the end
redis-wants-scores = write three numbers from -2000 to 2000, as in "0 200 800"
redis-wants-events = write letters, as in AKE
redis-wants-word = write one of { $words }
redis-wants-words = write it in one line
redis-evicts = with { $policy } the server drops keys when memory is full: a backup holds what was left
redis-evicts-cure = leave it out where no key may be lost: noeviction is the default
redis-role-name = an account cannot be called "{ $role }"
redis-role-name-cure = use a name without spaces
redis-role-reserved = the account { $role } is not for declaring
redis-role-reserved-cure = choose another name
redis-role-open = the account { $role } has no password
redis-role-open-cure = give it a password by reference, as {"${file:secrets/name}"}
redis-role-on = the account { $role } cannot be limited to databases: this engine's rights know keys only
redis-role-on-cure = leave "on" out
redis-no-server = no server program that suits { $wanted } was found on this host
redis-no-server-cure = install redis-server or valkey-server, or name its folder under hosts.<name>.programs

redis-why-appendonly = every change is written to a file, so that a crash loses a second at most
redis-why-appendfsync = written to disk every second: a crash of the machine loses a second at most
redis-why-save = snapshots on disk as well, by how much has changed
redis-why-noeviction = no key is dropped silently; when memory is full, writes are refused
redis-why-no-delay = a backup or replica need not wait for others to join
redis-why-maxmemory = three quarters of { $memory }; the rest is for buffers and for snapshots while writes go on
redis-why-declared = the fleet file says so

redis-change-setting = { $setting } from { $from } to { $to }
redis-change-settings = set on { $member }: { $settings }
redis-create-account = create account { $account } on { $member }
redis-change-account = change the rights of account { $account } on { $member }
redis-change-password = give the account { $account } on { $member } the declared password: its present one is another

redis-phase-dump = receiving the snapshot
redis-phase-digest = computing digests
redis-phase-seed = writing the snapshot
redis-phase-load = loading keys

redis-no-snapshot = { $endpoint } did not send a snapshot but "{ $said }"
redis-checksum-wrong = the snapshot from { $endpoint } is damaged or cut short: its checksum is wrong
redis-snapshot-damaged = the snapshot from { $endpoint } is damaged ({ $what })
redis-not-understood = the snapshot is whole by its checksum, but this version of Roadstead cannot read all of it ({ $what }); keys are compared by count alone
redis-not-understood-cure = a later version of Roadstead may know this server's format
redis-stored-other = { $sent } bytes were sent and { $stored } were stored
redis-no-accounts = { $endpoint } does not let this account list accounts: they are not in the backup
redis-accounts-changed = accounts were changed while the snapshot was taken; the backup has them as they were before
redis-no-settings = { $endpoint } does not tell its settings: they are not in the backup
redis-data-there = there is data already at { $path }
redis-seed-failed = the snapshot could not be written to { $path }
redis-accounts-exist = { $endpoint } has accounts of these names already: { $accounts }
redis-accounts-exist-cure = delete or rename them on the target, or restore into a server without them; accounts of a live server are never overwritten
redis-target-not-understood = the snapshot holds what this version does not understand, so that it cannot be loaded into { $endpoint } key by key
redis-target-not-understood-cure = restore it in place or beside (--beside NAME:PORT): there the server itself reads it
redis-target-accounts-unseen = the snapshot holds the accounts { $accounts }, and which accounts { $endpoint } has already may not be seen
redis-target-accounts-unseen-cure = give the account that loads these rights there: ACL SETUSER … +acl|list +acl|setuser +acl|save
redis-clear-other = { $endpoint } leads to another server than the one that the broken-off load began in, or it was started anew since: nothing was removed
redis-clear-other-cure = if what it holds is the broken-off load's and nobody else's, empty it by hand and restore again; or restore into another server
redis-clear-foreign-keys = { $endpoint } holds { $count } keys that the snapshot does not hold: nothing was removed
redis-clear-foreign-functions = { $endpoint } holds the functions { $library }, which the snapshot does not hold: nothing was removed
redis-clear-foreign-cure = somebody used this server since the load broke off: take what is theirs out of it, or restore into another server
redis-occupied = it has { $keys } { $keys ->
    [one] key
   *[other] keys
} in { $databases } { $databases ->
    [one] database
   *[other] databases
}
redis-databases-few = { $place } has { $has } databases, and the backup has keys in { $needs }
redis-databases-few-cure = give it { $needs } databases or more (the setting "databases", and a restart) and load again
redis-target-sharded = { $endpoint } is one shard of a cluster: it takes only keys of its own slots
redis-target-sharded-cure = restore into a server that is not in a cluster
redis-target-modules = { $endpoint } has no modules, and the backup has values of module types: { $modules }
redis-occupied-functions = it has { $count } function { $count ->
    [one] library
   *[other] libraries
}
redis-not-durable = { $endpoint } could not write its file of changes
redis-accounts-corrupt = the list of accounts in the backup ({ $stream }) cannot be read
redis-account-refused = the server did not take the account { $account }: { $said }
redis-account-differs = the account { $account } is not as it was in the backup
redis-accounts-not-kept = { $endpoint } has no file for accounts: those that were restored are lost at its next start
redis-accounts-not-kept-cure = give the server an aclfile, then ACL SAVE; or write the accounts into its configuration
redis-setting-overruled = the server would make { $taken } of { $value } for the setting { $setting }
redis-setting-overruled-cure = write { $taken }
redis-wants-several = it takes one or several of { $words }
redis-wants-limits = it takes class, hard limit, soft limit and seconds, as in "replica 256mb 64mb 60"; classes are normal, replica and pubsub
redis-wants-percentiles = it takes numbers, as in "50 99 99.9"
redis-setting-not-in = Redis { $version } has no setting { $setting }, and does not start with it
redis-setting-not-in-cure = leave it out, or have version 7.2 or newer
