#!/usr/bin/env bash
# Makes the secrets that deploy/compose.yml needs, as files in deploy/secrets/. What is there already stays as it is.
set -euo pipefail
cd "$(dirname "$0")/secrets"
umask 077

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

keep() { # keep FILE TEXT: unless there is one already
  if [ -s "$1" ]; then
    echo "· 已有 $1"
  else
    printf '%s' "$2" >"$1"
    echo "· 生成了 $1"
  fi
}

keep secret_key "$(random)"
keep staff_token "$(random)"
keep postgres_password "$(random)"
keep redis_password "$(random)"
keep database_url "postgresql://chanjiaotong:$(cat postgres_password)@postgres:5432/chanjiaotong"
keep redis_url "redis://:$(cat redis_password)@redis:6379/0"
keep redis_conf "requirepass $(cat redis_password)
"
# The containers' users are not the owner of these files: the folder is what keeps others out.
chmod 644 ./*
chmod 700 .
for needed in tls_certificate tls_key; do
  [ -s "$needed" ] || echo "· 还缺 deploy/secrets/$needed:请把网站的 HTTPS 证书放在这里(PEM 格式)"
done
