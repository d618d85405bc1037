#!/usr/bin/env bash
# journey.sh: what hv does to machines on a real Xen, through the command line only, each step looked
# at on the host itself and on the guests' consoles. Run by `lab.sh test`; the laboratory must be up.
#
#   journey.sh [PART…]   all parts, in the order they stand here, or these (each needs the fleet)
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
hv=${HV_PROGRAM:-$here/../../build/hv}
[ -x "$hv" ] || { echo "journey: no program $hv: ./dev build makes it"; exit 1; }
work=$(mktemp -d)
second_port=
leave() {
  [ -z "$second_port" ] || HV_XENLAB_PORT=$second_port "$here/lab.sh" down
  rm -rf "$work"
}
trap leave EXIT
good=0 bad=0

in_dom0() { "$here/lab.sh" ssh "$@"; }
note() { echo "== $* ($SECONDS s)"; }

# check WHAT COMMAND…: counts, and goes on.
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    good=$((good + 1))
    echo "  ok    $what"
  else
    bad=$((bad + 1))
    echo "  FAIL  $what"
    printf '%s\n' "$output" | sed 's/^/        /' | tail -25
  fi
}

run_hv() { "$hv" -C "$work" "$@"; }
# exits CODE WORDS…
exits() {
  local want=$1 code
  shift
  "$@"
  code=$?
  [ "$code" = "$want" ] || { echo "exit $code, not $want"; return 1; }
}
nothing_to_do() { exits 0 run_hv plan --detailed-exitcode; }
# eventually SECONDS WORDS…: a guest takes its time.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 1
  done
}
guest_sees() { # NAME TEXT: the last thing that the guest said it sees
  in_dom0 "grep -a 'guest sees' /var/log/xen/console/guest-$1.log | tail -1" | tr -d '\r' | grep -F "$2"
}
guest_measures() { # NAME TEXT: of its disks, in KiB
  in_dom0 "grep -a 'guest measures' /var/log/xen/console/guest-$1.log | tail -1" | tr -d '\r' |
    grep -F "$2"
}
# complains WORDS… -- TEXT: hv says so, and fails.
complains() {
  local words=() output
  while [ "$1" != -- ]; do
    words+=("$1")
    shift
  done
  if ! output=$("${words[@]}" 2>&1) && grep -F -- "$2" <<<"$output"; then return 0; fi
  echo "$output"
  return 1
}
boots() { in_dom0 'grep -ac "Linux version" /var/log/xen/console/guest-web1.log'; }
has_booted() { [ "$(boots)" = "$1" ] || { echo "web1 booted $(boots) times"; return 1; }; }
domains() { in_dom0 "xl list" | awk 'NR > 2 { print $1 }' | sort | tr '\n' ' '; }
are_domains() { [ "$(domains)" = "$1" ] || { echo "domains: $(domains)"; return 1; }; }
field() { in_dom0 "xl list $1 2>/dev/null" | awk -v n="$2" 'NR == 2 { print $n }'; }
is_field() { [ "$(field "$1" "$2")" = "$3" ] || { echo "it is $(field "$1" "$2")"; return 1; }; }

# fleet MEMORY VCPUS DISK…: web0 with these disks, web1 with its own; $web0_more and $web1_more are
# lines of theirs.
web0_more='' web1_more='' web1_disks=''
fleet() {
  local memory=$1 vcpus=$2 disk list=
  shift 2
  for disk in "$@"; do list="$list\"$disk\", "; done
  cat >"$work/fleet.vm" <<EOF
template guest:
    maxmem   = 120MiB
    maxvcpus = 2
    kernel   = "/guests/vmlinuz"
    ramdisk  = "/guests/guest.cpio.gz"
    extra    = "console=hvc0"
    on_crash = "preserve"

domain web0(guest):
    memory = $memory
    vcpus  = $vcpus
    disk   = [$list]
    vif    = ["bridge=xenbr0"]
    ${web0_more}

domain web1(guest):
    memory = ${web1_memory:-100MiB}
    disk   = [${web1_disks:-$web1_first}]
    ${web1_more}
    lifecycle:
        stop_timeout = 60s
EOF
}
web1_first='"/guests/web1.img,raw,xvda,w", "/guests/rescue.img,raw,xvdb,r"'
web0_first=("/guests/web0.img,raw,xvda,w" "/guests/rescue.img,raw,xvdb,r")

