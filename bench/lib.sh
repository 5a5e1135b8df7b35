# What the benchmarks share: a fleet in a folder of its own, a stopwatch, a table.
# Each benchmark measures Roadstead and a peer in turn, round by round, and prints the ratio of the best times: noise
# only ever adds, and what slows a round slows both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROUNDS=${ROUNDS:-3}
[ -n "${BENCH_BUILT:-}" ] || cargo build --release --quiet
ROADSTEAD=$(realpath -m "${CARGO_TARGET_DIR:-target}/release/roadstead")
SERVERS=${BENCH_SERVERS:-$(cargo xtask servers --folder)}
export ROADSTEAD_PROGRAMS=$SERVERS/postgresql-18/bin:$SERVERS/mysql-9/usr/sbin:$SERVERS/mysql-9/usr/bin
BENCH=$(mktemp -d /tmp/rs-bench-XXXXXX); chmod 755 "$BENCH"

finish() {
  code=$?
  (cd "$BENCH" && [ -f fleet.yaml ] && "$ROADSTEAD" down --yes >/dev/null 2>&1) || true
  # Restored copies are in no fleet file; the folder's name, which nobody else has, tells them and the agent.
  pgrep -f "$BENCH/" | grep -vx $$ | xargs -r kill 2>/dev/null || true
  timeout 20 bash -c "while pgrep -f '$BENCH/(members|[.]roadstead)/' | grep -qvx \$\$; do sleep 0.2; done" || true
  rm -rf "$BENCH"
  exit $code
}
trap finish EXIT

free_port() { python3 - <<'P' 2>/dev/null || echo $((20000 + RANDOM % 20000))
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])
P
}

# fleet ENGINE VERSION MEMORY: declares one member and starts it.
fleet() {
  PORT=$(free_port)
  head -c 24 /dev/urandom | base64 | tr -d '+/=\n' >"$BENCH/vault.key"; chmod 600 "$BENCH/vault.key"
  cat >"$BENCH/fleet.yaml" <<Y
fleet: bench
vaults:
  local: { url: ./vault, key: "\${file:vault.key}" }
hosts:
  local: { data: "$BENCH/members" }
clusters:
  data:
    engine: $1
    version: "$2"
    memory: $3
    members: [{ name: data-1, port: $PORT }]
    ${4:-}
    backup: { vault: local }
Y
  rs vault init local
  rs up --yes
  ADMIN=$(cat "$BENCH/members/bench/data-1/secrets/admin")
}

# Runs one command of Roadstead and keeps the most memory that it had.
rs() {
  (cd "$BENCH" && exec python3 - "$ROADSTEAD" "$@" >rs.log 2>&1) <<'P' || { cat "$BENCH/rs.log" >&2; exit 1; }
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=open("peaks", "a"))
sys.exit(code)
P
}

now() { date +%s.%N; }

# The shorter of two times, of which the first may not have been taken yet.
least() { if [ -z "$1" ] || [ "$(echo "$2 < $1" | bc)" = 1 ]; then echo "$2"; else echo "$1"; fi; }

# best VARIABLE COMMAND...: the best time of ROUNDS runs, in seconds.
best() {
  local variable=$1 shortest= start; shift
  for _ in $(seq "$ROUNDS"); do
    start=$(now); "$@"
    shortest=$(least "$shortest" "$(echo "$(now) - $start" | bc)")
  done
  printf -v "$variable" '%s' "$shortest"
}

# race OURS PEER: runs both functions in turn, ROUNDS times; the best times are in `ours` and `peer`. `before` (a
# function) runs before each of the peer's, untimed. A function that measures itself says so in `took`.
before() { :; }
race() {
  local round start; ours= peer=
  for round in $(seq "$ROUNDS"); do
    took=; start=$(now); "$1" "$round"
    ours=$(least "$ours" "${took:-$(echo "$(now) - $start" | bc)}")
    before
    took=; start=$(now); "$2" "$round"
    peer=$(least "$peer" "${took:-$(echo "$(now) - $start" | bc)}")
  done
}

# What Roadstead does, as functions for `race`.
# Each backup goes into an empty vault: into one that has the data already it takes less.
backup() {
  local start
  rm -rf "$BENCH/vault"; rs vault init local
  start=$(now); rs backup
  took=$(echo "$(now) - $start" | bc)
}
# The load step alone: the peer has its server running, too.
restore() {
  rs restore latest --cluster data --beside "copy-$1:$(free_port)" --yes
  took=$(step_seconds load-)
  # A whole restore also makes the member, as a proof makes its scratch server.
  whole=$(least "${whole:-}" "$(step_seconds create- load- start-)")
}
# Backup and proof of it; the proof is what counts.
verify() {
  rs backup; rs verify
  proof=$(least "${proof:-}" "$(step_seconds prove-)")
}

# Seconds that the last operation's steps whose keys begin with one of these words took, by the journal.
step_seconds() {
  (cd "$BENCH" && "$ROADSTEAD" journal --json) | python3 -c '
import json, sys, datetime as d
at = lambda text: d.datetime.fromisoformat(text.replace("Z", "+00:00"))
last = json.load(sys.stdin)["operations"][0]
print(round(sum((at(s["ended"]) - at(s["started"])).total_seconds() for s in last["steps"] if s["id"].startswith(tuple(sys.argv[1:]))), 3))' "$@"
}

# The most memory that the agent or any command had so far, in MB.
peak_mb() {
  local pid; pid=$(cd "$BENCH" && "$ROADSTEAD" status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["agents"]["local"]["pid"])')
  { awk '/VmHWM/ {print $2}' "/proc/$pid/status"; cat "$BENCH/peaks"; } | sort -n | awk 'END {printf "%.1f", $1 * 1024 / 1000000}'
}

# row WHAT OURS PEER GOAL: one line of the table; the goal is the greatest ratio wanted.
row() {
  local ratio word=met; ratio=$(echo "scale=3; $2 / $3" | bc)
  [ "$(echo "$ratio > $4" | bc)" = 1 ] && word=missed
  printf '%-14s %-32s %8.2f s %8.2f s %7.2f   <= %-4s %s\n' "$SUBJECT" "$1" "$2" "$3" "$ratio" "$4" "$word"
}

# figure WHAT VALUE UNIT LIMIT: a figure against a limit.
figure() {
  local word=met; [ "$(echo "$2 > $4" | bc)" = 1 ] && word=missed
  printf '%-14s %-32s %8.1f %-20s   <= %-4s %s\n' "$SUBJECT" "$1" "$2" "$3" "$4" "$word"
}

# The table's head; `bench/all` prints it once.
heading() {
  [ -n "${BENCH_BUILT:-}" ] || printf '%-14s %-32s %10s %10s %7s   %s\n' '' goal roadstead peer ratio wanted
}
