# What the benchmarks share: a fleet in a folder of its own, a stopwatch, a table.
# Each benchmark measures Roadstead and a peer in turn, in one run, and prints the ratio of the best times:
# the machine's noise only ever adds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROUNDS=${ROUNDS:-3}
ROADSTEAD=${CARGO_TARGET_DIR:-target}/release/roadstead
ROADSTEAD=$(realpath -m "$ROADSTEAD")
[ -n "${BENCH_BUILT:-}" ] || cargo build --release --quiet
SERVERS=$(cargo xtask servers --folder)
export ROADSTEAD_PROGRAMS=$SERVERS/postgresql-18/bin:$SERVERS/mysql-9/usr/sbin:$SERVERS/mysql-9/usr/bin
BENCH=$(mktemp -d /tmp/rs-bench-XXXXXX); chmod 755 "$BENCH"

finish() {
  code=$?
  (cd "$BENCH" && [ -f fleet.yaml ] && "$ROADSTEAD" down --yes >/dev/null 2>&1) || true
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
  (cd "$BENCH" && "$ROADSTEAD" up --yes >up.log 2>&1) || { cat "$BENCH/up.log"; exit 1; }
  ADMIN=$(cat "$BENCH/members/bench/data-1/secrets/admin")
}

rs() { (cd "$BENCH" && "$ROADSTEAD" "$@" >rs.log 2>&1) || { cat "$BENCH/rs.log" >&2; exit 1; }; }

now() { date +%s.%N; }

# best VARIABLE COMMAND...: the best time of ROUNDS runs, in seconds; `before` (a function) runs before each, untimed.
before() { :; }
best() {
  local variable=$1 least= start end took; shift
  for _ in $(seq "$ROUNDS"); do
    before
    start=$(now); "$@"; end=$(now)
    took=$(echo "$end - $start" | bc)
    if [ -z "$least" ] || [ "$(echo "$took < $least" | bc)" = 1 ]; then least=$took; fi
  done
  printf -v "$variable" '%s' "$least"
}

# Seconds that the last operation's steps whose ids begin with PREFIX took, by the journal.
step_seconds() {
  (cd "$BENCH" && "$ROADSTEAD" journal --json) | python3 -c '
import json, sys, datetime as d
at = lambda text: d.datetime.fromisoformat(text.replace("Z", "+00:00"))
last = json.load(sys.stdin)["operations"][0]
print(round(sum((at(s["ended"]) - at(s["started"])).total_seconds() for s in last["steps"] if s["id"].startswith(sys.argv[1])), 3))' "$1"
}

# The agent's greatest memory so far, in MiB.
agent_peak_mib() {
  local pid; pid=$(cd "$BENCH" && "$ROADSTEAD" status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["agents"]["local"]["pid"])')
  awk '/VmHWM/ {printf "%.0f", $2 / 1024}' "/proc/$pid/status"
}

# row WHAT OURS PEER GOAL: one line of the table; the goal is the greatest ratio wanted.
row() {
  local ratio; ratio=$(echo "scale=3; $2 / $3" | bc)
  local word=met; [ "$(echo "$ratio > $4" | bc)" = 1 ] && word=missed
  printf '%-34s %9.2f s %9.2f s   %6.2f   <= %-5s %s\n' "$1" "$2" "$3" "$ratio" "$4" "$word"
}

# figure WHAT VALUE UNIT LIMIT: a figure against a limit.
figure() {
  local word=met; [ "$(echo "$2 > $4" | bc)" = 1 ] && word=missed
  printf '%-34s %9.1f %-12s          <= %-5s %s\n' "$1" "$2" "$3" "$4" "$word"
}

heading() { printf '%-34s %11s %11s   %6s   %-8s\n' "$1" roadstead peer ratio goal; }
