// Package multicall puts several programs into one binary, as busybox does: the
// name it was called by, or else its first argument, says which one to run.
package multicall

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Program runs with os.Args as if it were a binary of its own and returns its
// exit code.
type Program func() int

// Main runs the program that os.Args names and exits with its code, or with 2
// and a list of the programs when there is none of that name.
func Main(binary string, programs map[string]Program) {
	os.Exit(run(binary, programs, &os.Args, os.Stderr))
}

// run shifts args when the first argument names the program: the programs read
// os.Args themselves.
func run(binary string, programs map[string]Program, args *[]string, stderr io.Writer) int {
	if program, ok := programs[filepath.Base((*args)[0])]; ok {
		return program()
	}
	if len(*args) > 1 {
		if program, ok := programs[(*args)[1]]; ok {
			*args = (*args)[1:]
			return program()
		}
	}
	names := slices.Sorted(maps.Keys(programs))
	fmt.Fprintf(stderr, "usage: %s %s ARGUMENTS\n", binary, strings.Join(names, "|"))
	return 2
}
