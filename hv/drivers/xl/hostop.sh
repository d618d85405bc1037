# hostop.sh: everything that hv changes on a Xen host. Runs in bash on dom0; hv sends it on standard
# input (xl/host_shell.cpp) and gives its arguments one by one, so that nothing a file says is ever
# read by a shell. vdisk.sh stands in front of it.
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
# What xendomains starts at boot, device-mapper's nodes and where names of its devices are besides sysfs,
# the kernel's backends (a device leaves the second list when its driver has let go); with any other STATE
# than Xen's own machine has, nothing of that machine.
auto_links=/etc/xen/auto mapper=/dev/mapper dm_names=
devices=/sys/bus/xen-backend/devices roots=/sys/devices
[ "$state" = /var/lib/hv ] ||
  auto_links=$state/xen-auto mapper=$state/mapper dm_names="$state/mapper/*.name" \
    devices=$state/xen-devices roots=$state/xen-devices

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
  mkdir -p "$state/op" "$state/domain" "$state/project" "$state/claims" "$state/fresh" "$state/saved" \
    "$state/auto" "$state/pool" "$state/vdisk"
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
  # Nothing of a machine that is gone is left that it could start from at boot.
  if [ $# -le 4 ]; then
    uuid=$4
    ! is_gone || rm -f "$auto_links/$4.cfg" "$state/auto/$4.cfg"
  fi
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
# (A list that cannot be had is not an empty one.)
domids() {
  local list
  list=$(xl list -v) || {
    fail "xl list fails: which machines are there is not known"
    return 1
  }
  tr '\t' ' ' <<<"$list" | awk -v uuid="$1" '{
    for (i = NF; i > 5; --i)
      if ($i == uuid && $(i - 2) ~ /^[rbpscdwS?-]+$/) { print $(i - 5); break }
  }'
}

# No machine of this UUID is there, for sure, and none is about to be.
is_gone() {
  local all
  all=$(domids "$uuid") || return 1
  [ -z "$all" ] && ! is_monitored
}

one_domid() {
  domid=$(domids "$uuid") || return 1
  case $domid in
    '') fail "no such domain" ;;
    *[!0-9]*) fail "the UUID $uuid is live more than once" ;;
  esac
}

# An xl that stays to start this machine again lives: it may be between two lives of it. (create,
# restore and xendomains give xl files of these names.)
is_monitored() {
  local process word
  for process in /proc/[0-9]*; do
    { read -r word <"$process/comm"; } 2>/dev/null && [ "$word" = xl ] || continue
    case $(tr '\0' '\n' <"$process/cmdline" 2>/dev/null) in
      *"/$uuid.cfg"* | *"/saved/$uuid."*) return 0 ;;
    esac
  done
  return 1
}

nap() { sleep 0.3 2>/dev/null || sleep 1; }

# Every domain of the UUID goes; true once none is listed and nothing has its disks open any more. Devices
# of its own go with it, or wait.
destroy_all() { # drop|rest [DOMID: one that may have gone by itself]
  local number i all seen=" ${2-} "
  unlink_auto
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    all=$(domids "$uuid") || return 1
    if [ -z "$all" ] && ! is_monitored; then
      let_go "$seen" || return 1
      "$1_own" '*'
      [ "$1" = rest ] || rm -f "$state/auto/$uuid.cfg"
      return 0
    fi
    for number in $all; do
      case $seen in *" $number "*) ;; *) seen+="$number " ;; esac
      xl destroy "$number"
    done
    nap
  done
  fail "the domain is still listed, or xl is about to start it again, after it was destroyed"
}

# A machine is listed no more before the last of its writes has ended: the kernel has its disks until then,
# and a qemu that served them flushes what it has.
let_go() { # DOMIDS
  local number i held
  for ((i = 0; i < 100; ++i)); do
    held=
    for number in $1; do
      for held in "$devices/vbd-$number"-* "$roots/vbd-$number"-*; do [ -e "$held" ] && break 2; done
      if is_served "$number" ''; then
        held="a qemu"
        break
      fi
      held=
    done
    [ -n "$held" ] || return 0
    nap
  done
  fail "the machine is gone, and ${held##*/} still has its disks"
}

