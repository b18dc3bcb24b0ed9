# Redis, from Debian.

PORT=${RILLMAIL_SERVERS_REDIS_PORT:-6379}
TLS_PORT=${RILLMAIL_SERVERS_REDIS_TLS_PORT:-$((PORT + 1))} # a second door: TLS, and a password

install() { needs redis-server redis-server; }

start() {
  certificates
  launch redis-server --bind 127.0.0.1 --port "$PORT" --tls-port "$TLS_PORT" \
    --tls-cert-file "$TLS/engine.pem" --tls-key-file "$TLS/engine.key" \
    --tls-ca-cert-file "$TLS/ca.pem" --tls-auth-clients optional --dir "$HERE" --daemonize no \
    --protected-mode yes --save '' --appendonly yes --appendfsync everysec
}

ready() { [ "$(redis-cli -p "$PORT" ping 2>/dev/null)" = PONG ]; }

address() { echo "127.0.0.1:$PORT"; }

settings() { echo "RILLMAIL_REDIS_URL=redis://$(address)/0"; }
