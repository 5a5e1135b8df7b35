# Sentences of the command line.

# Labels before lines.
cli-error-more = … and { $count } more; with --json all of them
cli-label-error = error:
cli-label-warning = warning:
cli-label-note = note:
cli-label-cure = cure:
cli-label-during = while
cli-label-cause = because
cli-findings-summary = { $errors } { $errors ->
    [one] error
   *[other] errors
  }, { $warnings } { $warnings ->
    [one] warning
   *[other] warnings
  }, { $notes } { $notes ->
    [one] note
   *[other] notes
  }

# Help.
cli-help-usage = Usage:
cli-help-usage-options = [OPTIONS]
cli-help-commands = Commands
cli-help-command = COMMAND
cli-help-arguments = Arguments
cli-help-options = Options
cli-help-global = Global options
cli-help-after = Exit codes: 0 done, 1 the answer is no, 2 wrong input, 3 partly done, 129 and 130 interrupted.
cli-about = Databases from one file: started, watched, backed up, and every backup proven
cli-about-init = Write a first fleet file, with a schema for the editor and a vault key
cli-about-check = Check the fleet file: every mistake at once, with its place and cure
cli-about-explain = Print every default and derived setting, and the reason for it
cli-about-schema = Print the JSON Schema of the fleet file
cli-about-plan = Show what has to be done to make the fleet as declared
cli-about-apply = Carry out a saved plan, or plan and carry out now
cli-about-up = Start the agent where it is needed, and make everything as declared
cli-about-down = Stop the members and the agent; the data stays
cli-about-status = Show each member: state, role, version, endpoint, last proven backup
cli-about-backup = Take one set of snapshots
cli-about-backups = List the snapshots: how far each is proven, and what was compared
cli-about-verify = Prove snapshots: restore each into a throw-away server and compare
cli-about-restore = Restore a snapshot: in place, beside, or into an empty server
cli-about-journal = List the operations, or show one
cli-about-resume = Carry on an interrupted operation from wherever the world is
cli-about-secret = Encrypt a value from standard input for the fleet file
cli-about-secret-new = Write a new file with a random secret, readable by its owner alone
cli-about-vault = Make, check and prune vaults
cli-about-vault-init = Make the vaults that the fleet file declares
cli-about-vault-check = Check the structure of vaults: indexes, packs, records
cli-about-vault-prune = Remove snapshots, and what no other snapshot needs
cli-about-demo = Show the whole voyage on this machine in a minute, and leave nothing behind
cli-about-completion = Print the completion script for a shell
cli-about-man = Print the manual page
cli-about-agent = Serve as this host's agent
cli-option-file = The fleet file; - is standard input [default: fleet.yaml]
cli-option-json = Answer with one JSON document
cli-option-lang = Language of the answers: en or zh [default: from LC_ALL, LC_MESSAGES, LANG]
cli-option-color = When to colour: auto, always or never; NO_COLOR is respected [default: auto]
cli-option-yes = Go on without asking; what loses data must be named: --yes=NAME,…
cli-option-verbose = Trace to standard error; again for more
cli-option-help = Print help
cli-option-version = Print the version
cli-option-dry-run = Show the plan and do nothing
cli-option-man-out = Write all pages into this folder
cli-arg-clusters = Only these clusters
cli-arg-shell = bash, elvish, fish, powershell or zsh
cli-arg-man-command = The page of this command
cli-arg-secret-path = The file to write

# Mistakes in the command line.
cli-usage-unknown = unknown argument { $argument }
cli-usage-command = unknown command { $command }
cli-usage-missing = missing argument { $argument }
cli-usage-no-command = no command was given
cli-usage-conflict = { $argument } cannot be given together with { $other }
cli-usage-value = { $argument } does not take the value “{ $value }”
cli-usage-equals = { $argument } takes its value behind an equals sign
cli-usage-count = { $argument } was given another number of values than it takes
cli-usage-other = the command line is wrong: { $what }
cli-usage-suggestion = did you mean { $suggestion }?
cli-usage-one-of = it takes one of: { $values }
cli-usage-help = `roadstead --help` lists commands and options

