// Command kube is the local control plane and kubectl in one binary, because
// they share most of their code. Programs that only a node needs belong in a
// binary of their own, so that this one stays quick to build.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info on /metrics

	"roster.dev/hack/kube/controlplane"
	"roster.dev/hack/kube/internal/multicall"
)

func main() {
	multicall.Main("kube", map[string]multicall.Program{
		"controlplane": controlplane.Main,
		"kubectl":      kubectl,
	})
}

// kubectl leaves the printing of errors to kubectl's own code, as upstream does.
func kubectl() int {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		cmdutil.CheckErr(err)
	}
	return 0
}
