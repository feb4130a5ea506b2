#!/usr/bin/env bash
# What some tests need beside Python: a Chromium with Korean fonts, and Tesseract with Korean. Debian's packages are installed when
# this is allowed (root, apt); tests of what is missing are skipped.
set -euo pipefail
packages=""
has() { for name in "$@"; do if command -v "$name" >/dev/null 2>&1; then return 0; fi; done; return 1; }
has chromium chromium-browser google-chrome || [ -e "/Applications/Google Chrome.app" ] || packages="chromium fonts-noto-cjk"
has tesseract || packages="$packages tesseract-ocr tesseract-ocr-kor"
if [ -z "$packages" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && has apt-get; then
    echo "setup: installing $packages for the tests: about a minute, once" >&2
    # shellcheck disable=SC2086
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $packages >/dev/null ||
        echo "setup: they could not be installed; the tests that need them will be skipped" >&2
else
    echo "setup: not found, tests that need them will be skipped (Debian/Ubuntu: apt-get install $packages)" >&2
fi
