# Sourced by hack/test after setup.sh: promtool, which knows what Prometheus expects of metrics.
# shellcheck shell=bash

# need_promtool: ROSTER_PROMTOOL is the one in PATH, else that of Debian's package prometheus. The package is unpacked
# and not installed, since installing it starts a server.
need_promtool() {
  ROSTER_PROMTOOL=$(command -v promtool) || ROSTER_PROMTOOL=$ROSTER_CACHE/promtool
  export ROSTER_PROMTOOL
  if [[ -x $ROSTER_PROMTOOL ]]; then return; fi
  command -v apt-get >/dev/null ||
    fail 'promtool is missing, and this is not Debian. Put it in PATH; it comes with Prometheus, see https://prometheus.io/download.'
  locked promtool unpack promtool
}

# need_prometheus: ROSTER_PROMETHEUS is Prometheus itself, by the same ways.
need_prometheus() {
  ROSTER_PROMETHEUS=$(command -v prometheus) || ROSTER_PROMETHEUS=$ROSTER_CACHE/prometheus
  export ROSTER_PROMETHEUS
  if [[ -x $ROSTER_PROMETHEUS ]]; then return; fi
  command -v apt-get >/dev/null ||
    fail 'Prometheus is missing, and this is not Debian. Put it in PATH, see https://prometheus.io/download.'
  locked promtool unpack prometheus
}

# unpack PROGRAM from the package into the cache.
unpack() (
  local program=$1 folder log=$ROSTER_CACHE/promtool.log
  if [[ -x $ROSTER_CACHE/$program ]]; then return; fi
  say "Unpacking $program from Debian's package prometheus (usually 3 s)"
  folder=$(mktemp -d "$ROSTER_CACHE/$program.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  cd "$folder" || exit
  # Package lists that are missing or too old show when downloading fails.
  if ! apt_get download prometheus >"$log" 2>&1; then
    { is_root && apt_get update && apt_get download prometheus; } >>"$log" 2>&1 || {
      tail -n 20 "$log" >&2
      fail "apt-get download prometheus failed, see above and $log. Run apt-get update as root, or put promtool in PATH."
    }
  fi
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x "./usr/bin/$program"
  mv "usr/bin/$program" "$ROSTER_CACHE/$program"
)
