// Command snapshot writes sections.jsonl.gz from the pages of the folder that it is run in.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	if err := snapshot("sections.jsonl.gz"); err != nil {
		log.Fatal(err)
	}
}

func snapshot(to string) error {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		return err
	}
	more, err := filepath.Glob("design/*.md")
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	records := json.NewEncoder(z)
	records.SetEscapeHTML(false)
	for _, page := range append(pages, more...) {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		for i, section := range strings.Split(string(text), "\n## ") {
			if i > 0 {
				section = "## " + section
			}
			if section = strings.TrimSpace(section); section == "" {
				continue
			}
			id := fmt.Sprintf("%s#%d", filepath.ToSlash(page), i)
			if err := records.Encode(map[string]string{"id": id, "text": section}); err != nil {
				return err
			}
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, packed.Bytes(), 0o644)
}
