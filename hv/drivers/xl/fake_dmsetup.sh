#!/usr/bin/env bash
# A device-mapper for tests: a table of one linear piece is a loop device over that piece. $FAKE_DM/NAME
# keeps the table and $FAKE_DM/nodes/NAME is the node; while $FAKE_DM/stale is there, nodes are not mended,
# while $FAKE_DM/broken is, tables are not told, and what $FAKE_DM/busy names is open.
set -u
command=$1
shift
words=()
for word in "$@"; do case $word in --*) ;; *) words+=("$word") ;; esac; done
name=${words[0]-}
[ "$command" != info ] || name=${!#}
node=$FAKE_DM/nodes/$name
loop_over() { # START COUNT MAJOR:MINOR
  losetup --find --show --offset "$(($1 * 512))" --sizelimit "$(($2 * 512))" \
    "/dev/$(sed -n 's/^DEVNAME=//p' "/sys/dev/block/$3/uevent")"
}
map() {
  local at count kind device start
  read -r at count kind device start <<<"$1"
  loop_over "$start" "$count" "$device"
}
case $command in
  create)
    case " $* " in *" --table "*) exit 0 ;; esac # whether it may be opened alone
    [ ! -e "$FAKE_DM/$name" ] || exit 1
    table=$(cat)
    echo "$name $table" >>"$FAKE_DM/log"
    [ "$(wc -l <<<"$table")" = 1 ] || exit 1
    device=$(map "$table") || exit 1
    echo "$table" >"$FAKE_DM/$name"
    echo "$device" >"$FAKE_DM/$name.device"
    [ -e "$node" ] || ln -s "$device" "$node"
    echo "$name" >"$node.name"
    ;;
  info) stat -L -c '%t %T' "$(cat "$FAKE_DM/$name.device")" | while read -r a b; do echo "$((0x$a)):$((0x$b))"; done ;;
  mknodes) [ -e "$FAKE_DM/stale" ] || ln -sfn "$(cat "$FAKE_DM/$name.device")" "$node" ;;
  table)
    [ ! -e "$FAKE_DM/broken" ] || exit 1
    if [ -n "$name" ]; then cat "$FAKE_DM/$name" 2>/dev/null; else
      for file in "$FAKE_DM"/hv-*; do
        case $file in *.device | *.next) ;; *) [ ! -e "$file" ] || echo "${file##*/}: $(cat "$file")" ;; esac
      done
    fi
    ;;
  load) cat >"$FAKE_DM/$name.next" ;;
  resume)
    losetup --detach "$(cat "$FAKE_DM/$name.device")"
    mv "$FAKE_DM/$name.next" "$FAKE_DM/$name"
    map "$(cat "$FAKE_DM/$name")" >"$FAKE_DM/$name.device"
    ln -sfn "$(cat "$FAKE_DM/$name.device")" "$node"
    ;;
  remove)
    [ -e "$FAKE_DM/$name" ] || exit 0
    if [ "$(cat "$FAKE_DM/busy" 2>/dev/null)" = "$name" ]; then
      echo "device-mapper: remove ioctl on $name failed: Device or resource busy" >&2
      exit 1
    fi
    losetup --detach "$(cat "$FAKE_DM/$name.device")"
    rm -f "$FAKE_DM/$name" "$FAKE_DM/$name.device" "$node" "$node.name"
    ;;
esac
