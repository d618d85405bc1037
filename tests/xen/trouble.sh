# trouble.sh: hv, its line or its host in trouble at a moment that is known. Sourced by journey.sh.

# xl in dom0 stops where /run/hold says ("before create", "after block-attach") until that is gone.
stoppable_xl() {
  in_dom0 'rm -f /usr/sbin/xl; cat >/usr/sbin/xl; chmod 755 /usr/sbin/xl' <<'EOF'
#!/bin/bash
hold() {
  [ "$(cat /run/hold 2>/dev/null)" = "$1" ] || return 0
  : >/run/held
  while [ -e /run/hold ]; do sleep 0.2; done
}
hold "before $1"
/usr/lib/xen-4.17/bin/xl "$@"
code=$?
hold "after $1"
exit $code
EOF
}
stop_xl() { in_dom0 "rm -f /run/held; echo '$1' >/run/hold"; }
release_xl() { in_dom0 "rm -f /run/hold /run/held"; }
# while_xl_stands POINT WORDS…: an apply in the background, and WORDS once xl stands there.
while_xl_stands() {
  local point=$1 code
  shift
  stop_xl "$point"
  "$hv" -C "$work" apply --yes >"$work/apply.log" 2>&1 &
  pid=$!
  eventually 240 in_dom0 'test -e /run/held' || {
    kill -9 $pid
    release_xl
    echo "xl never came to $point"
    cat "$work/apply.log"
    return 1
  }
  "$@"
  code=$?
  wait $pid
  echo $? >"$work/apply.code"
  return $code
}
kill_hv() {
  kill -9 "$pid"
  release_xl
}
whole() { # no machine twice or lost, no disk held twice
  are_domains "web0 web1 " && in_dom0 'test -z "$(losetup -a | sed "s/.*(//" | sort | uniq -d |
    grep -v rescue.img)"'
}
# killed POINT: hv dies while xl stands there; the next apply comes to the same as if it had not.
killed() {
  check "killed $1" while_xl_stands "$1" kill_hv
  check "  settled" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  whole" whole
}

part_calls() {
  note "hv is killed inside every kind of call of xl"
  stoppable_xl
  fleet 110MiB 1 "${web0_first[@]}"
  killed "before mem-set"
  fleet 110MiB 2 "${web0_first[@]}"
  killed "after vcpu-set"
  fleet 110MiB 2 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
  killed "before block-attach"
  fleet 110MiB 2 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w" "/guests/extra.img,raw,xvdd,w"
  killed "after block-attach"
  fleet 110MiB 2 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
  killed "before block-detach"
  fleet 110MiB 2 "${web0_first[@]}"
  killed "after block-detach"
  web0_more='cpu_weight = 300'
  fleet 110MiB 2 "${web0_first[@]}"
  killed "before sched-credit2"
  web0_more='cpus = "0"'
  fleet 110MiB 2 "${web0_first[@]}"
  killed "after vcpu-pin"
  web1_more='vif = ["bridge=xenbr0"]'
  fleet 110MiB 2 "${web0_first[@]}"
  killed "after network-attach"
  web1_more='vif = []'
  fleet 110MiB 2 "${web0_first[@]}"
  killed "before network-detach"
  web1_more='name = "web1b"'
  fleet 110MiB 2 "${web0_first[@]}"
  check "killed before rename" while_xl_stands "before rename" kill_hv
  check "  settled" run_hv apply --yes
  check "  renamed" are_domains "web0 web1b "
  web1_more='state = "paused"'
  fleet 110MiB 2 "${web0_first[@]}"
  killed "after pause"
  web0_more='' web1_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
  check "nothing is to do" nothing_to_do
}

