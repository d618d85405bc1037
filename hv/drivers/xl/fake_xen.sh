#!/usr/bin/env bash
# A host without a hypervisor, for the tests of hostop.sh: `xl`, `xenstore-exists`, `xenstore-ls` and
# `losetup` are this file under other names. Its machines are the files $FAKE_XEN/UUID, "DOMID NAME STATE"; a file
# $FAKE_XEN/slow says how long each call takes, $FAKE_XEN/fail what it answers.
set -u
words="${0##*/} $*"
echo "$words" >>"$FAKE_XEN/calls"
[ ! -e "$FAKE_XEN/slow" ] || sleep "$(cat "$FAKE_XEN/slow")"
case $words in 'xl list'* | 'xl info'* | xenstore* | losetup*) ;; *)
  if [ -e "$FAKE_XEN/fail" ]; then
    cat "$FAKE_XEN/fail" >&2
    exit 1
  fi
  ;;
esac
machines() {
  for file in "$FAKE_XEN"/????????-*; do
    [ -e "$file" ] || continue
    read -r domid name state <"$file"
    printf '%s %s 64 1\t%s\t1.0 %s - -\n' "$name" "$domid" "$state" "${file##*/}"
  done
}
file_of() { grep -l "^$1 " "$FAKE_XEN"/????????-* | head -1; }
case $words in
  'xl list -v') echo 'Name ID Mem VCPUs State Time(s) UUID' && machines ;;
  'xl list '*)
    file=$(file_of "$2")
    [ -n "$file" ] || exit 1
    read -r domid name state <"$file"
    printf 'Name ID Mem VCPUs State Time(s)\n%s %s 64 1\t%s\t1.0\n' "$name" "$domid" "$state"
    ;;
  'xl info'*) echo credit2 ;;
  'xl create '*)
    uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' "${!#}")
    number=$(($(cat "$FAKE_XEN/next" 2>/dev/null || echo 0) + 1))
    echo "$number" >"$FAKE_XEN/next"
    echo "$number $(sed -n 's/^name = "\(.*\)"/\1/p' "${!#}") --p---" >"$FAKE_XEN/$uuid"
    ;;
  'xl destroy '*) rm -f "$(file_of "$2")" ;;
  'xl shutdown '*) [ -e "$FAKE_XEN/deaf" ] || rm -f "$(file_of "$2")" ;;
  'xl unpause '*) sed -i 's/--p---/r-----/' "$(file_of "$2")" ;;
  'xl pause '*) sed -i 's/r-----/--p---/' "$(file_of "$2")" ;;
  xenstore-exists*) exit 1 ;;
  'losetup '*--find*) echo /dev/loop7 ;;
esac
