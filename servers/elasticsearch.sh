# Elasticsearch: one node, from Maven Central.
#
# What is published there has no launcher and lacks the module of common analyzers: the
# folder elasticsearch/ has a main class, and the analyzers that mail needs.

VERSION=7.17.29
PORT=${RILLMAIL_SERVERS_ELASTICSEARCH_PORT:-9200}
TRANSPORT_PORT=${RILLMAIL_SERVERS_ELASTICSEARCH_TRANSPORT_PORT:-9300}
HEAP=${RILLMAIL_SERVERS_ELASTICSEARCH_HEAP:-512m}
JARS=$CACHE/elasticsearch-$VERSION
SOURCES=$SERVERS/elasticsearch

install() {
  local plugin=org.elasticsearch.plugin
  jars "$JARS" "org.elasticsearch:elasticsearch:$VERSION" \
    "$plugin:transport-netty4-client:$VERSION" "$plugin:reindex-client:$VERSION" \
    "$plugin:mapper-extras-client:$VERSION" org.apache.logging.log4j:log4j-core:2.17.1
  needs curl curl
  needs javac openjdk-17-jdk-headless
}

start() {
  mkdir -p "$HERE"/{config,logs,tmp,classes}
  javac -nowarn -cp "$JARS/*" -d "$HERE/classes" "$SOURCES"/*.java >"$HERE/javac.log" 2>&1 ||
    fail "can't compile $SOURCES: see $HERE/javac.log"
  launch java "-Xms$HEAP" "-Xmx$HEAP" "-Djava.io.tmpdir=$HERE/tmp" -Dlog4j2.disable.jmx=true \
    "-Dlog4j.configurationFile=$SOURCES/log4j2.properties" \
    -cp "$HERE/classes:$JARS/*" SearchNode "$HERE" "$PORT" "$TRANSPORT_PORT"
}

ready() {
  [ "$(http_status "$(address)/_cluster/health?wait_for_status=yellow&timeout=1s")" = 200 ]
}

address() { echo "http://127.0.0.1:$PORT"; }

settings() { echo "RILLMAIL_ELASTICSEARCH_URLS=$(address)"; }