begin() {
  { printf '[project]\nid = "%s"\nname = "journey"\n' "$(cat /proc/sys/kernel/random/uuid)"
    printf 'sources = ["*.vm"]\n[hosts.xen1]\n'
    "$here/lab.sh" address; } >"$work/hv.toml"
  in_dom0 'for d in $(xl list | awk "NR > 2 { print \$2 }"); do xl destroy $d; done; rm -rf /var/lib/hv
    rm -f /run/hold /run/held
    for f in /var/log/xen/console/guest-*.log; do [ ! -f $f ] || : >$f; done
    for f in web0 web1 rescue logs extra shared; do
      [ -f /guests/$f.img ] || dd if=/dev/zero of=/guests/$f.img bs=1M count=4 2>/dev/null; done'
  fleet 100MiB 1 "${web0_first[@]}"
}

# alien FILE [LINE…]: somebody else's machine, as its file in dom0.
alien() {
  {
    cat <<'EOF'
name = "alien"
type = "pv"
kernel = "/guests/vmlinuz"
ramdisk = "/guests/guest.cpio.gz"
cmdline = "console=hvc0"
memory = 90
disk = [ "format=raw,vdev=xvda,access=rw,target=/guests/logs.img" ]
EOF
    printf '%s\n' "${@:2}"
  } | in_dom0 "cat >$1"
}

# What continuous integration plays: one small machine, and everything but its life left out.
part_short() {
  note "one machine comes, gets a disk, loses it, goes"
  only() { # DISK…
    local disk list=
    for disk in "$@"; do list="$list\"$disk\", "; done
    cat >"$work/fleet.vm" <<EOF
domain web0:
    memory  = 90MiB
    kernel  = "/guests/vmlinuz"
    ramdisk = "/guests/guest.cpio.gz"
    extra   = "console=hvc0"
    disk    = [$list]
EOF
  }
  only "/guests/web0.img,raw,xvda,w"
  check "apply" run_hv apply --yes
  check "it is there" are_domains "web0 "
  check "nothing is to do" nothing_to_do
  check "the guest sees its disk" eventually 300 guest_sees web0 "disks xvda"
  only "/guests/web0.img,raw,xvda,w" "/guests/logs.img,raw,xvdc,w"
  check "one more" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "the guest sees it" eventually 300 guest_sees web0 "disks xvda xvdc"
  only "/guests/web0.img,raw,xvda,w"
  check "and gone" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "the guest lost it" eventually 300 guest_sees web0 "nics 0 disks xvda"
  part_destroy
}

part_fleet() {
  note "two machines from nothing"
  check "apply" run_hv apply --yes
  check "both are there" are_domains "web0 web1 "
  check "nothing is to do" nothing_to_do
  check "web0 sees its disks" eventually 120 guest_sees web0 "cpus 1 nics 1 disks xvda xvdb"
  check "web1 sees its disks" eventually 120 guest_sees web1 "cpus 1 nics 0 disks xvda xvdb"
  check "the rescue disk is read-only on the host" in_dom0 \
    'test "$(xenstore-ls /local/domain/0/backend/vbd | grep -c "mode = \"r\"")" = 2'
  check "claims are on the host" in_dom0 'test "$(ls /var/lib/hv/claims/* | wc -l)" = 4'
  check "status says running" sh -c "'$hv' -C '$work' status | grep -c 'running' | grep -qx 2"
}

part_change() {
  note "memory and processors up, one disk more, one less, all live"
  local number
  number=$(field web0 2)
  fleet 112MiB 2 "/guests/web0.img,raw,xvda,w" "/guests/logs.img,raw,xvdc,w"
  check "the plan has changes" exits 2 run_hv plan --detailed-exitcode
  check "apply" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "it was not restarted" is_field web0 2 "$number"
  check "memory" is_field web0 3 112
  check "processors" is_field web0 4 2
  check "the guest sees it" eventually 60 guest_sees web0 "cpus 2 nics 1 disks xvda xvdc"
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "the guest sees it" eventually 60 guest_sees web0 "nics 1 disks xvda xvdb"
}

