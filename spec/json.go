package spec

import (
	"encoding/json"
	"fmt"
)

// A block in JSON is an object with the member "block" that names its type.

type tag struct {
	Block string `json:"block"`
}

// MarshalBlocks writes blocks as JSON that [UnmarshalBlocks] reads.
func MarshalBlocks(list []Block) ([]byte, error) {
	out := make([]json.RawMessage, len(list))
	for i, b := range list {
		raw, err := marshalBlock(b)
		if err != nil {
			return nil, err
		}
		out[i] = raw
	}
	return json.Marshal(out)
}

func marshalBlock(b Block) ([]byte, error) {
	t := tag{b.kind()}
	switch b := b.(type) {
	case *Paragraph:
		return json.Marshal(struct {
			tag
			*Paragraph
		}{t, b})
	case *List:
		return json.Marshal(struct {
			tag
			*List
		}{t, b})
	case *Equation:
		return json.Marshal(struct {
			tag
			*Equation
		}{t, b})
	case *Code:
		return json.Marshal(struct {
			tag
			*Code
		}{t, b})
	case *ASN1:
		return json.Marshal(struct {
			tag
			*ASN1
		}{t, b})
	case *Figure:
		return json.Marshal(struct {
			tag
			*Figure
		}{t, b})
	case *Table:
		return json.Marshal(struct {
			tag
			*Table
		}{t, b})
	case *Note:
		return json.Marshal(struct {
			tag
			noteJSON
		}{t, noteJSON{b.Label, b.Blocks}})
	case *Quote:
		return json.Marshal(struct {
			tag
			noteJSON
		}{t, noteJSON{"", b.Blocks}})
	}
	return nil, fmt.Errorf("a block of type %T has no form in JSON", b)
}

// blockList is a list of blocks that knows its JSON.
type blockList []Block

func (l blockList) MarshalJSON() ([]byte, error) { return MarshalBlocks(l) }
func (l *blockList) UnmarshalJSON(raw []byte) (err error) {
	*l, err = UnmarshalBlocks(raw)
	return err
}

type noteJSON struct {
	Label  string    `json:"label,omitempty"`
	Blocks blockList `json:"blocks,omitempty"`
}

type itemJSON struct {
	Term   Text      `json:"term,omitempty"`
	Blocks blockList `json:"blocks,omitempty"`
}

type plainClause Clause

type clauseJSON struct {
	*plainClause
	Blocks blockList `json:"blocks,omitempty"`
}

// MarshalJSON writes the item with its blocks.
func (it Item) MarshalJSON() ([]byte, error) { return json.Marshal(itemJSON{it.Term, it.Blocks}) }

// UnmarshalJSON reads what MarshalJSON writes.
func (it *Item) UnmarshalJSON(raw []byte) error {
	var j itemJSON
	err := json.Unmarshal(raw, &j)
	*it = Item{j.Term, j.Blocks}
	return err
}

// MarshalJSON writes the note with its blocks.
func (n Note) MarshalJSON() ([]byte, error) { return json.Marshal(noteJSON{n.Label, n.Blocks}) }

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Note) UnmarshalJSON(raw []byte) error {
	var j noteJSON
	err := json.Unmarshal(raw, &j)
	*n = Note{j.Label, j.Blocks}
	return err
}

// MarshalJSON writes the clause with its blocks and the clauses below it.
func (c *Clause) MarshalJSON() ([]byte, error) {
	return json.Marshal(clauseJSON{(*plainClause)(c), c.Blocks})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Clause) UnmarshalJSON(raw []byte) error {
	j := clauseJSON{plainClause: (*plainClause)(c)}
	err := json.Unmarshal(raw, &j)
	c.Blocks = j.Blocks
	return err
}

// UnmarshalBlocks reads what [MarshalBlocks] writes.
func UnmarshalBlocks(raw []byte) ([]Block, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	var out []Block
	for _, p := range parts {
		b, err := unmarshalBlock(p)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func unmarshalBlock(raw []byte) (Block, error) {
	var t tag
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, err
	}
	var b Block
	switch t.Block {
	case "paragraph":
		b = &Paragraph{}
	case "list":
		b = &List{}
	case "equation":
		b = &Equation{}
	case "code":
		b = &Code{}
	case "asn1":
		b = &ASN1{}
	case "figure":
		b = &Figure{}
	case "table":
		b = &Table{}
	case "note":
		b = &Note{}
	case "quote":
		var j noteJSON
		err := json.Unmarshal(raw, &j)
		return &Quote{j.Blocks}, err
	default:
		return nil, fmt.Errorf("a block says that it is a %q; there is no such block", t.Block)
	}
	return b, json.Unmarshal(raw, b)
}
