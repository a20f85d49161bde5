package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/comlam/comlam/catalog"
)

var (
	mdLink    = regexp.MustCompile(`\]\(#([^)]*)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	attribute = regexp.MustCompile(` (id|href|src|on\w+|style|http-equiv)="([^"]*)"`)
	visible   = regexp.MustCompile(`<article id="([^"]*)"[^>]*>`)
)

// TestAnchorsResolve computes the anchors of all headings anew, as GitHub does, and
// wants every link of the table of contents among them, and every heading linked.
func TestAnchorsResolve(t *testing.T) {
	small, err := catalog.Read(os.DirFS("testdata/small"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*catalog.Catalog{load(t), small} {
		text := export(t, c, "markdown")
		taken, anchors := map[string]int{}, map[string]bool{}
		for _, m := range mdHeading.FindAllStringSubmatch(text, -1) {
			a := strings.Map(func(r rune) rune {
				switch {
				case r == ' ':
					return '-'
				case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
					return unicode.ToLower(r)
				}
				return -1
			}, m[1])
			taken[a]++
			if n := taken[a] - 1; n > 0 {
				a += "-" + string(rune('0'+n))
			}
			anchors[a] = true
		}
		links := mdLink.FindAllStringSubmatch(text, -1)
		for _, m := range links {
			if !anchors[m[1]] {
				t.Errorf("the anchor %q leads nowhere", m[1])
			}
		}
		if len(links) != len(anchors)-1 || len(links) < c.Leaves() {
			t.Errorf("%d links for %d headings and %d leaves", len(links), len(anchors), c.Leaves())
		}
	}
}

// TestPageIsClosed wants a policy that allows the style and the script of the page by
// their hashes and nothing else, and anchors that resolve.
func TestPageIsClosed(t *testing.T) {
	text := export(t, load(t), "html")
	policy := "default-src 'none'; style-src '" + hash(t, text, "style") + "'; script-src '" + hash(t, text, "script") +
		"'; base-uri 'none'; form-action 'none'"
	ids, found := map[string]bool{}, attribute.FindAllStringSubmatch(text, -1)
	for _, m := range found {
		if m[1] == "id" {
			if ids[m[2]] {
				t.Errorf("the id %q is there twice", m[2])
			}
			ids[m[2]] = true
		}
	}
	for _, m := range found {
		name, value := m[1], html.UnescapeString(m[2])
		switch {
		case name == "http-equiv" && !strings.Contains(html.UnescapeString(text), value+`" content="`+policy+`"`):
			t.Errorf("the policy is not %q", policy)
		case name == "href" && strings.HasPrefix(value, "#") && !ids[value[1:]]:
			t.Errorf("the link %q leads nowhere", value)
		case name == "href" && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "https://"):
			t.Errorf("the link %q is not https", value)
		case name == "src", name == "style", strings.HasPrefix(name, "on"):
			t.Errorf("the page has the attribute %s=%q", name, value)
		}
	}
	for _, never := range []string{"<img", "<link", "<iframe", "@import", "url(", "fetch(", "innerHTML", "eval("} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %q", never)
		}
	}
}

func hash(t *testing.T, text, element string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "<"+element+">")
	body, _, ok2 := strings.Cut(rest, "</"+element+">")
	if !ok || !ok2 || strings.Count(text, "<"+element) != 1 {
		t.Fatalf("the page has not one %s element", element)
	}
	sum := sha256.Sum256([]byte(body))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// TestPageSearches asks a browser, named by COMLAM_BROWSER, for the page of a query
// and wants what the command line finds, in the same order.
func TestPageSearches(t *testing.T) {
	browser := os.Getenv("COMLAM_BROWSER")
	if browser == "" {
		t.Skip("COMLAM_BROWSER names no browser such as chromium")
	}
	c := load(t)
	file := filepath.Join(t.TempDir(), "catalog.html")
	if err := os.WriteFile(file, []byte(export(t, c, "html")), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"lora", "信道预测", "扩散模型", "gpt", "semantic diffusion", "信道 估计", "video generation simulator", "nothing at all"} {
		var want []string
		for _, h := range c.Search(query) {
			want = append(want, h.Item.ID)
		}
		if got := shown(t, browser, "file://"+file+"#q="+strings.ReplaceAll(query, " ", "+")); !slices.Equal(got, want) {
			t.Errorf("%q shows %q, want %q", query, got, want)
		}
	}
	var want []string
	for _, it := range c.List(catalog.Filter{Kind: "model", Area: "semantic", From: 2024, To: 2024, State: catalog.NotYet}) {
		want = append(want, it.ID)
	}
	if got := shown(t, browser, "file://"+file+"#kind=model&area=semantic&year=2024&status=not+yet&lang=zh"); !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("the filters show %q, want %q", got, want)
	}
}

func shown(t *testing.T, browser, address string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=3000", "--dump-dom", address).Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	var ids []string
	for _, m := range visible.FindAllStringSubmatch(string(out), -1) {
		if !strings.Contains(m[0], ` hidden=""`) {
			ids = append(ids, m[1])
		}
	}
	return ids
}

func TestJSONHasTheOutline(t *testing.T) {
	var v struct {
		Outline []struct {
			ID     string
			Parts  []json.RawMessage
			Leaves []json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(export(t, load(t), "json")), &v); err != nil || len(v.Outline) != 12 {
		t.Errorf("%d chapters, %v", len(v.Outline), err)
	}
}
