#!/bin/sh
# Lay out a tree as a package installs it: stage.sh DESTDIR [PYTHON]
#
# The libraries come with it, in /usr/lib/gitsync: distributions have older ones than gitsync needs (pygit2, watchdog).
# So a package is for the Python that built it; git itself and everything else is the distribution's.
set -eu
destdir=$1
python=${2:-/usr/bin/python3}
source=$(cd "$(dirname "$0")/../.." && pwd)
lib=$destdir/usr/lib/gitsync

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Built from a copy, so that nothing is left lying in the source.
(cd "$source" && tar -cf - --exclude=./.git --exclude=./.venv --exclude=./build --exclude='*.egg-info' --exclude=__pycache__ .) |
    tar -C "$scratch" -xf -
mkdir -p "$lib" "$destdir/usr/bin"
"${PIP_PYTHON:-$python}" -m pip --quiet --disable-pip-version-check --python "$python" install --no-compile \
    --target "$lib" "${scratch}[web]"
# What pip lays out for a prefix of its own is put where a system has it.
rm -rf "${lib:?}/bin" "$lib/share" "$lib/lib"
install -d "$destdir/usr/lib/systemd/user" "$destdir/usr/lib/systemd/system" "$destdir/usr/share/man/man1" \
    "$destdir/usr/share/man/man5" "$destdir/usr/share/doc/gitsync"
for unit in "$source"/contrib/systemd/gitsync*; do
    case $unit in
    *@*) install -m 644 "$unit" "$destdir/usr/lib/systemd/system/" ;;
    *) install -m 644 "$unit" "$destdir/usr/lib/systemd/user/" ;;
    esac
done
for page in "$source"/docs/man/*.[15]; do
    gzip -9nc "$page" >"$destdir/usr/share/man/man${page##*.}/${page##*/}.gz"
done
install -d "$destdir/usr/share/doc/gitsync/howto"
install -m 644 "$source/README.rst" "$source/CHANGELOG.rst" "$source"/docs/*.rst "$destdir/usr/share/doc/gitsync/"
install -m 644 "$source"/docs/howto/*.rst "$destdir/usr/share/doc/gitsync/howto/"
# Where Debian looks for it; other systems have it there as well.
install -m 644 "$source/LICENSE" "$destdir/usr/share/doc/gitsync/copyright"

install -D -m 644 "$source/contrib/desktop/org.gitsync.gitsync.desktop" -t "$destdir/usr/share/applications"
install -D -m 644 "$source/contrib/desktop/org.gitsync.gitsync.metainfo.xml" -t "$destdir/usr/share/metainfo"
install -D -m 644 "$source/gitsync/web/static/icon.svg" \
    "$destdir/usr/share/icons/hicolor/scalable/apps/org.gitsync.gitsync.svg"

for program in gitsync:gitsync.daemon.main gitsyncctl:gitsync.cli.main; do
    cat >"$destdir/usr/bin/${program%%:*}" <<PROGRAM
#!$python -sP
import sys

sys.path.insert(0, "/usr/lib/gitsync")
from ${program#*:} import main

sys.exit(main())
PROGRAM
    chmod 755 "$destdir/usr/bin/${program%%:*}"
done

for place in bash:bash-completion/completions zsh:zsh/vendor-completions fish:fish/vendor_completions.d; do
    install -d "$destdir/usr/share/${place#*:}"
    install -m 644 "$source/contrib/completions/${place%%:*}"/* "$destdir/usr/share/${place#*:}/"
done
find "$destdir" -name __pycache__ -prune -exec rm -rf {} +
# A private umask of whoever builds must not end up in the package.
chmod -R u=rwX,go=rX "$destdir"
# A library is not a program, and neither is a module.
find "$lib" -type f ! -path '*/bin/*' -exec chmod a-x {} +
