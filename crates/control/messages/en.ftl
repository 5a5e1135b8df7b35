# Sentences of the controller.
control-host-unseen = host { $host } cannot be looked at: { $why }
control-doing-resolve = resolving { $reference }
control-lock-trouble = the fleet's lock file { $path } cannot be used
control-lock-trouble-cure = a command that changes something needs to write in the folder of that file: see to it that this user may
control-lock-held = the fleet is held by "{ $command }" (process { $pid }, { $by }) since { $since }
control-lock-held-unknown = the fleet is held by another command
control-lock-held-cure = wait until it has ended, or stop it
control-step-done-unrecorded = the step itself was done
control-journal-newer = the journal { $path } was written by a newer Roadstead
control-journal-newer-cure = use that version; or move the file away, which loses history and no backup
control-journal-trouble = the journal { $path } cannot be used
control-journal-corrupt-cure = move the file away: this loses history and no backup
control-journal-full-cure = make room there; `roadstead journal` then lists what was begun, and `roadstead resume` with its id carries it on
control-journal-closed-cure = see to it that this user may read it, and write in its folder; commands that only look need no more than to read it
control-journal-unreadable = the journal { $path } holds an entry that this version cannot read
control-operation-ambiguous = more than one operation begins with { $id }
control-operation-not-found = the journal has no operation { $id }
control-operation-not-found-cure = list them: roadstead journal
control-step-refused = not done, because its precondition does not hold: { $why }
control-step-unproven = done, but what it should have brought about is not so: { $why }
control-damage-unnoted = the damage could not be written into the histories of these snapshots, which still show the stage they had: { $why }
control-damage-why = { $what } ({ $said })
control-damage-unnoted-cure = make the vault writable or give it room, and check it again
control-vault-unread = the catalogue of vault { $vault } cannot be read: { $why }
control-vault-key-lost = the key { $path } is missing, and vault { $vault } was made with it
control-vault-key-lost-cure = bring the key back from where you keep its copy; a new key would not open this vault
control-plan-other-format = the plan was saved by another version of Roadstead
control-plan-other-fleet = the plan is for fleet { $fleet }
control-plan-other-file = the fleet file has changed since the plan was made
control-plan-stale = { $count ->
    [one] one fact has changed since the plan was made
   *[other] { $count } facts have changed since the plan was made
}
control-plan-stale-cure = make a new plan and read it: roadstead plan --out FILE
