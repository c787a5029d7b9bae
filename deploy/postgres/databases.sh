#!/bin/sh
# Runs once, in an empty server: a user for each service, and a database that only this user may enter.
set -eu
for service in ingest policy publisher metrics; do
  SERVICE_PASSWORD=$(printenv "$(printf %s "$service" | tr '[:lower:]' '[:upper:]')_PASSWORD")
  export SERVICE_PASSWORD
  psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v service="$service" -U "${POSTGRES_USER:-postgres}" -d postgres <<'SQL'
\getenv password SERVICE_PASSWORD
CREATE ROLE :"service" LOGIN PASSWORD :'password';
SELECT 'carillon_' || :'service' AS database \gset
CREATE DATABASE :"database" OWNER :"service";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
done