part_drift() {
  note "somebody's hand"
  check "xl by hand" in_dom0 "xl mem-set web0 90 && xl block-detach web0 xvdb &&
    xl block-attach web1 format=raw,vdev=xvdd,access=rw,target=/guests/extra.img && xl pause web0"
  check "the plan sees it" exits 2 run_hv plan --detailed-exitcode
  check "apply heals" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "memory" is_field web0 3 100
  check "the stranger's disk is gone from xenstore and from the host" in_dom0 \
    '! xl block-list web1 | grep -q ^51760 && ! losetup -a | grep -q extra.img'
  check "the guest has its disk again" eventually 60 guest_sees web0 "disks xvda xvdb"
  note "a guest that reboots itself keeps what hv gave it and does not get back what hv took"
  fleet 100MiB 1 "/guests/web0.img,raw,xvda,w" "/guests/logs.img,raw,xvdc,w"
  check "apply" run_hv apply --yes
  local number
  number=$(field web0 2)
  check "reboot" in_dom0 "xl reboot web0"
  restarted() { [ -n "$(field web0 2)" ] && [ "$(field web0 2)" != "$number" ]; }
  check "it has a new number" eventually 120 restarted
  check "its disks" eventually 120 guest_sees web0 "disks xvda xvdc"
  check "nothing is to do" nothing_to_do
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
}

part_kill() {
  note "hv is killed while the host works"
  local seconds
  for seconds in 2 5 9; do
    check "web1 goes" sh -c "'$hv' -C '$work' apply --yes --replace domain.web1 >/dev/null 2>&1 & pid=\$!
      sleep $seconds; kill -9 \$pid; wait \$pid; [ \$? != 64 ]"
    check "the next apply settles it" run_hv apply --yes
    check "nothing is to do" nothing_to_do
    check "no machine twice, none lost" are_domains "web0 web1 "
    check "one loop device a file" in_dom0 'test -z "$(losetup -a | sed "s/.*(//" | sort | uniq -d |
      grep -v rescue.img)"'
  done
}

part_stranger() {
  note "somebody else's machine"
  alien /tmp/alien.cfg
  check "xl create by hand" in_dom0 "xl create -q /tmp/alien.cfg"
  fleet 100MiB 1 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
  check "its disk is refused" exits 1 run_hv plan
  check "and not attached" exits 1 run_hv apply --yes
  check "web0 is as it was" in_dom0 '! xl block-list web0 | grep -q ^51744'
  fleet 100MiB 1 "${web0_first[@]}"
  check "without it nothing is to do" nothing_to_do
  check "the stranger still runs" are_domains "alien web0 web1 "
  in_dom0 'xl destroy alien'
}

part_shared() {
  note "a writer beside a reader, permitted by both"
  local number
  web0_more='sharing = 1' web1_more='sharing = 1'
  web1_disks="$web1_first, \"/guests/shared.img,raw,xvde,r\""
  fleet 100MiB 1 "${web0_first[@]}" "/guests/shared.img,raw,xvde,w"
  own_check_off() { run_hv plan | grep "own check is off for domain.web0 xvde"; }
  check "the plan says that Xen's check is off there" own_check_off
  check "apply" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "both guests have it" eventually 60 guest_sees web0 "xvde"
  check "both guests have it" eventually 60 guest_sees web1 "xvde"
  check "each on a device of its own" in_dom0 'test "$(losetup -a | grep -c shared.img)" = 2'
  number=$(field web0 2)
  check "a guest reboots itself" in_dom0 "xl reboot web0"
  reborn() { [ -n "$(field web0 2)" ] && [ "$(field web0 2)" != "$number" ]; }
  check "  and comes back" eventually 180 reborn
  check "  with it" eventually 180 guest_sees web0 "xvde"
  check "  nothing is to do" nothing_to_do
  web0_more='' web1_more='' web1_disks=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "detached" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "their own devices went too" in_dom0 \
    'test -z "$(losetup -a | grep shared.img; ls /var/lib/hv/own)"'
}

