package catalog_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/catalog"
)

// site answers as links do, and keeps what it was asked.
type site struct {
	*httptest.Server
	asked    []string
	times    []time.Time
	agent    string
	released chan struct{} // ends what is slow
}

func newSite(t *testing.T) *site {
	s := &site{released: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		s.times = append(s.times, time.Now())
		s.agent = r.UserAgent()
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/nohead":
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
		case "/refused":
			w.WriteHeader(http.StatusForbidden)
		case "/busy":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/moved":
			http.Redirect(w, r, "/fine", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/weak": // works the second time
			if strings.Count(strings.Join(s.asked, "\n")+"\n", r.URL.Path+"\n") == 1 {
				w.WriteHeader(http.StatusBadGateway)
			}
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/slow":
			<-s.released
		case "/large":
			for range 1 << 12 {
				if _, err := w.Write(make([]byte, 1<<12)); err != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(func() { close(s.released); s.Close() })
	return s
}

func probe(t *testing.T, p *catalog.Prober, s *site, paths ...string) []catalog.Reached {
	t.Helper()
	var targets []catalog.Reached
	for _, path := range paths {
		targets = append(targets, catalog.Reached{Item: "x", URL: s.URL + path})
	}
	told := 0
	got, err := p.Probe(t.Context(), targets, func(catalog.Reached) { told++ })
	if err != nil || told != len(got) {
		t.Fatalf("told of %d of %d: %v", told, len(got), err)
	}
	return got
}

func TestProbe(t *testing.T) {
	s := newSite(t)
	got := probe(t, &catalog.Prober{Client: s.Client(), Pause: time.Millisecond}, s,
		"/fine", "/nohead", "/moved", "/large", "/missing", "/gone", "/refused", "/loop", "/busy", "/fine")
	want := []catalog.Verdict{
		catalog.Alive, catalog.Alive, catalog.Alive, catalog.Alive, catalog.Dead, catalog.Dead, catalog.Unclear, catalog.Unclear,
		catalog.Unclear, catalog.Skipped,
	}
	for i, r := range got {
		if r.Verdict != want[i] || (r.Why == "") != (r.Verdict == catalog.Alive) {
			t.Errorf("%s is %s (%s), want %s", r.URL, r.Verdict, r.Why, want[i])
		}
	}
	if want := []string{"HEAD /moved", "HEAD /fine"}; !slices.Equal(s.asked[3:5], want) {
		t.Errorf("a redirection: asked %q, want %q", s.asked[3:5], want)
	}
	if s.asked[0] != "HEAD /fine" || !slices.Contains(s.asked, "GET /nohead") || slices.Contains(s.asked, "GET /fine") ||
		slices.Contains(s.asked, "GET /busy") || !strings.HasPrefix(s.agent, "comlam-catalog-check") {
		t.Errorf("asked %q as %q", s.asked, s.agent)
	}
}

func TestProbeIsSlow(t *testing.T) {
	s := newSite(t)
	const pause = 40 * time.Millisecond
	got := probe(t, &catalog.Prober{Client: s.Client(), Pause: pause, Limit: 3}, s, "/a", "/b", "/c", "/d", "/e")
	if len(got) != 3 {
		t.Errorf("%d links were tried, the limit is 3", len(got))
	}
	for i := 1; i < len(s.times); i++ {
		if d := s.times[i].Sub(s.times[i-1]); d < pause*9/10 {
			t.Errorf("request %d came %v after the one before, want %v", i, d, pause)
		}
	}
}

// TestProbeKeepsThePause wants the pause before a redirection to the same host, before
// GET after HEAD, and before a second try, too.
func TestProbeKeepsThePause(t *testing.T) {
	s := newSite(t)
	const pause = 30 * time.Millisecond
	probe(t, &catalog.Prober{Client: s.Client(), Pause: pause}, s, "/moved", "/nohead", "/weak")
	want := []string{"HEAD /moved", "HEAD /fine", "HEAD /nohead", "GET /nohead", "HEAD /weak", "HEAD /weak"}
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
	for i := 1; i < len(s.times); i++ {
		if d := s.times[i].Sub(s.times[i-1]); d < pause*9/10 {
			t.Errorf("%s came %v after %s, want %v", s.asked[i], d, s.asked[i-1], pause)
		}
	}
}

// TestProbeTriesAgain: what may pass is tried once more, and a slow answer is given up.
func TestProbeTriesAgain(t *testing.T) {
	s := newSite(t)
	got := probe(t, &catalog.Prober{Client: s.Client(), Pause: time.Millisecond, Timeout: 40 * time.Millisecond}, s, "/weak", "/broken", "/slow", "/fine")
	want := []string{
		"HEAD /weak", "HEAD /weak", "HEAD /broken", "HEAD /broken", "GET /broken", "GET /broken", "HEAD /slow", "HEAD /slow", "HEAD /fine",
	}
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
	for i, v := range []catalog.Verdict{catalog.Alive, catalog.Unclear, catalog.Unclear, catalog.Alive} {
		if got[i].Verdict != v {
			t.Errorf("%s is %s (%s), want %s", got[i].URL, got[i].Verdict, got[i].Why, v)
		}
	}
	if !strings.Contains(got[2].Why, "deadline") {
		t.Errorf("a slow server: %s", got[2].Why)
	}
}

// TestProbeWithoutNetwork: three hosts without an answer end it; one that answers says
// that there is a network.
func TestProbeWithoutNetwork(t *testing.T) {
	s := newSite(t)
	var targets []catalog.Reached
	for range 5 {
		dead := httptest.NewServer(http.NotFoundHandler())
		dead.Close()
		targets = append(targets, catalog.Reached{URL: dead.URL})
	}
	p := &catalog.Prober{Pause: time.Millisecond}
	if got, err := p.Probe(t.Context(), targets, func(catalog.Reached) {}); len(got) != 3 || !errors.Is(err, catalog.ErrOffline) {
		t.Errorf("%d results, %v", len(got), err)
	}
	targets = append([]catalog.Reached{{URL: s.URL + "/fine"}}, targets...)
	if got, err := p.Probe(t.Context(), targets, func(catalog.Reached) {}); len(got) != 6 || err != nil {
		t.Errorf("%d results, %v", len(got), err)
	}
}

func TestProbeStops(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	targets := []catalog.Reached{{URL: s.URL + "/a"}, {URL: s.URL + "/b"}, {URL: s.URL + "/c"}}
	p := &catalog.Prober{Client: s.Client(), Pause: time.Minute}
	got, err := p.Probe(ctx, targets, func(catalog.Reached) { cancel() })
	if len(got) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d results, %v", len(got), err)
	}
	s.CloseClientConnections()
	s.Listener.Close()
	if r := probe(t, &catalog.Prober{Pause: time.Millisecond}, s, "/a"); r[0].Verdict != catalog.Unclear {
		t.Errorf("a host that does not answer: %+v", r[0])
	}
}

func TestTargets(t *testing.T) {
	targets := load(t).Targets()
	seen := map[string]bool{}
	for _, x := range targets {
		if seen[x.URL] || !strings.HasPrefix(x.URL, "https://") || x.Item == "" {
			t.Errorf("target %+v", x)
		}
		seen[x.URL] = true
	}
	if len(targets) < 150 {
		t.Errorf("%d links", len(targets))
	}
}