# is_served DOMID|any FILE: a qemu that serves disks of that machine lives and has the file open, or any.
is_served() {
  local process words fd
  for process in /proc/[0-9]*; do
    words=()
    { mapfile -d '' -t words <"$process/cmdline"; } 2>/dev/null
    words=" ${words[*]-} "
    case $words in *' -xen-domid '*) ;; *) continue ;; esac
    case $1$words in any*) ;; *" -xen-domid $1 "*) ;; *) continue ;; esac
    [ -n "$2" ] || return 0
    for fd in "$process"/fd/*; do [ "$fd" -ef "$2" ] && return 0; done
  done
  return 1
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
      # What it was restored from is of the past as soon as it runs.
      discard_image
      xl unpause "$domid" && link_auto
      ;;
    pause) one_domid && xl pause "$domid" ;;
    destroy)
      one_domid_or_many || return 1
      destroy_all drop && discard_image && rm -f "$state/fresh/$uuid"
      ;;
    save) save_machine ;;
    restore) restore ;;
    unrestore) unrestore ;;
    shutdown) shut_down "$1" ;;
    memory) one_domid && xl mem-set "$domid" "$1k" && edit_auto set memory "$(($1 / 1024))" ;;
    vcpus) one_domid && xl vcpu-set "$domid" "$1" && edit_auto set vcpus "$1" ;;
    schedule) one_domid && schedule "$@" ;;
    rename) one_domid && xl rename "$domid" "$1" && edit_auto set name "$2" ;;
    vbd-attach) # NUMBER DISK LINE [DEVICE SOURCE r|w]
      one_domid || return 1
      if xenstore-exists "/local/domain/0/backend/vbd/$domid/$1"; then
        fail "device already exists in xenstore"
        return 1
      fi
      if [ $# -gt 3 ]; then
        if [ -e "$state/auto/$uuid.cfg" ]; then
          fail "the machine starts at boot, when nobody makes a device of its own for a disk that is shared"
          return 1
        fi
        own_device "$4" "$5" "$6" || return 1
      fi
      case $2 in *target=/dev/mapper/hv-vd-*) if [ -e "$state/auto/$uuid.cfg" ]; then
        fail "the machine starts at boot, when nobody makes the table of its virtual disk"
        return 1
      fi ;; esac
      if xl block-attach "$domid" "$2"; then
        edit_auto add disk "$3"
      else
        # A device that is left behind keeps what it has open.
        [ $# -lt 4 ] || xenstore-exists "/local/domain/0/backend/vbd/$domid/$1" || drop_own "$4"
        return 1
      fi
      ;;
    vbd-detach) one_domid && vbd_detach "$@" ;;
    vbd-enlarge) one_domid && vbd_enlarge "$@" ;;
    vif-attach) # LINE WORD…
      one_domid || return 1
      # One that hv does not see is one whose script failed, of this attempt or another.
      drop_vif "${@:2}"
      if ! xl network-attach "$domid" "${@:2}"; then
        drop_vif "${@:2}"
        return 1
      fi
      edit_auto add vif "$1"
      ;;
    vif-detach) one_domid && edit_auto without "mac=$1" && xl network-detach "$domid" "$1" ;;
    pool-initialise) pool_initialise ;;
    vdisk-create) vdisk_create "$1" ;;
    vdisk-enlarge) vdisk_enlarge "$1" ;;
    vdisk-expire) vdisk_expire ;;
    *) fail "no action $action" ;;
  esac
}

# An image counts as a machine that is there.
one_domid_or_many() {
  local all
  all=$(domids "$uuid") || return 1
  [ -n "$all" ] || has_image || fail "no such domain"
}

# "MAJOR:MINOR" of a block device.
number_of() { # PATH
  local numbers
  if [ ! -b "$1" ] || ! numbers=$(stat -L -c '%t %T' "$1"); then
    fail "there is no block device $1"
    return 1
  fi
  echo "$((0x${numbers% *})):$((0x${numbers#* }))"
}

sectors_of() { # PATH
  local number
  number=$(number_of "$1") && cat "/sys/dev/block/$number/size"
}

# own_device DEVICE SOURCE r|w: where sharing is permitted, each sharer gets a device of its own over the
# source, because Xen compares device numbers and would refuse a writer beside readers. `own/UUID.DEVICE`
# is what xl is given; `.of` says in which life of dom0 it is ("-": in none, it waits for its machine to
# be restored), how it is opened, and over what.
own_device() {
  local link=$state/own/$uuid.$1 device number options=() source=$2
  case $source in /*) ;; *) source=/dev/$source ;; esac
  is_word "$1" && mkdir -p "$state/own" || return 1
  drop_own "$1"
  printf '%s %s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$3" "$2" | save "$link.of" || return 1
  if [ -b "$source" ]; then
    number=$(number_of "$source") || return 1
    [ "$3" = w ] || options=(--readonly)
    map_table "hv-$uuid-$1" ${options[@]+"${options[@]}"} <<<"0 $(sectors_of "$source") linear $number 0" || return 1
    device=$mapper/hv-$uuid-$1
  elif [ -f "$source" ]; then
    [ "$3" = w ] || options=(--read-only)
    device=$(losetup ${options[@]+"${options[@]}"} --find --show "$source") || return 1
  else
    fail "there is no file or block device $source"
    return 1
  fi
  ln -sfn "$device" "$link"
}

close_own() { # RECORD BOOT
  local link=${1%.of} device
  # The numbers of an earlier life of dom0 are somebody else's by now.
  [ "$2" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 0
  device=$(readlink "$link")
  case $device in
    /dev/loop*) losetup --detach "$device" ;;
    "$mapper"/hv-*) dmsetup remove --retry "${device##*/}" ;;
  esac
}