part_saved() {
  note "a machine that is saved holds what it has and goes on where it was"
  images() { [ "$(in_dom0 'ls /var/lib/hv/saved' | grep -c "$1")" = "$2" ]; }
  in_dom0 ': >/var/log/xen/console/guest-web1.log'
  check "save" run_hv save domain.web1 --yes
  check "  it is gone from Xen" are_domains "web0 "
  check "  its image is whole" images '\.image$' 1
  check "  it is drift" exits 2 run_hv plan --detailed-exitcode
  saved_now() { run_hv status | grep web1 | grep -w saved; }
  check "  status says so" saved_now
  fleet 100MiB 1 "${web0_first[@]}" "/guests/web1.img,raw,xvdc,w"
  check "  nobody else gets its disk" exits 1 run_hv plan
  fleet 100MiB 1 "${web0_first[@]}"
  check "restore" run_hv restore domain.web1 --yes
  check "  nothing is to do" nothing_to_do
  check "  no image is left" images . 0
  check "  the guest did not boot again" has_booted 0
  web1_more='vif = ["bridge=xenbr0"]'
  fleet 100MiB 1 "${web0_first[@]}"
  check "it is live: it gets an interface" run_hv apply --yes
  check "  and sees it" eventually 60 guest_sees web1 "nics 1"
  note "declared"
  web1_more='vif = ["bridge=xenbr0"]
    state = "saved"'
  fleet 100MiB 1 "${web0_first[@]}"
  check "saved" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  it is gone from Xen" are_domains "web0 "
  web1_more='vif = []'
  fleet 100MiB 1 "${web0_first[@]}"
  check "running, and one interface less" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  the guest did not boot again" has_booted 0
  check "  and sees it" eventually 60 guest_sees web1 "nics 0"
  note "an image of a machine that somebody let run is never used"
  check "save" run_hv save domain.web1 --yes
  check "by hand, outside of hv" in_dom0 'cd /var/lib/hv/saved && i=$(echo *.image) &&
    mv $i ${i%image}in-use && xl restore ${i%image}in-use && sleep 2 && xl destroy web1'
  check "  hv does not restore it" exits 1 run_hv restore domain.web1 --yes
  check "  it is made again" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  it did boot again" eventually 60 has_booted 1
  check "  no image is left" images . 0
  web1_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
}

