# ClamAV's daemon, from Debian, with one signature: the test file that all scanners know.

PORT=${RILLMAIL_SERVERS_CLAMD_PORT:-3310}
LARGEST_STREAM=${RILLMAIL_SERVERS_CLAMD_LARGEST_STREAM:-40M}
SIGNATURES=${RILLMAIL_SERVERS_CLAMD_SIGNATURES:-} # a folder with more, such as freshclam's

install() { needs clamd clamav-daemon; }

start() {
  mkdir -p "$HERE"/{signatures,tmp}
  eicar >"$HERE/signatures/eicar.ndb"
  [ -z "$SIGNATURES" ] || cp "$SIGNATURES"/* "$HERE/signatures/"
  configuration >"$HERE/clamd.conf"
  launch clamd --config-file="$HERE/clamd.conf"
}

ready() {
  local answer
  answer=$({
    exec 3<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'nPING\n' >&3
    timeout 2 head -c 4 <&3
  } 2>/dev/null || true)
  [ "$answer" = PONG ]
}

address() { echo "127.0.0.1:$PORT"; }

settings() { echo "RILLMAIL_CLAMD=$(address)"; }

eicar() { # any kind of file, anywhere in it; in halves, so that no scanner stops at this script
  local first='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR' second='-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
  echo "Eicar-Test-Signature:0:*:$(printf '%s' "$first" "$second" | od -An -tx1 | tr -d ' \n')"
}

configuration() {
  cat <<END
DatabaseDirectory $HERE/signatures
TemporaryDirectory $HERE/tmp
OfficialDatabaseOnly no
LocalSocket $HERE/socket
LocalSocketMode 600
FixStaleSocket yes
TCPAddr 127.0.0.1
TCPSocket $PORT
Foreground yes
LogTime yes
StreamMaxLength $LARGEST_STREAM
MaxScanSize 100M
MaxFileSize 50M
MaxThreads 4
ReadTimeout 30
IdleTimeout 30
SelfCheck 3600
AlertExceedsMax yes
AlertEncrypted yes
END
}
