# Sentences of the command line.

# Labels before lines.
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
cli-help-after = Exit codes: 0 done, 1 the answer is no, 2 wrong input, 3 partly done, 130 interrupted.
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
cli-option-file = The fleet file [default: fleet.yaml]
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

# Secrets.
cli-secret-env-unset = environment variable { $name } is not set
cli-secret-env-empty = environment variable { $name } is empty
cli-secret-env-not-text = environment variable { $name } is not UTF-8 text
cli-secret-env-cure = set it for this command: export { $name }=…
cli-secret-host = the secret { $path } lies on a member's host and is not read here
cli-secret-file-unreadable = secret file { $path } cannot be read
cli-secret-file-absent-cure = make one with a random secret: roadstead secret new { $path }
cli-secret-file-not-regular = secret file { $path } is not a regular file
cli-secret-file-open = secret file { $path } may be read by others (mode { $mode })
cli-secret-file-open-cure = take the right from them: chmod 600 { $path }
cli-secret-file-long = secret file { $path } is longer than 64 KiB
cli-secret-file-empty = secret file { $path } is empty
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
cli-no-such-cluster = the fleet file declares no cluster { $cluster }
cli-no-such-cluster-cure = it declares: { $clusters }
cli-option-live = Look at the servers too: reachable, and the account's grants sufficient for a backup
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
cli-init-key = wrote { $path }: the vault's key, mode 0600. Keep a copy elsewhere: without it no backup can be read
cli-init-kept = kept { $path }, which was there already
cli-init-wrote = wrote { $path }
cli-init-ignored = { $path } now names { $entries }
cli-init-next = Next: declare your clusters, then `roadstead check`, `roadstead backup`, `roadstead verify`.
