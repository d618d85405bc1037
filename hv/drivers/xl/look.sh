# look.sh: everything that hv reads of a Xen host, in one go; changes nothing. Sections begin with a
# line of the record separator and a name. Runs in bash.
set -u
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
state=$1
# Where the kernel tells of its backends and libxl keeps configurations; with any other STATE than Xen's
# own machine has, nothing of that machine.
devices=/sys/bus/xen-backend/devices kept=/var/lib/xen xl_settings=/etc/xen/xl.conf
[ "$state" = /var/lib/hv ] || devices=$state/xen-devices kept=$state/xen-lib xl_settings=$state/xl.conf
section() { printf '\036%s\n' "$*"; }
# What could not be read is not what is not there.
unreadable() {
  echo "$*" >&2
  exit 1
}
content() {
  for file in "$@"; do
    [ -f "$file" ] || continue
    section "file ${file#"$state"/}"
    cat "$file"
  done
}

# "PID DOMID|- UUID|- NAME" of every xl that stays to start its machine again: hostop.sh gives xl a file
# that is called by the UUID; of others' what it watches is in its log. (Nothing here starts a process
# that need not be: a look is taken after every step.)
monitors() {
  local process word log name uuid domid words
  for process in /proc/[0-9]*; do
    { read -r word <"$process/comm"; } 2>/dev/null && [ "$word" = xl ] || continue
    log=$(readlink "$process/fd/1" 2>/dev/null)
    case $log in /var/log/xen/xl-*.log*) ;; *) continue ;; esac
    name=${log#/var/log/xen/xl-}
    uuid=- domid=-
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline"
    for word in "${words[@]}"; do
      case $word in
        /*/????????-????-????-????-????????????.cfg | \
          /*/saved/????????-????-????-????-????????????.*)
          uuid=${word##*/}
          uuid=${uuid%.*}
          ;;
      esac
    done
    if [ "$uuid" = - ]; then
      domid=$(sed -n 's/^Waiting for domain .* (domid \([0-9]*\)) to die.*/\1/p' "$log" | tail -1)
    fi
    printf '%s %s %s %s\n' "${process#/proc/}" "${domid:--}" "$uuid" "${name%.log*}"
  done
}

# settled LIST LONG MONITORS: no machine is between two lives. One that its xl builds again is for a
# moment not listed, then paused and without a configuration.
settled() {
  local pid domid uuid name line words found i
  while read -r pid domid uuid name; do
    [ -n "$pid" ] || continue
    found=
    [ "$uuid" != - ] || uuid=unknown
    [ "$domid" != - ] || domid=unknown
    while IFS= read -r line; do
      case $line in *"$uuid"* | "$name "*) ;; *" $domid "*) ;; *) continue ;; esac
      read -r -a words <<<"$line"
      for ((i = 3; i < ${#words[@]}; ++i)); do
        case ${words[i]} in ??????) ;; *) continue ;; esac
        case ${words[i]} in *[!rbpscdwS?-]*) continue ;; esac
        break
      done
      ((i < ${#words[@]})) || continue
      case $line in *"$uuid"* | "$name "*) ;; *) [ "${words[i - 3]}" = "$domid" ] || continue ;; esac
      found=yes
      [ "${words[i]}" = --p--- ] || break
      case $2 in *"\"domid\": ${words[i - 3]},"*) ;; *) return 1 ;; esac
      break
    done <<<"$1"
    [ -n "$found" ] || return 1
  done <<<"$3"
  return 0
}

