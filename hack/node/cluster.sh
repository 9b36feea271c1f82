#!/bin/bash
# The part of hack/cluster that runs real pods: see hack/cluster --help and
# docs/development/local-cluster.md. Everything runs in a network namespace of
# its own, so the addresses and packet rules of the machine stay as they are.
# shellcheck source-path=SCRIPTDIR/.. source=../setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

cluster=$ROSTER_ROOT/hack/cluster
config=$ROSTER_ROOT/hack/node/config
# There is one at a time on a machine: the kubelet and the network plugins have
# directories that cannot be chosen.
namespace=roster-node
# Of the node, on the namespace's loopback: not 127.0.0.1, which no Service may
# lead to.
address=10.254.0.1
port=16443
# What the kubelet changes for the whole machine; given back when it has started.
kubelet_sysctls=(vm.overcommit_memory kernel.panic kernel.panic_on_oops)

# use DIR sets the paths of the node that is kept there.
use() {
  [[ -n ${1-} && $1 != -* ]] || fail 'say which directory. Try hack/cluster --help.'
  (umask 077 && mkdir -p "$1/node")
  dir=$(cd "$1" && pwd)
  node=$dir/node
  socket=$node/containerd/containerd.sock
}

# inside COMMAND...: in the network namespace. `ip netns exec` would hide the
# control groups behind a file system of its own.
inside() {
  nsenter --net="/run/netns/$namespace" "$@"
}

kubectl() {
  inside "$ROSTER_KUBE_BIN/kubectl" --kubeconfig "$dir/kubeconfig" "$@"
}

containers() {
  ctr --address "$socket" --namespace k8s.io "$@"
}

# start NAME COMMAND...: in the background, inside.
start() {
  local name=$1
  shift
  setsid nsenter --net="/run/netns/$namespace" "$@" >"$node/log/$name" 2>&1 </dev/null 9>&- &
  echo $! >"$node/pid/$name"
}

# alive NAME: a process that ended may stay a zombie until somebody asks for it.
alive() {
  local pid state
  pid=$(cat "$node/pid/$1" 2>/dev/null) || return 1
  state=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || return 1
  [[ ${state:0:1} != Z ]]
}

