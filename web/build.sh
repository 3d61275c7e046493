#!/usr/bin/env bash
# Builds the chat page into web/dist when its sources have changed. Without Node, or when the build fails, says so in one line and ends
# with 1: the server then shows the plain page. Needs Node 20.19 or newer. What npm and vite print is kept in web/node_modules.log.
set -uo pipefail
cd "$(dirname "$0")"
sources=(package-lock.json vite.config.js src ../bot/static/plain.css ../channels/web/templates/chat.html)
print=$(find "${sources[@]}" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum)
[ "$(cat dist/fingerprint 2>/dev/null)" = "$print" ] && exit 0

plain() {
  rm -rf dist
  echo "· $1,聊天页先用简版(不影响使用)" >&2
  exit 1
}

command -v node >/dev/null && command -v npm >/dev/null || plain "没有 Node.js"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' || plain "Node.js 太旧(要 20.19 以上)"
echo "· 生成聊天页(网页源码有变化)"
lock=$(sha256sum package-lock.json)
if [ "$(cat node_modules/.lock 2>/dev/null)" != "$lock" ]; then
  npm ci --no-audit --no-fund --ignore-scripts >node_modules.log 2>&1 || plain "网页依赖没有装成(详见 web/node_modules.log)"
  echo "$lock" >node_modules/.lock
fi
node node_modules/vite/bin/vite.js build >node_modules.log 2>&1 || plain "聊天页没有生成(详见 web/node_modules.log)"
echo "$print" >dist/fingerprint
echo "· 聊天页:$(node -p 'JSON.parse(require("fs").readFileSync("dist/manifest.json")).bytes') 字节(压缩后,上限 70000)"