# A disk that xenstore knows no more goes from the kernel in a moment. (Known by what was read before,
# the kernel's first, or a disk that comes would count.)
leaving() { # KERNEL STORE
  local line name
  local -A told=()
  [ -n "$1" ] || return 1
  while IFS= read -r line; do
    case $line in /local/domain/0/backend/vbd/*/*/state\ =*) ;; *) continue ;; esac
    line=${line#/local/domain/0/backend/vbd/}
    line=${line%%/state *}
    told[vbd-${line/\//-}]=1
  done <<<"$2"
  for name in $1; do [ -n "${told[$name]-}" ] || return 0; done
  return 1
}
backends() { # in one line
  local name
  for name in "$devices"/vbd-*; do [ ! -e "$name" ] || printf '%s ' "${name##*/}"; done
}

# What dom0 itself has open, a line each, the words parted by tabs: "mount SOURCE TYPE POINT OPTIONS",
# "swap SOURCE", "pool NAME DEVICE", "open r|w SOURCE PROGRAM". By names that last: of a loop device its
# file, of a mapped one its name.
lasting() {
  local name=${1#/dev/} file
  if [ -r "/sys/block/$name/loop/backing_file" ]; then
    read -r file <"/sys/block/$name/loop/backing_file" && lasting_name=${file% (deleted)} && return
  fi
  if [ -r "/sys/block/$name/dm/name" ]; then
    read -r file <"/sys/block/$name/dm/name" && lasting_name=/dev/mapper/$file && return
  fi
  lasting_name=/dev/${name//!//}
}
# "/proc/PID/fd/N<tab>TARGET" of everything that is open. (busybox' find knows no -lname.)
open_files() {
  local folder line number
  while IFS= read -r line; do
    case $line in
      /proc/*/fd:) folder=${line%:} ;;
      *' -> /'*)
        number=${line%% -> *}
        printf '%s/%s\t%s\n' "$folder" "${number##* }" "${line#* -> }"
        ;;
    esac
  done < <(ls -ln /proc/[0-9]*/fd 2>/dev/null)
}
uses() {
  local number point rest type source options key value member fd target word words pid pool flags mode
  while read -r _ _ number _ point rest; do
    rest=" $rest"
    read -r type source options <<<"${rest#* - }"
    case $number in
      0:*) case $source in /dev/?*) [ -b "$source" ] || continue ;; *) continue ;; esac ;;
      *)
        source=
        while IFS='=' read -r key value; do
          [ "$key" != DEVNAME ] || source=/dev/${value//\//!}
        done 2>/dev/null <"/sys/dev/block/$number/uevent"
        [ -n "$source" ] || continue
        ;;
    esac
    lasting "$source"
    printf 'mount\t%s\t%s\t%s\t%s\n' "$lasting_name" "$type" "$point" "$options"
  done 2>/dev/null </proc/self/mountinfo
  # All devices of a filesystem that has several.
  for member in /sys/fs/btrfs/*/devices/*; do
    [ -e "$member" ] || continue
    lasting "${member##*/}"
    printf 'mount\t%s\tbtrfs\t(one of several devices)\trw\n' "$lasting_name"
  done
  while read -r source _; do
    case $source in /dev/*) lasting "$source" && source=$lasting_name ;; /*) ;; *) continue ;; esac
    printf 'swap\t%s\n' "$source"
  done 2>/dev/null </proc/swaps
  if [ -d /proc/spl/kstat/zfs ]; then
    pool=
    while read -r key value _; do
      case $key in pool:) pool=$value ;; /*) printf 'pool\t%s\t%s\n' "$pool" "$key" ;; esac
    done < <(zpool status -LP 2>/dev/null)
  fi
  while IFS=$'\t' read -r fd target; do
    pid=${fd#/proc/} pid=${pid%%/*}
    { read -r word <"/proc/$pid/comm"; } 2>/dev/null || continue
    case $target in
      *' (deleted)') continue ;;
      /dev/*) [ -b "$target" ] || continue ;;
      *)
        # Who serves files as disks, or fills them; what else a file is used for is its own affair.
        case $word in *nbd* | qemu-* | tgtd | vblade | dd) ;; *) continue ;; esac
        [ -f "$target" ] || continue
        ;;
    esac
    case $word in tapdisk* | blktap* | xl | pygrub) continue ;; esac  # a guest's disk, for the guest
    words=()
    { mapfile -d '' -t words <"/proc/$pid/cmdline"; } 2>/dev/null
    # What serves a machine is the machine, as long as that is there.
    case " ${words[*]-} " in
      *' -xen-domid '*)
        words=" ${words[*]} "
        words=${words#* -xen-domid }
        case ${long:-} in *"\"domid\": ${words%% *},"*) continue ;; esac
        ;;
      *) case $target$word in /dev/*qemu-system*) ;; *qemu-system*) continue ;; esac ;;
    esac
    mode=r
    {
      while read -r key flags; do
        [ "$key" != flags: ] || case $flags in *[1256]) mode=w ;; esac
      done <"/proc/$pid/fdinfo/${fd##*/}"
    } 2>/dev/null
    case $mode$word in
      # They look at names and labels of every disk.
      r*udev* | rmultipathd | rblkid | rlsblk | rlvm* | r[lpv]vs | rdmeventd | rmdadm | rsmartd | rudisks*) continue ;;
    esac
    lasting_name=$target
    case $target in /dev/*) lasting "$target" ;; esac
    printf 'open\t%s\t%s\t%s\n' "$mode" "$lasting_name" "$word"
  done < <(open_files)
}

# What others have start at boot, or lies saved: "others auto|save uuid|- FILE" with the configuration
# as xl gives it in JSON; none where it cannot be read. "-": the file says no UUID, and what is told is
# one by chance. A process for each file, and none where there is none.
others() { # AUTO SAVES SETTINGS
  local auto=$1 saves=("$2") line file told text says
  # Read, never run: what is not plain is as if it was not said.
  local path='(/[A-Za-z0-9._/+-]*)?' plain
  plain="^XENDOMAINS_(AUTO|SAVE)=($path|\"$path\"|'$path')[[:space:]]*(#.*)?\$"
  [ ! -f "$3" ] || while IFS= read -r line; do
    [[ $line =~ $plain ]] || continue
    text=${BASH_REMATCH[2]//[\"\']/}
    case ${BASH_REMATCH[1]} in
      AUTO) auto=$text ;;
      SAVE) saves[1]=$text ;;
    esac
  done <"$3"
  [ -z "$auto" ] || for file in "$auto"/*; do
    [ -f "$file" ] || { [ -L "$file" ] && [ ! -e "$file" ]; } || continue
    [ "$file" -ef "$state/auto/${file##*/}" ] && continue
    told=$(timeout 10 xl create --quiet --dryrun --defconfig "$file" 2>/dev/null </dev/null) || told=
    says=-
    if [[ $told =~ \"uuid\":\ *\"([0-9a-fA-F-]{36})\" ]]; then
      line=${BASH_REMATCH[1]} text=
      { IFS= read -r -d '' -n 1048576 text <"$file"; } 2>/dev/null
      case ${text,,} in *"${line,,}"*) says=uuid ;; esac
    fi
    section "others auto $says ${file//[^ -~]/?}"
    printf '%s\n' "${told//[$'\035\036']/}"
  done
  [ "${saves[1]:-$2}" != "$2" ] || saves=("$2")
  for file in "${saves[0]}"/* ${saves[1]:+"${saves[1]}"/*}; do
    [ -f "$file" ] || continue
    { IFS= read -r -n 16 text <"$file"; } 2>/dev/null
    [ "$text" = 'Xen saved domain' ] || continue
    section "others save uuid ${file//[^ -~]/?}"
    saved_configuration "$file"
  done
}
# Of a file of xl save: 32 bytes of a name, byte order, flags that must be known (the first: the
# configuration is JSON, as since Xen 4.5), others, the length of what is optional; that begins with a
# length and the configuration.
saved_configuration() {
  local bytes at length
  read -r -d '' -a bytes < <(od -An -v -tu1 -N52 "$1" 2>/dev/null)
  [ "${#bytes[@]}" = 52 ] || return 0
  case "${bytes[*]:32:4}" in
    '4 3 2 1') ;;
    '1 2 3 4')
      for at in 36 40 44 48; do
        bytes=("${bytes[@]:0:at}" "${bytes[@]:at+3:1}" "${bytes[@]:at+2:1}" "${bytes[@]:at+1:1}" \
          "${bytes[@]:at:1}" "${bytes[@]:at+4}")
      done
      ;;
    *) return 0 ;;
  esac
  length=$((bytes[48] | bytes[49] << 8 | bytes[50] << 16 | bytes[51] << 24))
  [ $((bytes[36] & 1)) = 1 ] && [ "$length" -le 1048576 ] &&
    [ $((length + 4)) -le $((bytes[44] | bytes[45] << 8 | bytes[46] << 16 | bytes[47] << 24)) ] ||
    return 0
  tail -c +53 "$1" 2>/dev/null | head -c "$length" | tr -d '\000-\010\013-\037'
}

section boot
cat /proc/sys/kernel/random/boot_id
section machine
cat /sys/class/dmi/id/product_uuid 2>/dev/null || cat /etc/machine-id 2>/dev/null || hostname
section info
xl info 2>&1
# Whether xl takes memory from dom0 for a machine that does not fit: "autoballoon VALUE".
section balloon
plain='^[[:space:]]*autoballoon[[:space:]]*=[[:space:]]*["'"'"']?([a-z0-9]+)'
[ ! -f "$xl_settings" ] || while IFS= read -r line; do
  [[ $line =~ $plain ]] && echo "autoballoon ${BASH_REMATCH[1]}"
done <"$xl_settings"
# The list before and after the details must name the same domains, or some of it is of another
# moment.
try=0 left=0
while :; do
  watched=$(monitors)
  before=$(xl list -v 2>&1) || break
  long=$(xl list -l 2>/dev/null)
  open=$(backends)
  # (There is none before the first machine.)
  store=$(xenstore-ls -f /local/domain/0/backend 2>/dev/null) ||
    { xenstore-exists /local/domain/0 && ! xenstore-exists /local/domain/0/backend; } ||
    unreadable "xenstore-ls fails"
  after=$(xl list -v 2>&1) || break
  if ! settled "$after" "$long" "$watched"; then
    # A restart takes seconds. What is unfinished after this long is told as it is.
    [ "$SECONDS" -lt 60 ] || break
    sleep 0.5 2>/dev/null || sleep 1
    continue
  fi
  if [ "$left" -lt 20 ] && leaving "$open" "$store"; then
    left=$((left + 1))
    sleep 0.5 2>/dev/null || sleep 1
    continue
  fi
  try=$((try + 1))
  [ "$(echo "$before" | cut -c1-50)" = "$(echo "$after" | cut -c1-50)" ] || [ "$try" -ge 5 ] && break
done
section list
printf '%s\n' "${after:-$before}"
section long
printf '%s\n' "${long:-}"
section store
printf '%s\n' "${store:-}"
section monitors
printf '%s\n' "${watched:-}"
# "NAME MODE MAJOR:MINOR", the last two as the kernel tells them, of disks.
section backends
for name in "$devices"/*; do
  [ -e "$name" ] || continue
  mode='' number=''
  { read -r mode <"$name/mode" && read -r number <"$name/physical_device"; } 2>/dev/null
  printf '%s %s %s\n' "${name##*/}" "$mode" "$number"