drop_own() { # DEVICE or *
  local record boot rest
  for record in "$state/own/$uuid".$1.of; do
    [ -e "$record" ] || continue
    read -r boot rest <"$record"
    close_own "$record" "$boot" || continue
    rm -f "${record%.of}" "$record"
  done
}

# The machine is saved: what it had of its own is not open any more, and comes back with it.
rest_own() { # *
  local record boot rest
  for record in "$state/own/$uuid".$1.of; do
    [ -e "$record" ] || continue
    read -r boot rest <"$record"
    close_own "$record" "$boot" && rm -f "${record%.of}" || continue
    printf -- '- %s\n' "$rest" | save "$record"
  done
}

wake_own() {
  local record boot mode source device
  for record in "$state/own/$uuid".*.of; do
    [ -e "$record" ] || continue
    read -r boot mode source <"$record"
    device=${record%.of}
    own_device "${device##*/"$uuid".}" "$source" "$mode" || return 1
  done
}

# ---- what starts at boot. `auto/UUID.cfg` is the machine's file as it would be made now, and a link to
# it in /etc/xen/auto is what xendomains looks for. The link is gone before the machine goes, and there
# once it runs; a disk is out of the file before it is detached, and in it once it is attached.

link_auto() {
  [ -e "$state/auto/$uuid.cfg" ] || return 0
  mkdir -p "$auto_links" && ln -sfn "$state/auto/$uuid.cfg" "$auto_links/$uuid.cfg" &&
    sync_path "$auto_links"
}

unlink_auto() {
  [ -L "$auto_links/$uuid.cfg" ] || return 0
  rm -f "$auto_links/$uuid.cfg" && sync_path "$auto_links"
}

# The lines are domain_file.cpp's: "KEY = VALUE", and in lists a line for each item.
edit_auto() { # set KEY VALUE | unset KEY | add LIST ITEM | without WORD
  local file=$state/auto/$uuid.cfg line known=
  [ -e "$file" ] || return 0
  {
    while IFS= read -r line; do
      case $1 in
        set) case $line in "$2 = "*) line="$2 = $3" known=yes ;; esac ;;
        unset) case $line in "$2 = "*) continue ;; esac ;;
        without) case $line in '  '*[\"\',]"$2"[\"\',]*) continue ;; esac ;;
      esac
      printf '%s\n' "$line"
      if [ "$1" = add ] && [ "$line" = "$2 = [" ]; then printf '  %s,\n' "$3"; fi
    done <"$file"
    # What followed another key has one of its own now.
    if [ "$1" = set ] && [ -z "$known" ]; then printf '%s = %s\n' "$2" "$3"; fi
  } | save "$file"
}

create() { # auto|- [DEVICE SOURCE r|w for each disk that others may share]
  local code all auto=$1
  shift
  all=$(domids "$uuid") || return 1
  if [ -n "$all" ]; then
    fail "a machine of that UUID is there already"
    return 1
  fi
  if is_monitored; then
    fail "xl is about to start the machine of that UUID again"
    return 1
  fi
  if has_image; then
    fail "a save file of this machine is there"
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
    destroy_all drop && rm -f "$state/fresh/$uuid"
  elif [ "$auto" = auto ]; then
    save "$state/auto/$uuid.cfg" <"$folder/input"
    code=$?
  fi
  return "$code"
}

shut_down() { # SECONDS, then by force
  local first end all
  all=$(domids "$uuid") || return 1
  if [ -z "$all" ] && has_image; then
    discard_image && drop_own '*'
    return
  fi
  one_domid || return 1
  first=$domid
  end=$((SECONDS + $1))
  xl shutdown "$domid" || xl shutdown -F "$domid" || true
  while [ "$SECONDS" -lt "$end" ]; do
    domid=$(domids "$uuid") || return 1
    [ -n "$domid" ] || is_monitored || break
    # Its on_poweroff would keep it or start it again: it was asked to stop.
    [ "$domid" = "$first" ] || break
    xl list "$first" | tr '\t' ' ' | awk 'NR > 1 && $(NF - 1) ~ /s/ { found = 1 } END { exit !found }' && {
      nap
      break
    }
    nap
  done
  destroy_all drop "$first" && discard_image
}

