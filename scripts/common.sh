# Shared by the scripts: where things are, and how they speak. Sourced, not run.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
# shellcheck source=versions.env
. scripts/versions.env
export PATH="$ROOT/.tools/node_modules/.bin:$HOME/.cargo/bin:$PATH"

# Where rustup has no way to the WebAssembly library, scripts/setup leaves a toolchain that has it.
if [ -f .tools/toolchain ]; then
  RUSTUP_TOOLCHAIN=$(cat .tools/toolchain)
  export RUSTUP_TOOLCHAIN
fi

say() { printf '\033[1m▸ %s\033[0m\n' "$*"; }

fail() {
  printf '✗ %s\n' "$*" >&2
  exit 1
}

# The version of a package in Cargo.lock.
locked() { awk -v name="$1" '$1 == "name" && $3 == "\"" name "\"" { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock; }
