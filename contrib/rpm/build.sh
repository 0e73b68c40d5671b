#!/bin/sh
# Build an RPM for this machine's release: contrib/rpm/build.sh [DIRECTORY]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:-.}" && cd "${1:-.}" && pwd)
source=$(cd "$here/../.." && pwd)
version=$(/usr/bin/python3 -B -c "import runpy; print(runpy.run_path('$source/gitsync/version.py')['VERSION'])")
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
name=${RPM_PACKAGER:-"$(git config user.name || echo gitsync packagers) <$(git config user.email || echo "root@$(hostname)")>"}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$source/gitsync/version.py")}
export SOURCE_DATE_EPOCH
rpmbuild --quiet -bb --define "packager_now $name" --define "_topdir $top" --define "source $source" --define "version_now $version" \
    "$here/gitsync.spec"
find "$top/RPMS" -name '*.rpm' -exec cp {} "$out" \; -print
