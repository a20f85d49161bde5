package tokenizer

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A protoField is one field of a protocol buffer. Of varints and fixed numbers, number
// holds the bits; of everything else, data the bytes.
type protoField struct {
	id     uint64
	number uint64
	data   []byte
}

// protoFields calls f for each field of a message.
func protoFields(b []byte, f func(protoField) error) error {
	for at := 0; at < len(b); {
		start := at
		tag, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return fmt.Errorf("the field at byte %d has no tag", start)
		}
		at += n
		x := protoField{id: tag >> 3}
		switch size := 0; tag & 7 {
		case 0:
			if x.number, size = binary.Uvarint(b[at:]); size <= 0 {
				return fmt.Errorf("field %d at byte %d is cut short", x.id, start)
			}
			at += size
		case 1, 5:
			size = 8
			if tag&7 == 5 {
				size = 4
			}
			if len(b)-at < size {
				return fmt.Errorf("field %d at byte %d is cut short", x.id, start)
			}
			var wide [8]byte
			copy(wide[:], b[at:at+size])
			x.number = binary.LittleEndian.Uint64(wide[:])
			at += size
		case 2:
			length, size := binary.Uvarint(b[at:])
			if size <= 0 || length > uint64(len(b)-at-size) {
				return fmt.Errorf("field %d at byte %d says that it has %d bytes, of %d that are left", x.id, start, length, len(b)-at)
			}
			at += size
			x.data = b[at : at+int(length)]
			at += int(length)
		default:
			return fmt.Errorf("field %d at byte %d has the unknown wire type %d", x.id, start, tag&7)
		}
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

func (f protoField) float() float64 { return float64(math.Float32frombits(uint32(f.number))) }

func (f protoField) bool() bool { return f.number != 0 }
