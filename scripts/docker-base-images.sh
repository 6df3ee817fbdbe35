#!/bin/sh
# Makes stand-ins for the Dockerfile's two base images, for a machine with a Docker Engine that can pull no images:
# out of Debian packages, the Node under node_modules, and an npm cache that holds what package-lock.json names.
#
#     scripts/docker-base-images.sh
#     docker build --build-arg NODE_IMAGE=fargauge-base/node --build-arg RUNTIME_IMAGE=fargauge-base/runtime .
#
# Needs Debian or a relative of it, npm, docker, and `npm ci` done before.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs" "$work/runtime" "$work/node" "$work/project"

# The names of the given packages and of all they depend on.
with_dependencies() {
  apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    "$@" | grep '^[a-z0-9]' | sort -u
}

# unpack DIRECTORY PACKAGE...: the files of the packages, without running what they would run at installation.
unpack() {
  directory=$1
  shift
  (cd "$work/debs" && apt-get -o APT::Sandbox::User=root -qq download "$@")
  for deb in "$work"/debs/*.deb; do dpkg-deb --extract "$deb" "$directory"; done
  rm "$work"/debs/*.deb
  rm -rf "$directory/usr/share/doc" "$directory/usr/share/man" "$directory/usr/share/locale"
}

# import NAME DIRECTORY [CHANGE...]: the directory as an image, everything in it root's.
import() {
  name=$1 directory=$2
  shift 2
  tar --create --owner=0 --group=0 --numeric-owner --directory "$directory" . | docker import "$@" - "$name"
}

libraries='libc6 libgcc-s1 libstdc++6 ca-certificates'

# shellcheck disable=SC2086 # one word per package
unpack "$work/runtime" $libraries
mkdir -p "$work/runtime/etc/ssl/certs" "$work/runtime/tmp"
chmod 1777 "$work/runtime/tmp"
cat "$work"/runtime/usr/share/ca-certificates/mozilla/*.crt > "$work/runtime/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0::/:/none\nnonroot:x:65532:65532::/tmp:/none\n' > "$work/runtime/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' > "$work/runtime/etc/group"
import fargauge-base/runtime "$work/runtime" --change 'USER 65532:65532'

# shellcheck disable=SC2046,SC2086 # one word per package
unpack "$work/node" $libraries busybox-static $(with_dependencies binutils)
for applet in $("$work/node/bin/busybox" --list-full); do
  mkdir -p "$work/node/$(dirname "$applet")"
  [ -e "$work/node/$applet" ] || ln -s /bin/busybox "$work/node/$applet"
done
mkdir -p "$work/node/usr/local/bin" "$work/node/usr/local/lib" "$work/node/tmp"
cp "$(readlink -f node_modules/.bin/node)" "$work/node/usr/local/bin/node"
# Where npm is and not where it would install: under `npm run` that is the folder of the Node of node_modules.
npm_cli=$(readlink -f "$(command -v npm)")
cp -R "${npm_cli%/bin/npm-cli.js}" "$work/node/usr/local/lib/npm"
ln -s ../lib/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
cp package.json package-lock.json .npmrc "$work/project"
pinned_node=$PWD/node_modules/.bin
(cd "$work/project" && PATH="$pinned_node:$PATH" npm ci --ignore-scripts --cache "$work/node/npm-cache")
import fargauge-base/node "$work/node" \
  --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin npm_config_cache=/npm-cache npm_config_offline=true'
