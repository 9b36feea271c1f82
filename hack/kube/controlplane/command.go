package controlplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// exitTimeout is how long after a signal the process is gone, come what may:
// etcd's log makes even an abrupt end safe.
const exitTimeout = 9 * time.Second

const description = `Runs etcd, kube-apiserver and the controllers that custom resources rely on in
one process, until SIGTERM or SIGINT. When it is ready it prints a line
"ready KUBECONFIG=FILE", and nothing after that. The directory keeps everything,
also over restarts:

  kubeconfig           for an administrator, who is exempt from flow control
  operator.kubeconfig  for the service account roster-operator in roster-system,
                       which has no rights but those bound to it
  log                  of all the parts; log.previous is that of the last run
  pid                  the process's number; locked as long as it runs`

// Main runs the command line in os.Args and returns its exit code.
func Main() int {
	defer klog.Flush()
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "controlplane: %v\n", err)
		return 1
	}
	return 0
}

func newCommand() *cobra.Command {
	config := Config{Host: net.IPv4(127, 0, 0, 1)}
	parent := 0
	command := &cobra.Command{
		Use:           "controlplane --dir DIR [-- KUBE-APISERVER-FLAGS]",
		Long:          description,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(command *cobra.Command, args []string) error {
			if len(args) > 0 && command.ArgsLenAtDash() != 0 {
				return fmt.Errorf("%q: kube-apiserver's flags go behind a --", args[0])
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			config.APIServerFlags = args
			if parent != 0 {
				if err := exitWithParent(parent); err != nil {
					return err
				}
			}
			return runUntilSignal(command.Context(), config, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&config.Dir, "dir", "", "directory that keeps everything; created if it is missing")
	flags.IntVar(&config.Port, "port", 0, "port to serve on; 0: that of the last run, if it is free, else any")
	flags.IPVar(&config.Host, "host", config.Host, "address to serve on")
	flags.BoolVar(&config.Fsync, "fsync", true, "make each write survive a crash of the machine; =false is faster")
	flags.IntVar(&parent, "exit-with-parent", 0, "number of the parent process; end when that does")
	if err := command.MarkFlagRequired("dir"); err != nil {
		panic(err) // there is no such flag
	}
	return command
}

func runUntilSignal(ctx context.Context, config Config, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, unix.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		time.AfterFunc(exitTimeout, func() { os.Exit(1) })
	})
	return Run(ctx, config, func(ready Ready) {
		fmt.Fprintf(stdout, "Kubernetes %s on %s after %.1f s\nready KUBECONFIG=%s\n",
			ready.Version, ready.URL, ready.Took.Seconds(), ready.Kubeconfig)
	})
}
