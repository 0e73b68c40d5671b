#!/bin/bash
# booted.sh SCRIPT DIRECTORY: boot a real systemd as PID 1 on a throw-away copy of this machine, run SCRIPT there as root,
# and print its output. DIRECTORY is there as /var/tmp/given. It needs root, overlayfs and systemd-nspawn; the control
# group is of its own, because a systemd moves every process of its group.
set -eu
export WITHIN=$(readlink -f "$1") GIVEN=$(readlink -f "$2") GROUP=gitsync-boot-$$ STAND=$(mktemp -d)
mkdir "$STAND/cg"
cat >"$STAND/inside.sh" <<'X'
set -eu
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p "$STAND/up" "$STAND/root"
mount -t tmpfs tmpfs "$STAND/up"
mkdir "$STAND/up/u" "$STAND/up/w"
mount -t overlay overlay -o "lowerdir=/,upperdir=$STAND/up/u,workdir=$STAND/up/w" "$STAND/root"
root=$STAND/root
rm -f "$root/etc/machine-id" "$root/usr/sbin/policy-rc.d"
: >"$root/etc/machine-id"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/var/tmp/given" "$root/var/log/journal"
for unit in postgresql.service getty.target console-getty.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
cp "$GIVEN"/* "$root/var/tmp/given/"
cp "$WITHIN" "$root/root/within.sh"
cat >"$root/etc/systemd/system/within.service" <<'U'
[Unit]
After=systemd-logind.service dbus.service
[Service]
Type=oneshot
ExecStart=/bin/bash /root/within.sh
StandardOutput=append:/root/within.out
StandardError=inherit
ExecStopPost=/bin/systemctl --no-block poweroff
U
ln -sf /etc/systemd/system/within.service "$root/etc/systemd/system/multi-user.target.wants/"
timeout 400 systemd-nspawn -q -D "$root" --boot --register=no --keep-unit --private-network --console=pipe >"$STAND/console" 2>&1 ||
    tail -20 "$STAND/console"
cat "$root/root/within.out"
X
set +e
unshare -m bash -c 'set -e; mount --make-rprivate /; mount -t cgroup2 none $STAND/cg; mkdir $STAND/cg/$GROUP; echo $$ >$STAND/cg/$GROUP/cgroup.procs; exec unshare -C -m -p -f --kill-child --mount-proc bash $STAND/inside.sh'
status=$?
unshare -m bash -c 'mount --make-rprivate /; mount -t cgroup2 none $STAND/cg; for i in 1 2 3 4 5 6 7 8 9; do find $STAND/cg/$GROUP -depth -type d -exec rmdir {} \; 2>/dev/null; [ -d $STAND/cg/$GROUP ] || exit 0; sleep .3; done'
rm -rf --one-file-system "$STAND"
exit $status