# Files.
cli-folder-unreadable = folder { $path } cannot be read
cli-file-unwritable = file { $path } cannot be written
cli-man-written = { $count } pages written into { $folder }
cli-man-name = NAME
cli-man-synopsis = SYNOPSIS
cli-man-description = DESCRIPTION
cli-man-options = OPTIONS
cli-man-subcommands = SUBCOMMANDS
cli-man-extra = NOTES
cli-man-version = VERSION

# Secrets.
cli-secret-env-unset = environment variable { $name } is not set
cli-secret-env-empty = environment variable { $name } is empty
cli-secret-env-not-text = environment variable { $name } is not UTF-8 text
cli-secret-env-cure = set it for this command: export { $name }=…
cli-secret-host = the secret { $path } lies on a member's host and is not read here
cli-secret-file-unreadable = secret file { $path } cannot be read
cli-secret-file-absent-cure = make one with a random secret: roadstead secret new { $path }
cli-secret-file-not-regular = secret file { $path } is { $sort }, not a regular file
cli-secret-file-not-regular-cure = name a regular file that holds the secret and nothing else
cli-secret-file-open = secret file { $path } may be read by others (mode { $mode })
cli-secret-file-open-cure = take the right from them: chmod 600 { $path }
cli-secret-file-long = secret file { $path } is longer than 64 KiB
cli-secret-file-empty = secret file { $path } is empty
cli-secret-file-lines = { $path } holds more than one line, or a NUL: no server takes that as a password
cli-secret-file-unwritable = secret file { $path } cannot be written
cli-secret-file-exists = { $path } is there already and is not written over
cli-secret-file-exists-cure = choose another path, or move it away yourself
cli-secret-generated = wrote a random secret into { $path } (mode 0600); the fleet file names it as { $reference }
cli-secret-input = the value cannot be read from standard input
cli-secret-nothing = there is no value: standard input was empty
cli-secret-long = the value is longer than 64 KiB
cli-secret-ask = Value (not shown):{" "}
cli-secret-ask-again = The same again:{" "}
cli-secret-unequal = the two values are not the same
cli-identity-made = made the fleet's age identity in { $path } (mode 0600): keep it safe, and out of version control
cli-identity-malformed = { $path } holds no age identity
cli-age-malformed = the value in an age reference of the fleet file is not what `roadstead secret` writes
cli-age-refused = the identity in { $path } does not open a value in the fleet file

# The fleet file.
cli-fleet-unreadable = fleet file { $path } cannot be read
cli-fleet-absent-cure = write one with `roadstead init`, or name another with -f
cli-fleet-unreadable-cure = see to it that this user may read it, or name another with -f
cli-fleet-not-regular = fleet file { $path } is { $sort }; a fleet file is a regular file
cli-fleet-not-regular-cure = name the file with -f, or send its text through standard input: roadstead … -f - < FILE
cli-sort-folder = a folder
cli-sort-pipe = a pipe
cli-sort-socket = a socket
cli-sort-device = a device
cli-no-such-cluster = the fleet file declares no cluster { $cluster }
cli-clusters-none = The fleet file declares no cluster.
cli-no-such-cluster-cure = it declares: { $clusters }
cli-option-live = Look at the servers too: reachable, and the account's grants sufficient for a backup
cli-check-no-backup = no backup of { $cluster } can be taken: { $why }
cli-check-no-proof = no backup of { $cluster } can be proven here: { $why }
cli-check-sound = { $file } is sound: { $clusters } { $clusters ->
    [one] cluster
   *[other] clusters
  }, { $members } { $members ->
    [one] member
   *[other] members
  }
