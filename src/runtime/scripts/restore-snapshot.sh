# Restores a snapshot beside a data directory, with the release's own tool: DATA WAL ID USER TOOL NAME INITIAL-CLUSTER TOKEN
# PEER-URLS ARCH. ROOM/snapshot.db was sent before. Nothing that runs is touched.
main() {
    data=$1 wal=$2 id=$3 user=$4 tool=$5 name=$6 initial=$7 token=$8 peers=$9
    shift 9
    arch=$1
    enter_room "$data" "$id"
    [ -f "$room/snapshot.db" ] || refuse missing "$room/snapshot.db is not there"
    [ -x "$tool" ] || refuse missing "$tool is not there"
    rm -rf -- "$room/data"
    cd / || refuse failed 'cannot enter /'
    set -- "$tool" snapshot restore "$room/snapshot.db" --data-dir "$room/data" --name "$name" --initial-cluster "$initial" \
        --initial-cluster-token "$token" --initial-advertise-peer-urls "$peers"
    [ -z "$arch" ] || set -- "ETCD_UNSUPPORTED_ARCH=$arch" "$@"
    said=$(env -i "PATH=$PATH" ETCDCTL_API=3 "$@" 2>&1) || {
        rm -rf -- "$room/data"
        refuse_failed "${tool##*/} snapshot restore" "$said"
    }
    [ -f "$room/data/member/snap/db" ] || refuse failed "${tool##*/} made no $room/data/member/snap/db; it said: $said"
    lay "$wal" "$id" "$user"
    done_with ok
}
main "$@" </dev/null
