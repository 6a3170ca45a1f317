# shellcheck shell=bash disable=SC2034
# lib.sh: what the scripts of this folder share. Sourced, not run; sets no shell options.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=$root/build/deps # where script/setup puts what the system does not have

# One line of progress; an error and the end.
say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# at_least 3.25 3.31.6: is the second version the first or newer?
at_least() { [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }
