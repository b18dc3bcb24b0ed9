# An S3 service on a folder: versitygw, built from the Go module proxy.

VERSION=v1.8.0
PORT=${RILLMAIL_SERVERS_S3_PORT:-9000}
ACCESS_KEY=${RILLMAIL_SERVERS_S3_ACCESS_KEY:-testaccess}
SECRET_KEY=${RILLMAIL_SERVERS_S3_SECRET_KEY:-testsecret123}
PROGRAM=$CACHE/versitygw-$VERSION
GO_VERSION=1.26.8 # fetched where Debian's is older than what the module asks for

install() {
  needs curl curl
  [ -x "$PROGRAM" ] || one_at_a_time go build
}

build() {
  needs go golang-go
  local go built
  go=$(command -v go)
  # From 1.21 on, Go fetches by itself the release that a module asks for.
  [ "$(minor "$go")" -ge 21 ] || go=$(newer_go "$go")
  built=$(mktemp -d)
  CGO_ENABLED=0 GOTOOLCHAIN=auto GOBIN=$built "$go" install -trimpath -ldflags "-s -w" \
    "github.com/versity/versitygw/cmd/versitygw@$VERSION" >"$HERE/go.log" 2>&1 || {
    tail -n 5 "$HERE/go.log" >&2
    fail "can't build versitygw $VERSION"
  }
  mv "$built/versitygw" "$PROGRAM"
  rm -rf "$built"
}

minor() { # GO: the 21 of go1.21.3
  "$1" version | sed -E 's/.*go1\.([0-9]+).*/\1/'
}

newer_go() { # GO: fetch a newer one with it, as the module that releases are published as
  local root
  (cd "$HERE" && "$1" mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.$("$1" env GOOS)-$("$1" env GOARCH)") \
    >"$HERE/toolchain.json" 2>"$HERE/go.log" || fail "can't fetch Go $GO_VERSION"
  root=$(sed -nE 's/.*"Dir": "(.*)".*/\1/p' "$HERE/toolchain.json")
  chmod -R u+w "$root" # modules are unpacked to be read only, and nothing in them may run
  chmod -R +x "$root/bin" "$root/pkg/tool"
  echo "$root/bin/go"
}

start() {
  mkdir -p "$HERE"/{objects,metadata}
  ROOT_ACCESS_KEY=$ACCESS_KEY ROOT_SECRET_KEY=$SECRET_KEY launch "$PROGRAM" \
    --port "127.0.0.1:$PORT" posix --sidecar "$HERE/metadata" "$HERE/objects"
}

ready() { [[ "$(http_status "$(address)/")" =~ ^(200|403)$ ]]; }

address() { echo "http://127.0.0.1:$PORT"; }

settings() {
  echo "RILLMAIL_S3_URL=$(address)"
  echo "RILLMAIL_S3_PUBLIC_URL=$(address)"
  echo "RILLMAIL_S3_ACCESS_KEY=$ACCESS_KEY"
  echo "RILLMAIL_S3_SECRET_KEY=$SECRET_KEY"
}