part_births() {
  note "hv is killed inside the calls of xl that begin and end a machine"
  stoppable_xl
  web1_more='state = "halted"'
  fleet 100MiB 1 "${web0_first[@]}"
  check "killed before destroy" while_xl_stands "before destroy" kill_hv
  check "  settled" run_hv apply --yes
  check "  it is off" are_domains "web0 "
  web1_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  killed "before create"
  check "off again" run_hv stop domain.web1 --yes
  killed "after create"
  check "off again" run_hv stop domain.web1 --yes
  killed "before unpause"
  web1_more='state = "halted"'
  fleet 100MiB 1 "${web0_first[@]}"
  check "killed after shutdown" while_xl_stands "after shutdown" kill_hv
  check "  settled" run_hv apply --yes
  check "  it is off" are_domains "web0 "
  note "what outlives hv is waited for, not raced"
  web1_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  outlived() {
    local second
    kill -9 "$pid"
    "$hv" -C "$work" apply --yes >"$work/second.log" 2>&1 &
    second=$!
    sleep 10
    kill -0 $second || {
      echo "it did not wait"
      cat "$work/second.log"
      return 1
    }
    [ "$(in_dom0 'ls /var/lib/hv/op/*/*.cfg | wc -l')" = 1 ] || {
      echo "a second create"
      return 1
    }
    release_xl
    wait $second || {
      cat "$work/second.log"
      return 1
    }
  }
  check "a second apply waits for the create of a dead one" while_xl_stands "before create" outlived
  check "nothing is to do" nothing_to_do
  check "whole" whole
}

# killed_off POINT, killed_on POINT: as `killed`, where web1 is to lie saved, and where it is to go on.
killed_off() {
  check "killed $1" while_xl_stands "$1" kill_hv
  check "  settled" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  it lies saved" are_domains "web0 "
}
killed_on() {
  killed "$1"
  check "  it goes on where it was" has_booted 0
}
part_images() {
  note "hv is killed inside the calls of xl that save and restore a machine"
  stoppable_xl
  in_dom0 ': >/var/log/xen/console/guest-web1.log'
  local point
  for point in before after; do
    web1_more='state = "saved"'
    fleet 100MiB 1 "${web0_first[@]}"
    killed_off "$point save"
    web1_more=''
    fleet 100MiB 1 "${web0_first[@]}"
    killed_on "$point restore"
  done
  check "no image is left" in_dom0 'test -z "$(ls /var/lib/hv/saved)"'
}

part_cut() {
  note "the line is cut while the host works"
  stoppable_xl
  cut_line() { # every session of dom0's ssh ends, ours too
    in_dom0 'main=$(pidof dropbear | tr " " "\n" | sort -n | head -1)
      rm -f /run/hold /run/held
      for p in $(pidof dropbear); do [ "$p" = "$main" ] || kill -9 $p; done'
    return 0
  }
  went_on() { [ "$(cat "$work/apply.code")" = 0 ] || { cat "$work/apply.log"; return 1; }; }
  fleet 100MiB 1 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
  check "cut in block-attach" while_xl_stands "before block-attach" cut_line
  check "  the apply came to its end all the same" went_on
  check "  nothing is to do" nothing_to_do
  check "off" run_hv stop domain.web1 --yes
  check "cut in create" while_xl_stands "after create" cut_line
  check "  the apply came to its end all the same" went_on
  check "  nothing is to do" nothing_to_do
  check "  whole" whole
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
}

