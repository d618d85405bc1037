# hostop.sh: everything that hv changes on a Xen host. Runs in bash on dom0; hv sends it on standard
# input (xl/host_shell.cpp) and gives its arguments one by one, so that nothing a file says is ever
# read by a shell.
#
#   enter    PROJECT LINEAGE EPOCH SERIAL take|keep SECONDS
#   begin    BYTES ID PROJECT LINEAGE EPOCH UUID ACTION ARGUMENTS…   (an ACTION's input on stdin)
#   results  ID…
#   forget   ID                  what was never heard of will not begin any more
#   claim    BYTES PROJECT LINEAGE EPOCH                             (lines "FILE CLAIM" on stdin)
#   unclaim  PROJECT LINEAGE EPOCH UUID [FILE]
#
# BYTES is the length of the input: a line that is cut in the middle of it is no order.
#
# Locks, all below STATE: `lock` is shared by whatever acts and taken alone by who waits for all of it
# to have ended; `domain/UUID` is one machine's; `project/ID.lock` guards what the host remembers of a
# project; `op/ID/lock` is held for as long as somebody works on the operation. None is inherited by
# what xl leaves running. Exit codes: 90 fenced, 91 older operations still run, 92 not begun.
set -u
umask 077
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
state=$1 verb=$2
shift 2

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

xl() { command xl "$@" </dev/null 5>&- 6>&- 7>&- 8>&-; }

sync_path() { sync "$1" 2>/dev/null || sync; }

# save FILE: standard input becomes its content, all or nothing, and is on the disk.
save() {
  cat >"$1.new.$$" && sync_path "$1.new.$$" && mv -f "$1.new.$$" "$1" && sync_path "${1%/*}"
}

is_word() {
  case $1 in '' | .* | *[!A-Za-z0-9._-]*) return 1 ;; esac
}

folders() {
  mkdir -p "$state/op" "$state/domain" "$state/project" "$state/claims" "$state/fresh"
}

# admitted PROJECT LINEAGE EPOCH: nobody newer has been here.
admitted() {
  local known_lineage='' known_epoch='' rest
  { read -r known_lineage known_epoch rest; } 2>/dev/null <"$state/project/$1" || true
  [ "$known_lineage" = "$2" ] && [ "$known_epoch" -le "$3" ] && return 0
  fail "the host takes no orders of epoch $3: it knows ${known_epoch:-none} of this project"
}

