# vdisk.sh: pools and virtual disks, for hostop.sh, which it is put in front of. A pool's devices carry
# its label in their first sector; a virtual disk is a device-mapper table over their sectors that is
# called hv-vd-UUID, and `vdisk/UUID` below STATE says what it maps, for look.sh; `vdisk/UUID.next` what it
# is about to map, with zeroes on what is new. An action's input is lines (vdisk.cpp):
#
#   pool UUID NAME
#   device NUMBER PATH           of the pool
#   name NAME                    of the virtual disk
#   extent START COUNT ? STORE   what hv calls its sectors; kept, not read
#   map NUMBER START COUNT       where they are: sectors of the device of that number
#   freed UUID                   a virtual disk that hv knows to have expired
#
# Device names may mean another disk after a reboot: nothing is written or mapped on a device that does
# not carry the label.

# Of 512 bytes: the first and the last MiB of a device are the label's.
label_space=2048

read_pool() {
  local word first rest
  pool='' pool_name='' devices=() maps=() freed=' '
  while read -r word first rest; do
    case $word in
      pool) pool=$first pool_name=$rest ;;
      device) devices[first]=$rest ;;
      map) maps+=("$first $rest") ;;
      freed) freed+="$first " ;;
    esac
  done <"$folder/input"
  is_word "$pool" || fail "no pool is named"
}

has_device_mapper() {
  if command -v dmsetup >/dev/null; then return 0; fi
  fail "virtual disks need dmsetup, which this host does not have"
}

first_lines() { # PATH
  dd if="$1" bs=512 count=1 2>/dev/null | tr -d '\0' | head -n 3
}

carries_label() { # PATH NUMBER
  [ "$(first_lines "$1")" = "hv pool 1
pool $pool
device $2" ]
}

only_zeroes() { # PATH FROM: a label's space of it
  local found
  found=$(dd if="$1" bs=512 skip="$2" count="$label_space" 2>/dev/null | sha256sum)
  # (Two programs that are not there would find the same.)
  [ ${#found} -gt 64 ] &&
    [ "$found" = "$(dd if=/dev/zero bs=512 count="$label_space" 2>/dev/null | sha256sum)" ]
}

# may_be_taken PATH: nothing is on it, and nobody has it open.
may_be_taken() {
  local path=$1 number size holder words
  number=$(number_of "$path") && size=$(sectors_of "$path") || return 1
  if [ "$size" -lt $((4 * label_space)) ]; then
    fail "$path is too small for a pool"
    return 1
  fi
  for holder in "/sys/dev/block/$number/holders"/*; do
    [ -e "$holder" ] || continue
    fail "$path is in use by ${holder##*/}"
    return 1
  done
  if [ "$(first_lines "$path" | head -n 1)" = "hv pool 1" ]; then
    fail "$path is of another pool of hv: $(first_lines "$path" | sed -n 2,3p | tr '\n' ' ')"
    return 1
  fi
  if ! only_zeroes "$path" 0 || ! only_zeroes "$path" "$((size - label_space))"; then
    words=$(blkid "$path" 2>/dev/null | head -n 1)
    fail "$path is not empty: its first and its last MiB must be zeroes${words:+ ($words)}"
    return 1
  fi
  # The kernel gives device-mapper nothing that is mounted, swapped on or part of an array.
  unmap "hv-try-$uuid" || return 1
  if ! dmsetup create "hv-try-$uuid" --table "0 8 linear $number 0"; then
    fail "$path is in use"
    return 1
  fi
  unmap "hv-try-$uuid"
}

pool_initialise() {
  local index path number numbers=' '
  read_pool && has_device_mapper || return 1
  # Two projects may want one device at the same moment.
  exec 9>>"$state/pool.lock"
  flock -x 9 || return 1
  for index in "${!devices[@]}"; do
    path=${devices[index]}
    number=$(number_of "$path") || return 1
    case $numbers in *" $number "*)
      fail "$path is in the pool already, by another name"
      return 1
      ;;
    esac
    numbers+="$number "
    carries_label "$path" "$index" || may_be_taken "$path" || return 1
  done
  for index in "${!devices[@]}"; do
    path=${devices[index]}
    carries_label "$path" "$index" && continue
    {
      printf 'hv pool 1\npool %s\ndevice %s\nproject %s\nname %s\n' "$pool" "$index" "$project" \
        "$pool_name"
      head -c 512 /dev/zero
    } | head -c 512 | dd of="$path" bs=512 conv=notrunc,fsync 2>/dev/null
  done
  for index in "${!devices[@]}"; do
    carries_label "${devices[index]}" "$index" && continue
    fail "the label cannot be written on ${devices[index]}"
    return 1
  done
  keep_input "$state/pool/$uuid"
}

# keep_input FILE [LINE…]: what was asked for, whole, and lines of ours.
keep_input() {
  local file=$1 text
  shift
  text=$(cat "$folder/input") && [ "${text#pool }" != "$text" ] || {
    fail "what was asked for cannot be read"
    return 1
  }
  printf '%s\n' "$text" "$@" | save "$file"
}

# Sets `want`, the table that the input asks for, and `size`, its sectors.
read_vdisk() {
  local map index start count path numbers=() sizes=()
  read_pool && has_device_mapper || return 1
  want='' size=0
  for map in "${maps[@]}"; do
    read -r index start count <<<"$map"
    path=${devices[index]-}
    if [ -z "${numbers[index]-}" ]; then
      numbers[index]=$(number_of "$path") && sizes[index]=$(sectors_of "$path") || return 1
      if ! carries_label "$path" "$index"; then
        fail "$path does not carry the label of the pool $pool_name: it may be another disk than it was"
        return 1
      fi
    fi
    if [ "$start" -lt "$label_space" ] || [ $((start + count)) -gt $((sizes[index] - label_space)) ]; then
      fail "$path is too small: sectors $start to $((start + count)) are asked for"
      return 1
    fi
    want+="${want:+
}$size $count linear ${numbers[index]} $start"
    size=$((size + count))
  done
  [ "$size" -gt 0 ] || fail "the virtual disk has no sectors"
}

