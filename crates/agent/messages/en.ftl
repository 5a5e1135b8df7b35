# Sentences of the host's hand.
agent-address-unusable = nothing can be bound to { $address } port { $port } on this host
agent-proof-differs = restored into a throw-away server, snapshot { $snapshot } does not give what it was taken from ({ $count } { $count ->
    [one] difference
   *[other] differences
  })
agent-proof-differs-cure = do not rely on this snapshot; take a new backup and verify that one
agent-loaded-differs = { $member } at { $endpoint } was just loaded from snapshot { $snapshot } and does not hold what it holds ({ $count } { $count ->
    [one] difference
   *[other] differences
  })
agent-loaded-differs-cure = if clients have written since it was started, that is why; else do not use it, and see whether the snapshot can be proven: roadstead verify { $snapshot }
agent-live-differs = { $member } at { $endpoint } does not hold what snapshot { $snapshot } holds ({ $count } { $count ->
    [one] difference
   *[other] differences
  })
agent-live-differs-cure = what clients have written since the snapshot was taken ({ $taken }) differs, as it must; whether the snapshot itself can be restored is told by: roadstead verify { $snapshot }
agent-restored-differs = { $member } at { $endpoint } does not hold what snapshot { $snapshot } holds ({ $count } { $count ->
    [one] difference
   *[other] differences
  })
