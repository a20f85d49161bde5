package tune

import (
	"strings"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/model"
)

// names ties our scopes, such as "h/0/attn", to the modules of the class in which
// transformers uses the model, such as "transformer.h.0.attn".
type names struct {
	module map[string]string // by scope
	scope  map[string]string // by module, with and without the names of that class
	vars   map[string]bool   // variables of the base
	turned map[string]bool   // those of them that are published [out in]
}

func namesOf(m model.Model) names {
	n := names{module: map[string]string{}, scope: map[string]string{}, vars: map[string]bool{}, turned: map[string]bool{}}
	n.add(m.Weights())
	if w, ok := m.(model.Wrapped); ok {
		n.add(w.Modules())
	}
	return n
}

// add learns from each tensor all the modules that it lies in: as many of the last parts
// of both names as are equal are cut off, one after the other.
func (n names) add(links checkpoint.Map) {
	for _, l := range links {
		if l.Variable == "" {
			continue
		}
		n.vars[l.Variable], n.turned[l.Variable] = true, l.Axes != nil
		scope, module := l.Variable, l.Published
		for {
			i, j := strings.LastIndexByte(scope, '/'), strings.LastIndexByte(module, '.')
			if i < 0 || j < 0 || scope[i+1:] != module[j+1:] {
				break
			}
			scope, module = scope[:i], module[:j]
			n.module[scope], n.scope[module] = module, scope
		}
	}
}
