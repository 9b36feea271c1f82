// Command node is the Kubernetes programs that run real pods, in one binary,
// because they share most of their code: node PROGRAM ARGUMENTS. Its module also
// builds the cluster's DNS server, the pause container and Helm.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info on /metrics
)

var programs = map[string]func() *cobra.Command{
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kube-proxy":              proxy.NewProxyCommand,
}

func main() {
	if len(os.Args) > 1 {
		if command, ok := programs[os.Args[1]]; ok {
			os.Args = os.Args[1:] // the programs read it themselves
			os.Exit(cli.Run(command()))
		}
	}
	fmt.Fprintf(os.Stderr, "usage: node %s ARGUMENTS\n", strings.Join(slices.Sorted(maps.Keys(programs)), "|"))
	os.Exit(2)
}
