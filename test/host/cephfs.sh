#!/bin/bash
# A real CephFS for tests, on 127.0.0.1: one monitor, one OSD, one MDS, no manager, one file system.
#   cephfs.sh start DIR                    makes and starts it; everything is in DIR
#   cephfs.sh mount DIR POINT [NAME=VALUE …]    one more client (ceph-fuse), a machine of its own,
#                                          with this in its environment
#   cephfs.sh kill|stop|go DIR WHO         SIGKILL, SIGSTOP, SIGCONT; WHO: osd.0, mds.a or a POINT
#   cephfs.sh up DIR osd.0|mds.a           starts it again after "kill"
#   cephfs.sh umount DIR POINT
#   cephfs.sh ceph DIR WORD …              runs ceph(8)
#   cephfs.sh end DIR                      unmounts all and ends all
# STORE=memstore (the default: in memory, lost when the OSD ends) or bluestore (a sparse file).
# STORE_BYTES: its size. Debian: apt-get install --no-install-recommends ceph-mon ceph-osd ceph-mds
# ceph-fuse ceph-common (65 MB to fetch, 255 MB on disk). Mounting needs root and /dev/fuse.
# Every wait has an end. What fails is said on standard error, with the last lines of its log.
set -u
[ $# -ge 2 ] || { sed -n '2,13p' "$0" >&2; exit 64; }
what=$1 dir=$2 third=${3:-}

fail() { # MESSAGE [LOG]
  echo "cephfs.sh: $1" >&2
  [ -n "${2:-}" ] && [ -r "$2" ] && tail -n 15 "$2" >&2
  exit 1
}
wait_for() { # SECONDS COMMAND …: until it is true
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -ge $end ] && return 1
    sleep .05
  done
}
ended() { # PID: a zombie has ended
  case "$(sed 's/.*) //;s/ .*//' "/proc/$1/stat" 2>/dev/null)" in '' | Z) return 0 ;; esac
  return 1
}
runs() { # NAME: sets pid
  [ -s "$dir/$1.pid" ] && pid=$(cat "$dir/$1.pid") &&
    grep -qsa "$dir/ceph.conf" "/proc/$pid/cmdline"
}
quiet() { # NAME: ends it, by force if need be
  runs "$1" || return 0
  kill -CONT "$pid"
  kill -TERM "$pid" 2>/dev/null
  wait_for 8 ended "$pid" || { kill -9 "$pid" 2>/dev/null; wait_for 5 ended "$pid"; }
  rm -f "$dir/$1.pid"
}
ceph_() { timeout 60 ceph -c "$dir/ceph.conf" --connect-timeout 30 "$@"; }
osd_up() { ceph_ osd stat | grep -q ' 1 up'; }
mds_up() { ceph_ mds stat | grep -q 'up:active'; }
pools_up() {
  for pool in files_data files_meta; do
    timeout 20 rados -c "$dir/ceph.conf" -p $pool ls || return 1
  done
}
mounted() { grep -qs " $1 fuse.ceph-fuse " /proc/mounts; }
name_of() { # WHO: a daemon, or the client of a mount point
  case $1 in
  osd.0 | mds.a | mon.a) echo "$1" ;;
  *) echo "client.$(printf %s "${1#/}" | tr -c 'A-Za-z0-9_-' _)" ;;
  esac
}
run_osd() {
  setsid ceph-osd -c "$dir/ceph.conf" -i 0 >>"$dir/log/osd.out" 2>&1 ||
    fail 'ceph-osd does not start' "$dir/log/osd.out"
}
run_mds() {
  setsid ceph-mds -c "$dir/ceph.conf" -i a >>"$dir/log/mds.out" 2>&1 ||
    fail 'ceph-mds does not start' "$dir/log/mds.out"
}
unmount() { # POINT
  # A dead client answers no umount(2).
  runs "$(name_of "$1")" && ! ended "$pid" && kill -CONT "$pid" &&
    timeout 20 umount "$1" 2>/dev/null
  mounted "$1" && umount -l "$1"
  quiet "$(name_of "$1")"
  sed -i "\\,^$1\$,d" "$dir/mounts" 2>/dev/null
}
write_conf() { # PORT FSID
  cat >ceph.conf <<CONF
[global]
fsid = $2
mon_host = [v2:127.0.0.1:$1/0]
ms_bind_msgr1 = false
public_network = 127.0.0.0/8
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
mon_warn_on_insecure_global_id_reclaim_allowed = false
# Its defaults collect changes for a second before they count.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
run_dir = $dir/run
admin_socket = $dir/run/\$name.\$pid.asok
pid_file = $dir/\$name.pid
log_file = $dir/log/\$name.log
mon_cluster_log_file = $dir/log/cluster.log
crash_dir = $dir/log
keyring = $dir/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_autoscale_mode = off
mon_warn_on_pool_no_redundancy = false
[mon]
mon_data = $dir/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_mds_skip_sanity = true
[osd]
osd_data = $dir/osd
osd_objectstore = ${STORE:-memstore}
memstore_device_bytes = ${STORE_BYTES:-4294967296}
bluestore_block_size = ${STORE_BYTES:-8589934592}
bluestore_block_wal_create = false
bluestore_block_db_create = false
osd_memory_target = 939524096
osd_max_object_name_len = 256
osd_max_object_namespace_len = 64
[mds]
mds_data = $dir/mds
[client]
client_mount_timeout = 60
log_file =
CONF
}
make_keys() { # the keys of all daemons, and the monitor with them
  local all='allow *'
  ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon "$all" &&
    ceph-authtool keyring --gen-key -n client.admin \
      --cap mon "$all" --cap osd "$all" --cap mds "$all" --cap mgr "$all" &&
    ceph-authtool keyring --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd "$all" &&
    ceph-authtool keyring --gen-key -n mds.a \
      --cap mon "$all" --cap osd "$all" --cap mds "$all"
}
start() {
  for tool in ceph-mon ceph-osd ceph-mds ceph-fuse ceph ceph-authtool monmaptool rados; do
    command -v $tool >/dev/null || fail "no $tool: see the head of this file"
  done
  if ! { mkdir -p "$dir" && cd "$dir"; }; then fail "cannot make $dir"; fi
  dir=$PWD
  [ -e mon/store.db ] && fail "$dir is in use"
  mkdir -p mon osd mds log run
  : >mounts
  local port=0 fsid
  # Below the ports that the kernel gives out; the daemons take theirs by themselves.
  until [ "$port" != 0 ] && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    port=$((20000 + RANDOM % 10000))
  done
  fsid=$(cat /proc/sys/kernel/random/uuid)
  write_conf "$port" "$fsid"
  {
    make_keys &&
      monmaptool --create --addv a "[v2:127.0.0.1:$port]" --fsid "$fsid" --clobber monmap &&
      ceph-mon -c ceph.conf --mkfs -i a --monmap monmap --keyring keyring &&
      setsid ceph-mon -c "$dir/ceph.conf" -i a
  } >log/setup.out 2>&1 || fail 'the monitor does not start' log/setup.out
  wait_for 60 ceph_ -s || fail 'the monitor does not answer' log/mon.a.log
  local uuid
  uuid=$(cat /proc/sys/kernel/random/uuid)
  {
    ceph_ osd new "$uuid" && ceph-osd -c ceph.conf -i 0 --mkfs --osd-uuid "$uuid"
  } >log/osd.out 2>&1 || fail 'no OSD could be made' log/osd.out
  run_osd
  run_mds
  wait_for 60 osd_up || fail 'the OSD does not come up' log/osd.0.log
  {
    ceph_ osd pool create files_meta 8 && ceph_ osd pool create files_data 8 &&
      ceph_ fs new files files_meta files_data
  } >log/fs.out 2>&1 || fail 'no file system could be made' log/fs.out
  wait_for 60 mds_up || fail 'the MDS does not become active' log/mds.a.log
  wait_for 60 pools_up || fail 'the pools do not answer' log/osd.0.log
}
mount_() { # POINT NAME=VALUE …
  [ -c /dev/fuse ] || fail 'no /dev/fuse'
  mkdir -p "$1"
  local name
  name=$(name_of "$1")
  # In the foreground of a process that is ours, so that its pid is known.
  setsid env "${@:2}" ceph-fuse -f -c "$dir/ceph.conf" -n client.admin \
    --pid-file="$dir/$name.pid" --log-file="$dir/log/$name.log" "$1" \
    >>"$dir/log/$name.out" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
  echo "$1" >>"$dir/mounts"
  wait_for 60 mounted "$1" || { unmount "$1"; fail "$1 is not mounted" "$dir/log/$name.out"; }
  wait_for 60 timeout 5 stat "$1/." || { unmount "$1"; fail "$1 does not answer"; }
}