# dies_at NUMBER: hv's journal is in its state's write-ahead log, one write a record; hv is killed as
# soon as it has written that many. True if it was.
dies_at() {
  local code
  LD_PRELOAD=$work/dies.so HV_DIES_AT=$1 "$hv" -C "$work" apply --yes >"$work/dies.log" 2>&1
  code=$?
  [ $code = 137 ] || {
    [ $code = 0 ] || cat "$work/dies.log"
    return 1
  }
}
what_kills_it() {
  cat >"$work/dies.c" <<'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
ssize_t write(int fd, const void *from, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  static long written;
  char link[64], path[4096];
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "write");
  ssize_t done = real(fd, from, count);
  const char *at = getenv("HV_DIES_AT");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (!at || length < 4) return done;
  path[length] = 0;
  if (strstr(path, "/.hv/db/") && !strcmp(path + length - 4, ".log") && ++written == atol(at))
    kill(getpid(), SIGKILL);
  return done;
}
EOF
  cc -shared -fPIC -o "$work/dies.so" "$work/dies.c" -ldl
}
# What is to be done in each plan. A disk and an interface come, and go again; a machine that is off is
# made again.
plan_of() {
  case $1 in
    come)
      web1_more='vif = ["bridge=xenbr0"]'
      fleet 110MiB 1 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
      ;;
    go)
      web1_more=''
      fleet 100MiB 1 "${web0_first[@]}"
      ;;
    start) run_hv stop domain.web1 --yes ;;
  esac
}
# killed_at NUMBER PLAN: true while the plan has that many records.
killed_at() {
  plan_of "$2" >"$work/plan.log" 2>&1
  if ! dies_at "$1"; then
    check "\"$2\" has $(($1 - 1)) records" [ "$1" -gt 5 ]
    check "  nothing is to do" nothing_to_do
    return 1
  fi
  killed=$((killed + 1))
  check "killed at record $1 of \"$2\", settled" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  whole" whole
}
part_records() {
  note "hv is killed at every record of its journal"
  local plan number plans killed=0 left
  check "what kills it" what_kills_it
  for plans in "come go" start; do
    left=$plans
    for ((number = 1; number < 60; ++number)); do
      [ -n "$left" ] || break
      for plan in $plans; do
        case " $left " in
          *" $plan "*) killed_at "$number" "$plan" || left=$(echo " $left " | sed "s/ $plan / /; s/^ *//; s/ *$//") ;;
          *) plan_of "$plan" && run_hv apply --yes >"$work/back.log" 2>&1 || cat "$work/back.log" ;;
        esac
      done
    done
    check "to their ends" [ -z "$left" ]
  done
  check "nothing is to do" nothing_to_do
  echo "  killed at $killed records ($SECONDS s)"
}

# ---- two hv

# Every look at the host begins late, by up to two seconds: between announcing and looking the other one
# has time to do what it will. What is tried is written down.
late_xl() {
  in_dom0 'rm -f /usr/sbin/xl /run/xl.calls; cat >/usr/sbin/xl; chmod 755 /usr/sbin/xl' <<'EOF'
#!/bin/bash
case $* in
  info) sleep "$((RANDOM % 2)).$((RANDOM % 10))" ;;
  block-attach*) echo "$*" >>/run/xl.calls ;;
