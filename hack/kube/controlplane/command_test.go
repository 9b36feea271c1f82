package controlplane

import (
	"strings"
	"testing"
)

func TestCommandRefusesWrongArguments(t *testing.T) {
	dir := t.TempDir()
	for arguments, want := range map[string]string{
		"":                                               `required flag(s) "dir" not set`,
		"--dir " + dir + " extra":                        "go behind a --",
		"--dir " + dir + " extra -- --v=1":               "go behind a --",
		"--dir " + dir + " --port x":                     "invalid argument",
		"--dir " + dir + " --host example":               "invalid argument",
		"--dir " + dir + " --unknown":                    "unknown flag",
		"--dir " + dir + " --host 192.0.2.1":             "bind",
		"--dir " + dir + " --exit-with-parent=999999999": "has already ended",
	} {
		command := newCommand()
		command.SetArgs(strings.Fields(arguments))
		if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", arguments, err, want)
		}
	}
}
