#!/usr/bin/env bash
# Plays examples/quickstart on a fresh copy: check, plan, apply, an edit, and a sharing refused.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
hv=$top/build/hv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$top/examples/quickstart/." "$work"
cd "$work"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
try() {
  printf '$ hv %s\n' "$*"
  "$hv" "$@"
}

say "What is declared: fleet.vm, and legacy.cfg as xm had it"
try check
say "What would change"
try plan
say "Make it so, on the simulated host"
try apply --yes
try status
say "An edit: more memory, web2 gone, one disk more for web0, one less for web1"
cp edited/fleet.vm fleet.vm
try plan
say "Make it so"
try apply --yes
try status
say "And again: nothing is left to do"
try plan
say "A file that would write a disk in use is refused"
cp unsafe/backup.cfg backup.cfg
sed -i 's/"legacy.cfg"\]/"legacy.cfg", "backup.cfg"]/' hv.toml
if try plan; then
  echo "quickstart: the unsafe plan was not refused" >&2
  exit 1
fi
say "That was the quickstart. Next: README.md"