cli-option-init-name = The fleet's name [default: the folder's]
cli-option-init-user = The account for the servers given [default: roadstead]
cli-option-init-engine = A { $engine } that runs already
cli-init-exists = { $path } is there already
cli-init-exists-cure = name another file with -f, or check this one: roadstead check
cli-init-link = { $path } is a symbolic link to { $target }, and nothing is written through links
cli-init-link-cure = put the file itself there, or remove the link; a key that lies elsewhere is named in the fleet file by its own path
cli-init-key = wrote { $path }: the vault's key, mode 0600. Keep a copy elsewhere: without it no backup can be read
cli-init-kept = kept { $path }, which was there already
cli-init-wrote = wrote { $path }
cli-init-ignored = { $path } now names { $entries }
cli-init-next = Next: declare your clusters, then `roadstead check`, `roadstead backup`, `roadstead verify`.

# Plans.
cli-arg-plan = A plan saved by `roadstead plan --out`
cli-option-plan-out = Save the plan into this file, for `roadstead apply FILE`
cli-plan-head = { $aim } (fleet { $fleet })
cli-plan-summary = { $steps } { $steps ->
    [one] step
   *[other] steps
  }{ $restarts ->
    [0] {""}
    [one] , 1 of which interrupts a server
   *[other] , { $restarts } of which interrupt a server
  }{ $losses ->
    [0] {""}
    [one] , 1 of which loses data
   *[other] , { $losses } of which lose data
  }
cli-plan-nothing = There is nothing to do.
cli-plan-saved = saved the plan into { $path }; carry it out with: roadstead apply { $path }
cli-plan-not-over = { $path } is there already and is no saved plan
cli-plan-unreadable = plan { $path } cannot be read
cli-plan-malformed = { $path } is no plan that this version saved
cli-aim-apply = make { $count ->
    [0] the fleet
   *[other] { $clusters }
  } as declared
cli-aim-down = stop { $count ->
    [0] the fleet
   *[other] { $clusters }
  }, keeping its data
cli-aim-backup = back up { $count ->
    [0] the fleet
   *[other] { $clusters }
  }
cli-aim-verify = prove { $count } { $count ->
    [one] snapshot
   *[other] snapshots
  }
cli-aim-restore-place = restore { $snapshot } in place
cli-aim-restore-beside = restore { $snapshot } beside, as { $member }
cli-aim-restore-address = restore { $snapshot } into { $address }:{ $port }
cli-risk-create = create
cli-risk-reload = reload
cli-risk-restart = restart
cli-risk-interrupts-writes = interrupts writes
cli-risk-fails-over = fails over
cli-risk-loses-data = loses data

# Consent.
cli-consent-ask = Carry it out? [y/N]
cli-consent-type = This takes away data. Type { $name } to go on:
cli-consent-refused = not consented to; nothing was done
cli-consent-unread = the answer cannot be read from the terminal
cli-consent-missing = this changes things, and there is no terminal to ask on
cli-consent-missing-cure = read the plan with --dry-run, then give --yes
cli-consent-names = this takes away data of { $names }, which a bare --yes does not cover
cli-consent-names-cure = read the plan with --dry-run, then give --yes={ $names }

# The course of operations.
cli-runtime = the program's threads cannot be started
cli-signals-unheard = signals cannot be heard
cli-stopping = Stopping at the next safe point; once more ends at once.
cli-report-failed = { $step } failed:
cli-report-not-begun = { $step } was not begun
cli-report-done = Done: { $done } { $done ->
    [one] step
   *[other] steps
  } (operation { $operation })
cli-report-ended-failed = { $done } { $done ->
    [one] step
   *[other] steps
  } done, { $left } not; what was done stays as it is. Carry on with: roadstead resume { $operation }
cli-report-ended-looking = { $done } { $done ->
    [one] step
   *[other] steps
  } done, { $left } not; nothing was changed. What failed stands above with its cure; after that, give the same command again (operation { $operation })
