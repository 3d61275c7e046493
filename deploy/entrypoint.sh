#!/bin/sh
# Becomes the command it is given, with a setting for each secret file: /run/secrets/secret_key is SECRET_KEY.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/*; do
  [ -f "$file" ] || continue
  name=$(basename "$file" | tr '[:lower:]' '[:upper:]')
  case $name in
    *[!A-Z0-9_]* | [0-9]*) continue ;;
  esac
  export "$name=$(cat "$file")"
done
exec "$@"
