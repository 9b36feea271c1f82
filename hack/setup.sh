# Sourced by the commands in this directory: each function makes sure of one
# thing they need, and either provides it, saying what it does and how long that
# usually takes, or ends the command with a sentence on what is missing and how
# to get it. What is built or downloaded is kept outside the checkout.
# shellcheck shell=bash

ROSTER_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROSTER_CACHE=${ROSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/roster}
export ROSTER_STARTED=${ROSTER_STARTED:-$EPOCHSECONDS} # so that nested commands count on

# say SENTENCE...: tells the person what is going on, after how many seconds.
say() {
  printf '%4d s  %s\n' $((EPOCHSECONDS - ROSTER_STARTED)) "$*" >&2
}

# fail SENTENCE...: ends the command.
fail() {
  printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
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

# need_node: the packages of package-lock.json, and node 24 first in PATH.
need_node() {
  local modules=$ROSTER_ROOT/node_modules
  # npm leaves a copy of the lock file as it was when it installed.
  if ! cmp -s "$ROSTER_ROOT/package-lock.json" "$modules/.package-lock.roster.json"; then
    command -v npm >/dev/null ||
      fail "npm is missing. Install Node.js 20 or later with npm 11, for instance with a version manager such as nvm."
    say 'Installing the npm packages of package-lock.json (usually 20 seconds)'
    (cd "$ROSTER_ROOT" && npm ci --no-audit --no-fund --loglevel=error >&2) ||
      fail 'npm ci failed, see above. It needs access to an npm registry.'
    cp "$ROSTER_ROOT/package-lock.json" "$modules/.package-lock.roster.json"
  fi
  [[ -x $modules/.bin/node ]] ||
    fail "there is no Node.js 24 for $(uname -m) among the npm packages. Put one first in PATH and link it as node_modules/.bin/node."
  PATH=$modules/.bin:$PATH
}

# need_go: a Go that can build hack/kube.
need_go() {
  local required version
  required=$(awk '$1 == "go" { print $2 }' "$ROSTER_ROOT/hack/kube/go.mod")
  if ! command -v go >/dev/null && [[ -x /usr/local/go/bin/go ]]; then PATH=$PATH:/usr/local/go/bin; fi
  command -v go >/dev/null ||
    fail "Go is missing. Install Go $required or later, see https://go.dev/doc/install, and put it in PATH."
  # Go may fetch a newer toolchain by itself: what counts is what it runs here.
  version=$(cd "$ROSTER_ROOT/hack/kube" && go env GOVERSION) ||
    fail "Go $required or later is needed and $(command -v go) cannot provide it. See https://go.dev/doc/install."
  version=${version#go}
  [[ $(printf '%s\n' "$required" "${version%% *}" | sort -V | head -n 1) == "$required" ]] ||
    fail "Go $version is too old. Install Go $required or later, see https://go.dev/doc/install."
}

# need_kube: the control plane and kubectl; ROSTER_KUBE_BIN is where they are.
need_kube() {
  ROSTER_KUBE_BIN=$("$ROSTER_ROOT/hack/cluster" build kube) || exit 1
  export ROSTER_KUBE_BIN
}