# ---- saved machines. `saved/UUID.partial` is being written. `UUID.in-use` is whole, and a machine that
# has its memory is or was there, so that it may be of the past: it is never restored. `UUID.image` may
# be restored. `UUID.about` says what the machine had when it stopped.

has_image() { [ -e "$state/saved/$uuid.image" ] || [ -e "$state/saved/$uuid.in-use" ]; }

discard_image() {
  rm -f "$state/saved/$uuid".* && sync_path "$state/saved"
}

move_image() { # FROM TO
  mv -f "$state/saved/$uuid.$1" "$state/saved/$uuid.$2" && sync_path "$state/saved"
}

# As look.sh tells of a host, of this machine alone.
about_machine() {
  local kind loop name file
  printf '\035list\n'
  xl list -v || return 1
  printf '\035long\n'
  xl list -l "$domid" || return 1
  printf '\035store\n'
  for kind in $(xenstore-list /local/domain/0/backend); do
    xenstore-ls -f "/local/domain/0/backend/$kind/$domid" 2>/dev/null
  done
  printf '\035loops\n'
  for loop in /sys/block/loop*/loop/backing_file; do
    [ -f "$loop" ] || continue
    name=${loop%/loop/backing_file}
    echo "${name##*/} $(cat "$loop")"
  done
  printf '\035own\n'
  for file in "$state/own/$uuid".*.of; do
    [ -f "$file" ] && read -r kind name loop <"$file" && echo "${file%.of} $loop"
  done
  printf '\035end\n'
}

save_machine() {
  local image=$state/saved/$uuid code
  one_domid || return 1
  if has_image; then
    fail "a save file of this machine is there"
    return 1
  fi
  # It stays, paused, until its image is known to be on the disk.
  xl save -p "$domid" "$image.partial"
  code=$?
  if [ "$code" != 0 ]; then
    rm -f "$image.partial"
    return "$code"
  fi
  about_machine >"$image.about" && sync_path "$image.about" && sync_path "$image.partial" &&
    move_image partial in-use || return 1
  destroy_all rest && move_image in-use image
}

restore() {
  local code all
  all=$(domids "$uuid") || return 1
  if [ -n "$all" ] || is_monitored; then
    fail "a machine of its UUID is there"
    return 1
  fi
  if [ ! -e "$state/saved/$uuid.image" ]; then
    if has_image; then fail "the save file was used"; else fail "no such save file"; fi
    return 1
  fi
  if ! wake_own; then
    rest_own '*'
    return 1
  fi
  # As for create: until it runs, its image is as good as before.
  : >"$state/fresh/$uuid" && sync_path "$state/fresh" && move_image image in-use || return 1
  xl restore -p "$state/saved/$uuid.in-use"
  code=$?
  [ "$code" = 0 ] || back_to_image || return 1
  return "$code"
}

# What never ran goes, and its image is as before.
back_to_image() {
  destroy_all rest && move_image in-use image && rm -f "$state/fresh/$uuid"
}

unrestore() {
  local all
  all=$(domids "$uuid") || return 1
  if ! has_image; then
    fail "no such save file"
    return 1
  fi
  if [ -z "$all" ]; then
    [ -e "$state/saved/$uuid.image" ] || fail "the save file was used"
    return
  fi
  if [ ! -e "$state/fresh/$uuid" ] || has_run "$all"; then
    fail "the machine has run"
    return 1
  fi
  back_to_image
}

has_run() { # DOMIDS
  local number
  for number in $1; do
    xl list "$number" | tr '\t' ' ' | awk 'NR > 1 && $NF != "0.0" { found = 1 } END { exit !found }' &&
      return 0
  done
  return 1
}