[ "$what" = start ] || dir=$(realpath "$dir" 2>/dev/null) || fail "no $2"
case $what in
start) start ;;
mount) mount_ "$(realpath -m "$third")" "${@:4}" ;;
umount) unmount "$(realpath -ms "$third")" ;;
kill | stop | go)
  name=$(name_of "$third")
  runs "$name" || fail "no $name runs"
  case $what in
  stop) kill -STOP "$pid" ;;
  go) kill -CONT "$pid" ;;
  kill) kill -9 "$pid" && wait_for 10 ended "$pid" && rm -f "$dir/$name.pid" ;;
  esac
  ;;
up)
  case $third in
  osd.0)
    run_osd
    if ! { wait_for 60 osd_up && wait_for 60 pools_up; }; then fail 'the OSD does not come up'; fi
    ;;
  mds.a)
    run_mds
    wait_for 120 mds_up || fail 'the MDS does not become active'
    ;;
  *) fail "no daemon $third" ;;
  esac
  ;;
ceph) shift 2 && ceph_ "$@" ;;
end)
  # A client that waits for a dead server answers no umount(2): it is killed first.
  while read -r point; do
    runs "$(name_of "$point")" && kill -9 "$pid" && wait_for 10 ended "$pid"
    unmount "$point"
  done < <(cat "$dir/mounts" 2>/dev/null)
  for name in mds.a osd.0 mon.a; do
    # What they hold is of no use any more.
    runs $name && kill -9 "$pid" && wait_for 10 ended "$pid"
  done
  [ ! -s "$dir/mounts" ] || fail "still mounted: $(cat "$dir/mounts")"
  ;;
*) fail "no command $what" ;;
esac