agent-restored-differs-cure = if it was written to since it was restored, that is why; else restore it again, and see whether the snapshot can be proven: roadstead verify { $snapshot }
agent-data-absent = member { $member } has no data directory at { $path }
agent-data-unfinished = the data directory { $path } of member { $member } is only half made
agent-data-foreign = { $path } holds data that Roadstead did not make
agent-data-foreign-cure = move that folder away, or give the member another place; Roadstead does not touch it
agent-data-identity-damaged = the identity file in { $path } cannot be understood
agent-data-newer = the data in { $path } was last used by version { $data }, and the server is version { $server }
agent-data-newer-cure = install a server of version { $data } or later
agent-data-not-a-folder = { $path } is not a folder
agent-data-of-fleet = the data in { $path } belongs to fleet { $is }, not to { $wanted }
agent-data-of-cluster = the data in { $path } belongs to cluster { $is }, not to { $wanted }
agent-data-of-member = the data in { $path } belongs to member { $is }, not to { $wanted }
agent-data-of-engine = the data in { $path } is of engine { $is }, not of { $wanted }
agent-data-of-flavour = the data in { $path } is of { $is }, and the server is { $wanted }
agent-data-of-namesake = the data in { $path } belongs to another fleet of this name, whose file is { $is }; this one is { $wanted }. Give one of the two another name, or another folder for its data; a file that was moved must be gone from where it was
agent-data-swapped = { $path } is not what the server works in: its own data was moved to { $works }
agent-data-unreadable = { $path } cannot be read: { $reason }
agent-data-used = the data in { $path } may have been used since it was made, so nothing is loaded into it
agent-data-used-cure = set the data aside and create the member anew, as restore does
agent-door-broke = the connection to the agent broke
agent-door-closed = the agent at { $path } cannot be reached
agent-door-cut = the agent went away before it told what came of the act
agent-door-cut-cure = what was done is unknown until the next look; "roadstead resume" looks and goes on
agent-door-gone = no agent serves at { $path } any more
agent-door-gone-cure = start it with "roadstead up"
agent-door-not-yours = user id { $uid } may not ask this agent; only its own user and root may
agent-door-other-protocol = the agent and this command do not speak the same protocol
agent-door-other-protocol-cure = end the agent and start it with this version; its members go on running
agent-door-other-version = the agent that serves (process { $pid }) is of another version of Roadstead, and speaks another protocol
agent-door-other-version-cure = end it and start one of this version; its members go on running: kill { $pid }, then roadstead up
agent-door-silent = the agent at { $path } (process { $pid }) does not answer
agent-door-silent-cure = if it was stopped, let it go on: kill -CONT { $pid }; else look into its log; it can be killed without harm, the members go on
agent-door-who = who asks at the agent's door cannot be told
agent-engine-unknown = this build has no engine { $engine }
agent-facet-absent = { $engine } cannot do this here: { $facet }
agent-file-not-removed = { $path } could not be removed
agent-file-not-written = { $path } could not be written
agent-folder-closed = user { $user } may not enter { $path }, below which its member would live
agent-folder-closed-cure = open that folder for passing (chmod o+x), or set hosts.<name>.data to another place
agent-folder-not-made = folder { $path } could not be made as it must be
agent-folder-unreadable = { $path } could not be opened, or a link stands in its way
agent-frame-not-understood = a message at the agent's door was not understood
agent-frame-too-long = a message at the agent's door has { $bytes } bytes; { $limit } are allowed
agent-held = { $what } is held by { $holder }
agent-held-cure = wait until that is done, and try again
agent-held-backup = the backup of cluster { $cluster }
agent-held-door = the agent's door { $path }
agent-held-member = member { $member }
agent-held-private = a private folder
agent-held-scratch = a throw-away server
agent-label = "{ $label }" cannot be part of a folder's name
agent-load-not-stopped = after loading, the server of member { $member } did not stop in order, so what it holds counts for nothing
agent-lock-file = the lock file { $path } could not be used
agent-besides-unseen = what lies in { $path } could not be looked through within { $limit }: members that are not declared, or were under another name, and what was set aside are not told
agent-besides-unseen-cure = see whether a file system below it hangs
agent-member-died-cure = the reason is in { $log }
agent-member-restarted = member { $member } died and was started again { $count ->
    [one] once
   *[other] { $count } times
}; last: { $last }
agent-member-silent = member { $member } at { $address } port { $port } did not answer within { $deadline }
agent-member-silent-cure = it may be stopped (SIGSTOP), overloaded, or behind a broken network; it is not taken for down
agent-unreached-cure = see whether the server runs, listens at { $endpoint }, and is let through by every firewall between
agent-no-layout = how member { $member } was started is not known here
agent-no-layout-cure = stop it and start it again: roadstead down, then roadstead up
agent-no-layout-possible = no server can be laid out for cluster { $cluster }: { $why }
agent-no-port = no free port was found on loopback
agent-no-signals = the signals that end an agent could not be listened for
agent-no-space = no space is left at { $path }: { $why }
agent-no-room = there is no room for snapshot { $snapshot }: its backup is { $needed } long, and { $path } has { $free } left
agent-no-room-cure = make room there; nothing was changed
agent-last-words = { $words }
agent-start-failed = { $why }: { $words }
agent-found-not-running = it did not run when the agent started
agent-not-killed = process { $pid } is still there after SIGKILL
agent-not-renamed = { $path } could not be renamed
agent-not-run-here = member { $member } is not run by Roadstead
agent-not-running = member { $member } does not run
agent-not-listening = member { $member } runs and does not listen on port { $port } itself
agent-not-running-cure = see roadstead status; roadstead up starts it
agent-not-signalled = process { $pid } could not be signalled
agent-not-started = { $program } could not be started
agent-not-synced = { $path } could not be made durable
agent-not-watched = process { $pid } could not be watched
agent-nothing = nothing is known
agent-path-outside = { $path } does not lie below { $home }
agent-phase-check = reading snapshot { $snapshot }
agent-phase-compare = comparing with snapshot { $snapshot }
agent-phase-load = loading snapshot { $snapshot }
agent-accounts-besides = { $endpoint } has accounts that the snapshot has not, and keeps them: { $accounts }
agent-phase-clear = taking out what a broken-off load left
agent-phase-scratch = making a throw-away server for snapshot { $snapshot }
agent-port-taken = port { $port } on { $address }, which member { $member } needs, is taken by process { $pid } ({ $command })
agent-port-taken-cure = stop that process, or give the member another port
agent-port-outgoing = port { $port } on { $address }, which member { $member } needs, is that of a connection that this machine opened or has just closed
agent-port-outgoing-cure = try again in a minute; or give the member a port outside { $ports }, from which outgoing connections take theirs
agent-private-folder = the private folder { $path } could not be made
agent-private-folder-foreign = { $path } belongs to somebody else or is open to others
agent-program-deadline = { $program } did not end within { $how } and was killed
agent-program-failed = { $program } failed ({ $how })
agent-record-differs = the record of snapshot { $snapshot } in the vault is not the one that was written
agent-scratch-left = { $path } could not be removed whole
agent-secret-not-sent = the secret { $reference } did not come with the order
agent-secret-not-text = the secret in { $path } is not text
agent-secret-open = { $path } holds a secret and is open to others
agent-secret-outside = { $path } is not below the host's data folder, so it is not read
agent-secret-unreadable = the secret in { $path } cannot be read
agent-snapshot-lacks = snapshot { $snapshot } lacks something in its vault, so that it cannot be restored
agent-snapshot-lacks-cure = choose another (roadstead backups lists them); roadstead vault check tells more
agent-data-mounted = a file system is mounted at { $path }, so that what is there cannot be set aside by renaming
agent-data-mounted-cure = restore beside it (--beside NAME:PORT), or mount that disk at { $home } with the data directory in it
agent-not-comparable = what is there was not compared with snapshot { $snapshot }: the one was measured as { $original }, the other as { $copy }
agent-not-comparable-cure = restore into a server of the version that it was taken from to have it compared; nothing is known to be wrong with what is there
agent-snapshot-damaged-cure = take a new backup; other snapshots may be whole
agent-snapshot-of-engine = snapshot { $snapshot } is of engine { $is }, not of { $wanted }
agent-socket = the agent's socket { $path } could not be made
agent-socket-folder-open = others may write in { $path }, or it is not ours, so no agent answers there
agent-socket-folder-open-cure = give that folder mode 0700 and the agent's user
agent-socket-too-long = the socket's path { $path } is longer than { $limit } characters
agent-start-cure = the server's own words are in { $log }
agent-start-died = the server of member { $member } ended after { $seconds } s, before it answered at { $endpoint } ({ $how })
agent-start-refused = member { $member } runs at { $endpoint } and refuses us after { $seconds } s: { $why }
agent-start-silent = member { $member } did not become ready at { $endpoint } within { $seconds } s: { $why }
agent-still-running = member { $member } still runs
agent-stop-killed = member { $member } did not stop in order within { $deadline } and was killed; it will recover at its next start
agent-survey-failed = what a backup of member { $member } would miss could not be asked: { $why }
agent-survey-silent = member { $member } did not tell in time what a backup would miss
agent-target-occupied = the server at { $endpoint } is not empty: { $holds }
agent-target-occupied-cure = restore into an empty server; Roadstead does not overwrite what is there. What an interrupted restore left there is taken out by `roadstead resume`
agent-unfinished-not-removed = the half-made data directory { $path } could not be removed
agent-unfinished-kept = what lay in the data directory of { $member } was not finished, and was moved to { $path }
agent-unfinished-kept-cure = remove it once you know that it is needed no more
agent-snapshot-damaged = snapshot { $snapshot } is damaged ({ $count } findings): { $first }
agent-user-is-root = servers are not run as { $user }, which is the superuser
agent-user-is-root-cure = name an unprivileged user under hosts.<name>.user, or leave it out
agent-user-missing = the system user { $user } does not exist
agent-user-missing-cure = make it with "useradd --system { $user }", or let "roadstead up" do it
agent-user-name = "{ $user }" cannot be the name of a system user
agent-user-not-made = the system user { $user } could not be made
agent-user-not-made-cure = as root, run "useradd --system { $user }"
