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

// ErrOffline says that no host answered at all: nothing was learnt about the links.
var ErrOffline = errors.New("no host answered; there is no network, or it lets nothing through")

// Prober tries links politely: one at a time, with a pause between two requests to
// the same host wherever they come from (another link, a redirection, a second try),
// HEAD first and GET only where HEAD is not answered, a few redirections, a few
// kilobytes, one second try after a failure that may pass, and no further request to a
// host that asks to be left alone.
type Prober struct {
	Client  *http.Client  // nil for an ordinary one
	Pause   time.Duration // between requests to a host; 0 is three seconds, as arXiv asks for
	Timeout time.Duration // of one request; 0 is twenty seconds
	Limit   int           // most links to try; 0 is all

	last    map[string]time.Time
	refused map[string]bool
	silent  map[string]bool // hosts that did not answer
	heard   bool            // some host did
}

const (
	maxBody      = 16 << 10
	maxRedirects = 5
	maxSilent    = 3 // hosts without an answer that say there is no network
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
// the error of the context, when that ends, and with [ErrOffline] when the first hosts
// do not answer.
func (p *Prober) Probe(ctx context.Context, targets []Reached, tell func(Reached)) ([]Reached, error) {
	p.last, p.refused, p.silent, p.heard = map[string]time.Time{}, map[string]bool{}, map[string]bool{}, false
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
		if !p.heard && len(p.silent) >= maxSilent {
			return results, ErrOffline
		}
	}
	return results, nil
}

// one tries a link by HEAD, and by GET where that says neither yes nor why not.
func (p *Prober) one(ctx context.Context, t *Reached) {
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		status, err := p.follow(ctx, method, t.URL)
		t.Status = status
		t.Verdict, t.Why = judge(status, err)
		if err != nil || t.Verdict == Alive || asksForPeace(status) {
			return
		}
	}
}

// asksForPeace reports whether an answer asks for fewer requests.
func asksForPeace(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// errSkipped says that a host had asked to be left alone.
var errSkipped = errors.New("asked to be left alone")

// follow asks for an address and for those that it leads to.
func (p *Prober) follow(ctx context.Context, method, address string) (status int, err error) {
	for range maxRedirects + 1 {
		u, err := url.Parse(address)
		if err != nil {
			return 0, err
		}
		if p.refused[u.Host] {
			return 0, fmt.Errorf("%s %w", u.Host, errSkipped)
		}
		status, next, err := p.try(ctx, method, u)
		if err != nil || next == "" {
			return status, err
		}
		address = next
	}
	return 0, errors.New("too many redirections")
}

// try asks once, and once more after a failure that may pass.
func (p *Prober) try(ctx context.Context, method string, u *url.URL) (status int, next string, err error) {
	for range 2 {
		if err = p.wait(ctx, u.Host); err != nil {
			return 0, "", err
		}
		status, next, err = p.ask(ctx, method, u)
		if ctx.Err() != nil || err == nil && !mayPass(status) {
			break
		}
	}
	p.heard = p.heard || err == nil
	p.silent[u.Host] = p.silent[u.Host] || err != nil
	p.refused[u.Host] = asksForPeace(status)
	return status, next, err
}

// mayPass reports whether an answer speaks of the server and not of the link.
func mayPass(status int) bool {
	return status == http.StatusInternalServerError || status == http.StatusBadGateway || status == http.StatusGatewayTimeout
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

// ask sends one request; next is where the answer leads to.
func (p *Prober) ask(ctx context.Context, method string, u *url.URL) (status int, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, 20*time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("User-Agent", userAgent)
	client := http.Client{}
	if p.Client != nil {
		client = *p.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	io.CopyN(io.Discard, res.Body, maxBody) // the end of a short body is fine
	if to, err := res.Location(); err == nil && res.StatusCode >= 300 && res.StatusCode < 400 {
		next = to.String()
	}
	return res.StatusCode, next, nil
}

// judge says what an answer means for a link.
func judge(status int, err error) (Verdict, string) {
	switch {
	case errors.Is(err, errSkipped):
		return Skipped, err.Error()
	case err != nil:
		return Unclear, err.Error()
	case status >= 200 && status < 400:
		return Alive, ""
	case status == http.StatusNotFound || status == http.StatusGone:
		return Dead, fmt.Sprintf("HTTP %d", status)
	}
	return Unclear, fmt.Sprintf("HTTP %d", status)
}
