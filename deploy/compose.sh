#!/usr/bin/env bash
# The stack of deploy/docker-compose.yml: `compose.sh up | down | logs | token | accounts` (make up, make down, …).
# Works with bash 3.2 and docker compose 2. Secrets are made here, kept in deploy/.env (mode 600), and never printed.
set -euo pipefail
cd "$(dirname "$0")"
SETTINGS=${STACK_ENV:-.env} # another file for another stack beside this one
[ -t 2 ] && PROGRESS=auto || PROGRESS=quiet

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

up() {
  need_docker
  write_settings
  say "Building the images (minutes the first time, seconds later) …"
  compose build --quiet credentials ingest-migrate policy-migrate publisher-migrate metrics-migrate
  say "Starting, and waiting until everything is ready …"
  compose up --detach --wait --no-build --remove-orphans || { explain; exit 1; }
  tell
}

down() {
  need_docker
  write_settings
  if [ "${VOLUMES:-}" = 1 ]; then
    compose --profile '*' down --remove-orphans --volumes
    say "Stopped. Databases, media, keys and accounts are gone; deploy/.env is still there."
  else
    compose --profile '*' down --remove-orphans
    say "Stopped. What it knew is kept in volumes; make up goes on with it, make down VOLUMES=1 removes it."
  fi
}

logs() {
  need_docker
  # shellcheck disable=SC2086 # several names are several words
  compose logs --follow --tail 100 ${SERVICES:-}
}

# Prints a token and nothing else. TOOL: who will call. TRUST: team or guest. SCOPE: "posts:write posts:read", or all.
token() {
  need_docker
  local scope words=""
  for scope in ${SCOPE:-}; do words="$words --scope $scope"; done
  # shellcheck disable=SC2086 # each scope is two words
  once token --tool "${TOOL:-rehearsal}" --trust "${TRUST:-team}" --days "${DAYS:-30}" $words
}

accounts() {
  need_docker
  [ -r "${FILE:-}" ] || fail "Name the file with the real accounts: make accounts FILE=/path/to/accounts.yaml (OF=metrics, OF=apps for those)"
  once accounts --of "${OF:-publisher}" < "$FILE"
}

once() { compose run --rm --no-deps --no-TTY --quiet-pull credentials python -m deploy.credentials "$@"; }

compose() { docker compose --file docker-compose.yml --env-file "$SETTINGS" --progress "$PROGRESS" "$@"; }

need_docker() {
  command -v docker > /dev/null 2>&1 ||
    fail "This needs Docker: https://docs.docker.com/engine/install/ (without it, make demo runs everything on this machine)."
  docker compose version > /dev/null 2>&1 ||
    fail "This needs Docker Compose 2: install docker-compose-plugin (Debian trixie: docker-compose)."
  docker version --format '{{.Server.Version}}' > /dev/null 2>&1 ||
    fail "The Docker engine does not answer: start it, or set DOCKER_HOST; on Linux your user must be in the group docker."
}

# Writes what is missing in deploy/.env; what is there stays, for the volumes were made with it.
write_settings() {
  (umask 077; touch "$SETTINGS")
  chmod 600 "$SETTINGS"
  local name
  for name in POSTGRES INGEST POLICY PUBLISHER METRICS RABBITMQ GRAFANA; do
    keep "${name}_PASSWORD" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  done
  keep MEDIA_KEY "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
  keep ACCOUNT_KEYS "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
  local urls="" platform
  for platform in bluesky facebook instagram linkedin mastodon threads tiktok x youtube; do
    urls="$urls${urls:+, }\"$platform\": \"http://sandbox:8090/$platform\""
  done
  keep PLATFORM_URLS "'{$urls}'"
  keep COMPOSE_PROFILES grafana,alertmanager
}

keep() { grep -q "^$1=" "$SETTINGS" || printf '%s=%s\n' "$1" "$2" >> "$SETTINGS"; }

explain() {
  say ""
  say "It did not get ready. The last words of what is not well:"
  local name
  for name in $(compose ps --all --format '{{.Service}} {{.State}}/{{.Health}} {{.ExitCode}}' |
    awk '$2 ~ /^restarting/ || $2 ~ /unhealthy/ || ($2 ~ /^exited/ && $3 != 0) { print $1 }' | sort -u); do
    say "--- $name"
    # Older releases of compose begin every line by clearing it, whatever --ansi says.
    compose logs --no-log-prefix --no-color --tail 15 "$name" | sed $'s/\033\\[2K//g' >&2 || true
  done
}

at() { compose port "$1" "$2" 2> /dev/null || true; }

tell() {
  local ingest grafana alertmanager
  ingest=$(at ingest-api 8000)
  grafana=$(at grafana 3000)
  alertmanager=$(at alertmanager 9093)
  cat << END
Carillon runs. Platforms are the sandbox's unless deploy/.env says otherwise.

  requests and posts   http://$ingest/docs
  decisions            http://$(at policy-api 8000)/docs
  deliveries           http://$(at publisher-api 8000)/docs
  measurements         http://$(at metrics-api 8000)/docs
  what was published   http://$(at sandbox 8090)/
  RabbitMQ             http://$(at rabbitmq 15672)/  (carillon, RABBITMQ_PASSWORD in deploy/.env)
  Prometheus           http://$(at prometheus 9090)/
END
  [ -z "$alertmanager" ] || echo "  Alertmanager         http://$alertmanager/  (whom it tells: docs/running.md)"
  [ -z "$grafana" ] || echo "  Grafana              http://$grafana/  (admin, GRAFANA_PASSWORD in deploy/.env)"
  cat << END

A first request:

  TOKEN=\$(make -s token)
  curl -i http://$ingest/v1/requests -H "Authorization: Bearer \$TOKEN" -H "Idempotency-Key: \$(date +%s)" \\
    -H 'Content-Type: application/json' -d '{
      "content": {"text": "Did you know? Grace Hopper wrote one of the first compilers."},
      "channels": [{"channel": "foundation/bluesky"}],
      "about": {"tier": "bite", "objective": "understanding"},
      "requested_by": "somebody"}'

make logs follows what happens, make down stops it.
END
}

case "${1:-}" in
  up | down | logs | token | accounts) "$1" ;;
  *) fail "compose.sh up | down | logs | token | accounts" ;;
esac
