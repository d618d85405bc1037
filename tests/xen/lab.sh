#!/usr/bin/env bash
# lab.sh: a real Xen on an ordinary machine — Xen 4.17, a Debian dom0 and paravirtual guests in plain
# QEMU, without any help of the processor. docs/xen.md says what it is made of.
#
#   lab.sh build        download and make the image (kept until a package or this folder changes)
#   lab.sh up | down    boot it, end it
#   lab.sh ssh [WORDS]  a shell or a command in dom0
#   lab.sh address      what hv.toml says of it
#   lab.sh test [PART…] boot it, play tests/xen/journey.sh on it, end it; 77 where it cannot be had
#
# HV_XENLAB is its folder (build/xenlab), HV_XENLAB_PORT dom0's ssh port here (2222; for `test` the next
# that is free). With its neighbour (2223 for 2222) a second one boots: both dom0s are on a wire of their
# own (UDP on loopback, at 10000 more than those ports), 10.0.3.N, and each may log in at the other with
# `dbclient`. With HV_XENLAB_INSTALL=yes `test` installs what is missing of tools/packages-xen.txt.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=${HV_XENLAB:-$here/../../build/xenlab}
mkdir -p "$lab"
lab=$(cd "$lab" && pwd)
port=${HV_XENLAB_PORT:-2222}
boot_seconds=${HV_XENLAB_BOOT_SECONDS:-180}

# Unpacked, never installed: nothing of these runs on this machine but busybox' own list of names.
image_packages=(xen-hypervisor-4.17-amd64 busybox-static)
tool_packages=(xen-utils-4.17 xen-utils-common xenstore-utils dropbear-bin kmod cpio dmsetup iproute2)
modules=(xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs xen-blkback xen-netback loop dm-mod
  bridge virtio_pci virtio_net)

say() { echo "xenlab: $*"; }
die() {
  echo "xenlab: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    die "installing packages needs root or sudo: $*"
  fi
}

host_packages() {
  local missing=() package
  command -v qemu-system-x86_64 >/dev/null && command -v ssh >/dev/null && return 0
  while read -r package; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done <"$here/../../tools/packages-xen.txt"
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# ---- the image

stamp() { cat "$here"/lab.sh "$here"/init.* | sha256sum | cut -c1-16; }

kernel_package() {
  kernel=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')
}

fetch() {
  local kernel package
  mkdir -p "$lab/debs" "$lab/files" "$lab/kernel"
  cd "$lab/debs"
  kernel_package
  [ -n "$kernel" ] || { as_root apt-get update -qq && kernel_package; }
  [ -n "$kernel" ] || die "apt knows no linux-image-amd64"
  # What the tools need and this machine does not have; what it has is copied from it.
  local lacking
  lacking=$(apt-get -qq --simulate --no-install-recommends install "${tool_packages[@]}" |
    awk '/^Inst / { print $2 }')
  for package in "$kernel" "${image_packages[@]}" $lacking; do
    compgen -G "${package}_*.deb" >/dev/null || apt-get download -qq "$package" 2>/dev/null ||
      die "cannot download $package"
  done
  dpkg -x "$(ls linux-image-*.deb | tail -1)" "$lab/kernel"
  for package in *.deb; do
    case $package in linux-image-*) ;; *) dpkg -x "$package" "$lab/files" ;; esac
  done
}

# The file of a package: unpacked here, or installed on this machine.
source_of() {
  local path
  for path in "$lab/files$1" "$lab/files${1#/usr}" "$1" "${1#/usr}"; do
    if [ -e "$path" ]; then
      echo "$path"
      return
    fi
  done
  die "no package has $1"
}

libraries_of() {
  LD_LIBRARY_PATH="$lab/files/usr/lib/x86_64-linux-gnu:$lab/files/lib/x86_64-linux-gnu" \
    ldd "$1" 2>/dev/null | awk '/=> \// { print $3 } /^\t\/lib64/ { print $1 }'
}

