package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Verdict is what a link was found to be.
type Verdict string

// The verdicts. A server that refuses or is overloaded says nothing about a link.
const (
	Alive   Verdict = "alive"
	Dead    Verdict = "dead"    // not found, or gone
	Unclear Verdict = "unclear" // refused, overloaded, no answer
	Skipped Verdict = "skipped" // its host had asked to be left alone
)

// Reached is the result of trying one link.
type Reached struct {
	Item    string  `json:"item"`
	URL     string  `json:"url"`
	Verdict Verdict `json:"verdict"`
	Status  int     `json:"status,omitempty"` // of HTTP
	Why     string  `json:"why,omitempty"`
}

// Prober tries links politely: one at a time, with a pause between two requests to
// the same host, HEAD first and GET only where HEAD is not answered, a few
// redirections, a few kilobytes, and no second request to a host that asks to be
// left alone.
type Prober struct {
	Client *http.Client  // nil for one with the timeout below
	Pause  time.Duration // between requests to a host; 0 is three seconds, as arXiv asks for
	Limit  int           // most links to try; 0 is all

	last    map[string]time.Time
	refused map[string]bool
}

const (
	probeTimeout = 20 * time.Second
	maxBody      = 16 << 10
	maxRedirects = 5
	userAgent    = "comlam-catalog-check (+https://github.com/comlam/comlam)"
)

// Targets lists every link of the catalog once, as Prober wants them.
func (c *Catalog) Targets() []Reached {
	var list []Reached
	seen := map[string]bool{}
	for _, it := range c.Items {
		for _, f := range it.Links() {
			if u := f.Link.URL(); u != "" && !seen[u] {
				seen[u] = true
				list = append(list, Reached{Item: it.ID, URL: u})
			}
		}
	}
	return list
}

// Probe tries the targets in their order and tells of each. It returns early, with
// the error of the context, when that ends.
func (p *Prober) Probe(ctx context.Context, targets []Reached, tell func(Reached)) ([]Reached, error) {
	p.last, p.refused = map[string]time.Time{}, map[string]bool{}
	if p.Limit > 0 && len(targets) > p.Limit {
		targets = targets[:p.Limit]
	}
	var results []Reached
	for _, t := range targets {
		p.one(ctx, &t)
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		results = append(results, t)
		tell(t)
	}
	return results, nil
}

func (p *Prober) one(ctx context.Context, t *Reached) {
	u, err := url.Parse(t.URL)
	if err != nil {
		t.Verdict, t.Why = Dead, err.Error()
		return
	}
	if p.refused[u.Host] {
		t.Verdict, t.Why = Skipped, u.Host+" asked to be left alone"
		return
	}
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		if p.wait(ctx, u.Host) != nil {
			return
		}
		status, err := p.ask(ctx, method, t.URL)
		t.Status = status
		t.Verdict, t.Why = judge(status, err)
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			p.refused[u.Host] = true
			return
		}
		if err != nil || t.Verdict == Alive {
			return
		}
	}
}

// wait keeps the pause between two requests to a host.
func (p *Prober) wait(ctx context.Context, host string) error {
	pause := cmp.Or(p.Pause, 3*time.Second)
	if last, ok := p.last[host]; ok {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause - time.Since(last)):
		}
	}
	p.last[host] = time.Now()
	return nil
}

func (p *Prober) ask(ctx context.Context, method, address string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", userAgent)
	client := http.Client{}
	if p.Client != nil {
		client = *p.Client
	}
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("too many redirections")
		}
		return nil
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	io.CopyN(io.Discard, res.Body, maxBody) // the end of a short body is fine
	return res.StatusCode, nil
}

// judge says what an answer means for a link.
func judge(status int, err error) (Verdict, string) {
	switch {
	case err != nil:
		return Unclear, err.Error()
	case status >= 200 && status < 400:
		return Alive, ""
	case status == http.StatusNotFound || status == http.StatusGone:
		return Dead, fmt.Sprintf("HTTP %d", status)
	}
	return Unclear, fmt.Sprintf("HTTP %d", status)
}