esac
exec /usr/lib/xen-4.17/bin/xl "$@"
EOF
}
# wants WHO DISKS: what the project of that name declares.
wants() {
  cat >"$work/$1/fleet.vm" <<EOF
domain $1:
    memory  = 120MiB
    kernel  = "/guests/vmlinuz"
    ramdisk = "/guests/guest.cpio.gz"
    disk    = [$2]
EOF
}
# One round: both want one more disk at once, beside what they have. Who gets it keeps it until there are
# ten, because giving back takes as long as the round.
never_both() { # DISK DEVICE
  local first code=0 tried won owners who
  local disk="\"/guests/race$1.img,raw,$2,w\", "
  for who in one two; do wants $who "${has[$who]}$disk"; done
  "$hv" -C "$work/one" apply --yes >"$work/one.log" 2>&1 &
  first=$!
  sleep "0.$((RANDOM % 10))"
  "$hv" -C "$work/two" apply --yes >"$work/two.log" 2>&1
  echo $? >"$work/two.code"
  wait $first
  echo $? >"$work/one.code"
  tried=$(in_dom0 'cat /run/xl.calls 2>/dev/null | wc -l; rm -f /run/xl.calls')
  owners=$(in_dom0 "losetup -a | grep -c race$1.img")
  won=$(cat "$work/one.code" "$work/two.code" | grep -cx 0)
  # Xen's own check must have had nothing to refuse, and who has it is who said so. (Who sees the other's
  # claim only after its attach takes the disk away again; and a host that was too slow for hv's patience is
  # asked once more.)
  if [ "$tried" -gt 1 ] || [ "$owners" -gt "$tried" ] || [ "$won" -gt "$owners" ]; then
    echo "$tried tried to attach it, $owners have it, $won say so"
    tail -n 5 "$work/one.log" "$work/two.log"
    code=1
  fi
  for who in one two; do
    if [ "$won" -lt "$owners" ]; then
      "$hv" -C "$work/$who" apply --yes >"$work/$who.log" 2>&1
      echo $? >"$work/$who.code"
    fi
    [ "$(cat "$work/$who.code")" != 0 ] || has[$who]+=$disk
  done
  [ "$owners" != 0 ] || none=$((none + 1))
  return $code
}
give_back() {
  local who
  for who in one two; do
    has[$who]=
    wants $who ''
    check "  $who gives back what it has" "$hv" -C "$work/$who" apply --yes --max-destroy 10
  done
  check "  nobody holds any" in_dom0 '! losetup -a | grep -q race'
  in_dom0 'rm -f /run/xl.calls'
}
part_race() {
  local round rounds=${HV_XENLAB_ROUNDS:-50} who none=0 disk letters=bcdefghijk
  declare -A has=([one]='' [two]='')
  note "two hv with two stores want one disk at the same moment, $rounds times"
  in_dom0 'for i in 0 1 2 3 4 5 6 7 8 9; do dd if=/dev/zero of=/guests/race$i.img bs=1M count=1 2>/dev/null; done'
  for who in one two; do
    mkdir -p "$work/$who"
    { printf '[project]\nid = "%s"\nname = "%s"\n' "$(cat /proc/sys/kernel/random/uuid)" $who
      printf 'sources = ["fleet.vm"]\n[hosts.xen1]\n'
      "$here/lab.sh" address; } >"$work/$who/hv.toml"
    wants $who ''
    check "the machine of $who" "$hv" -C "$work/$who" apply --yes
  done
  late_xl
  for ((round = 1; round <= rounds; ++round)); do
    disk=$(((round - 1) % 10))
    if never_both $disk "xvd${letters:disk:1}" >"$work/round.log" 2>&1; then good=$((good + 1)); else
      bad=$((bad + 1))
      echo "  FAIL  round $round"
      sed 's/^/        /' "$work/round.log"
    fi
    [ $disk != 9 ] && [ $round != $rounds ] && continue
    echo "  $round rounds, in $none of them neither got it ($SECONDS s)"
    give_back
  done
  stoppable_xl
  for who in one two; do
    check "$who goes" "$hv" -C "$work/$who" destroy --yes
  done
  in_dom0 'rm -f /guests/race?.img'
  check "nothing is to do" nothing_to_do
}

# ---- two hosts

second() { HV_XENLAB_PORT=$second_port "$here/lab.sh" "$@"; }
part_hosts() {
  note "two hosts that can open one disk"
  local first_wire
  second_port=$((${HV_XENLAB_PORT:-2222} ^ 1))
  first_wire=$("$here/lab.sh" wire)
  check "a second dom0" second up
  mkdir -p "$work/pair"
  { printf '[project]\nid = "%s"\nname = "pair"\n' "$(cat /proc/sys/kernel/random/uuid)"
    printf 'sources = ["fleet.vm"]\n[hosts.xen1]\n'
    "$here/lab.sh" address
    printf '[hosts.xen2]\n'
    second address; } >"$work/pair/hv.toml"
  two_machines() { # DISK-OF-A DISK-OF-B
    cat >"$work/pair/fleet.vm" <<EOF
template guest:
    memory  = 90MiB
    kernel  = "/guests/vmlinuz"
    ramdisk = "/guests/guest.cpio.gz"
domain a(guest):
    host = "xen1"
    disk = ["$1,raw,xvda,w"]
domain b(guest):
    host = "xen2"
    disk = ["$2,raw,xvda,w"]
EOF
  }
  pair() { "$hv" -C "$work/pair" "$@"; }
  refused_for() { # CODE WORDS…
    local output
    output=$(pair "${@:2}" 2>&1)
    [ $? = 1 ] && grep "$1" <<<"$output" || {
      echo "$output"
      return 1
    }
  }
  second ssh 'dd if=/dev/zero of=/guests/shared.img bs=1M count=4 2>/dev/null; cp /guests/shared.img /guests/extra.img'
  check "each reaches the other's dom0: the first the second" in_dom0 \
    "dbclient -y -y -i /root/.ssh/id_dropbear root@$(second wire) xl info </dev/null | grep -q xen_version"
  check "  and the second the first" second ssh \
    "dbclient -y -y -i /root/.ssh/id_dropbear root@$first_wire xl info </dev/null | grep -q xen_version"
  two_machines /guests/shared.img /guests/shared.img
  check "one name on both: lint" refused_for HV0504 lint
  check "  plan" refused_for HV0504 plan
  check "  apply" exits 1 pair apply --yes
  printf '[stores."/guests/shared.img"]\nhosts = ["xen1", "xen2"]\n' >>"$work/pair/hv.toml"
  check "and declared to be one: lint" refused_for HV0501 lint
  check "  plan" refused_for HV0501 plan
  check "  apply" exits 1 pair apply --yes
  check "nothing was begun: there" are_domains "web0 web1 "
  nobody() { [ "$(second ssh 'xl list' | wc -l)" = 2 ]; }
  check "  and here" nobody
  two_machines /guests/shared.img /guests/extra.img
  check "each its own" pair apply --yes
  check "  nothing is to do" exits 0 pair plan --detailed-exitcode
  check "  both run" sh -c "'$hv' -C '$work/pair' status | grep -E ' (a|b) ' | grep -c running | grep -qx 2"
  two_machines /guests/shared.img /guests/shared.img
  check "what the other has is refused live" refused_for HV0501 plan
  check "destroy" pair destroy --yes
  check "  nobody" nobody
  second down
  second_port=
  check "nothing is to do" nothing_to_do
}