record_vdisk() { # FILE [TABLE]: the one before, which who looks at this moment may have read
  local lines before=()
  mapfile -t lines <<<"$want"
  [ -z "${2-}" ] || mapfile -t before <<<"$2"
  keep_input "$1" "project $project" "boot $(cat /proc/sys/kernel/random/boot_id)" \
    "${lines[@]/#/table }" ${before[@]+"${before[@]/#/before }"}
}

# dmsetup leaves the nodes in /dev to udev, also where there is none: then there would be none, or that of
# a device of before, which has other sectors.
[ -e /run/udev/control ] || export DM_DISABLE_UDEV=1

# map_table NAME [OPTION…]: standard input becomes the table of a device, which can be opened then.
map_table() {
  dmsetup create "$@" || return 1
  has_node "$1" && return 0
  unmap "$1"
  return 1
}

# The node of that name is the device of that name: a missing one would be written as a file.
has_node() { # NAME
  local number
  number=$(dmsetup info --columns --noheadings --separator : -o major,minor "$1") || return 1
  [ "$(number_of "$mapper/$1" 2>/dev/null)" = "$number" ] && return 0
  dmsetup mknodes "$1"
  [ "$(number_of "$mapper/$1" 2>/dev/null)" = "$number" ] && return 0
  fail "$mapper/$1 is not the device of that name"
}

# (An error of dmsetup is not that there is none.)
is_mapped() { # NAME
  local file name
  for file in /sys/block/dm-*/dm/name $dm_names; do
    { read -r name <"$file"; } 2>/dev/null && [ "$name" = "$1" ] && return 0
  done
  return 1
}

# Sets `have`, the table of a device that is there, "" where there is none.
read_table() { # NAME
  have=
  is_mapped "$1" || return 0
  have=$(dmsetup table "$1") && [ -n "$have" ] && return 0
  fail "the table of $1 cannot be read"
}

unmap() { # NAME
  is_mapped "$1" || return 0
  dmsetup remove --retry "$1" || return 1
  is_mapped "$1" || return 0
  fail "$1 is still there"
}

