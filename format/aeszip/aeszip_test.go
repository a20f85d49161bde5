package aeszip

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/bounded"
)

// password and text are what testdata/record.py wrote with another program.
const password = "a password for tests"

func text() []byte {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "line %d of a text that is encrypted\n", i)
	}
	return []byte(b.String())
}

func open(t testing.TB, data []byte) *Archive {
	t.Helper()
	a, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var archives = []string{
	"aes128-ae1.zip", "aes128-ae2.zip", "aes192-ae1.zip", "aes192-ae2.zip", "aes256-ae1.zip", "aes256-ae2.zip", "plain.zip",
}

func TestReadsWhatAnotherProgramWrote(t *testing.T) {
	for _, name := range archives {
		a := open(t, file(t, name))
		if got := a.Members(); !slices.Equal(got, []string{"folder/text.txt", "empty.txt"}) {
			t.Errorf("%s: members %q", name, got)
		}
		got, err := a.Read("folder/text.txt", password, 1<<20)
		if err != nil || !bytes.Equal(got, text()) {
			t.Errorf("%s: %d bytes that differ, or %v", name, len(got), err)
		}
		if got, err := a.Read("empty.txt", password, 1<<20); err != nil || len(got) != 0 {
			t.Errorf("%s: the empty member has %d bytes, %v", name, len(got), err)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	for _, wrong := range []string{"", "a password for test", "A password for tests"} {
		for _, name := range archives[:6] {
			_, err := open(t, file(t, name)).Read("folder/text.txt", wrong, 1<<20)
			if !errors.Is(err, ErrPassword) {
				t.Errorf("%s with %q: %v, want ErrPassword", name, wrong, err)
			}
			if err != nil && wrong != "" && strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: the error shows the password: %v", name, err)
			}
		}
	}
}

// TestEveryChangedByteIsSeen turns over each byte of the member's data in turn.
func TestEveryChangedByteIsSeen(t *testing.T) {
	whole := file(t, "aes256-ae2.zip")
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	at, err := z.File[0].DataOffset()
	if err != nil {
		t.Fatal(err)
	}
	end := at + int64(z.File[0].CompressedSize64)
	for i := at; i < end; i += 37 {
		data := slices.Clone(whole)
		data[i] ^= 0x20
		if got, err := open(t, data).Read("folder/text.txt", password, 1<<20); err == nil {
			t.Fatalf("byte %d changed: %d bytes were read all the same", i, len(got))
		}
	}
}

func TestRefusals(t *testing.T) {
	var limit *bounded.LimitError
	var format *bounded.FormatError
	a := open(t, file(t, "aes256-ae1.zip"))
	if _, err := a.Read("folder/text.txt", password, 100); !errors.As(err, &limit) {
		t.Errorf("a member above the limit: %v", err)
	}
	if _, err := a.Read("other.txt", password, 100); !errors.As(err, &format) || !strings.Contains(err.Error(), "folder/text.txt") {
		t.Errorf("no such member: %v", err)
	}
	if _, err := Open(strings.NewReader("no zip"), 6); !errors.As(err, &format) {
		t.Errorf("no archive: %v", err)
	}
	for name, data := range map[string][]byte{
		"declares less than there is": patch(t, file(t, "plain.zip"), 22, 1),
		"old cipher":                  patch(t, file(t, "plain.zip"), 6, 1),
	} {
		if got, err := open(t, data).Read("folder/text.txt", password, 1<<20); !errors.As(err, &format) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// patch adds delta to the byte at offset of the first member's local header and to
// its twin in the directory, which lies two further.
func patch(t *testing.T, data []byte, offset int, delta byte) []byte {
	t.Helper()
	data = slices.Clone(data)
	directory := bytes.Index(data, []byte("PK\x01\x02"))
	data[offset] += delta
	data[directory+offset+2] += delta
	return data
}

func FuzzRead(f *testing.F) {
	for _, name := range archives {
		f.Add(file(f, name))
	}
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i, name := range a.Members() {
			if i == 4 {
				break
			}
			const limit = 1 << 16
			got, err := a.Read(name, password, limit)
			if err == nil && len(got) > limit {
				t.Fatalf("%d bytes with a limit of %d", len(got), limit)
			}
		}
	})
}
