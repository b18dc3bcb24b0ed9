# Apicurio Registry, which speaks the API of Confluent's schema registry, from Maven Central. Only
# when it is named: nothing of Rillmail needs it. What it is told is forgotten when it ends.

VERSION=2.6.13.Final # the newest that runs on Java 17
PORT=${RILLMAIL_SERVERS_REGISTRY_PORT:-8081}
HEAP=${RILLMAIL_SERVERS_REGISTRY_HEAP:-256m}
FILES=$CACHE/registry-$VERSION

install() {
  needs mvn maven
  needs curl curl
  [ -f "$FILES/.complete" ] || one_at_a_time maven unpack
}

unpack() {
  rm -rf "$FILES"
  mkdir -p "$FILES"
  mvn -B -q -ntp "${MAVEN_COPY%:*}:copy" -DoutputDirectory="$FILES" \
    "-Dartifact=io.apicurio:apicurio-registry-app:$VERSION:tar.gz:all" >"$HERE/maven.log" 2>&1 ||
    fail "can't fetch the registry: see $HERE/maven.log"
  tar -xzf "$FILES"/*.tar.gz -C "$FILES"
  rm "$FILES"/*.tar.gz
  touch "$FILES/.complete"
}

start() {
  launch java "-Xmx$HEAP" -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$PORT" \
    -jar "$FILES/apicurio-registry-app-$VERSION-runner.jar"
}

ready() { [ "$(http_status "$(address)/subjects")" = 200 ]; }

address() { echo "http://127.0.0.1:$PORT/apis/ccompat/v7"; }

settings() { :; }
