#!/usr/bin/env bash
# A host without a hypervisor, for the tests of hostop.sh: `xl`, `xenstore-exists`, `-list`, `-ls`, `-read`,
# `-write` and `losetup` are this file under other names. Its machines are the files $FAKE_XEN/UUID,
# "DOMID NAME STATE [TIME]"; a file $FAKE_XEN/slow says how long each call takes, $FAKE_XEN/fail what it
# answers, $FAKE_XEN/version which Xen it is, and $FAKE_XEN/store is xenstore; while $FAKE_XEN/held is there,
# all devices of the kernel's backend are, and while $FAKE_XEN/unlisted is, `xl list` fails.
set -u
words="${0##*/} $*"
echo "$words" >>"$FAKE_XEN/calls"
[ ! -e "$FAKE_XEN/slow" ] || sleep "$(cat "$FAKE_XEN/slow")"
case $words in 'xl list'* | 'xl info'* | 'xl vcpu-list' | xenstore* | losetup*) ;; *)
  if [ -e "$FAKE_XEN/fail" ]; then
    cat "$FAKE_XEN/fail" >&2
    exit 1
  fi
  ;;
esac
machines() {
  for file in "$FAKE_XEN"/????????-*; do
    [ -e "$file" ] || continue
    read -r domid name state time <"$file"
    printf '%s %s 64 1\t%s\t%s %s - -\n' "$name" "$domid" "$state" "${time:-1.0}" "${file##*/}"
  done
}
details() { # [DOMID]
  local comma=
  echo '['
  for file in "$FAKE_XEN"/????????-*; do
    [ -e "$file" ] && read -r domid name state time <"$file" || continue
    [ "${1:-$domid}" = "$domid" ] || continue
    printf '%s{"domid": %s, "config": {"c_info": {"name": "%s"}, "b_info": {"max_memkb": 65536}}}' \
      "$comma" "$domid" "$name"
    comma=,
  done
  echo ']'
}
file_of() { grep -l "^$1 " "$FAKE_XEN"/????????-* | head -1; }
case $words in
  'xl list'*) [ ! -e "$FAKE_XEN/unlisted" ] || exit 1 ;;&
  'xl list -v') echo 'Name ID Mem VCPUs State Time(s) UUID' && machines ;;
  'xl list -l'*) details "${3:-}" ;;
  'xl list '*)
    file=$(file_of "$2")
    [ -n "$file" ] || exit 1
    read -r domid name state time <"$file"
    printf 'Name ID Mem VCPUs State Time(s)\n%s %s 64 1\t%s\t%s\n' "$name" "$domid" "$state" "${time:-1.0}"
    ;;
  'xl info xen_scheduler') echo credit2 ;;
  'xl info xen_version') cat "$FAKE_XEN/version" 2>/dev/null || echo 4.17.7 ;;
  'xl info') printf 'nr_cpus : 2\nfree_memory : 256\n' ;;
  'xl vcpu-list')
    echo 'Name ID VCPU CPU State Time(s) Affinity (Hard / Soft)'
    for file in "$FAKE_XEN"/????????-*; do
      [ -e "$file" ] && read -r domid name state <"$file" || continue
      echo "$name $domid 0 1 -b- 68.2 $(cat "$FAKE_XEN/affinity" 2>/dev/null || echo 'all / all')"
    done
    ;;
  'xl create --quiet --dryrun --defconfig '*)
    name=$(sed -n 's/^name *= *"\(.*\)"/\1/p' "${!#}")
    uuid=$(sed -n 's/^uuid *= *"\(.*\)"/\1/p' "${!#}" | tr A-F a-f)
    echo 'a warning' >&2
    [ -n "$name" ] || exit 1
    printf '{"c_info": {"name": "%s", "uuid": "%s"}, "disks": [' "$name" \
      "${uuid:-$(cat /proc/sys/kernel/random/uuid)}"
    sed -n 's/.*vdev=\(.*\),access=r\(.\),target=\(.*\)".*/\1 \2 \3/p' "${!#}" | {
      comma=
      while read -r device mode source; do
        printf '%s{"vdev": "%s", "pdev_path": "%s", "readwrite": %s}' "$comma" "$device" "$source" \
          "$([ "$mode" = w ] && echo 1 || echo 0)"
        comma=,
      done
    }
    echo ']}'
    ;;
  'xl create '*)
    uuid=$(sed -n 's/^uuid = "\(.*\)"/\1/p' "${!#}")
    number=$(($(cat "$FAKE_XEN/next" 2>/dev/null || echo 0) + 1))
    echo "$number" >"$FAKE_XEN/next"
    echo "$number $(sed -n 's/^name = "\(.*\)"/\1/p' "${!#}") --p--- 0.0" >"$FAKE_XEN/$uuid"
    ;;
  'xl save -p '*)
    file=$(file_of "$3")
    read -r domid name state <"$file"
    echo "${file##*/} $name" >"$4"
    echo "$domid $name --p---" >"$file"
    ;;
  'xl restore -p '*)
    number=$(($(cat "$FAKE_XEN/next" 2>/dev/null || echo 0) + 1))
    echo "$number" >"$FAKE_XEN/next"
    read -r uuid name <"$3"
    echo "$number $name --p--- 0.0" >"$FAKE_XEN/$uuid"
    ;;
  'xl destroy '*) rm -f "$(file_of "$2")" "$FAKE_XEN/store" ;;
  'xl shutdown '*) [ -e "$FAKE_XEN/deaf" ] || rm -f "$(file_of "$2")" ;;
  'xl unpause '*) sed -i 's/--p---.*/r-----/' "$(file_of "$2")" ;;
  'xl pause '*) sed -i 's/r-----/--p---/' "$(file_of "$2")" ;;
  'xl block-detach '*) [ ! -e "$FAKE_XEN/store" ] || sed -i "\\|/$2/$3/|d" "$FAKE_XEN/store" ;;
  'xenstore-exists /local/domain/0') ;;
  'xenstore-exists '*/qdisk/*) grep -q "^$1/" "$FAKE_XEN/store" 2>/dev/null || exit 1 ;;
  xenstore-exists*) [ -e "$FAKE_XEN/held" ] || exit 1 ;;
  'xenstore-list /local/domain/0/backend') echo vbd ;;
  'xenstore-list '*) sed -n "s|^$1/\\([^/]*\\)/.*|\\1|p" "$FAKE_XEN/store" 2>/dev/null | sort -u ;;
  'xenstore-ls -f '*) grep "^$2/" "$FAKE_XEN/store" 2>/dev/null || true ;;
  'xenstore-read '*)
    value=$(sed -n "s|^$1 = \"\\(.*\\)\"$|\\1|p" "$FAKE_XEN/store" 2>/dev/null)
    [ -n "$value" ] || exit 1
    echo "$value"
    ;;
  'xenstore-write '*)
    # A guest lets go of what it is asked for.
    [ "$2" != 5 ] || set -- "$1" 6
    sed -i "s|^$1 = .*|$1 = \"$2\"|" "$FAKE_XEN/store"
    ;;
  'losetup '*--find*) echo /dev/loop7 ;;
esac
