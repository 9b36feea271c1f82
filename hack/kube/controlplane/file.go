package controlplane

import (
	"os"
	"path/filepath"
)

// writeFile replaces path in one step, so that nobody reads half a file and a
// crash leaves the old one. Only the owner may read the new one.
func writeFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails once renamed, which is fine
	if _, err := file.Write(content); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
