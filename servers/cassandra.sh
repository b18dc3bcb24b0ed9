# Apache Cassandra: one node, from Maven Central. It is alone unless it is told of another.

VERSION=5.0.9
PORT=${RILLMAIL_SERVERS_CASSANDRA_PORT:-9042}
ADDRESS=${RILLMAIL_SERVERS_CASSANDRA_ADDRESS:-127.0.0.1}
SEED=${RILLMAIL_SERVERS_CASSANDRA_SEED:-$ADDRESS} # a node of the cluster that this one belongs to
STORAGE_PORT=${RILLMAIL_SERVERS_CASSANDRA_STORAGE_PORT:-7000}
JMX_PORT=${RILLMAIL_SERVERS_CASSANDRA_JMX_PORT:-7199} # where servers/nodetool asks
SECURED=${RILLMAIL_SERVERS_CASSANDRA_SECURED:-} # set: it demands TLS, a certificate and a password
HEAP=${RILLMAIL_SERVERS_CASSANDRA_HEAP:-768m}
JARS=$CACHE/cassandra-$VERSION
ASKED='\004\0\0\0\005\0\0\0\0' # by `ready`

# What Cassandra reaches into on Java 17.
EXPORTS=(java.base/jdk.internal.misc java.base/java.lang.ref java.sql/java.sql
  java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry
  java.rmi/sun.rmi.server jdk.unsupported/sun.misc)
OPENS=(java.io java.lang java.lang.module java.lang.reflect java.net java.nio java.util
  java.util.concurrent java.util.concurrent.atomic jdk.internal.loader jdk.internal.math
  jdk.internal.module jdk.internal.ref jdk.internal.reflect jdk.internal.util.jar sun.nio.ch)

install() { jars "$JARS" "org.apache.cassandra:cassandra-all:$VERSION"; }

start() {
  mkdir -p "$HERE/conf"
  [ -z "$SECURED" ] || certificates
  configuration >"$HERE/conf/cassandra.yaml"
  logging >"$HERE/conf/logback.xml"
  access
  # A node that is alone need not wait for others to be heard of, or for a ring to settle.
  local settling=(-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=100
    -Dcassandra.skip_schema_check=true)
  [ -z "${RILLMAIL_SERVERS_CASSANDRA_SEED:-}" ] || settling=(-Dcassandra.ring_delay_ms=3000)
  launch java "-Xms$HEAP" "-Xmx$HEAP" -Xss256k -XX:+UseG1GC -XX:MaxGCPauseMillis=100 \
    -XX:+PerfDisableSharedMem -XX:MaxDirectMemorySize=256M -Djava.net.preferIPv4Stack=true \
    "${ACCESS[@]}" -javaagent:"$(ls "$JARS"/jamm-*.jar)" -Djdk.attach.allowAttachSelf=true \
    -Dio.netty.tryReflectionSetAccessible=true \
    -Dcassandra.storagedir="$HERE" -Dcassandra.config="file://$HERE/conf/cassandra.yaml" \
    -Dlogback.configurationFile="$HERE/conf/logback.xml" -Dcassandra-foreground=yes \
    "${settling[@]}" \
    -Dcassandra.superuser_setup_delay_ms=0 -Dcassandra.shutdown_announce_in_ms=0 \
    -Dcassandra.jmx.local.port="$JMX_PORT" \
    -cp "$HERE/conf:$JARS/*" org.apache.cassandra.service.CassandraDaemon
}

access() { # what Java is told to let Cassandra, and its tools, reach into
  local package
  ACCESS=()
  for package in "${EXPORTS[@]}"; do ACCESS+=(--add-exports "$package=ALL-UNNAMED"); done
  for package in "${OPENS[@]}"; do ACCESS+=(--add-opens "java.base/$package=ALL-UNNAMED"); done
  ACCESS+=(--add-opens jdk.management/com.sun.management.internal=ALL-UNNAMED)
  ACCESS+=(--add-opens jdk.compiler/com.sun.tools.javac=ALL-UNNAMED)
}

ready() { # OPTIONS, protocol version 4, is answered by SUPPORTED (6)
  local answer
  answer=$({ if [ -n "$SECURED" ]; then by_tls; else in_clear; fi | od -An -tx1 -j 4 | tr -d ' '; } \
    2>/dev/null || true)
  [ "$answer" = 06 ]
}

in_clear() {
  exec 3<>"/dev/tcp/$ADDRESS/$PORT"
  printf "$ASKED" >&3
  timeout 2 head -c 5 <&3
}

by_tls() { # the connection stays open as long as nobody has said all there is to say
  { printf "$ASKED" && sleep 1; } |
    timeout 2 openssl s_client -quiet -connect "$ADDRESS:$PORT" -CAfile "$TLS/ca.pem" \
      -cert "$TLS/client.pem" -key "$TLS/client.key" | head -c 5
}

address() { echo "$ADDRESS:$PORT"; }

settings() { echo "RILLMAIL_CASSANDRA_HOSTS=$(address)"; }

configuration() {
  cat <<END
cluster_name: rillmail
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "$SEED:$STORAGE_PORT" }]
listen_address: $ADDRESS
rpc_address: $ADDRESS
storage_port: $STORAGE_PORT
native_transport_port: $PORT
start_native_transport: true
auto_bootstrap: false # nodes are put together while they are empty

# What is acknowledged is on the disk: one sync serves all writes of five milliseconds.
commitlog_sync: group
commitlog_sync_group_window: 5ms

data_file_directories: [$HERE/data]
commitlog_directory: $HERE/commitlog
hints_directory: $HERE/hints
saved_caches_directory: $HERE/saved_caches
cdc_raw_directory: $HERE/cdc_raw

storage_compatibility_mode: NONE
sstable: { selected_format: bti }
memtable:
  configurations:
    trie: { class_name: TrieMemtable }
    default: { inherits: trie }
concurrent_reads: 16
concurrent_writes: 16
END
  [ -z "$SECURED" ] || cat <<END
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: true
  keystore: $TLS/engine-both.pem
  truststore: $TLS/ca.pem
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
END
}

logging() {
  cat <<END
<configuration scan="false">
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
END
}