# put PATH [AS]: the program and every library it loads.
put() {
  local from to=${2:-$1} library
  from=$(source_of "$1")
  mkdir -p "$root${to%/*}"
  rm -f "$root$to"
  cp -L "$from" "$root$to"
  for library in $(libraries_of "$from"); do
    case $library in
      /lib64/*) cp -Ln "$library" "$root/usr/lib64/" ;;
      *) cp -Ln "$library" "$root/usr/lib/x86_64-linux-gnu/" ;;
    esac
  done
}

# archive FOLDER LEVEL: of the same files, the same bytes.
archive() {
  (cd "$1" && find . -exec touch -h -d @0 {} + && find . -print0 | LC_ALL=C sort -z |
    "$cpio" -0 -o -H newc --quiet --reproducible -R 0:0 | gzip -n "-$2")
}

build_dom0() {
  local applet program library module
  rm -rf "$root"
  mkdir -p "$root"/{proc,sys,dev,run/lock,tmp,root/.ssh,guests,etc/dropbear,etc/xen/auto} \
    "$root"/var/{log/xen/console,lib/xen} "$root"/usr/{bin,sbin,lib64,lib/x86_64-linux-gnu} \
    "$root/usr/lib/modules/$release"
  ln -s usr/bin "$root/bin"
  ln -s usr/sbin "$root/sbin"
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  ln -s ../run "$root/var/run"
  ln -s ../run/lock "$root/var/lock"
  cp "$busybox" "$root/usr/bin/busybox"
  for applet in $("$busybox" --list | grep -vx busybox); do
    ln -sf busybox "$root/usr/bin/$applet"
  done
  for program in xl xenstored xenconsoled xenconsole xen-init-dom0 libxl-save-helper; do
    put "/usr/lib/xen-4.17/bin/$program"
  done
  ln -s ../lib/xen-4.17/bin/xl "$root/usr/sbin/xl"
  # The hotplug scripts want the real ones.
  for program in bash stat readlink flock logger expr sed grep sync; do
    put "$(command -v "$program" | sed 's,^/bin/,/usr/bin/,')" "/usr/bin/$program"
  done
  for program in losetup dmsetup; do
    rm -f "$root/usr/bin/$program"
    put "/usr/sbin/$program"
  done
  rm -f "$root/usr/bin/ip"
  put /usr/bin/ip /usr/sbin/ip
  put /usr/sbin/bridge
  put /usr/bin/xenstore
  for program in chmod exists list ls read rm watch write; do
    ln -s xenstore "$root/usr/bin/xenstore-$program"
  done
  cp -aL "$(source_of /etc/xen/scripts)" "$root/etc/xen/"
  cp -L "$(source_of /etc/xen/xl.conf)" "$root/etc/xen/"
  put /usr/sbin/dropbear
  put /usr/bin/dbclient
  library=$(source_of /usr/lib/x86_64-linux-gnu/libgcc_s.so.1) # dlopened: ldd does not show it
  cp -L "$library" "$root/usr/lib/x86_64-linux-gnu/"
  for module in "${modules[@]}"; do
    "$kmod" modprobe -d "$lab/kernel" -S "$release" --show-depends "$module" 2>/dev/null |
      awk '/^insmod/ { print $2 }'
  done | sort -u | while read -r module; do
    mkdir -p "$root/usr/lib/modules/$release/$(dirname "${module#*/lib/modules/"$release"/}")"
    cp "$module" "$root/usr/lib/modules/$release/${module#*/lib/modules/"$release"/}"
  done
  cp "$lab/kernel/lib/modules/$release"/modules.{builtin,order}* "$root/usr/lib/modules/$release/"
  "$kmod" depmod -b "$root" "$release"
  echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  printf '/bin/sh\n/bin/bash\n' >"$root/etc/shells"
  echo 'hosts: files' >"$root/etc/nsswitch.conf"
  echo '127.0.0.1 localhost dom0' >"$root/etc/hosts"
  cp "$lab/id.pub" "$root/root/.ssh/authorized_keys"
  # For one dom0 at the other's; both have one host key.
  LD_LIBRARY_PATH="$lab/files/usr/lib/x86_64-linux-gnu" "$(source_of /usr/bin/dropbearconvert)" \
    openssh dropbear "$lab/id" "$root/root/.ssh/id_dropbear" 2>/dev/null
  chmod 700 "$root/root" "$root/root/.ssh"
  chmod 600 "$root/root/.ssh/authorized_keys" "$root/root/.ssh/id_dropbear"
  cp "$lab/dropbear_ed25519_host_key" "$root/etc/dropbear/"
  cp "$here/init.dom0" "$root/init"
  chmod 755 "$root/init"
}

