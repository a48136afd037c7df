#!/bin/sh
# The database that Segment's tables land in, and who owns it. PostgreSQL's image runs it once, on an empty volume.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$WAREHOUSE_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE segment LOGIN PASSWORD :'password';
CREATE DATABASE warehouse OWNER segment;
REVOKE ALL ON DATABASE warehouse FROM PUBLIC;
REVOKE ALL ON DATABASE dagster FROM PUBLIC;
SQL