# ---- what real Xen lets happen

part_strange() {
  local uuid
  note "a stranger with our UUID"
  uuid=$(in_dom0 "xl list -v" |
    awk '$1 == "web1" { for (i = 1; i <= NF; ++i) if (length($i) == 36) print $i }')
  in_dom0 'cat >/tmp/twin.cfg' <<EOF
name = "twin"
uuid = "$uuid"
type = "pv"
kernel = "/guests/vmlinuz"
ramdisk = "/guests/guest.cpio.gz"
memory = 90
disk = [ "format=raw,vdev=xvda,access=rw,target=/guests/web1.img" ]
EOF
  check "xen takes it, disk and all" in_dom0 "xl create -q /tmp/twin.cfg"
  fleet 110MiB 1 "${web0_first[@]}"
  check "hv says so" complains run_hv plan -- "live twice"
  check "apply does the rest and fails" exits 1 run_hv apply --yes
  check "web0 was changed" is_field web0 3 110
  check "both are as they were" are_domains "twin web0 web1 "
  check "the stranger goes" in_dom0 "xl destroy twin"
  check "nothing is to do" eventually 60 nothing_to_do
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes

  note "a device that xl could not attach and left behind"
  check "xl leaves it" in_dom0 '
    xl block-attach web0 format=raw,vdev=xvdf,access=rw,target=/guests/web1.img && exit 1
    xl block-list web0 | grep -q ^51792'
  check "hv sees it" exits 2 run_hv plan --detailed-exitcode
  check "hv takes it away" run_hv apply --yes
  check "it is gone" in_dom0 '! xl block-list web0 | grep -q ^51792'
  check "nothing is to do" nothing_to_do

  note "a configuration that somebody stored for the next life of a machine"
  in_dom0 'cat >/tmp/update.cfg' <<'EOF'
name = "web1"
type = "pv"
kernel = "/guests/vmlinuz"
memory = 90
disk = [ "/guests/web1.img,raw,xvda,w", "/guests/logs.img,raw,xvdc,w" ]
EOF
  told_update() { run_hv status 2>&1 | grep "config-update"; }
  check "xl config-update" in_dom0 "xl config-update web1 /tmp/update.cfg"
  check "  is told" told_update
  fleet 100MiB 1 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
  check "  nobody else gets its disk" complains run_hv plan -- "pending config-update"
  fleet 100MiB 1 "${web0_first[@]}"
  check "restart" run_hv restart domain.web1 --yes
  not_told() { ! told_update; }
  check "  it is gone" not_told
  check "  nothing is to do" nothing_to_do

  note "a guest that does not let go of a disk"
  web1_more='state = "paused"' web1_disks='"/guests/web1.img,raw,xvda,w"'
  fleet 100MiB 1 "${web0_first[@]}"
  check "paused first" in_dom0 "xl pause web1"
  check "detaching from a paused guest fails" exits 1 run_hv apply --yes
  check "the disk is still held, on the host" in_dom0 'xl block-list web1 | grep -q ^51728'
  check "and announced" in_dom0 'test "$(ls /var/lib/hv/claims/* | grep -c "xvdb$")" = 2'
  web1_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "it runs again, and lets go" run_hv apply --yes
  check "nothing is to do" nothing_to_do
  check "the announcement is gone" in_dom0 'test "$(ls /var/lib/hv/claims/* | grep -c "xvdb$")" = 1'
  web1_disks=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
}

