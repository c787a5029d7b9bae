#!/usr/bin/env bash
# Makes .venv from uv.lock, with any Python of 3.11 or newer that this machine has; writes nothing outside the checkout.
set -euo pipefail
cd "$(dirname "$0")/../.."
UV_VERSION=0.13.9

say() { echo "setup: $*" >&2; }

# The first Python that is new enough; PYTHON=/path/to/python chooses another.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  say "Carillon needs Python 3.11 or newer. Install it, or name one: make setup PYTHON=/path/to/python3.12"
  exit 1
}

# uv: the one on PATH, or one in .uv, made with venv (or, where Debian has left venv out, with pip alone).
find_uv() {
  if command -v uv > /dev/null 2>&1; then
    command -v uv
    return
  fi
  if [ ! -x .uv/bin/uv ]; then
    say "installing uv $UV_VERSION into .uv"
    if "$1" -m venv .uv > .uv.log 2>&1; then
      .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" >&2
    elif "$1" -m pip --version > /dev/null 2>&1; then
      "$1" -m pip install --quiet --disable-pip-version-check --target .uv "uv==$UV_VERSION" >&2
    else
      cat .uv.log >&2
      say "this Python has neither venv nor pip. On Debian: apt-get install python3-venv. Or install uv: https://docs.astral.sh/uv/"
      exit 1
    fi
    rm -f .uv.log
  fi
  echo "$PWD/.uv/bin/uv"
}

python=$(find_python)
uv=$(find_uv "$python")
say "installing the locked packages into .venv with $("$python" --version)"
export UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv
if ! "$uv" sync --frozen --quiet --python "$python"; then
  # A proxy may sign with an authority of its own, which this machine knows and uv's own list does not.
  say "once more, with this machine's certificates"
  "$uv" sync --frozen --quiet --python "$python" --system-certs
fi
say "ready"
