# Redis, from Debian.

PORT=${RILLMAIL_SERVERS_REDIS_PORT:-6379}

install() { needs redis-server redis-server; }

start() {
  launch redis-server --bind 127.0.0.1 --port "$PORT" --dir "$HERE" --daemonize no \
    --protected-mode yes --save '' --appendonly yes --appendfsync everysec
}

ready() { [ "$(redis-cli -p "$PORT" ping 2>/dev/null)" = PONG ]; }

address() { echo "127.0.0.1:$PORT"; }

settings() { echo "RILLMAIL_REDIS_URL=redis://$(address)/0"; }
