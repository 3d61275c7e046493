#!/usr/bin/env bash
# Makes .venv with Python 3.10 and installs a hash-locked set of packages: with uv if it is there or can be installed, else, or where uv fails, with pip.
# Usage: install.sh LOCK STAMP [STAMP…]   (the stamps are touched when everything is in place)
set -euo pipefail
lock=$1
shift

python_310() {
  for candidate in "${PYTHON:-}" python3.10 python3 python; do
    [ -n "$candidate" ] || continue
    path=$(command -v "$candidate" 2>/dev/null) || continue
    if [ "$("$path" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "3.10" ]; then
      "$path" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

if ! python=$(python_310); then
  echo "错误:需要 Python 3.10(可用 pyenv install 3.10 或 PYTHON=/路径/python3.10 make run)" >&2
  exit 1
fi

if [ ! -x .venv/bin/python ]; then
  echo "· 建立虚拟环境($("$python" --version))"
  "$python" -m venv .venv
fi

# A .venv that uv made has no pip.
.venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null

uv=$(command -v uv || true)
if [ -z "$uv" ] && [ ! -x .venv/bin/uv ]; then
  echo "· 安装 uv(装不上就用 pip)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/uv.lock || true
fi
[ -n "$uv" ] || { [ -x .venv/bin/uv ] && uv=.venv/bin/uv; } || true

echo "· 安装依赖($lock,第一次要几分钟)"
with_uv() { VIRTUAL_ENV=$PWD/.venv "$uv" pip install --quiet --require-hashes -r "$lock"; }
with_pip() { .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"; }
if [ -z "$uv" ]; then
  with_pip
elif ! with_uv; then
  # It does not read pip's settings: a mirror, a proxy, an office's own certificate.
  echo "· uv 装不上(原因见上),改用 pip"
  with_pip
fi
touch "$@"