# Input: with `auto` the machine's file, with "-" what changes in the one that is there, a line "KEY = VALUE"
# or "KEY" for each.
schedule() { # WEIGHT CAP auto|off|- [VCPU|all HARD SOFT]…; "-" leaves one as it is
  local command=sched-credit2 options=() boot=$3 line
  [ "$1" = - ] || options+=(-w "$1")
  [ "$2" = - ] || options+=(-c "$2")
  case $boot in
    auto)
      save "$state/auto/$uuid.cfg" <"$folder/input" || return 1
      # What is created and looked at gets it when it runs.
      [ -e "$state/fresh/$uuid" ] || link_auto || return 1
      ;;
    off) unlink_auto && rm -f "$state/auto/$uuid.cfg" || return 1 ;;
  esac
  shift 3
  if [ ${#options[@]} -gt 0 ]; then
    case $(xl info xen_scheduler) in credit) command=sched-credit ;; esac
    xl "$command" -d "$domid" "${options[@]}" || return 1
  fi
  while [ $# -gt 0 ]; do
    xl vcpu-pin "$domid" "$1" "$2" "$3" || return 1
    shift 3
  done
  [ "$boot" = - ] || return 0
  while IFS= read -r line; do
    case $line in
      *' = '*) edit_auto set "${line%% = *}" "${line#* = }" || return 1 ;;
      *) edit_auto unset "$line" || return 1 ;;
    esac
  done <"$folder/input"
}

vbd_detach() { # NUMBER DEVICE
  local backend=/local/domain/0/backend kind served='' number=''
  kind=vbd
  if xenstore-exists "$backend/qdisk/$domid/$1"; then
    kind=qdisk
    served=$(xenstore-read "$backend/qdisk/$domid/$1/params") || return 1
    served=${served#*:}
  else
    number=$(xenstore-read "$backend/vbd/$domid/$1/physical-device" 2>/dev/null) || number=
    [ "$(xenstore-read "$backend/vbd/$domid/$1/mode" 2>/dev/null)" = w ] || number=
  fi
  edit_auto without "vdev=$2" && close_first "$backend/$kind/$domid/$1" || return 1
  # xl gives a guest ten seconds and goes; the guest may still let go.
  xl block-detach "$domid" "$1"
  released "$backend/$kind/$domid/$1" "vbd-$domid-$1" "$served" "$number" && drop_own "$2"
}

# Before 4.15 `xl block-detach` takes a disk by force from a guest that does not let go in ten seconds. It
# is asked as xl would ask (libxl: online, then the backend's state to 5), and xl called when it has.
close_first() { # BACKEND
  local version major minor i
  version=$(xl info xen_version) && IFS=. read -r major minor _ <<<"$version" || return 1
  case $major$minor in *[!0-9]* | '') return 0 ;; esac
  [ "$major" -lt 4 ] || { [ "$major" = 4 ] && [ "$minor" -lt 15 ]; } || return 0
  [ "$(xenstore-read "$1/state")" = 4 ] || {
    fail "the guest does not use the disk, and this version of xl would take it by force"
    return 1
  }
  xenstore-write "$1/online" 0 && xenstore-write "$1/state" 5 || return 1
  for ((i = 0; i < 40; ++i)); do
    [ "$(xenstore-read "$1/state")" != 6 ] || return 0
    nap
  done
  fail "the guest does not let the device go"
}

# A detach has ended when neither xenstore nor the kernel knows the device any more, no qemu that served it
# has its file open, and what was written through it is written.
released() { # BACKEND DEVICE FILE NUMBER
  local i
  for ((i = 0; i < 40; ++i)); do
    is_held "$@" || return 0
    nap
  done
  fail "the guest does not let the device go"
}
is_held() {
  local in_flight
  xenstore-exists "$1" && return 0
  [ ! -e "$devices/$2" ] && [ ! -e "$roots/$2" ] || return 0
  [ -z "$3" ] || ! is_served any "$3" || is_of_another "$3" || return 0
  [ -n "$4" ] || return 1
  # (In /sys numbers are decimal.)
  in_flight=$(cat "/sys/dev/block/$((0x${4%:*})):$((0x${4#*:}))/inflight" 2>/dev/null) || return 1
  case $in_flight in *[1-9]*) return 0 ;; esac
  return 1
}
# The same qemu may serve the file to another machine, which reads it too.
is_of_another() { # FILE
  xenstore-ls -f /local/domain/0/backend/qdisk 2>/dev/null | grep -qF ":$1\""
}

# An interface of this address goes. (WORDS are those of xl network-attach.)
drop_vif() { # WORD…
  local word mac='' number node=/local/domain/0/backend/vif/$domid
  for word in "$@"; do case $word in mac=*) mac=${word#mac=} ;; esac; done
  [ -n "$mac" ] || return 0
  for number in $(xenstore-list "$node" 2>/dev/null); do
    word=$(xenstore-read "$node/$number/mac" 2>/dev/null) || continue
    [ "${word,,}" != "${mac,,}" ] || xl network-detach "$domid" "$number"
  done
}

case $verb in
  enter | begin | run | results | forget | claim | unclaim) "$verb" "$@" ;;
  *)
    fail "no verb $verb"
    exit 92
    ;;
esac
exit $?