cli-report-cancelled = Stopped on request: { $done } { $done ->
    [one] step
   *[other] steps
  } done, { $left } not; what was done stays as it is. Carry on with: roadstead resume { $operation }
cli-interrupted-earlier = operation { $operation } ({ $aim }), begun { $started }, was interrupted
cli-interrupted-earlier-cure = this plan starts from where the world is now; to carry the other on: roadstead resume { $operation }
cli-folder-unmakeable = folder { $path } cannot be made
cli-folder-not-ours = folder { $path } belongs to somebody else, or others may enter it
cli-secret-made = made a random secret in { $path } (mode 0600)

# The agent.
cli-agent-started = started the agent (process { $pid }, log { $log })
cli-agent-not-started = the agent did not come up; its log is { $log }
cli-agent-not-ended = the agent (process { $pid }) was told to end and still serves
cli-agent-ended = ended the agent
cli-clock-beyond = the clock of this machine is past the end of the year 9999
cli-clock-beyond-cure = set it right; nothing was done
cli-agent-watches = the agent (process { $pid }) was not ended: it watches servers that this command did not stop, of these fleet files: { $homes }
cli-agent-watches-cure = "roadstead down" for those files stops them, and ends the agent once it watches nothing
cli-state-of-other = { $path } belongs to { $owner }, and you are { $user }: this fleet's servers, journal and secrets are run by { $owner }
cli-state-of-other-cure = run Roadstead as { $owner } for this fleet file; to run the fleet as { $user } instead, stop it as { $owner } (roadstead down), and use a copy of the file in a folder of your own
cli-option-agent-socket = The socket to serve on
cli-option-agent-fleet = The fleet
cli-option-agent-fleet-file = The file of this fleet
cli-option-agent-host = The host's declaration

# Status.
cli-head-member = MEMBER
cli-head-cluster = CLUSTER
cli-head-state = STATE
cli-head-role = ROLE
cli-head-version = VERSION
cli-head-endpoint = ENDPOINT
cli-head-proven = LAST PROVEN BACKUP
cli-state-unknown = unknown
cli-state-backing-off = keeps dying
cli-state-unfinished = unfinished
cli-state-dead = dead
cli-role-primary = primary
cli-role-replica = replica
cli-proven-never = never
cli-proven-undeclared = none declared
cli-age = { $count } { $unit } ago
cli-age-ahead = in the future
cli-status-undeclared = not in the fleet file
cli-status-dead = { $member } should run and does not, and no agent is there to start it
cli-status-dead-cure = roadstead up
cli-status-unfinished-cure = carry it on: roadstead resume { $operation }; or, if nobody wants it, remove { $path }
cli-status-unfinished-place-cure = wait for one that is at work; else carry it on: roadstead resume { $operation }; or begin anew: roadstead restore latest --cluster { $cluster }
cli-status-unfinished-lost-cure = carry its restore on, by its id in `roadstead journal`; or, if nobody wants it, remove { $path }
cli-status-elsewhere = { $member } listens at { $there }, and the fleet file says { $wanted }
cli-status-elsewhere-cure = restart it as declared: roadstead up
cli-status-half-done = the restore into { $place } (operation { $operation }) is at work or did not end
cli-status-half-loaded = the restore into { $place } (operation { $operation }) is at work or did not end: what is there may be a part of the snapshot
cli-status-half-done-cure = carry it on: roadstead resume { $operation }; or, once all is as it should be, give it up: roadstead resume { $operation } --give-up
cli-status-to-come = { $count ->
    [one] a snapshot of { $cluster } says that it was taken at a time that is still to come: { $snapshot }, { $taken }
   *[other] { $count } snapshots of { $cluster } say that they were taken at a time that is still to come, the last of them { $snapshot }, { $taken }
}
cli-status-aside = what a restore set aside of { $member } is kept in { $path } (size: { $size }, age: { $age })
cli-status-aside-cure = when nobody needs it any more, remove that folder by hand; Roadstead deletes no data
cli-status-aside-later-cure = keep it until the restore of this member has ended
cli-status-aside-needed-cure = keep it: the restore that set it aside has not ended. To go back to it: roadstead down, move { $data } away and { $path } to { $data }, roadstead up, roadstead resume { $operation } --give-up
cli-status-to-come-cure = set the clock right, here and where backups are taken; the order of snapshots does not depend on it, their age does
cli-status-no-data = { $member } has no data here, although cluster { $cluster } has snapshots
cli-status-no-data-cure = bring its data back, or restore it: roadstead restore latest --cluster { $cluster }
cli-status-no-answer = { $member } does not answer as it should: { $why }
cli-status-restarts = { $member } died and was started again ({ $restarts } { $restarts ->
    [one] time
   *[other] times
  })
