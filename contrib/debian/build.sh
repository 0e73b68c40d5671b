#!/bin/sh
# Build a Debian package for this machine's release: contrib/debian/build.sh [DIRECTORY]
#
# Its maintainer is who builds it: DEBFULLNAME and DEBEMAIL, as Debian's own tools take them, or git's identity.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:-.}" && cd "${1:-.}" && pwd)
python=/usr/bin/python3
version=$("$python" -B -c "import runpy; print(runpy.run_path('$here/../../gitsync/version.py')['VERSION'])")
minor=$("$python" -c 'import sys; print(sys.version_info.minor)')
name=${DEBFULLNAME:-$(git config user.name || echo gitsync packagers)}
address=${DEBEMAIL:-$(git config user.email || echo "root@$(hostname -f 2>/dev/null || hostname)")}
date=$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(stat -c %Y "$here/../../gitsync/version.py")}")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

"$here/../packages/stage.sh" "$root" "$python"
doc=$root/usr/share/doc/gitsync
# The licence's text, as the format for copyright files wants it: indented, with a dot in place of a blank line.
sed -e '1,4d' -e 's/^/ /' -e 's/^ $/ ./' "$here/../../LICENSE" >"$root/licence"
sed -e "/@LICENSE@/{r $root/licence" -e 'd}' "$here/copyright" >"$doc/copyright"
rm "$root/licence"
chmod 644 "$doc/copyright"
printf 'gitsync (%s) unstable; urgency=medium\n\n  * See CHANGELOG.rst.\n\n -- %s <%s>  %s\n' \
    "$version" "$name" "$address" "$date" | gzip -9n >"$doc/changelog.gz"
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/gitsync"
mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$(dpkg --print-architecture)/" -e "s/@MAINTAINER@/$name <$address>/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" \
    -e "s/@PYTHON@/3.$minor/" -e "s/@NEXT_PYTHON@/3.$((minor + 1))/" "$here/control.in" >"$root/DEBIAN/control"
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$root" "$out"