part_boot() {
  note "what starts when the host boots"
  at_boot() { [ "$(in_dom0 "cat /etc/xen/auto/*.cfg 2>/dev/null | grep -c '$1'")" = "$2" ]; }
  web1_more='autostart = True'
  fleet 100MiB 1 "${web0_first[@]}"
  check "apply" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  xendomains would start it" at_boot 'name = "web1"' 1
  check "  with its disks" at_boot vdev= 2
  web1_disks='"/guests/web1.img,raw,xvda,w", "/guests/logs.img,raw,xvdc,w"'
  fleet 100MiB 1 "${web0_first[@]}"
  check "another disk" run_hv apply --yes
  check "  with that one" at_boot xvdc 1
  check "  without the one before" at_boot xvdb 0
  check "  nothing is to do" nothing_to_do
  check "the link is removed by hand" in_dom0 'rm /etc/xen/auto/*.cfg'
  check "  that is drift" exits 2 run_hv plan --detailed-exitcode
  check "  healed" run_hv apply --yes
  check "the host loses its machines and boots" in_dom0 'xl destroy web0; xl destroy web1
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -z "$(ls /sys/bus/xen-backend/devices)" ] || sleep 1; done
    for f in /etc/xen/auto/*; do xl create --quiet --defconfig "$f" || exit 1; done'
  check "  one is back" are_domains "web1 "
  check "  the other is missed" exits 2 run_hv plan --detailed-exitcode
  check "  and made again" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "stopped, it would not start" run_hv stop domain.web1 --yes
  check "  there is no link" at_boot name 0
  web1_more='' web1_disks=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
  check "  there is no link" at_boot name 0
  check "  nothing is to do" nothing_to_do
}

part_pin() {
  note "where processors may run"
  affinity() { in_dom0 "xl vcpu-list $1" | awk 'NR > 1 { print $(NF - 2) "/" $NF }' | tr '\n' ' '; }
  has_affinity() { [ "$(affinity "$1")" = "$2" ] || { affinity "$1"; return 1; }; }
  web0_more='cpus = "0"
    cpus_soft = ["1", "0"]'
  fleet 100MiB 1 "${web0_first[@]}"
  local number
  number=$(field web0 2)
  check "apply" run_hv apply --yes
  check "  it is so" has_affinity web0 "0/1 0/0 "
  check "  nothing is to do" nothing_to_do
  check "somebody's hand" in_dom0 "xl vcpu-pin web0 all all all"
  check "  is drift" exits 2 run_hv plan --detailed-exitcode
  check "  healed" run_hv apply --yes
  check "  it is so" has_affinity web0 "0/1 0/0 "
  web0_more='cpus = "0,1"
    cpu_weight = 300'
  fleet 100MiB 1 "${web0_first[@]}"
  check "all that there is, and a weight" run_hv apply --yes
  check "  it is so" has_affinity web0 "all/all all/all "
  check "  nothing is to do" nothing_to_do
  web0_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "no longer declared" run_hv apply --yes
  check "  the weight is the default" in_dom0 'xl sched-credit2 -d web0 | grep -qw 256'
  check "  nothing is to do" nothing_to_do
  check "it was not restarted" is_field web0 2 "$number"
}

part_power() {
  note "one operation by hand"
  check "pause" run_hv pause domain.web1 --yes
  check "  it is drift" exits 2 run_hv plan --detailed-exitcode
  check "  healed" run_hv apply --yes
  check "pause" run_hv pause domain.web1 --yes
  check "unpause" run_hv unpause domain.web1 --yes
  check "  nothing is to do" nothing_to_do
  told_version() { run_hv host list | grep "Xen 4.17"; }
  check "host list tells which Xen it is" told_version
  check "stop" run_hv stop domain.web1 --yes
  check "  it is gone" are_domains "web0 "
  check "start" run_hv start domain.web1 --yes
  check "  nothing is to do" nothing_to_do
  check "restart" run_hv restart domain.web1 --yes
  check "  nothing is to do" nothing_to_do
  check "  both are there" are_domains "web0 web1 "
}

part_adopt() {
  note "what runs already is taken over"
  alien /tmp/alien.cfg 'on_crash = "preserve"' 'vif = [ "bridge=xenbr0" ]'
  check "xl create by hand" in_dom0 "xl create -q /tmp/alien.cfg"
  check "adopt" run_hv adopt alien
  check "nothing is to do" nothing_to_do
  check "it is claimed" in_dom0 'ls /var/lib/hv/claims/* | grep -c "xvda$" | grep -qx 3'
  check "it is hv's to stop" run_hv stop domain.alien --yes
  check "  and to make again" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  all three" are_domains "alien web0 web1 "
  rm -f "$work/adopted.vm"
  check "no longer declared, it goes" run_hv apply --yes --max-destroy 1
  check "  two" are_domains "web0 web1 "
}

part_local() {
  note "on dom0 itself, without configuration"
  strip -o "$work/hv" "$hv"
  in_dom0 'cat >/root/hv && chmod 755 /root/hv' <"$work/hv"
  in_dom0 'cat >/etc/xen/mail.cfg' <<'EOF'
name = "mail"
type = "pv"
kernel = "/guests/vmlinuz"
ramdisk = "/guests/guest.cpio.gz"
extra = "console=hvc0"
memory = 90
maxmem = 100
disk = [ "/guests/logs.img,raw,xvda,w" ]
vif = [ "bridge=xenbr0" ]
EOF
  check "xl create, as ever" in_dom0 "xl create -q /etc/xen/mail.cfg"
  check "hv plan compares with what runs" in_dom0 \
    'cd /root && ./hv plan /etc/xen/*.cfg >/tmp/plan; cat /tmp/plan; grep -q "domain.mail *adopt" /tmp/plan'
  check "hv apply takes it over" in_dom0 'cd /root && ./hv apply --yes /etc/xen/*.cfg'
  check "nothing is to do" in_dom0 'cd /root && ./hv plan --detailed-exitcode /etc/xen/*.cfg'
  check "it was not restarted" in_dom0 'test "$(ps | grep -c "[x]l create -q /etc/xen/mail.cfg")" = 1'
  check "its file is edited" in_dom0 'sed -i "s/memory = 90/memory = 96/" /etc/xen/mail.cfg
    cd /root && ./hv apply --yes /etc/xen/*.cfg'
  check "  live" is_field mail 3 96
  check "destroy" in_dom0 'cd /root && ./hv destroy --yes /etc/xen/*.cfg'
  check "two are left" are_domains "web0 web1 "
  in_dom0 'rm -rf /root/hv /root/.hv /etc/xen/mail.cfg; ! xl domid mail >/dev/null 2>&1 || xl destroy mail'
  check "nothing is to do" nothing_to_do
}

part_names() {
  note "two names for one device"
  local device
  cp "$work/hv.toml" "$work/hv.toml.before"
  device=$(in_dom0 'l=$(losetup --find --show /guests/extra.img) && echo $l &&
    dmsetup create alias --table "0 $(cat /sys/class/block/${l##*/}/size) linear $l 0"' | head -1)
  strip -o "$work/hv" "$hv"
  in_dom0 'mkdir -p /root/i && cat >/root/i/hv && chmod 755 /root/i/hv' <"$work/hv"
  in_dom0 'printf "[project]\nname = \"i\"\n[hosts.xen1]\ndriver = \"xl\"\n" >/root/i/hv.toml'
  gathered() { in_dom0 'cd /root/i && ./hv inventory xen1' >"$work/xen1.json"; }
  check "its inventory is gathered there" gathered
  echo 'inventory = "xen1.json"' >>"$work/hv.toml"
  web1_disks="$web1_first, \"phy:$device,xvdc,w\""
  fleet 100MiB 1 "${web0_first[@]}" "phy:/dev/mapper/alias,xvdc,w"
  check "lint finds it" exits 1 run_hv lint
  check "the plan is refused" exits 1 run_hv plan
  check "  for that" complains run_hv plan -- HV0501
  check "and nothing is done" exits 1 run_hv apply --yes
  check "no guest has it" in_dom0 '! xl block-list web0 | grep -q ^51744 && ! xl block-list web1 | grep -q ^51744'
  web1_disks=''
  fleet 100MiB 1 "${web0_first[@]}"
  mv "$work/hv.toml.before" "$work/hv.toml"
  in_dom0 "dmsetup remove alias; losetup --detach $device; rm -rf /root/i"
  check "nothing is to do" nothing_to_do
}