cli-status-agent = agent: process { $pid }, version { $version }
cli-status-agent-unknown = agent: it does not answer as it should; why stands below
cli-status-no-agent = agent: none serves, so nobody starts a member again that dies; `roadstead up` starts one

# Snapshots.
cli-head-snapshot = SNAPSHOT
cli-head-vault = VAULT
cli-head-taken = TAKEN
cli-head-size = SIZE
cli-head-stored = STORED
cli-head-stage = STAGE
cli-head-compared = COMPARED
cli-stage-taken = taken
cli-stage-checked = checked
cli-stage-proven = proven
cli-stage-failed = failed
cli-compared-nothing = nothing yet
cli-compared = { $parts }; measured { $when ->
    [snapshot] in the dump's own snapshot
    [but] in the dump's own snapshot, but for { $kinds } after it
   *[after] in part after the dump
  }
cli-compared-content = { $count } { $count ->
    [one] object
   *[other] objects
  } by content ({ $rows } { $rows ->
    [one] row
   *[other] rows
  })
cli-compared-counted = { $count } by count
cli-compared-named = { $count } by name
cli-compared-comma = ,{" "}
cli-backups-none = There are no snapshots yet; take some with `roadstead backup`.
cli-arg-snapshot = A snapshot's id or the beginning of it, or `latest`
cli-arg-snapshots = Snapshots by id or its beginning [default: the newest of each cluster, unless proven]
cli-snapshot-unknown = no snapshot's id begins with { $snapshot }
cli-snapshot-unknown-cure = list them: roadstead backups
cli-snapshot-of-fleet = the snapshot { $snapshot } is one of the fleet { $fleet }, not of this one
cli-snapshot-of-fleet-cure = work with the fleet file of { $fleet }; if this file was that one and the fleet was renamed, give it its name back for as long as this takes
cli-output-lost = the answer cannot be written where it was to go
cli-output-lost-cure = write it somewhere else; what a command did is done all the same, and `roadstead journal` tells it
cli-snapshot-ambiguous = more than one snapshot's id begins with { $snapshot }
cli-snapshot-of-another = snapshot { $snapshot } is of cluster { $other }, not of { $cluster }
cli-option-verify-all = Prove every snapshot again
cli-verify-none = there is no snapshot to prove
cli-verify-none-cure = take some first: roadstead backup
cli-verify-proven-already = { $snapshot } of { $cluster } was proven { $age }
cli-verify-verdict = { $snapshot } of { $cluster }: { $compared }
cli-verify-more = … and { $count } more; `roadstead backups --json` names them all
cli-option-beside = A new member of this name on this port
cli-option-to = The server at this address; to be restored into, it must be empty
cli-option-to-user = The account there
cli-option-to-password = Where its password is: ${"{"}env:NAME{"}"}, ${"{"}file:PATH{"}"} or what `roadstead secret` prints
cli-option-to-tls = Protection: auto, verify-full or off [default: auto]
cli-option-to-ca = The authority's certificate, if it is not the system's
cli-restore-beside = { $value } is not NAME:PORT
cli-restore-to = { $value } is not HOST:PORT; an IPv6 address stands in brackets
cli-restore-to-account = an account stands in the value of --to, which is HOST:PORT
cli-restore-to-account-cure = give the account with --user and its password with --password-ref; if a password stood there, change it: it is in the shell's history now
cli-restore-user = --to needs --user
cli-restore-password = the value of --password-ref is not a reference to a secret
cli-restore-password-cure = write ${"{"}env:NAME{"}"} or ${"{"}file:PATH{"}"}, in single quotes; if a password stood there, change it: it is in the shell's history now
cli-restore-which = there are snapshots of several clusters
cli-restore-which-cure = name one: --cluster CLUSTER
cli-restore-latest-unknown = which snapshot is the latest is not known: not all of what is in the vaults can be read
cli-restore-latest-unknown-cure = make it readable, or name the snapshot by its id: roadstead backups lists them
cli-restore-none = there is no snapshot of cluster { $cluster }