done
section bridges
for bridge in /sys/class/net/*/bridge; do
  [ -d "$bridge" ] || continue
  bridge=${bridge%/bridge}
  echo "${bridge##*/}"
done
section loops
for loop in /sys/block/loop*/loop/backing_file; do
  [ -f "$loop" ] || continue
  name=${loop%/loop/backing_file}
  echo "${name##*/} $(cat "$loop")"
done
# Which processors each machine is to have; how many it runs is in the list.
section processors
for domid in $(xenstore-list /local/domain 2>/dev/null); do
  [ "$domid" = 0 ] || xenstore-ls -f "/local/domain/$domid/cpu" 2>/dev/null
done
# Where each virtual processor may run.
section affinity
xl vcpu-list 2>/dev/null || [ -z "${after:-}" ] || unreadable "xl vcpu-list fails"
section uses
uses
section own
for file in "$state"/own/*.of; do
  [ -f "$file" ] && read -r boot mode source <"$file" && echo "${file%.of} $source"
done
# Pools and virtual disks of hv, and what is mapped now.
section tables
for file in "$state"/pool/*; do
  [ ! -f "$file" ] || dmsetup table 2>/dev/null || unreadable "dmsetup table fails"
  break
done
for file in "$state"/pool/* "$state"/vdisk/*; do
  case $file in *.new.*) continue ;; esac
  content "$file"
done
# "NAME SECTORS MAJOR:MINOR" of every block device; of a sharer's own also the one below it.
section sizes
for folder in /sys/class/block/*; do
  { read -r size <"$folder/size" && read -r number <"$folder/dev"; } 2>/dev/null || continue
  name=${folder##*/}
  below=
  if [ -r "$folder/dm/name" ]; then
    read -r name <"$folder/dm/name" && name=mapper/$name
    case $name in mapper/hv-????????-????-????-????-????????????-*)
      for below in "$folder"/slaves/*; do :; done
      below=${below##*/}
      ;;
    esac
  fi
  printf '%s %s %s%s\n' "${name//!//}" "$size" "$number" "${below:+ ${below//!//}}"