build_guest() {
  local applet module guest=$lab/guest
  rm -rf "$guest"
  mkdir -p "$guest"/{bin,sbin,proc,sys,dev,modules}
  cp "$busybox" "$guest/bin/busybox"
  for applet in sh mount insmod cat ls echo poweroff reboot uname mkfifo sleep; do
    ln -s busybox "$guest/bin/$applet"
  done
  for applet in poweroff reboot; do
    printf '#!/bin/sh\nexec /bin/busybox %s -f\n' "$applet" >"$guest/sbin/$applet"
    chmod 755 "$guest/sbin/$applet"
  done
  for module in xen-blkfront xen-netfront; do
    cp "$(find "$lab/kernel/lib/modules/$release" -name "$module.ko")" "$guest/modules/"
  done
  cp "$here/init.guest" "$guest/init"
  chmod 755 "$guest/init"
  archive "$guest" 6 >"$root/guests/guest.cpio.gz"
  cp "$lab/kernel/boot/vmlinuz-$release" "$root/guests/vmlinuz"
}

build() {
  local began=$SECONDS
  [ "$(cat "$lab/out/stamp" 2>/dev/null)" = "$(stamp)" ] && return 0
  host_packages
  fetch
  root=$lab/root release=$(ls "$lab/kernel/lib/modules" | tail -1)
  busybox=$(source_of /usr/bin/busybox) cpio=$(source_of /usr/bin/cpio)
  kmod_program=$(source_of /usr/bin/kmod)
  mkdir -p "$lab/out" "$lab/kmod"
  # kmod acts by the name it is called by.
  printf '#!/bin/sh\nname=$1; shift\nLD_LIBRARY_PATH=%s exec -a "$name" %s "$@"\n' \
    "$lab/files/usr/lib/x86_64-linux-gnu:$lab/files/lib/x86_64-linux-gnu" "$kmod_program" \
    >"$lab/kmod/run"
  sed -i '1s/sh$/bash/' "$lab/kmod/run"
  chmod 755 "$lab/kmod/run"
  kmod=$lab/kmod/run
  "$kmod" depmod -b "$lab/kernel" "$release"
  [ -f "$lab/id" ] || ssh-keygen -q -t ed25519 -N '' -C hv-xenlab -f "$lab/id"
  if [ ! -f "$lab/dropbear_ed25519_host_key" ]; then
    LD_LIBRARY_PATH="$lab/files/usr/lib/x86_64-linux-gnu" "$(source_of /usr/bin/dropbearkey)" \
      -t ed25519 -f "$lab/dropbear_ed25519_host_key" 2>/dev/null |
      awk '/^ssh-ed25519/ { print $1, $2 }' >"$lab/host_key.pub"
  fi
  build_dom0
  build_guest
  archive "$root" 1 >"$lab/out/dom0.cpio.gz"
  zcat "$(source_of /boot/xen-4.17-amd64.gz)" >"$lab/out/xen"
  cp "$lab/kernel/boot/vmlinuz-$release" "$lab/out/vmlinuz"
  stamp >"$lab/out/stamp"
  say "image of $(du -shc "$lab"/out/{xen,vmlinuz,dom0.cpio.gz} | awk 'END { print $1 }')," \
    "downloads of $(du -sh "$lab/debs" | cut -f1), in $((SECONDS - began)) s"
}

# ---- the machine

running() { [ -f "$lab/qemu-$port.pid" ] && kill -0 "$(cat "$lab/qemu-$port.pid")" 2>/dev/null; }

wire_address() { echo "10.0.3.$((port % 200 + 1))"; }

