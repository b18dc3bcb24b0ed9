# What all engines share: where things lie, how a process is started, watched and ended.
#
# An engine is a file beside this one. It sets PORT and defines five functions:
#   install   fetch what the machine lacks into $CACHE; the second time there is nothing to do
#   start     write the configuration into $HERE and launch the process
#   ready     succeed once the process answers as clients ask it
#   address   print what clients connect to
#   settings  print the settings by which Rillmail finds it, one NAME=value a line

ENGINES=(kafka cassandra elasticsearch redis s3 clamd)
ON_REQUEST=(registry) # started when it is named
SERVERS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=$(realpath -m "${RILLMAIL_SERVERS_CACHE:-$HOME/.cache/rillmail-servers}")
DATA=$(realpath -m "${RILLMAIL_SERVERS_DATA:-$SERVERS/../data/servers}")
START_WITHIN_S=${RILLMAIL_SERVERS_START_WITHIN_S:-300}
STOP_WITHIN_S=${RILLMAIL_SERVERS_STOP_WITHIN_S:-30}
TLS=$DATA/tls # an authority of this folder's own, and what it signed
MAVEN_COPY=org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies
LOG_LINES=30 # shown of a log when its engine did not come up

# --- what the commands do, for each engine named, all at the same time ---

each() { # ACTION [NAME…]
  local action=$1 name pid failed=0 pids=()
  shift
  [ $# -gt 0 ] || set -- "${ENGINES[@]}"
  for name in "$@"; do
    [[ " ${ENGINES[*]} ${ON_REQUEST[*]} " == *" $name "* ]] || {
      echo "no engine is called $name: there are ${ENGINES[*]} ${ON_REQUEST[*]}" >&2
      exit 2
    }
  done
  for name in "$@"; do
    (choose "$name" && "$action") &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return $failed
}

choose() { # NAME: make it the engine that all below is about
  NAME=$1
  HERE=$DATA/$NAME
  PID_FILE=$HERE/pid
  LOG=$HERE/log
  ADDRESS=127.0.0.1
  # shellcheck source=/dev/null
  source "$SERVERS/$NAME.sh"
}

up() {
  set -e
  local began=$SECONDS
  mkdir -p "$HERE" "$CACHE"
  exec 9>"$HERE/lock" # of two who start the same engine, the second finds it up
  flock 9
  if is_running; then
    await_ready
    tell "already up (pid $(pid))"
    return
  fi
  ! is_taken "$PORT" || fail "port $PORT is taken by another process"
  install
  start
  await_ready
  tell "up in $((SECONDS - began)) s (pid $(pid))"
}

down() { end TERM "stopped"; }

sigkill() { end KILL "killed"; }

status() {
  is_running || {
    tell "down"
    return 1
  }
  ready || {
    tell "does not answer (pid $(pid))"
    return 1
  }
  tell "up (pid $(pid), $(($(awk '/^VmRSS/ { print $2 }' "/proc/$(pid)/status") / 1024)) MB)"
}

# --- processes ---

launch() { # COMMAND…: run it apart from this terminal, its output in the log
  [ ! -f "$LOG" ] || mv -f "$LOG" "$LOG.before"
  setsid nohup "$@" >"$LOG" 2>&1 </dev/null 9>&- &
  # With the time it was started, since after a restart of the machine the number is another's.
  echo "$! $(started_at $!)" >"$PID_FILE"
}

pid() { cut -d' ' -f1 "$PID_FILE"; }

started_at() { # PID: in ticks since the machine started; the name before it may hold blanks
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

is_running() {
  [ -s "$PID_FILE" ] || return 1
  local known since
  read -r known since <"$PID_FILE"
  [ "$(started_at "$known")" = "$since" ] && ! grep -q '^State:.*Z' "/proc/$known/status"
}

await_ready() {
  local deadline=$((SECONDS + START_WITHIN_S))
  until ready; do
    is_running || fail_with_log "ended while it started"
    [ $SECONDS -lt $deadline ] || fail_with_log "does not answer after $START_WITHIN_S s"
    sleep 0.2
  done
}

end() { # SIGNAL WORD
  is_running || {
    rm -f "$PID_FILE"
    tell "is down"
    return
  }
  local word=$2
  kill -s "$1" "$(pid)" || true
  is_gone_within "$STOP_WITHIN_S" || {
    word="killed, since it did not stop within $STOP_WITHIN_S s"
    kill -s KILL "$(pid)" || true
    is_gone_within "$STOP_WITHIN_S" || fail "can't be ended (pid $(pid))"
  }
  rm -f "$PID_FILE"
  tell "$word"
}

is_gone_within() { # SECONDS: a killed process may hold its port a little longer
  local deadline=$((SECONDS + $1))
  while is_running || is_taken "$PORT"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}

# --- telling ---

tell() { printf '%-14s %-28s %s\n' "$NAME" "$(address)" "$1"; }

fail() { # SENTENCE: the end of what is done with this engine
  tell "$1" >&2
  exit 1
}

fail_with_log() { # SENTENCE
  tail -n $LOG_LINES "$LOG" | cut -c -200 | sed "s/^/$NAME | /" >&2
  fail "$1: see $LOG"
}

# --- the network ---

is_taken() { (exec 3<>"/dev/tcp/$ADDRESS/$1") 2>/dev/null; }

http_status() { # URL
  curl -s -o /dev/null -m 2 -w '%{http_code}' "$1" || true
}

# --- what a fresh machine lacks ---

needs() { # COMMAND PACKAGE…: have Debian's packages unless the command is there
  local command=$1
  shift
  command -v "$command" >/dev/null || one_at_a_time apt debian "$@"
  command -v "$command" >/dev/null || fail "$command is missing, and $* did not bring it"
}

# Runlevel 1: a package's own service is not started, it would take the port.
APT=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=300)

debian() { # PACKAGE…
  updating as_root "${APT[@]}" install -y --no-install-recommends "$@" ||
    fail "can't install $*: be root, or let sudo work"
}

updating() { # COMMAND…: once more with what Debian has by now, if it fails
  "$@" >"$HERE/apt.log" 2>&1 || { as_root "${APT[@]}" update && "$@"; } >"$HERE/apt.log" 2>&1 || {
    tail -n 5 "$HERE/apt.log" >&2
    return 1
  }
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

jars() { # FOLDER GROUP:ARTIFACT:VERSION…: the artifacts with all that they need
  local folder=$1
  shift
  [ ! -f "$folder/.complete" ] || return 0
  needs javac openjdk-17-jdk-headless
  needs mvn maven
  one_at_a_time maven maven_copies "$folder" "$@"
}

maven_copies() { # FOLDER GROUP:ARTIFACT:VERSION…
  local folder=$1 pom artifact group name version
  shift
  [ ! -f "$folder/.complete" ] || return 0
  pom=$(mktemp -d)
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>rillmail</groupId><artifactId>server</artifactId><version>1</version>'
    echo '<packaging>pom</packaging><dependencies>'
    for artifact in "$@"; do
      IFS=: read -r group name version <<<"$artifact"
      echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
      echo "<version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
  } >"$pom/pom.xml"
  mvn -B -q -ntp -f "$pom/pom.xml" "$MAVEN_COPY" -DincludeScope=runtime \
    -DoutputDirectory="$folder" >"$HERE/maven.log" 2>&1 || {
    tail -n 5 "$HERE/maven.log" >&2
    fail "can't fetch $*"
  }
  rm -rf "$pom"
  touch "$folder/.complete"
}

certificates() { # for the doors that speak TLS: ca, engine and client, each with .pem and .key
  needs openssl openssl
  one_at_a_time tls issue_certificates
}

issue_certificates() {
  openssl x509 -checkend 86400 -noout -in "$TLS/client.pem" >/dev/null 2>&1 && return 0
  mkdir -p -m 700 "$TLS"
  private_key ca
  openssl req -x509 -new -key "$TLS/ca.key" -days 3650 -subj "/CN=Rillmail's engines for tests" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$TLS/ca.pem"
  issue engine "subjectAltName=IP:127.0.0.1,DNS:engines.localhost"
  cat "$TLS/engine.key" "$TLS/engine.pem" >"$TLS/engine-both.pem" # as Java's servers want it
  issue client "subjectAltName=DNS:rillmail" # the last: it tells that all are there
}

private_key() { # NAME
  (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$TLS/$1.key")
}

issue() { # NAME EXTENSION
  private_key "$1"
  openssl req -new -key "$TLS/$1.key" -subj "/CN=$1" |
    openssl x509 -req -CA "$TLS/ca.pem" -CAkey "$TLS/ca.key" -CAcreateserial -days 3650 \
      -extfile <(printf '%s\n' basicConstraints=critical,CA:FALSE authorityKeyIdentifier=keyid "$2") \
      -out "$TLS/$1.made" 2>/dev/null
  mv "$TLS/$1.made" "$TLS/$1.pem"
}

one_at_a_time() { # TOOL COMMAND…: apt and Maven can't be run twice at once
  (
    flock 8
    "${@:2}" 8>&-
  ) 8>"$CACHE/$1.lock"
}