# Vaults.
cli-arg-vaults = Only these vaults
cli-no-such-vault = the fleet file declares no vault { $vault }
cli-no-such-vault-cure = it declares: { $vaults }
cli-vault-unread = the catalogue of vault { $vault } cannot be read: { $why }
cli-vault-unusable = vault { $vault } cannot be used, and nothing is backed up into it: { $why }
cli-vault-gone = vault { $vault } is not in { $path }, although snapshots were taken into it, the last on { $last }
cli-vault-gone-cure = bring it back (is a disk not mounted?); to begin a new one in its place: roadstead vault init { $vault }
cli-vault-made = made vault { $vault } in { $path }
cli-vault-there = vault { $vault } is in { $path } already
cli-vault-checking = checking vault { $vault }
cli-vault-sound = the structure of vault { $vault } is sound; `roadstead verify` reads the contents
cli-vault-damaged = vault { $vault } is damaged
cli-vault-pruning = pruning vault { $vault }
cli-vault-none = The fleet file declares no vault.
cli-vault-would-prune = { $count ->
    [0] would free { $freed } in vault { $vault }, which no snapshot needs; no snapshot was chosen
    [one] would remove 1 snapshot from vault { $vault } and free { $freed }: { $snapshots }
   *[other] would remove { $count } snapshots from vault { $vault } and free { $freed }: { $snapshots }
}
cli-vault-prune-nothing = there is nothing to prune in vault { $vault }: no snapshot was chosen, and all that lies there is needed
cli-vault-pruned = { $count ->
    [0] freed { $freed } in vault { $vault }, which no snapshot needs; no snapshot was chosen
    [one] removed 1 snapshot from vault { $vault } and freed { $freed }: { $snapshots }
   *[other] removed { $count } snapshots from vault { $vault } and freed { $freed }: { $snapshots }
}
cli-option-prune-keep = Keep this many of each cluster, and the newest proven one
cli-option-prune-snapshot = Remove this snapshot