# ---- what others have

part_others() {
  note "what others have start at boot, or lie saved"
  in_dom0 'mkdir -p /etc/xen/auto /var/lib/xen/save'
  alien /etc/xen/auto/alien.cfg
  in_dom0 ': >/var/log/xen/console/guest-alien.log'
  fleet 100MiB 1 "${web0_first[@]}" "/guests/logs.img,raw,xvdc,w"
  check "starts at boot: its disk is refused" complains run_hv plan -- "autostart"
  check "  and not attached" exits 1 run_hv apply --yes
  check "it runs: its disk is refused" in_dom0 "xl create -q /etc/xen/auto/alien.cfg"
  check "  as a machine's" complains run_hv plan -- "alien writes as xvda: running"
  # (A guest that has not come so far cannot be saved.)
  check "  it has booted" eventually 120 guest_sees alien "disks xvda"
  check "it lies saved" in_dom0 'rm /etc/xen/auto/alien.cfg && xl save alien /var/lib/xen/save/alien'
  check "  it is gone from Xen" are_domains "web0 web1 "
  check "  its disk is refused" complains run_hv plan -- "save file"
  check "hv did nothing to it" in_dom0 'test -s /var/lib/xen/save/alien && rm /var/lib/xen/save/alien'
  check "a file that xl cannot read" in_dom0 'echo "disk = [" >/etc/xen/auto/broken.cfg'
  told_of() { run_hv status 2>&1 | grep -F broken.cfg; }
  check "  is told" told_of
  in_dom0 'rm /etc/xen/auto/broken.cfg'
  check "gone, they hold nothing" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
  note "a machine of ours that somebody else saved, and one that he gave another name"
  check "xl save" in_dom0 "xl save web1 /var/lib/xen/save/web1"
  check "  it is not started over that" complains run_hv apply --yes -- "/var/lib/xen/save/web1"
  check "  nothing was" are_domains "web0 "
  check "xl restore" in_dom0 "xl restore /var/lib/xen/save/web1 && rm /var/lib/xen/save/web1"
  check "  nothing is to do" nothing_to_do
  check "xl rename" in_dom0 "xl rename web1 renamed"
  check "  is drift" exits 2 run_hv plan --detailed-exitcode
  check "  healed" run_hv apply --yes
  check "  both" are_domains "web0 web1 "
  check "  nothing is to do" nothing_to_do
}

part_vif() {
  note "an interface and its rate"
  web1_more='vif = ["bridge=xenbr0,mac=00:16:3e:00:00:21,rate=1MB/s"]'
  fleet 100MiB 1 "${web0_first[@]}"
  check "apply" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  it is so" in_dom0 'xenstore-ls -f /local/domain/0/backend/vif | grep -q "rate = \"50000,50000\""'
  web1_more='vif = ["bridge=xenbr0,mac=00:16:3e:00:00:21,rate=8Mb/s@50ms"]'
  fleet 100MiB 1 "${web0_first[@]}"
  check "the same in other words is no change of the machine" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  web1_more='vif = ["bridge=xenbr0,mac=00:16:3e:00:00:21,rate=2MB/s"]'
  fleet 100MiB 1 "${web0_first[@]}"
  check "twice as much" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  it is so" in_dom0 'xenstore-ls -f /local/domain/0/backend/vif | grep -q "rate = \"100000,50000\""'
  web1_more=''
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
  check "nothing is to do" nothing_to_do
}
