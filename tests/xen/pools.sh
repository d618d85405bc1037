# pools.sh: pools and virtual disks on a real host. Sourced by journey.sh.

# The quickstart's fleet, with a kernel that is there: REPLICAS machines with a root disk of SIZE each,
# and a LINE of theirs.
quickstart() { # REPLICAS SIZE [LINE]
  cat >"$work/fleet.vm" <<EOF
param replicas: int(0..8) = $1

pool fast:
    devices = ["phy:$pool_device"]
    extent  = 1MiB

vdisk rescue in fast:
    size = 2MiB

template web:
    memory  = 90MiB
    maxmem  = 110MiB
    kernel  = "/guests/vmlinuz"
    ramdisk = "/guests/guest.cpio.gz"
    extra   = "console=hvc0"

for i in range(replicas):
    vdisk f"web{i}-root" in fast:
        size = $2

    domain f"web{i}"(web):
        disk = [
            vbd(vdisk[f"web{i}-root"], "xvda", "w"),
            vbd(rescue, "xvde", "r"),
        ]
        vif = ["bridge=xenbr0"]
        ${3-}
EOF
}

mapped() { # NUMBER of virtual disks that have a table
  [ "$(in_dom0 'dmsetup ls 2>/dev/null' | grep -c '^hv-vd-')" = "$1" ]
}
only_zeroes() { # on every virtual disk
  in_dom0 'for d in /dev/mapper/hv-vd-*; do [ "$(tr -d "\0" <$d | wc -c)" = 0 ] || exit 1; done'
}
is_mine() { # what was written on each
  in_dom0 'for d in /dev/mapper/hv-vd-*; do
    dd if=$d bs=512 skip=7 count=1 2>/dev/null | grep -q mine || exit 1; done'
}
unmap_all() { in_dom0 'export DM_DISABLE_UDEV=1; for d in /dev/mapper/hv-vd-*; do dmsetup remove ${d##*/} || exit 1; done'; }

part_pools() {
  note "a pool, virtual disks, and machines that have them"
  check "nothing is there" run_hv destroy --yes
  # What lay on the pool's device before, but for its first and last MiB.
  pool_device=$(in_dom0 'tr "\0" x </dev/zero | head -c 25165824 >/guests/pool.img
    dd if=/dev/zero of=/guests/pool.img bs=1M count=1 conv=notrunc 2>/dev/null
    dd if=/dev/zero of=/guests/pool.img bs=1M count=1 seek=23 conv=notrunc 2>/dev/null
    losetup --find --show /guests/pool.img')
  in_dom0 "echo data | dd of=$pool_device bs=512 seek=9 conv=notrunc,fsync 2>/dev/null"
  quickstart 2 4MiB
  check "a device with something on it" complains run_hv apply --yes -- "is not empty"
  check "  is left alone" in_dom0 "dd if=$pool_device bs=512 skip=9 count=1 2>/dev/null | grep -q data"
  in_dom0 "dd if=/dev/zero of=$pool_device bs=512 seek=9 count=1 conv=notrunc,fsync 2>/dev/null"
  check "emptied it is taken" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  both are there" are_domains "web0 web1 "
  check "  three disks are mapped" mapped 3
  check "  nothing of before can be read" only_zeroes
  check "  the pool has its label" in_dom0 "head -c 512 $pool_device | grep -aq '^hv pool 1'"
  check "  web0 sees its disks" eventually 120 guest_measures web0 "xvda=4096 xvde=2048"
  check "  web1 sees its disks" eventually 120 guest_measures web1 "xvda=4096 xvde=2048"
  # Nodes that are left from before, of other devices by now.
  in_dom0 'for d in /dev/mapper/hv-vd-*; do
      echo mine | dd of=$d bs=512 seek=7 conv=notrunc,fsync 2>/dev/null
      rm -f ${d/hv-vd/hv-new}; mknod ${d/hv-vd/hv-new} b 254 0; done'
  quickstart 2 6MiB
  check "larger, live" run_hv apply --yes
  check "  what was on them is there" is_mine
  check "  nothing is to do" nothing_to_do
  check "  web0 sees it" eventually 60 guest_measures web0 "xvda=6144"
  check "  web1 sees it" eventually 60 guest_measures web1 "xvda=6144"
  check "  nothing of before can be read" in_dom0 'for d in /dev/mapper/hv-vd-*; do
      [ "$(tr -d "\0" <$d | wc -c)" = 5 ] || exit 1; done'
  quickstart 2 3MiB
  check "smaller is refused" complains run_hv plan -- HV0610
  note "the host loses its tables"
  quickstart 2 6MiB 'state = "halted"'
  check "all off" run_hv apply --yes
  check "they are gone" unmap_all
  check "  that is seen" exits 2 run_hv plan --detailed-exitcode
  quickstart 2 6MiB
  check "  made again, with their machines" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "  what was on them is there" is_mine
  check "  web1 sees its disks" eventually 120 guest_measures web1 "xvda=6144 xvde=2048"
  note "another device under the pool's name"
  quickstart 2 6MiB 'state = "halted"'
  check "all off" run_hv apply --yes
  check "they are gone" unmap_all
  in_dom0 "losetup --detach $pool_device; dd if=/dev/zero of=/guests/other.img bs=1M count=24 2>/dev/null
    losetup $pool_device /guests/other.img"
  quickstart 2 6MiB
  check "is not touched" complains run_hv apply --yes -- "does not carry the label"
  check "  not a byte" in_dom0 'test "$(tr -d "\0" </guests/other.img | wc -c)" = 0'
  in_dom0 "losetup --detach $pool_device; losetup $pool_device /guests/pool.img; rm /guests/other.img"
  check "the right one is back" run_hv apply --yes
  check "  nothing is to do" nothing_to_do
  check "both are there" are_domains "web0 web1 "
  quickstart 1 6MiB
  check "one less" run_hv apply --yes --max-destroy 3
  check "  nothing is to do" nothing_to_do
  check "  its disk is not mapped any more" mapped 2
  check "all goes" run_hv destroy --yes
  check "  no disk is mapped" mapped 0
  in_dom0 "losetup --detach $pool_device; rm -f /guests/pool.img"
  fleet 100MiB 1 "${web0_first[@]}"
  check "and back" run_hv apply --yes
  check "nothing is to do" nothing_to_do
}