# Journal.
cli-head-operation = OPERATION
cli-head-started = STARTED
cli-head-by = BY
cli-head-aim = AIM
cli-head-result = RESULT
cli-head-steps = STEPS
cli-arg-operation = Show this operation, by id or its beginning
cli-arg-operation-resume = The operation [default: the newest that was interrupted]
cli-option-give-up = Nobody will carry the operation on: it is told no more, and what it left stays as it is
cli-option-journal-limit = How many, newest first [default: 20]
cli-journal-skipped = operation { $operation } cannot be read in the journal: another version wrote it, or it is damaged; what it did, and whether it ended, is not known
cli-journal-skipped-cure = ask the version that wrote it: roadstead journal { $operation }; data and snapshots do not depend on the journal
cli-journal-empty = Nothing was done yet.
cli-journal-head = { $operation }: { $aim }, by { $by }, { $started }:
cli-journal-unknown = { $step } was begun; how it ended is unknown
cli-journal-at-work = { $step } is at work
cli-ended-done = done
cli-ended-failed = failed
cli-ended-cancelled = stopped
cli-ended-resumed = carried on
cli-ended-given-up = given up
cli-ended-never = interrupted
cli-ended-not-yet = running
cli-resume-head = Carrying on { $operation }: { $aim }
cli-resume-none = Nothing was interrupted.
cli-resume-none-lately = Nothing was interrupted among the latest { $count } operations; an older one is carried on by its id.
cli-resume-given-up = Given up: { $operation } ({ $aim }). Nothing was changed, and nobody will carry it on.
cli-resume-gave-up = operation { $operation } was given up
cli-resume-gave-up-cure = plan it anew with the command that it began with
cli-resume-of-another = operation { $operation } was begun with another fleet file, { $file }
cli-resume-of-another-cure = carry it on with that one: roadstead resume { $operation } -f { $file }
cli-resume-done = operation { $operation } was done to its end
cli-resume-replaced = operation { $operation } is over: a later restore put its data there
cli-resume-replaced-cure = so that it is told no more: roadstead resume { $operation } --give-up
cli-resume-resumed = operation { $operation } was carried on by a later one already
cli-resume-resumed-cure = the one that waits now is carried on by: roadstead resume { $operation }
cli-resume-resumed-none-cure = none waits to be carried on; `roadstead journal` lists them

# Explain.
cli-head-setting = SETTING
cli-head-value = VALUE
cli-head-why = WHY
cli-explain-fleet = Fleet { $fleet }
cli-explain-vault = vault { $vault }: { $path }
cli-explain-host = host { $host }: members below { $data }, run by { $user }
cli-explain-own-user = each engine's usual user, or who runs the agent
cli-explain-cluster = { $cluster }: { $flavour }, version { $version }
cli-explain-cluster-unseen = { $cluster }: engine { $engine }, which cannot be run here yet: why stands below
cli-explain-cluster-managed = { $cluster }: engine { $engine }, in the version that its server says
cli-explain-supervised = { $member } at { $endpoint }, run and watched here
cli-explain-managed = { $member } at { $endpoint }, run by somebody else and only read
cli-explain-backup = backups into vault { $vault }: { $guarantee }
cli-explain-no-backup = not backed up

# Comparing what was restored.
cli-aim-compare-place = compare the live member with { $snapshot }
cli-aim-compare-beside = compare { $member } with { $snapshot }
cli-aim-compare-address = compare { $address }:{ $port } with { $snapshot }
cli-option-verify-live = Compare the cluster's own member, as it runs, with the snapshot
cli-verify-one = what was restored is compared with one snapshot; more were given

# Demo.
cli-demo-no-engine = this build has no engine that the demo knows how to fill
cli-demo-folder = the demo's folder cannot be used
cli-demo-ports = no free ports were found
cli-demo-up = started { $engines } from one file
cli-demo-fill = filled with { $rows } rows and keys
cli-demo-backup = backed up as one set
cli-demo-verify = proved each backup: restored into a throw-away server and compared
cli-demo-destroy = destroyed the data directory of { $member } and killed its server
cli-demo-restore = restored { $member }
cli-demo-compare = compared { $member } with its backup, object by object
cli-demo-down = stopped everything
cli-demo-interrupted = the demo was interrupted; what it had started is stopped and removed
cli-demo-command = { $command } failed
cli-demo-no-client = the demo fills { $engine } through its own client, and found none of: { $client }
cli-demo-no-process = { $member } has no process to kill
cli-demo-unproven = { $count } { $count ->
    [one] snapshot is
   *[other] snapshots are
  } not proven
cli-demo-left = processes of the demo would not end; its folder is { $folder }
cli-demo-not-removed = folder { $folder } cannot be removed
cli-demo-compared = { $objects } objects, { $rows } rows
cli-demo-done = The whole voyage took { $took }. Nothing is left running.
cli-backup-next = Taken is not yet proven: `roadstead verify` restores each into a throw-away server and compares.
cli-compared-empty = both sides are empty