enter() { # PROJECT LINEAGE EPOCH SERIAL take|keep SECONDS
  local known_lineage='' known_epoch=0 rest folder project epoch
  is_word "$1" && is_word "$2" || return 92
  folders || return 92
  exec 5>"$state/project/$1.lock"
  flock -x 5 || return 92
  if [ -e "$state/project/$1" ]; then
    read -r known_lineage known_epoch rest <"$state/project/$1" || return 92
    if [ "$known_lineage" != "$2" ] && [ "$5" != take ]; then
      fail "the host knows another store of this project"
      return 90
    fi
    if [ "$known_epoch" -gt "$3" ]; then
      fail "the host has seen epoch $known_epoch of this project, ours is $3"
      return 90
    fi
  fi
  printf '%s %s %s\n' "$2" "$3" "$4" | save "$state/project/$1" || return 92
  exec 5>&-
  # Whoever acts for an older epoch from here on is refused; who acts already is waited for.
  flock -x -w "$6" -o "$state/lock" true || return 91
  for folder in "$state"/op/*/; do
    [ -e "$folder/end" ] || continue
    read -r project epoch rest <"$folder/asked" || continue
    [ "$project" = "$1" ] && [ "$epoch" -lt "$3" ] && rm -rf "$folder"
  done
  return 0
}

begin() { # BYTES ID PROJECT LINEAGE EPOCH UUID ACTION ARGUMENTS…
  local bytes=$1
  shift
  local id=$1 project=$2 lineage=$3 epoch=$4 uuid=$5
  local folder=$state/op/$id
  is_word "$id" && is_word "$uuid" || return 92
  folders || return 92
  [ -e "$folder/asked" ] && return 0
  # Held from here until it has ended, by whoever works on it: who enters waits for all that was begun.
  exec 7>>"$state/lock"
  flock -s 7
  admitted "$project" "$lineage" "$epoch" || return 90
  mkdir -p "$folder" || return 92
  exec 8>"$folder/lock"
  flock -n 8 || return 0 # the same id is being begun at this moment
  [ -e "$folder/asked" ] && return 0
  cat >"$folder/input" && [ "$(wc -c <"$folder/input")" -eq "$bytes" ] || return 92
  printf '%s %s %s\n' "$project" "$epoch" "$(cat /proc/sys/kernel/random/boot_id)" |
    save "$folder/asked" || return 92
  setsid bash -c "$hv_script" hostop "$state" run "$@" </dev/null >"$folder/out" 2>&1 &
  return 0
}

run() { # as begin; in a session of its own, holding op/ID/lock and the lock of all
  local id=$1 project=$2 lineage=$3 epoch=$4 code
  uuid=$5
  folder=$state/op/$id
  exec 6>>"$state/domain/$uuid"
  flock -x 6
  if admitted "$project" "$lineage" "$epoch"; then
    shift 5
    act "$@"
    code=$?
  else
    code=90
  fi
  printf '%s\n' "$code" | save "$folder/end"
}

results() {
  local id folder code
  for id in "$@"; do
    is_word "$id" || continue
    folder=$state/op/$id
    if [ -e "$folder/end" ]; then
      read -r code <"$folder/end"
      printf '\036%s ended %s\n' "$id" "$code"
      tail -c 2000 "$folder/out" 2>/dev/null
      echo
    elif [ ! -e "$folder/asked" ]; then
      printf '\036%s unknown\n' "$id"
    elif flock -n -o "$folder/lock" true; then
      # Nobody works on it any more; it may have ended between the two looks.
      if [ -e "$folder/end" ]; then
        results "$id"
      else
        printf '\036%s died\n' "$id"
      fi
    else
      printf '\036%s running\n' "$id"
    fi
  done
}

forget() {
  is_word "$1" && folders && mkdir -p "$state/op/$1" || return 92
  exec 8>"$state/op/$1/lock"
  flock -n 8 || return 0 # it has begun after all
  [ -e "$state/op/$1/asked" ] && return 0
  echo 92 | save "$state/op/$1/end"
  echo "- 0 -" | save "$state/op/$1/asked"
}

# ---- claims

claim() { # BYTES PROJECT LINEAGE EPOCH; lines "FILE CLAIM"
  local file text bytes=$1 lines
  shift
  lines=$(cat && echo .)
  lines=${lines%.}
  [ "${#lines}" -eq "$bytes" ] || return 92
  is_word "$1" && folders || return 92
  exec 7>>"$state/lock"
  flock -s 7
  admitted "$1" "$2" "$3" || return 90
  mkdir -p "$state/claims/$1" || return 92
  while read -r file text; do
    is_word "$file" || return 92
    printf '%s\n' "$text" | save "$state/claims/$1/$file" || return 92
  done <<<"${lines%?}"
}

unclaim() { # PROJECT LINEAGE EPOCH UUID [FILE]
  is_word "$1" && is_word "$4" && folders || return 92
  exec 7>>"$state/lock"
  flock -s 7
  admitted "$1" "$2" "$3" || return 90
  [ -d "$state/claims/$1" ] || return 0
  if [ $# -gt 4 ]; then
    is_word "$5" || return 92
    rm -f "$state/claims/$1/$5"
  else
    rm -f "$state/claims/$1/$4".*
  fi && sync_path "$state/claims/$1"
}

# ---- what acts on a machine: `uuid` and `folder` are set

# All domain numbers of a UUID, those that are shut down included.
domids() {
  xl list -v | tr '\t' ' ' | awk -v uuid="$1" '{
    for (i = NF; i > 5; --i)
      if ($i == uuid && $(i - 2) ~ /^[rbpscd-]+$/) { print $(i - 5); break }
  }'
}

one_domid() {
  domid=$(domids "$uuid")
  case $domid in
    '') fail "no such domain" ;;
    *[!0-9]*) fail "the UUID $uuid is live more than once" ;;
  esac
}

# An xl that stays to start this machine again lives: it may be between two lives of it. (create gives
# xl a file of this name.)
is_monitored() {
  local process word
  for process in /proc/[0-9]*; do
    { read -r word <"$process/comm"; } 2>/dev/null && [ "$word" = xl ] || continue
    case $(tr '\0' '\n' <"$process/cmdline" 2>/dev/null) in *"/$uuid.cfg"*) return 0 ;; esac
  done
  return 1
}

nap() { sleep 0.3 2>/dev/null || sleep 1; }

# Every domain of the UUID goes; true once none is listed.
destroy_all() {
  local number i all
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    all=$(domids "$uuid")
    if [ -z "$all" ] && ! is_monitored; then
      drop_own '*'
      return 0
    fi
    for number in $all; do xl destroy "$number"; done
    nap
  done
  fail "the domain is still listed, or xl is about to start it again, after it was destroyed"
}

act() {
  local action=$1
  shift
  case $action in
    create) create "$@" ;;
    unpause)
      one_domid || return 1
      rm -f "$state/fresh/$uuid"
      sync_path "$state/fresh"
      xl unpause "$domid"
      ;;
    pause) one_domid && xl pause "$domid" ;;
    destroy)
      one_domid_or_many || return 1
      destroy_all && rm -f "$state/fresh/$uuid"
      ;;
    shutdown) shut_down "$1" ;;
    memory) one_domid && xl mem-set "$domid" "$1k" ;;
    vcpus) one_domid && xl vcpu-set "$domid" "$1" ;;
    schedule) one_domid && schedule "$1" "$2" ;;
    rename) one_domid && xl rename "$domid" "$1" ;;
    vbd-attach)
      one_domid || return 1
      if xenstore-exists "/local/domain/0/backend/vbd/$domid/$1"; then
        fail "device already exists in xenstore"
        return 1
      fi
      if [ $# -gt 2 ]; then own_device "$3" "$4" "$5" || return 1; fi
      xl block-attach "$domid" "$2"
      ;;
    vbd-detach)
      one_domid || return 1
      # xl gives a guest ten seconds and goes; the guest may still let go.
      xl block-detach "$domid" "$1"
      released "vbd/$domid/$1" "vbd-$domid-$1" && drop_own "$2"
      ;;
    vif-attach) one_domid && xl network-attach "$domid" "$@" ;;
    vif-detach) one_domid && xl network-detach "$domid" "$1" ;;
    *) fail "no action $action" ;;
  esac
}

one_domid_or_many() {
  [ -n "$(domids "$uuid")" ] || fail "no such domain"
}

# own_device DEVICE SOURCE r|w: where sharing is permitted, each sharer gets a device of its own over the
# source, because Xen compares device numbers and would refuse a writer beside readers. `own/UUID.DEVICE`
# is what xl is given; `.of` says over what it is, and in which life of dom0.
own_device() {
  local link=$state/own/$uuid.$1 device name options=() source=$2
  case $source in /*) ;; *) source=/dev/$source ;; esac
  is_word "$1" && mkdir -p "$state/own" || return 1
  drop_own "$1"
  printf '%s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$2" | save "$link.of" || return 1
  if [ -b "$source" ]; then
    name=$(readlink -f "$source")
    [ "$3" = w ] || options=(--readonly)
    dmsetup create "hv-$uuid-$1" "${options[@]}" \
      --table "0 $(cat "/sys/class/block/${name##*/}/size") linear $name 0" || return 1
    device=/dev/mapper/hv-$uuid-$1
  elif [ -f "$source" ]; then
    [ "$3" = w ] || options=(--read-only)
    device=$(losetup "${options[@]}" --find --show "$source") || return 1
  else
    fail "there is no file or block device $source"
    return 1
  fi
  ln -sfn "$device" "$link"
}

