#!/usr/bin/env bash
# Installs what tests/deploy checks these files with: nginx, systemd-analyze, ip and promtool from Debian, the schemas of Compose and Kubernetes in a
# virtual environment of their own (Rasa's pins and theirs do not go together).
set -euo pipefail
cd "$(dirname "$0")/.."
tools=.venv/deploy-tools

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  missing=()
  command -v nginx >/dev/null || missing+=(nginx-light)
  command -v systemd-analyze >/dev/null || missing+=(systemd)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v ip >/dev/null || missing+=(iproute2)
  if [ ${#missing[@]} -gt 0 ] || [ ! -x "$tools/promtool" ]; then
    apt-get update -qq
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
  if [ ! -x "$tools/promtool" ]; then
    # Only the one program: installing the package would start a Prometheus.
    mkdir -p "$tools"
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    chmod 755 "$unpacked"
    (cd "$unpacked" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .)
    install -m 755 "$unpacked/usr/bin/promtool" "$tools/promtool"
  fi
fi

if ! cmp -s deploy/tools.lock "$tools/installed.lock"; then
  .venv/bin/python -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r deploy/tools.lock
  cp deploy/tools.lock "$tools/installed.lock"
fi
