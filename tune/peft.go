package tune

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/nn"
)

// The names of the methods in adapter_config.json. PEFT has no bottleneck adapters and
// no BitFit; what is written for them it refuses by name.
const (
	peftLoRA       = "LORA"
	peftPrefix     = "PREFIX_TUNING"
	peftBottleneck = "COMLAM_BOTTLENECK"
	peftBitFit     = "COMLAM_BITFIT"
)

// modulePrefix stands before the module in the name of a tensor.
const modulePrefix = "base_model.model."

// promptEmbeddings is the one tensor of a prefix: [P, layers x 2 x K x E], of each layer
// first the keys, then the values.
const promptEmbeddings = "prompt_embeddings"

// A part is a tensor of an adapter: our variable below a scope, and its name below the
// module. Matrices are published [out in].
type part struct{ variable, published string }

var parts = map[string][]part{
	peftLoRA: {{"/" + loraA, ".lora_A.weight"}, {"/" + loraB, ".lora_B.weight"}},
	peftBottleneck: {
		{"/" + adapterDown + "/weight", ".adapter_down.weight"}, {"/" + adapterDown + "/bias", ".adapter_down.bias"},
		{"/" + adapterUp + "/weight", ".adapter_up.weight"}, {"/" + adapterUp + "/bias", ".adapter_up.bias"},
	},
	peftBitFit: {{"/bias", ".bias"}, {"/" + addedBias, ".bias"}},
}

// methodOf names the method of an adapter as adapter_config.json does.
func methodOf(a nn.Adapter) string {
	switch a.(type) {
	case LoRA:
		return peftLoRA
	case Prefix:
		return peftPrefix
	case Bottleneck:
		return peftBottleneck
	case BitFit:
		return peftBitFit
	}
	return fmt.Sprintf("%T", a)
}

// encode is both files of an adapter.
func encode(k *Kept, l *Layout, n names) (config []byte, tensors []checkpoint.Tensor, err error) {
	method := methodOf(k.Adapter)
	settings := map[string]any{
		"peft_type": method, "task_type": "CAUSAL_LM", "inference_mode": true,
		"base_model_name_or_path": k.BaseName, "revision": nil,
	}
	switch a := k.Adapter.(type) {
	case LoRA:
		settings["r"], settings["lora_alpha"], settings["lora_dropout"] = a.Rank, a.Alpha, 0
		settings["target_modules"], settings["bias"], settings["fan_in_fan_out"] = a.Targets, "none", flat(l, n)
	case Prefix:
		at := l.Attentions[0]
		settings["num_virtual_tokens"], settings["num_layers"], settings["num_attention_heads"] = a.Length, len(l.Attentions), at.KeyHeads
		settings["token_dim"], settings["encoder_hidden_size"] = at.KeyHeads*at.Size, at.KeyHeads*at.Size
		settings["prefix_projection"], settings["num_transformer_submodules"] = false, 1
		tensors, err = encodePrefix(k.Weights, a.Length, l)
	case Bottleneck:
		settings["size"], settings["activation"] = a.Size, "gelu_new"
	case BitFit:
	default:
		return nil, nil, fmt.Errorf("a %T has no file format", a)
	}
	if method != peftPrefix {
		tensors, err = encodeParts(k.Weights, parts[method], n)
	}
	if err != nil {
		return nil, nil, err
	}
	config, err = json.MarshalIndent(settings, "", "  ")
	return append(config, '\n'), tensors, err
}

// flat says whether the model's dense layers are published [in out], as those of GPT-2,
// which PEFT wants to be told.
func flat(l *Layout, n names) bool {
	return len(l.Dense) > 0 && !n.turned[l.Dense[0].Scope+"/weight"]
}