drop_own() { # DEVICE or *
  local record boot source device link
  for record in "$state/own/$uuid".$1.of; do
    [ -e "$record" ] || continue
    read -r boot source <"$record"
    link=${record%.of}
    device=$(readlink "$link")
    # The numbers of an earlier life of dom0 are somebody else's by now.
    if [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
      case $device in
        /dev/loop*) losetup --detach "$device" ;;
        /dev/mapper/hv-*) dmsetup remove --retry "${device#/dev/mapper/}" || continue ;;
      esac
    fi
    rm -f "$link" "$record"
  done
}

create() { # DEVICE SOURCE r|w for each disk that others may share
  local code
  if [ -n "$(domids "$uuid")" ]; then
    fail "a machine of that UUID is there already"
    return 1
  fi
  if is_monitored; then
    fail "xl is about to start the machine of that UUID again"
    return 1
  fi
  # Says that a paused machine of this UUID never ran: written before it exists, gone before it runs.
  : >"$state/fresh/$uuid" && sync_path "$state/fresh" || return 1
  drop_own '*'
  while [ $# -gt 0 ]; do
    if ! own_device "$1" "$2" "$3"; then
      drop_own '*'
      rm -f "$state/fresh/$uuid"
      return 1
    fi
    shift 3
  done
  ln -f "$folder/input" "$folder/$uuid.cfg" || return 1
  xl create -p -q "$folder/$uuid.cfg"
  code=$?
  if [ "$code" != 0 ]; then
    # xl leaves an empty paused machine behind where memory ran out. It is ours: there was none before,
    # this machine's lock is held, and nothing has run in it.
    if [ -z "$(domids "$uuid")" ]; then drop_own '*'; else destroy_all; fi
    rm -f "$state/fresh/$uuid"
  fi
  return "$code"
}

shut_down() { # SECONDS, then by force
  local first end
  one_domid || return 1
  first=$domid
  end=$((SECONDS + $1))
  xl shutdown "$domid" || xl shutdown -F "$domid" || true
  while [ "$SECONDS" -lt "$end" ]; do
    domid=$(domids "$uuid")
    [ -n "$domid" ] || is_monitored || break
    # Its on_poweroff would keep it or start it again: it was asked to stop.
    [ "$domid" = "$first" ] || break
    xl list "$first" | tr '\t' ' ' | awk 'NR > 1 && $(NF - 1) ~ /s/ { found = 1 } END { exit !found }' && {
      nap
      break
    }
    nap
  done
  destroy_all
}

schedule() { # WEIGHT CAP; "-" leaves one as it is
  local command=sched-credit2 options=()
  [ "$1" = - ] || options+=(-w "$1")
  [ "$2" = - ] || options+=(-c "$2")
  [ ${#options[@]} -gt 0 ] || return 0
  case $(xl info xen_scheduler) in credit) command=sched-credit ;; esac
  xl "$command" -d "$domid" "${options[@]}"
}

# A detach has ended when neither xenstore nor the backend knows the device any more.
released() {
  local i
  for ((i = 0; i < 40; ++i)); do
    xenstore-exists "/local/domain/0/backend/$1" || [ -e "/sys/bus/xen-backend/devices/$2" ] ||
      return 0
    nap
  done
  fail "the guest does not let the device go"
}

case $verb in
  enter | begin | run | results | forget | claim | unclaim) "$verb" "$@" ;;
  *)
    fail "no verb $verb"
    exit 92
    ;;
esac
exit $?