done
# What libxl keeps of machines that `xl list -l` says nothing of.
for file in "$kept"/userdata-d.*.libxl-json; do
  [ -f "$file" ] || continue
  domid=${file#*userdata-d.}
  case ${long:-} in *"\"domid\": ${domid%%.*},"*) continue ;; esac
  section "kept ${file##*/}"
  cat "$file"
done
# What `xl config-update` left: the next life of that machine is made by it and nothing else.
for file in "$kept"/userdata-d.*.xl; do
  [ -s "$file" ] || continue
  told=$(timeout 10 xl create --quiet --dryrun --defconfig "$file" 2>/dev/null </dev/null) || told=
  section "updated ${file##*/}"
  printf '%s\n' "${told//[$'\035\036']/}"
done
# What hv has start at boot, and whether it would.
auto_links=/etc/xen/auto saves=/var/lib/xen/save boot_settings=/etc/default/xendomains
[ -f "$boot_settings" ] || boot_settings=/etc/sysconfig/xendomains
[ "$state" = /var/lib/hv ] ||
  auto_links=$state/xen-auto saves=$state/xen-save boot_settings=$state/xendomains
for file in "$state"/auto/*.cfg; do
  [ -f "$file" ] || continue
  uuid=${file##*/}
  uuid=${uuid%.cfg}
  linked=unlinked
  [ "$auto_links/$uuid.cfg" -ef "$file" ] && linked=linked
  section "auto $uuid $linked"
  cat "$file"
done
# Machines that lie saved; what each had is told as here, between other marks.
for file in "$state"/saved/*.image "$state"/saved/*.in-use; do
  [ -f "$file" ] || continue
  section "saved ${file##*/}"
  cat "${file%.*}.about" 2>/dev/null
done
others "$auto_links" "$saves" "$boot_settings"
section fresh
ls "$state/fresh" 2>/dev/null
for file in "$state"/project/*; do
  case $file in *.lock | *.new.*) continue ;; esac
  content "$file"
done
for file in "$state"/claims/*/*; do
  case $file in *.new.*) continue ;; esac
  content "$file"
done
section end