// encodeParts writes each variable below its module.
func encodeParts(w nn.Weights, list []part, n names) ([]checkpoint.Tensor, error) {
	var out []checkpoint.Tensor
	for _, item := range w {
		i := slices.IndexFunc(list, func(p part) bool { return strings.HasSuffix("/"+item.Name, p.variable) })
		if i < 0 {
			return nil, fmt.Errorf("variable %q is not of the adapter", item.Name)
		}
		scope := strings.TrimSuffix(item.Name, list[i].variable)
		module, ok := n.module[scope]
		if !ok {
			return nil, fmt.Errorf("variable %q: the model publishes no module %q", item.Name, scope)
		}
		values, shape := item.Values, item.Shape
		if len(shape) == 2 {
			var err error
			if values, shape, err = checkpoint.Permute(values, shape, checkpoint.Transposed); err != nil {
				return nil, err
			}
		}
		t, err := checkpoint.FromFloat32s(modulePrefix+module+list[i].published, checkpoint.F32, shape, values)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// encodePrefix writes the tables of all layers as one.
func encodePrefix(w nn.Weights, length int, l *Layout) ([]checkpoint.Tensor, error) {
	row := 2 * len(l.Attentions) * l.Attentions[0].KeyHeads * l.Attentions[0].Size
	all := make([]float32, length*row)
	at := 0
	for _, a := range l.Attentions {
		size := a.KeyHeads * a.Size
		for _, name := range []string{prefixKey, prefixValue} {
			item := w.Find(a.Scope + "/" + name)
			if item == nil || !slices.Equal(item.Shape, []int{length, a.KeyHeads, a.Size}) {
				return nil, fmt.Errorf("%s/%s is not there as [%d %d %d]", a.Scope, name, length, a.KeyHeads, a.Size)
			}
			for p := range length {
				copy(all[p*row+at:], item.Values[p*size:(p+1)*size])
			}
			at += size
		}
	}
	t, err := checkpoint.FromFloat32s(promptEmbeddings, checkpoint.F32, []int{length, row}, all)
	return []checkpoint.Tensor{t}, err
}

// settings are those of adapter_config.json that decide what is computed.
type settings struct {
	Type        string          `json:"peft_type"`
	Task        *string         `json:"task_type"`
	BaseName    string          `json:"base_model_name_or_path"`
	Rank        int             `json:"r"`
	Alpha       float64         `json:"lora_alpha"`
	RootScale   bool            `json:"use_rslora"`
	Targets     json.RawMessage `json:"target_modules"`
	Length      int             `json:"num_virtual_tokens"`
	Projected   bool            `json:"prefix_projection"`
	Size        int             `json:"size"`
	InitWeights any             `json:"init_lora_weights"`
}

// understood are settings that are used, or that do not reach what is computed.
var understood = []string{
	"peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "use_rslora", "target_modules", "num_virtual_tokens",
	"prefix_projection", "size", "activation", "init_lora_weights", "bias",
	"auto_mapping", "inference_mode", "revision", "peft_version", "lora_dropout", "fan_in_fan_out", "encoder_hidden_size", "init_weights",
	"num_attention_heads", "num_layers", "num_transformer_submodules", "token_dim", "layers_pattern", "layers_to_transform",
	"exclude_modules", "megatron_core", "qalora_group_size", "runtime_config", "ensure_weight_tying",
}

// parseSettings reads adapter_config.json. A setting that is not understood is an error
// unless it is off.
func parseSettings(text []byte) (settings, error) {
	var s settings
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return s, fmt.Errorf("%s: %w", configFile, err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", configFile, err)
	}
	off := []string{"null", "false", "{}", "[]", `""`, "0"}
	var strange []string
	for key, value := range all {
		if !slices.Contains(understood, key) && !slices.Contains(off, string(value)) {
			strange = append(strange, key)
		}
	}
	if len(strange) > 0 {
		slices.Sort(strange)
		return s, fmt.Errorf("%s: %s: not supported here", configFile, strings.Join(strange, ", "))
	}
	if bias := string(all["bias"]); bias != "" && bias != `"none"` && bias != "null" {
		return s, fmt.Errorf("%s: bias: %s is not supported; only none", configFile, bias)
	}
	return s, s.validate()
}

func (s settings) validate() error {
	switch {
	case s.Task != nil && *s.Task != "CAUSAL_LM" && *s.Task != "":
		return fmt.Errorf("%s: task_type: %q is not a language model's", configFile, *s.Task)
	case s.Type == peftLoRA && (s.Rank < 1 || !(s.Alpha > 0) || math.IsInf(s.Alpha, 0)):
		return fmt.Errorf("%s: rank %d and alpha %g cannot be used", configFile, s.Rank, s.Alpha)
	case s.Type == peftPrefix && s.Projected:
		return fmt.Errorf("%s: prefix_projection: the MLP that makes the prefix is not supported", configFile)
	case s.Type == peftPrefix && s.Length < 1, s.Type == peftBottleneck && s.Size < 1:
		return fmt.Errorf("%s: a length of %d or a size of %d cannot be used", configFile, s.Length, s.Size)
	}
	if name, ok := s.InitWeights.(string); ok && !slices.Contains([]string{"gaussian", "eva", "orthogonal"}, name) {
		return fmt.Errorf("%s: init_lora_weights: %q changes the base too; convert the adapter to plain LoRA", configFile, name)
	}
	return nil
}

// decode is the way back from both files.
func decode(text []byte, f *checkpoint.File, l *Layout, n names) (*Kept, error) {
	s, err := parseSettings(text)
	if err != nil {
		return nil, err
	}
	k := &Kept{BaseName: s.BaseName}
	switch s.Type {
	case peftLoRA:
		if k.Weights, err = decodeParts(f, s.Type, n); err == nil {
			k.Adapter, err = s.lora(k.Weights, l)
		}
	case peftPrefix:
		k.Adapter = Prefix{Length: s.Length}
		k.Weights, err = decodePrefix(f, s.Length, l)
	case peftBottleneck:
		k.Adapter = Bottleneck{Size: s.Size}
		k.Weights, err = decodeParts(f, s.Type, n)
	case peftBitFit:
		k.Adapter = BitFit{}
		k.Weights, err = decodeParts(f, s.Type, n)
	default:
		return nil, fmt.Errorf("%s: peft_type: %q is not supported; there are %s, %s, %s, %s", configFile, s.Type, peftLoRA, peftPrefix, peftBottleneck, peftBitFit)
	}
	if err != nil {
		return nil, err
	}
	return k, k.fits(l, n)
}

// decodeParts reads every tensor of the file into the variable of its name.
func decodeParts(f *checkpoint.File, method string, n names) (nn.Weights, error) {
	var w nn.Weights
	for _, name := range f.Names() {
		module := strings.TrimPrefix(name, modulePrefix)
		i := slices.IndexFunc(parts[method], func(p part) bool { return strings.HasSuffix(module, p.published) })
		if i < 0 || module == name {
			return nil, fmt.Errorf("tensor %.100q is not of a %s adapter", name, method)
		}
		p := parts[method][i]
		scope, ok := n.scope[strings.TrimSuffix(module, p.published)]
		if !ok {
			return nil, fmt.Errorf("tensor %.100q: the model has no such module", name)
		}
		if method == peftBitFit && !n.vars[scope+p.variable] {
			p = parts[method][1]
		}
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		values, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		shape := t.Shape
		if len(shape) == 2 {
			if values, shape, err = checkpoint.Permute(values, shape, checkpoint.Transposed); err != nil {
				return nil, err
			}
		}
		w = append(w, nn.Weight{Name: scope + p.variable, Shape: shape, Values: values})
	}
	if len(w) == 0 {
		return nil, errors.New("there is no tensor in the file")
	}
	return w.Sorted(), nil
}

// lora is the adapter of the factors in w. Targets are those of the settings if they
// name just the layers that have factors, and otherwise these layers in full.
func (s settings) lora(w nn.Weights, l *Layout) (nn.Adapter, error) {
	a := LoRA{Rank: s.Rank, Alpha: s.Alpha}
	if s.RootScale {
		a.Alpha *= math.Sqrt(float64(s.Rank))
	}
	var scopes []string
	for _, item := range w {
		if scope, ok := strings.CutSuffix(item.Name, "/"+loraA); ok {
			scopes = append(scopes, scope)
		}
	}
	if json.Unmarshal(s.Targets, &a.Targets) == nil {
		slices.Sort(a.Targets)
		same := len(a.Targets) > 0
		for _, d := range l.Dense {
			same = same && a.adapts(d.Scope) == slices.Contains(scopes, d.Scope)
		}
		if same {
			return a, nil
		}
	}
	a.Targets = nil
	for _, scope := range scopes {
		a.Targets = append(a.Targets, strings.ReplaceAll(scope, "/", "."))
	}
	return a, nil
}

// decodePrefix cuts the one table into those of the layers.
func decodePrefix(f *checkpoint.File, length int, l *Layout) (nn.Weights, error) {
	if names := f.Names(); len(names) != 1 || names[0] != promptEmbeddings {
		return nil, fmt.Errorf("the tensors are %.200q, not %s alone", strings.Join(names, ", "), promptEmbeddings)
	}
	t, err := f.Tensor(promptEmbeddings)
	if err != nil {
		return nil, err
	}
	row := 0
	for _, a := range l.Attentions {
		row += 2 * a.KeyHeads * a.Size
	}
	if !slices.Equal(t.Shape, []int{length, row}) {
		return nil, fmt.Errorf("%s is %d, and a prefix of %d for this model is [%d %d]", promptEmbeddings, t.Shape, length, length, row)
	}
	values, err := t.Float32s()
	if err != nil {
		return nil, err
	}
	var w nn.Weights
	at := 0
	for _, a := range l.Attentions {
		size := a.KeyHeads * a.Size
		for _, name := range []string{prefixKey, prefixValue} {
			item := nn.Weight{Name: a.Scope + "/" + name, Shape: []int{length, a.KeyHeads, a.Size}}
			for p := range length {
				item.Values = append(item.Values, values[p*row+at:p*row+at+size]...)
			}
			w, at = append(w, item), at+size
		}
	}
	return w.Sorted(), nil
}
