#!/bin/bash
# A real `systemd --user` for one test, as an unprivileged user, in namespaces of its own: user_manager.sh PROGRAM...
#
# Needs root. Outside a private cgroup namespace a user manager would move every process of the machine into a scope of
# its own, so the order below matters: mounts, own cgroup, then the namespaces, then the user. The environment says:
# STAND (a directory that everybody may enter: home, passwd and the mount points go there), OPEN (directories, separated
# by colons, that the user must be able to read although a directory above them is closed).
set -eu
self=$(readlink -f "$0")
uid=1777
case ${STAGE:-outside} in
outside) # A private view of the file systems, and a cgroup that nothing else is in.
    export GROUP=gitsync-test-$$
    mkdir "$STAND/cgroup" "$STAND/home"
    code=0
    STAGE=cgroup unshare --mount "$self" "$@" || code=$?
    # Whatever still runs goes with the group.
    STAGE=sweep unshare --mount "$self" || true
    exit "$code"
    ;;
cgroup)
    mount --make-rprivate /
    mount -t cgroup2 none "$STAND/cgroup"
    mkdir "$STAND/cgroup/$GROUP"
    echo $$ >"$STAND/cgroup/$GROUP/cgroup.procs"
    STAGE=machine exec unshare --cgroup --pid --fork --kill-child --mount --ipc --uts --mount-proc "$self" "$@"
    ;;
machine) # What a login would have made: a host, /run, a user with a runtime directory and a cgroup.
    hostname gitsync-test
    umount -R /sys/fs/cgroup 2>/dev/null || true
    mount -t cgroup2 none /sys/fs/cgroup
    mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/system "/run/user/$uid"
    cp /etc/passwd "$STAND/passwd"
    cp /etc/group "$STAND/group"
    echo "gs:x:$uid:$uid::$STAND/home:/bin/bash" >>"$STAND/passwd"
    echo "gs:x:$uid:" >>"$STAND/group"
    mount --bind "$STAND/passwd" /etc/passwd
    mount --bind "$STAND/group" /etc/group
    # The interpreter and the checkout may lie in root's own home: show these directories, and nothing else of it.
    number=0
    IFS=: read -ra open <<<"$OPEN"
    for directory in "${open[@]}"; do
        mkdir "$STAND/open-$number"
        mount --bind "$directory" "$STAND/open-$number"
        number=$((number + 1))
    done
    for directory in "${open[@]}"; do
        above=$directory
        while above=$(dirname "$above") && [[ $above != / ]]; do
            mode=$(stat -c %a "$above")
            ((0$mode & 1)) || { mount -t tmpfs -o mode=755 tmpfs "$above" && break; }
        done
    done
    number=0
    for directory in "${open[@]}"; do
        mkdir -p "$directory"
        mount --bind "$STAND/open-$number" "$directory"
        number=$((number + 1))
    done
    mkdir -p /sys/fs/cgroup/user
    chown -R "$uid:$uid" /sys/fs/cgroup/user "$STAND/home" "/run/user/$uid"
    chmod 700 "/run/user/$uid"
    echo $$ >/sys/fs/cgroup/user/cgroup.procs
    exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env --ignore-environment STAGE=user \
        HOME="$STAND/home" USER=gs LOGNAME=gs XDG_RUNTIME_DIR="/run/user/$uid" PATH=/usr/local/bin:/usr/bin:/bin \
        LANG=C.UTF-8 "$self" "$@"
    ;;
user)
    unset STAGE
    cd
    SYSTEMD_LOG_TARGET=console /lib/systemd/systemd --user >manager.log 2>&1 &
    manager=$!
    for _ in $(seq 400); do
        systemctl --user is-system-running >/dev/null 2>&1 && break
        sleep 0.05
    done
    code=0
    "$@" || code=$?
    systemctl --user exit >/dev/null 2>&1 || true
    for _ in $(seq 200); do
        kill -0 "$manager" 2>/dev/null || break
        sleep 0.05
    done
    exit "$code"
    ;;
sweep)
    mount --make-rprivate /
    mount -t cgroup2 none "$STAND/cgroup"
    for _ in $(seq 20); do
        find "$STAND/cgroup/$GROUP" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        [[ -d $STAND/cgroup/$GROUP ]] || exit 0
        sleep 0.2
    done
    ;;
esac
