# Sentences of the core: plans, conditions, comparisons.
core-internal = an invariant of Roadstead does not hold: { $what }. This is a defect; please report it.
core-cancelled = stopped on request
core-stream-too-long = stream { $name } is longer than { $limit } bytes, which its kind never is
core-differs-missing = { $kind } { $name } is in the original and not in the copy
core-differs-extra = { $kind } { $name } is in the copy and not in the original
core-differs-count = { $kind } { $name } has { $original } entries in the original and { $copy } in the copy
core-differs-content = { $kind } { $name } has other content in the copy than in the original
core-differs-incomparable = { $kind } { $name } was measured by different methods on the two sides
core-plan-fact-changed = { $fact } was { $was } and is { $is }
core-condition-host-unseen = host { $host } was not seen
core-condition-no-user = the system user { $user } does not exist
core-condition-member-unseen = member { $member } was not seen
core-condition-not-supervised = member { $member } is not run by Roadstead
core-condition-runs = member { $member } runs
core-condition-has-data = member { $member } has data already
core-condition-no-data = member { $member } has no data directory
core-condition-file-differs = file { $path } has other contents
core-condition-setting-unseen = the server does not tell its setting { $setting }
core-condition-setting-differs = setting { $setting } is { $is }, wanted { $wanted }
core-condition-no-database = database { $database } does not exist
core-condition-own-differs = { $what } is not as wanted
core-condition-state = member { $member } is { $state }
core-state-running = running
core-state-starting = starting
core-state-stopped = stopped
core-state-unreachable = unreachable
core-state-refused = refusing us

# Plans.
core-plan-unknown-cluster = there is no cluster { $cluster } in the fleet file
core-plan-unknown-cluster-cure = the clusters are: { $known }
core-plan-unknown-engine = this build has no engine { $engine }
core-plan-unknown-snapshot = there is no snapshot { $snapshot } in the fleet's vaults
core-plan-no-deploy = { $engine } cannot be run by Roadstead yet
core-plan-engine-no-backup = { $engine } cannot be backed up by Roadstead yet
core-plan-foreign-data-cure = move it away yourself, or give the member another name or host folder; Roadstead never touches data that it did not create
core-plan-data-gone = the data directory of { $member } is gone while its server still runs
core-plan-data-gone-cure = restore it: roadstead restore latest --cluster { $cluster }
core-plan-unreachable = member { $member } cannot be reached: { $why }
core-plan-refused = member { $member } refuses us: { $why }
core-plan-not-ready = member { $member } is still starting
core-plan-stopped = member { $member } is stopped
core-plan-other-version = the data of { $member } belongs to version { $is }; the fleet file wants { $wanted }
core-plan-other-version-cure = write version "{ $is }" in the fleet file; an upgrade is a backup and a restore beside
core-plan-more-when-running = what { $member } needs beyond its start is seen once it runs
core-plan-backing-off = member { $member } died { $failures } times in a row; its last words: { $last }
core-plan-no-backup = cluster { $cluster } is not backed up
core-plan-no-backup-cure = write under clusters.{ $cluster }: backup: {"{"} vault: <name> {"}"}
core-plan-cluster-not-declared = snapshot { $snapshot } is of cluster { $cluster } ({ $engine }), which the fleet file does not declare
core-plan-cluster-not-declared-cure = declare a cluster of that name and engine in the fleet file
core-plan-restore-managed = { $member } is run by somebody else; its data cannot be replaced in place
core-plan-restore-managed-cure = restore beside it (--beside NAME:PORT) or into an empty server (--to HOST:PORT)
core-plan-restore-unproven = snapshot { $snapshot } is not proven
core-plan-restore-unproven-cure = prove it first: roadstead verify
core-plan-beside-exists = the fleet has a member { $member } already
core-plan-beside-exists-cure = give the new member a name of its own
core-step-user = create the system user { $user }
core-step-create = create the data directory of { $member } ({ $flavour } { $version })
core-step-start = start { $member } on port { $port }
core-step-stop = stop { $member }; its data stays
core-step-because = { $first }{ $more ->
    [0] {""}
    [one] {" "}and one more change
   *[other] {" "}and { $more } more changes
}
core-step-because-files = its configuration files are rendered anew
core-step-because-it-died = it keeps dying
core-step-restart = restart { $member }: { $why }
core-step-reload = reload { $member }: { $why }
core-step-take = back up { $cluster } from { $member } into vault { $vault }
core-step-check = read snapshot { $snapshot } of { $cluster } back and check its digests
core-step-prove = restore snapshot { $snapshot } of { $cluster } into a scratch server and compare
core-step-set-aside = set the data of { $member } aside as data.{ $label }
core-step-load = load snapshot { $snapshot } into { $member }
core-step-compare = compare { $member } with snapshot { $snapshot }