# until_true SECONDS NAME WHAT COMMAND...: waits for it as long as NAME lives.
until_true() {
  local seconds=$1 name=$2 what=$3 end
  shift 3
  end=$((EPOCHSECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    if ! alive "$name" || ((EPOCHSECONDS > end)); then
      tail -n 20 "$node/log/$name" >&2
      fail "$what: see above and $node/log/$name. End what has started with hack/cluster node down $dir."
    fi
    sleep 0.1
  done
}

render() {
  sed -e "s#@DIR@#$node#g" -e "s#@KUBECONFIG@#$dir/kubeconfig#g" -e "s#@ADDRESS@#$address#g" "$config/$1" >"$2"
}

need_programs() {
  is_root || fail 'real pods need root.'
  need_kube
  ROSTER_NODE_BIN=$("$cluster" build node) || exit 1
  need_debian containerd runc containernetworking-plugins nftables conntrack iproute2 util-linux procps
}

up() {
  use "${1-}"
  shift
  if [[ ${1-} == -- ]]; then shift; fi
  need_programs
  need_docker
  if [[ -e /run/netns/$namespace ]]; then
    [[ $(cat "/run/roster-node.dir" 2>/dev/null) == "$dir" ]] ||
      fail "a node is up in $(cat /run/roster-node.dir 2>/dev/null). End it with hack/cluster node down, there is one at a time."
    if ready; then
      say 'Already up'
      print_usage
      return
    fi
    fail "the node of $dir is only half there. End it with hack/cluster node down $dir."
  fi
  say "Starting a node with real pods in the network namespace $namespace (usually 10 seconds)"
  echo "$dir" >/run/roster-node.dir
  mkdir -p "$node"/{containerd,cni,kubelet,log,pid}
  ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  ip -n "$namespace" addr add "$address/32" dev lo
  inside sysctl -qw net.ipv4.ip_forward=1
  sysctl "${kubelet_sysctls[@]}" >"$node/sysctls"
  render containerd.toml "$node/containerd/config.toml"
  render 10-roster.conflist "$node/cni/10-roster.conflist"
  render kubelet.yaml "$node/kubelet.yaml"
  render kube-proxy.yaml "$node/kube-proxy.yaml"
  render Corefile "$node/Corefile"
  start_runtime
  start_control_plane "$@"
  start_node
  say 'The node is ready'
  print_usage
}

ready() {
  kubectl get node node -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null | grep -q True
}

start_runtime() {
  start containerd containerd -c "$node/containerd/config.toml"
  until_true 30 containerd 'containerd did not start' containers version
  # The image that holds a pod's namespaces open: one static program.
  tar -C "$ROSTER_NODE_BIN" -c pause | docker import -c 'ENTRYPOINT ["/pause"]' -c 'USER 65535:65535' - localhost/pause:1 >/dev/null
  load_images localhost/pause:1
}

start_control_plane() {
  rm -f "$dir/kubeconfig"
  start controlplane "$ROSTER_KUBE_BIN/kube" controlplane --dir "$dir" --host "$address" --port "$port" --fsync=false -- \
    --endpoint-reconciler-type=lease --kubelet-preferred-address-types=InternalIP --allow-privileged=true "$@"
  until_true 60 controlplane 'the control plane did not start' grep -q '^ready ' "$node/log/controlplane"
  sed -n 's/.*certificate-authority-data: //p' "$dir/kubeconfig" | base64 -d >"$node/ca.crt"
}

start_node() {
  local program="$ROSTER_NODE_BIN/node"
  # The others run in the process of the control plane.
  start kube-controller-manager "$program" kube-controller-manager --kubeconfig="$dir/kubeconfig" --leader-elect=false \
    --bind-address=127.0.0.1 --cert-dir="$node/controller-manager" \
    --controllers='*,-garbage-collector-controller,-namespace-controller,-serviceaccount-controller' \
    --service-account-private-key-file="$dir/sa.key" --root-ca-file="$node/ca.crt" --use-service-account-credentials
  start kube-scheduler "$program" kube-scheduler --kubeconfig="$dir/kubeconfig" --leader-elect=false --bind-address=127.0.0.1
  start kubelet "$program" kubelet --config="$node/kubelet.yaml" --kubeconfig="$dir/kubeconfig" --root-dir="$node/kubelet" \
    --cert-dir="$node/kubelet/pki" --hostname-override=node --node-ip="$address"
  start kube-proxy "$program" kube-proxy --config="$node/kube-proxy.yaml"
  start dns "$ROSTER_NODE_BIN/dns" -conf "$node/Corefile"
  until_true 60 kubelet 'the node did not become ready' ready
  sysctl -qp "$node/sysctls"
}

print_usage() {
  cat <<USAGE

  hack/cluster node load $dir IMAGE...
  hack/cluster node exec $dir kubectl get pods -A
  hack/cluster node down $dir
USAGE
}

load_images() {
  docker save "$@" | containers images import - >/dev/null
}

load() {
  use "${1-}"
  shift
  (($# > 0)) || fail 'say which images to load.'
  alive containerd || fail "no node is up in $dir. Start it with hack/cluster node up $dir."
  need_docker
  say "Loading $*"
  load_images "$@"
}

execute() {
  use "${1-}"
  shift
  (($# > 0)) || fail 'say which command to run.'
  [[ -e /run/netns/$namespace && -s $dir/kubeconfig ]] ||
    fail "no node is up in $dir. Start it with hack/cluster node up $dir."
  need_kube
  ROSTER_HELM_BIN=$("$cluster" build helm) || exit 1
  exec nsenter --net="/run/netns/$namespace" env KUBECONFIG="$dir/kubeconfig" PATH="$ROSTER_KUBE_BIN:$ROSTER_HELM_BIN:$PATH" "$@"
}

# stop NAME...: all at once, and each by force after 10 seconds.
stop() {
  local name pid end=$((EPOCHSECONDS + 10))
  for name in "$@"; do
    pid=$(cat "$node/pid/$name" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || true
  done
  for name in "$@"; do
    while alive "$name"; do
      if ((EPOCHSECONDS > end)); then kill -9 "$(cat "$node/pid/$name")" 2>/dev/null || true; fi
      sleep 0.05
    done
    rm -f "$node/pid/$name"
  done
}

# down also ends what is only half there.
down() {
  local tasks round file pid
  use "${1-}"
  is_root || fail 'real pods need root.'
  stop dns kube-proxy kubelet kube-scheduler kube-controller-manager
  if alive containerd; then
    for round in 1 2 3; do # a container may be on its way out already
      tasks=$(containers tasks ls -q 2>/dev/null || true)
      [[ -n $tasks ]] || break
      # shellcheck disable=SC2086 # one argument a task
      containers tasks rm -f $tasks >/dev/null 2>&1 || true
    done
    containers containers ls -q 2>/dev/null | xargs -r ctr --address "$socket" --namespace k8s.io containers rm >/dev/null 2>&1 || true
  fi
  stop controlplane containerd
  # Shims that still serve this containerd, and what runs below them.
  for file in /proc/[0-9]*/cmdline; do
    tr '\0' ' ' <"$file" 2>/dev/null | grep -q "^/usr/bin/containerd-shim.* -address $socket" || continue
    pid=$(basename "$(dirname "$file")")
    cat /proc/"$pid"/task/*/children 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    kill -9 "$pid" 2>/dev/null || true
  done
  # Volumes, file systems and network namespaces of pods that nobody took down.
  { grep -o " $node/[^ ]*" /proc/self/mounts || true; } | sort -r | xargs -r -n 1 umount -l
  if [[ -s $node/sysctls ]]; then sysctl -qp "$node/sysctls"; fi
  for file in /sys/fs/cgroup/*/kubepods /sys/fs/cgroup/kubepods; do
    if [[ -d $file ]]; then find "$file" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
  done
  if [[ -e /run/netns/$namespace ]]; then ip netns del "$namespace"; fi
  rm -rf --one-file-system "$node" /run/roster-node.dir
  say 'The node is gone'
}

command=${1-}
shift || true
case $command in
  up) up "$@" ;;
  load) load "$@" ;;
  exec) execute "$@" ;;
  down) down "$@" ;;
  *) fail "there is no command 'node $command'. Try hack/cluster --help." ;;
esac
