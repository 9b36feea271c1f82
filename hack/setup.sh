# Sourced by the commands in this directory: each function makes sure of one
# thing they need, and either provides it, saying what it does and how long that
# usually takes, or ends the command with a sentence on what is missing and how
# to get it. What is built or downloaded is kept outside the checkout.
# It also makes the command end at the first error.
# shellcheck shell=bash

set -euo pipefail
shopt -s inherit_errexit

ROSTER_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROSTER_CACHE=${ROSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/roster}
export ROSTER_STARTED=${ROSTER_STARTED:-$EPOCHSECONDS} # so that nested commands count on

# say SENTENCE...: tells the person what is going on, after how many seconds.
say() {
  printf '%4d s  %s\n' $((EPOCHSECONDS - ROSTER_STARTED)) "$*" >&2
}

# fail SENTENCE...: ends the command.
fail() {
  printf '\nhack/%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# progress WHAT [TOTAL]: shows how many lines standard input has had so far, in
# place on a terminal, otherwise every 15 seconds.
progress() {
  local what=$1 total=${2:+ of $2} count=0 shown=$EPOCHSECONDS status
  while true; do
    status=0
    read -r -t 1 || status=$?
    if ((status == 0)); then count=$((count + 1)); fi
    if [[ -t 2 ]]; then
      if ((EPOCHSECONDS > shown)); then
        shown=$EPOCHSECONDS
        printf '\r%4d s    %d%s %s' $((shown - ROSTER_STARTED)) "$count" "$total" "$what" >&2
      fi
    elif ((EPOCHSECONDS >= shown + 15)); then
      shown=$EPOCHSECONDS
      say "  $count$total $what"
    fi
    if ((status > 0 && status <= 128)); then break; fi # the end; above 128 it was only the time
  done
  if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi
}

is_root() {
  ((EUID == 0))
}

# locked NAME FUNCTION ARGUMENT...: runs it while nobody else runs one under
# that name. It runs in a subshell, so it cannot set variables.
locked() {
  local name=$1
  shift
  mkdir -p "$ROSTER_CACHE"
  (
    flock -n 9 || { say "Waiting for another command ($name)" && flock 9; }
    "$@" 9>&-
  ) 9>"$ROSTER_CACHE/$name.lock"
}

# need_node: the packages of package-lock.json, and Node.js 24 first in PATH.
need_node() {
  local modules=$ROSTER_ROOT/node_modules
  node_modules_current || locked npm install_node_modules
  [[ -x $modules/.bin/node ]] ||
    fail "npm has no Node.js 24 for $(uname -m). Link one of your own as node_modules/.bin/node."
  PATH=$modules/.bin:$PATH
}

# node_modules_current: the lock file is the one that was installed last.
node_modules_current() {
  cmp -s "$ROSTER_ROOT/package-lock.json" "$ROSTER_ROOT/node_modules/.installed-package-lock.json"
}

install_node_modules() {
  if node_modules_current; then return; fi
  local log=$ROSTER_CACHE/npm.log
  command -v npm >/dev/null ||
    fail 'npm is missing. Install Node.js 20 or later with npm 11, see https://nodejs.org/en/download.'
  say 'Installing the npm packages of package-lock.json (usually 30 s)'
  if ! (cd "$ROSTER_ROOT" && npm ci --loglevel=error) >"$log" 2>&1; then
    head -n 20 "$log" >&2 # npm says first what is wrong, then at length how it is called
    fail "npm ci failed, see above and $log. It needs an npm registry."
  fi
  cp "$ROSTER_ROOT/package-lock.json" "$ROSTER_ROOT/node_modules/.installed-package-lock.json"
}

# need_go: a Go that can build hack/kube and hack/node.
need_go() {
  local required version how
  required=$(awk '$1 == "go" { print $2 }' "$ROSTER_ROOT/hack/kube/go.mod")
  how="Install Go $required or later, see https://go.dev/doc/install, and put it in PATH."
  if ! command -v go >/dev/null && [[ -x /usr/local/go/bin/go ]]; then PATH=$PATH:/usr/local/go/bin; fi
  command -v go >/dev/null || fail "Go is missing. $how"
  # Go may fetch a newer one by itself: what counts is the one it runs here.
  version=$(cd "$ROSTER_ROOT/hack/kube" && go env GOVERSION) || fail "Go $required cannot be had, see above. $how"
  version=${version#go}
  [[ $(printf '%s\n' "$required" "${version%% *}" | sort -V | head -n 1) == "$required" ]] ||
    fail "Go $version is too old. $how"
}

# need_kube: the control plane and kubectl; ROSTER_KUBE_BIN is their directory.
need_kube() {
  ROSTER_KUBE_BIN=$("$ROSTER_ROOT/hack/cluster" build kube) || exit 1
  export ROSTER_KUBE_BIN
}

# need_helm: ROSTER_HELM is Helm, built from its sources.
need_helm() {
  ROSTER_HELM=$("$ROSTER_ROOT/hack/cluster" build helm)/helm || exit 1
  export ROSTER_HELM
}

# need_debian PACKAGE...: these Debian packages. Their services are not started.
need_debian() {
  local missing
  mapfile -t missing < <(missing_debian "$@")
  if ((${#missing[@]} == 0)); then return; fi
  command -v apt-get >/dev/null ||
    fail "this is not Debian. Install what Debian calls ${missing[*]} by the means of your system."
  is_root || fail "Debian packages are missing. Run as root: apt-get install --no-install-recommends ${missing[*]}"
  locked apt install_debian "${missing[@]}"
}

missing_debian() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

install_debian() (
  local log=$ROSTER_CACHE/apt.log policy=/usr/sbin/policy-rc.d
  say "Installing the Debian packages $* (usually 10 to 60 s)"
  if [[ ! -e $policy ]]; then
    # The way to tell maintainer scripts not to start what they install.
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  if [[ " $* " == *' slapd '* ]]; then
    debconf-set-selections <<<'slapd slapd/no_configuration boolean true'
  fi
  # Package lists that are missing or too old show when installing fails.
  if ! apt_get install "$@" >"$log" 2>&1; then
    { apt_get update && apt_get install "$@"; } >>"$log" 2>&1 || {
      tail -n 20 "$log" >&2
      fail "apt-get install $* failed, see above and $log."
    }
  fi
)

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    --no-install-recommends "$@" </dev/null
}

# A Docker daemon of ours is one for the whole machine, as it makes a bridge and
# packet rules. Whoever uses it shares a lock; the last one to leave stops it.
docker_run=/run/roster-docker
docker_users=

# need_docker: a Docker daemon: one that answers, else, as root on Debian, one
# of ours; then DOCKER_HOST says where. Call stop_docker at the end.
need_docker() {
  if docker_answers; then return; fi
  [[ -z ${DOCKER_HOST-} || $DOCKER_HOST == "unix://$docker_run/docker.sock" ]] ||
    fail "no Docker daemon answers at DOCKER_HOST=$DOCKER_HOST. Start it or unset DOCKER_HOST."
  is_root || fail 'no Docker daemon answers. Start one that this user may use, or run this as root on Debian.'
  need_debian docker.io
  (umask 077 && mkdir -p "$docker_run")
  exec {docker_users}>"$docker_run/users.lock"
  flock -s "$docker_users" # waits while somebody stops the daemon
  export DOCKER_HOST=unix://$docker_run/docker.sock
  # Debian's client beside Debian's daemon: another one may lack BuildKit.
  mkdir -p "$ROSTER_CACHE/docker/bin"
  ln -sf /usr/bin/docker "$ROSTER_CACHE/docker/bin/docker"
  PATH=$ROSTER_CACHE/docker/bin:$PATH
  # It would pull an image, for a cleaning up that stop_docker does.
  export TESTCONTAINERS_RYUK_DISABLED=true
  locked docker start_docker
}

docker_answers() {
  timeout 10 docker version >/dev/null 2>&1
}

start_docker() {
  local log=$ROSTER_CACHE/docker/log pid tries
  if docker_answers; then return; fi
  say 'Starting a Docker daemon (usually 2 s)'
  setsid /usr/sbin/dockerd --host "$DOCKER_HOST" --pidfile "$docker_run/pid" --exec-root "$docker_run/exec" \
    --data-root "$ROSTER_CACHE/docker/data" >"$log" 2>&1 </dev/null {docker_users}>&- 9>&- &
  pid=$!
  for ((tries = 0; tries < 150; tries++)); do
    if docker_answers; then return; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$log" >&2
  fail "the Docker daemon did not start, see above and $log. Start one of your own and set DOCKER_HOST."
}

# stop_docker: removes what tests left in our daemon and stops it, unless
# another command uses it or it is not ours.
stop_docker() {
  if [[ -z $docker_users ]]; then return; fi
  exec {docker_users}>&-
  docker_users=
  (
    if ! flock -n 9; then return; fi
    docker ps -aq --filter label=org.testcontainers=true | xargs -r docker rm -fv >/dev/null 2>&1 || true
    stop_process "$docker_run/pid"
  ) 9>"$docker_run/users.lock"
}

# stop_process PIDFILE: returns when it has ended, at most 20 s later.
stop_process() {
  local pid
  if ! pid=$(cat "$1" 2>/dev/null); then return; fi
  kill "$pid" 2>/dev/null || return 0
  timeout 20 tail --pid="$pid" -s 0.2 -f /dev/null || say "Process $pid is still there after 20 s"
}

# need_base_image: the image that our Dockerfiles start from. Where it cannot be
# pulled it is made from the packages of this machine's own Debian mirror.
need_base_image() {
  local image=debian:bookworm-slim
  if docker image inspect "$image" >/dev/null 2>&1; then return; fi
  say "Pulling $image"
  if timeout 60 docker pull -q "$image" >/dev/null 2>&1; then return; fi
  is_root || fail "$image cannot be pulled. Provide it (docker load), or run this as root on Debian."
  need_debian debootstrap
  locked base-image make_base_image "$image"
}

# make_base_image IMAGE keeps the file system, since the daemon's data may go.
make_base_image() {
  local image=$1 archive=$ROSTER_CACHE/debian-bookworm-slim.tar
  if [[ ! -f $archive ]]; then debootstrap_archive "$archive"; fi
  docker import --change 'CMD ["bash"]' "$archive" "$image" >/dev/null
}

debootstrap_archive() (
  local mirror root log=$ROSTER_CACHE/debootstrap.log
  # shellcheck disable=SC2016 # apt expands it
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
  [[ -n $mirror ]] || fail 'apt has no source for Debian 12 (bookworm), from which to make the base image.'
  say "Making the base image from Debian's packages (usually 30 s)"
  root=$(mktemp -d "$ROSTER_CACHE/debootstrap.XXXXXX")
  trap 'rm -rf --one-file-system "$root"' EXIT
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "debootstrap failed, see above and $log."
  }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
  # What slim images leave out: https://github.com/debuerreotype/debuerreotype/blob/master/scripts/.slimify-excludes
  find "$root"/usr/share/{doc,man,info,locale,groff,lintian,linda} ! -type d ! -name copyright -delete 2>/dev/null || true
  find "$root"/usr/share/{doc,man,info,locale,groff,lintian,linda} -type d -empty -delete 2>/dev/null || true
  tar -C "$root" --numeric-owner -cf "$1.partial" .
  mv "$1.partial" "$1"
)