. "$here/trouble.sh"
. "$here/pools.sh"

# ---- the simulator beside it

# What hv shows of the project in FOLDER, without what differs by nature.
shown() {
  "$hv" -C "$1" status --format json | tr '{' '\n' |
    sed -n 's/"host":"[^"]*",//; s/"uuid":"[^"]*",//; /address/p'
}
same() {
  local real simulated
  real=$(shown "$work") simulated=$(shown "$work/sim")
  [ -n "$real" ] && [ "$real" = "$simulated" ] || {
    diff <(echo "$real") <(echo "$simulated")
    return 1
  }
}
both() { # WORDS…: to the same exit code on both
  local first second
  "$hv" -C "$work" "$@" >"$work/real.log" 2>&1
  first=$?
  cp "$work/fleet.vm" "$work/sim/"
  "$hv" -C "$work/sim" "$@" >"$work/sim.log" 2>&1
  second=$?
  [ $first = $second ] || {
    echo "real $first, simulated $second"
    tail -n 20 "$work/real.log" "$work/sim.log"
    return 1
  }
}
part_twin() {
  note "the same scenario on the simulator"
  local step
  mkdir -p "$work/sim"
  cat >"$work/sim/hv.toml" <<EOF
[project]
id = "$(cat /proc/sys/kernel/random/uuid)"
name = "journey"
sources = ["fleet.vm"]
[hosts.xen1]
driver = "sim"
memory = "1522MiB"
cpus = 2
EOF
  cp "$work/fleet.vm" "$work/sim/"
  check "apply" run_hv apply --yes
  check "apply, simulated" "$hv" -C "$work/sim" apply --yes
  check "  the same" same
  fleet 112MiB 2 "/guests/web0.img,raw,xvda,w" "/guests/logs.img,raw,xvdc,w"
  for step in "plan --detailed-exitcode" "apply --yes" "plan --detailed-exitcode" \
    "pause domain.web0 --yes" "plan --detailed-exitcode" "apply --yes" "stop domain.web1 --yes" \
    "plan --detailed-exitcode" "apply --yes" "restart domain.web1 --yes" "plan --detailed-exitcode"; do
    check "$step" both $step
    check "  the same" same
  done
  web1_more='state = "halted"'
  fleet 100MiB 1 "${web0_first[@]}"
  check "apply" both apply --yes
  check "  the same" same
  web1_more='maxmem = 950MiB' web1_memory=900MiB
  fleet 100MiB 1 "${web0_first[@]}"
  check "what does not fit is refused" both apply --yes
  check "  the same" same
  web1_more='' web1_memory=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" both apply --yes
  check "  the same" same
}

part_destroy() {
  note "all goes"
  check "destroy" run_hv destroy --yes
  check "no machine" are_domains ""
  check "no loop device" in_dom0 'test -z "$(losetup -a)"'
  check "no backend" in_dom0 'test -z "$(ls /sys/bus/xen-backend/devices)"'
  check "no claim" in_dom0 'test -z "$(ls /var/lib/hv/claims/*)"'
}

begin
parts=(fleet change pin boot drift kill stranger power saved shared strange adopt local names vif others pools calls births images cut
  records race hosts twin destroy)
[ $# = 0 ] || parts=("$@")
for part in "${parts[@]}"; do "part_$part"; done
echo "journey: $good of $((good + bad)) checks in $SECONDS s"
[ "$bad" = 0 ]