write_zeroes() { # PATH FROM COUNT
  local from=$2 left=$3 part
  while [ "$left" -gt 0 ]; do
    if [ $((from % 2048)) = 0 ] && [ "$left" -ge 2048 ]; then
      part=$((left - left % 2048))
      dd if=/dev/zero of="$1" bs=1048576 seek="$((from / 2048))" count="$((part / 2048))" \
        conv=notrunc,fsync || return 1
    else
      part=$((2048 - from % 2048))
      [ "$part" -le "$left" ] || part=$left
      dd if=/dev/zero of="$1" bs=512 seek="$from" count="$part" conv=notrunc,fsync || return 1
    fi
    from=$((from + part)) left=$((left - part))
  done
}

# No machine reads what another one wrote: zeroes are on the disk before its table is there. The device
# they are written through has nothing but what is new, because the kernel writes whole pages.
scrub() { # FROM: that sector of `want` and all behind it
  local name=hv-new-$uuid code
  unmap "$name" || return 1
  map_table "$name" <<<"$(tail_of "$want" "$1")" || return 1
  write_zeroes "$mapper/$name" 0 "$((size - $1))"
  code=$?
  unmap "$name" || return 1
  return "$code"
}

# Where the first sectors of a table are, a piece a line.
pieces() { # TABLE SECTORS
  awk -v left="$2" '
    function tell() { if (count > 0) printf "%s %.0f %.0f\n", device, start, count }
    left > 0 {
      part = $2 > left ? left : $2
      if (device == $4 && start + count == $5) count += part
      else { tell(); device = $4; start = $5; count = part }
      left -= part
    }
    END { tell() }' <<<"$1"
}

# The table of what lies behind a sector of another one.
tail_of() { # TABLE FROM
  awk -v from="$2" '
    $1 + $2 > from {
      skip = $1 < from ? from - $1 : 0
      printf "%.0f %.0f linear %s %.0f\n", $1 + skip - from, $2 - skip, $4, $5 + skip
    }' <<<"$1"
}

# are_free FROM: whose sectors are those behind that one of `want`, by what the host knows and has mapped?
# A store of hv that was lost or is of yesterday may hand them out a second time.
are_free() {
  local file whose owner tail lines
  tail=$(tail_of "$want" "$1") || return 1
  for file in "$state"/vdisk/*; do
    owner=${file##*/}
    owner=${owner%.next}
    case $file in *.new.* | *"/$uuid" | *"/$uuid.next") continue ;; esac
    [ -f "$file" ] || continue
    # What was begun to expire and is not mapped any more has.
    case $freed in *" $owner "*) if ! is_mapped "hv-vd-$owner"; then
      rm -f "$file" || return 1
      continue
    fi ;; esac
    whose=$(awk -v from="$1" '
      $1 == "pool" { if (NR == FNR) pool = $2; else same = $2 == pool }
      $1 == "name" { name = $2 }
      $1 == "map" && NR == FNR {
        skip = at < from ? from - at : 0
        at += $4
        if (skip < $4) { ++n; device[n] = $2; start[n] = $3 + skip; end[n] = $3 + $4 }
      }
      $1 == "map" && NR != FNR && same {
        for (i = 1; i <= n; ++i)
          if (device[i] == $2 && start[i] < $3 + $4 && $3 < end[i]) { print name; exit }
      }' "$folder/input" "$file") || {
      fail "$file cannot be read"
      return 1
    }
    [ -z "$whose" ] || {
      fail "the sectors are those of the virtual disk $whose on this host: hv's state is not of today"
      return 1
    }
  done
  lines=$(dmsetup table) || {
    fail "device-mapper does not tell its tables"
    return 1
  }
  whose=$(awk -v own="hv-vd-$uuid:" -v new="hv-new-$uuid:" '
    NR == FNR { ++n; device[n] = $4; start[n] = $5; end[n] = $5 + $2; next }
    /^hv-(vd|new)-/ && $1 != own && $1 != new {
      for (i = 1; i <= n; ++i)
        if (device[i] == $5 && start[i] < $6 + $3 && $6 < end[i]) { print $1; exit }
    }' <(printf '%s\n' "$tail") <(printf '%s\n' "$lines")) || return 1
  [ -z "$whose" ] || fail "the sectors are mapped by ${whose%:} on this host"
}

maps_in() { grep '^map ' "$1"; } # FILE

