#!/bin/sh
# Starts Alertmanager with the receiver that the environment names; without one, alerts are shown and nobody is told.
#   ALERT_WEBHOOK_URL   a JSON body is posted there (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)
#   ALERT_EMAIL_TO      addresses, with commas between them; needs ALERT_SMTP_HOST (host:port) and ALERT_EMAIL_FROM,
#                       and where the server asks for them ALERT_SMTP_USER and ALERT_SMTP_PASSWORD
set -eu
FROM=${ALERT_CONFIG:-/etc/alertmanager/alertmanager.yml}
TO=${ALERT_CONFIG_MADE:-/tmp/alertmanager.yml}

# A value as YAML takes any text.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

need() {
  [ -n "$2" ] || { echo "$1: is missing; ALERT_EMAIL_TO needs it" >&2; exit 2; }
}

receiver() {
  echo "  - name: people"
  if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then
    echo "    webhook_configs:"
    echo "      - url: $(quoted "$ALERT_WEBHOOK_URL")"
  fi
  if [ -n "${ALERT_EMAIL_TO:-}" ]; then
    echo "    email_configs:"
    echo "      - to: $(quoted "$ALERT_EMAIL_TO")"
    echo "        from: $(quoted "$ALERT_EMAIL_FROM")"
    echo "        smarthost: $(quoted "$ALERT_SMTP_HOST")"
    echo "        send_resolved: true"
    if [ -n "${ALERT_SMTP_USER:-}" ]; then
      echo "        auth_username: $(quoted "$ALERT_SMTP_USER")"
      echo "        auth_password: $(quoted "${ALERT_SMTP_PASSWORD:-}")"
    fi
  fi
}

umask 077
if [ -n "${ALERT_EMAIL_TO:-}" ]; then
  need ALERT_SMTP_HOST "${ALERT_SMTP_HOST:-}"
  need ALERT_EMAIL_FROM "${ALERT_EMAIL_FROM:-}"
fi
if [ -n "${ALERT_WEBHOOK_URL:-}${ALERT_EMAIL_TO:-}" ]; then
  sed 's/^  receiver: nobody$/  receiver: people/' "$FROM" > "$TO"
  receiver >> "$TO"
else
  cp "$FROM" "$TO"
fi
exec alertmanager --config.file="$TO" --storage.path=/alertmanager "$@"
