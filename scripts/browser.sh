#!/usr/bin/env bash
# The browser tests need a Chromium and Korean fonts. Debian's packages are installed when this is allowed (root, apt).
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
[ -e "/Applications/Google Chrome.app" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "setup: installing chromium for the browser tests: about a minute, once" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium fonts-noto-cjk >/dev/null
else
    echo "setup: no Chromium found, the browser tests will be skipped (Debian/Ubuntu: apt-get install chromium)" >&2
fi
