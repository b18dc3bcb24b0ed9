# Apache Kafka: one broker that is its own controller (KRaft), from Maven Central.

VERSION=4.4.0
PORT=${RILLMAIL_SERVERS_KAFKA_PORT:-19092}
TLS_PORT=${RILLMAIL_SERVERS_KAFKA_TLS_PORT:-$((PORT + 2))} # a second door: TLS, and a password
PLAIN_PASSWORD=${RILLMAIL_SERVERS_KAFKA_PLAIN_PASSWORD:-plainsecret} # of the user plain there
CONTROLLER_PORT=${RILLMAIL_SERVERS_KAFKA_CONTROLLER_PORT:-$((PORT + 1))}
HEAP=${RILLMAIL_SERVERS_KAFKA_HEAP:-512m}
LARGEST_MESSAGE_BYTES=$((33 * 1024 * 1024)) # a mail of 25 MB in base64, and its envelope
JARS=$CACHE/kafka-$VERSION
LOGIN=org.apache.kafka.common.security

install() { jars "$JARS" "org.apache.kafka:kafka_2.13:$VERSION"; }

start() {
  certificates
  configuration >"$HERE/server.properties"
  logging >"$HERE/log4j2.yaml"
  local java=(java -cp "$JARS/*" "-Dlog4j2.configurationFile=$HERE/log4j2.yaml")
  [ -f "$HERE/data/meta.properties" ] ||
    "${java[@]}" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format \
      -t "$(cluster_id)" -c "$HERE/server.properties" >"$HERE/format.log" 2>&1 ||
    fail "can't format $HERE/data: see $HERE/format.log"
  launch "${java[@]}" "-Xms$HEAP" "-Xmx$HEAP" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
    kafka.Kafka "$HERE/server.properties"
}

ready() { # ApiVersions, version 0, is answered with error 0
  local answer
  answer=$({
    exec 3<>"/dev/tcp/127.0.0.1/$PORT"
    printf '\0\0\0\016\0\022\0\0\0\0\0\001\0\004wait' >&3
    timeout 2 head -c 10 <&3 | od -An -tx1 -j 8 | tr -d ' '
  } 2>/dev/null || true)
  [ "$answer" = 0000 ]
}

address() { echo "127.0.0.1:$PORT"; }

settings() { echo "RILLMAIL_KAFKA_SERVERS=$(address)"; }

cluster_id() { # 16 random bytes; an id that begins with - would be taken for an option
  echo "R$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)"
}

configuration() {
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
listeners=PLAINTEXT://127.0.0.1:$PORT,SECURED://127.0.0.1:$TLS_PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,SECURED://127.0.0.1:$TLS_PORT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=$HERE/data

# By the first door comes who may do all, by the second who may do what was granted: users are
# made by the first (SCRAM), but for one whose password is sent as it is (PLAIN).
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.secured.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.secured.scram-sha-512.sasl.jaas.config=$LOGIN.scram.ScramLoginModule required;
listener.name.secured.plain.sasl.jaas.config=$LOGIN.plain.PlainLoginModule required user_plain="$PLAIN_PASSWORD";
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location=$TLS/engine-both.pem
listener.name.secured.ssl.truststore.type=PEM
listener.name.secured.ssl.truststore.location=$TLS/ca.pem
listener.name.secured.ssl.client.auth=requested

# A topic that nobody declared is a fault: it would have the wrong partitions.
auto.create.topics.enable=false
message.max.bytes=$LARGEST_MESSAGE_BYTES
replica.fetch.max.bytes=$LARGEST_MESSAGE_BYTES

# One broker holds the one copy, Kafka's own topics included.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# A small machine: groups start at once, and files and buffers are small.
group.initial.rebalance.delay.ms=0
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
END
}

logging() {
  cat <<END
Configuration:
  Appenders:
    Console: { name: out, PatternLayout: { pattern: "%d %p %c{1} %m%n" } }
  Loggers:
    Root: { level: WARN, AppenderRef: { ref: out } }
END
}