vdisk_create() { # scrub|keep
  local name=hv-vd-$uuid have mode=$1 record=$state/vdisk/$uuid
  read_vdisk && are_free 0 && read_table "$name" || return 1
  # Nobody has what was mapped and never recorded.
  if [ -n "$have" ] && [ "$have" != "$want" ] && [ ! -f "$record" ]; then unmap "$name" && have= || return 1; fi
  # One that is there was scrubbed before it came.
  if [ -n "$have" ] && [ "$have" != "$want" ]; then
    fail "$name is there already, over other sectors"
    return 1
  fi
  if [ -z "$have" ]; then
    # What the host knows of has data on it, whatever hv knows.
    if [ -f "$record" ]; then
      if [ "$(maps_in "$record")" != "$(maps_in "$folder/input")" ] &&
        { [ ! -f "$record.next" ] || [ "$(maps_in "$record.next")" != "$(maps_in "$folder/input")" ]; }; then
        fail "the virtual disk is known on this host, over other sectors: hv's state is not of today"
        return 1
      fi
      mode=keep
    fi
    if [ "$mode" = scrub ]; then scrub 0 || return 1; fi
    map_table "$name" <<<"$want" || return 1
  fi
  has_node "$name" && record_vdisk "$record" || return 1
  # What it was about to be, it is.
  [ ! -f "$record.next" ] || [ "$(maps_in "$record.next")" != "$(maps_in "$record")" ] ||
    rm -f "$record.next"
}

vdisk_enlarge() { # scrub|keep
  local name=hv-vd-$uuid have old record=$state/vdisk/$uuid
  read_vdisk && read_table "$name" || return 1
  if [ -z "$have" ]; then
    fail "there is no $name"
    return 1
  fi
  if [ "$have" != "$want" ]; then
    old=$(awk '{ sum += $2 } END { printf "%.0f", sum }' <<<"$have") || return 1
    if [ "$old" -ge "$size" ] || [ "$(pieces "$have" "$old")" != "$(pieces "$want" "$old")" ]; then
      fail "the table asked for does not continue that of $name"
      return 1
    fi
    are_free "$old" || return 1
    # What was about to be mapped may have been, and may have data on it.
    if [ -f "$record.next" ]; then
      if [ "$(maps_in "$record.next")" != "$(maps_in "$folder/input")" ]; then
        fail "$name was about to grow over other sectors: hv's state is not of today"
        return 1
      fi
    else
      if [ "$1" = scrub ]; then scrub "$old" || return 1; fi
      record_vdisk "$record.next" || return 1
    fi
    dmsetup load "$name" <<<"$want" && dmsetup resume "$name" || return 1
  fi
  # (In the words of this life of dom0.)
  record_vdisk "$record.next" "$have" && mv -f "$record.next" "$record" && sync_path "$state/vdisk"
}

vdisk_expire() {
  has_device_mapper && unmap "hv-vd-$uuid" || return 1
  # In this order: what is mapped is known.
  rm -f "$state/vdisk/$uuid" "$state/vdisk/$uuid.next" && sync_path "$state/vdisk"
}

# A device of its own (hostop.sh) grows with what is below it.
grow_own() { # DEVICE SECTORS
  local own=$state/own/$uuid.$1 mode source number options=()
  [ -e "$own.of" ] || return 0
  read -r _ mode source <"$own.of"
  number=$(number_of "$source") || return 1
  [ "$mode" = w ] || options=(--readonly)
  dmsetup load "hv-$uuid-$1" ${options[@]+"${options[@]}"} <<<"0 $2 linear $number 0" &&
    dmsetup resume "hv-$uuid-$1"
}

# The backend looks at its device's size ten times a second and tells its guest.
vbd_enlarge() { # NUMBER DEVICE SECTORS
  local node=/local/domain/0/backend/vbd/$domid/$1 i
  grow_own "$2" "$3" || return 1
  for ((i = 0; i < 40; ++i)); do
    [ "$(xenstore-read "$node/sectors" 2>/dev/null)" != "$3" ] || return 0
    # A guest that has not opened it yet gets the size when it does.
    [ "$(xenstore-read "$node/state" 2>/dev/null)" = 4 ] || return 0
    nap
  done
  fail "the guest is not told of the new size"
}