up() {
  local serial=$lab/serial-$port.log began=$SECONDS
  build
  if running; then
    say "is up, dom0's ssh at port $port"
    return 0
  fi
  rm -f "$serial"
  # Time is counted in instructions (two nanoseconds each) and stands still while this machine does
  # something else: libxl gives a hotplug script ten seconds, and a busy machine would use them up. Both
  # processors share one thread; two would mostly wait for each other.
  (
    cd "$lab/out"
    exec setsid qemu-system-x86_64 -accel tcg,thread=single,tb-size=256 \
      -icount shift=1,sleep=on,align=off -machine pc -cpu qemu64 \
      -m 1024 -smp 2 -kernel xen -append \
      "console=com1 com1=115200,8n1 dom0_mem=512M,max:512M loglvl=warning guest_loglvl=warning noreboot" \
      -initrd "vmlinuz console=hvc0 loglevel=4 wire=$(wire_address),dom0.cpio.gz" -display none -monitor none -vga none \
      -no-reboot -serial "file:$serial" -uuid "00000000-0000-4000-8000-00000000$(printf %04d "$port")" \
      -netdev "user,id=n0,hostfwd=tcp:127.0.0.1:$port-:22" \
      -device virtio-net-pci,netdev=n0,romfile= \
      -netdev "socket,id=n1,udp=127.0.0.1:$((10000 + (port ^ 1))),localaddr=127.0.0.1:$((10000 + port))" \
      -device "virtio-net-pci,netdev=n1,mac=52:54:00:71:00:$(printf %02x $((port % 200 + 1))),romfile=" \
      </dev/null >"$lab/qemu-$port.out" 2>&1
  ) &
  echo $! >"$lab/qemu-$port.pid"
  echo "[127.0.0.1]:$port $(cat "$lab/host_key.pub")" >"$lab/known_hosts-$port"
  while [ $((SECONDS - began)) -lt "$boot_seconds" ]; do
    if grep -q xl-ready "$serial" 2>/dev/null; then
      say "up after $((SECONDS - began)) s, dom0's ssh at port $port"
      return 0
    fi
    # (nice(1) would count only against our own session, of which QEMU is the only member.)
    echo "${HV_XENLAB_NICE:-0}" 2>/dev/null >"/proc/$(cat "$lab/qemu-$port.pid")/autogroup" || true
    running || die "QEMU ended: $(cat "$lab/qemu-$port.out")"
    sleep 0.25
  done
  say "dom0 was not ready within $boot_seconds s: $(tail -3 "$serial")" >&2
  down
  return 77
}

down() {
  running && kill "$(cat "$lab/qemu-$port.pid")"
  rm -f "$lab/qemu-$port.pid"
}

in_dom0() {
  ssh -q -i "$lab/id" -p "$port" -o BatchMode=yes -o IdentitiesOnly=yes \
    -o "UserKnownHostsFile=$lab/known_hosts-$port" -o StrictHostKeyChecking=yes \
    -o ConnectTimeout=15 -o ControlMaster=auto -o "ControlPath=$lab/mux-%p" -o ControlPersist=30 \
    root@127.0.0.1 "$@"
}

address() {
  printf 'driver = "xl"\naddress = "ssh://root@127.0.0.1:%s"\nidentity = "%s"\nknown_hosts = "%s"\n' \
    "$port" "$lab/id" "$lab/known_hosts-$port"
}

case ${1:-help} in
  build) build ;;
  up) up ;;
  down) down ;;
  ssh)
    shift
    in_dom0 "$@"
    ;;
  address) address ;;
  wire) wire_address ;;
  test)
    if [ "${HV_XENLAB_INSTALL:-}" != yes ]; then
      for program in qemu-system-x86_64 ssh; do
        command -v "$program" >/dev/null || {
          say "skipped: no $program here (./dev xenlab test installs it)"
          exit 77
        }
      done
      # A test of hv does not fail because a mirror of Debian does.
      "${BASH_SOURCE[0]}" build || {
        say "skipped: its image cannot be made here"
        exit 77
      }
    fi
    if [ -z "${HV_XENLAB_PORT:-}" ] && ! running; then
      while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 2)); done
      export HV_XENLAB_PORT=$port
    fi
    build
    up || {
      say "skipped: this machine is too busy"
      exit 77
    }
    trap down EXIT
    shift
    "$here/journey.sh" "$@"
    ;;
  *)
    sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    [ "${1:-help}" = help ] || exit 64
    ;;
esac
