// Package fec is the channel coding of NR, 3GPP TS 38.212: cyclic redundancy checks
// (clause 5.1), LDPC codes with rate matching (5.3.2, 5.4.2) and polar codes with
// rate matching (5.3.1, 5.4.1), encoders and decoders.
//
// # Use
//
//	code, err := fec.NewLDPC(fec.GraphFor(k, rate), k)      // k bits with their CRC
//	err = code.Encode(coded, bits)                          // [B k] -> [B code.Len()]
//	err = code.Match(sent, coded, fec.Match{E: 1000, Qm: 2}) // [B E]
//	err = code.Combine(soft, llrs, match)                   // adds to soft: HARQ
//	d, err := code.NewDecoder(fec.DecoderConfig{})
//	results, err := d.Decode(bits, soft)                    // [B code.Len()] -> [B k]
//
// A Transport does the same for a transport block of a shared channel: CRCs,
// segmentation into code blocks, rate matching of each, concatenation.
//
// A polar code has its CRC, interleavers and rate matching inside, because its
// decoder needs them:
//
//	code, err := fec.NewPolar(fec.PolarConfig{Kind: fec.UCI, A: 32, E: 100})
//	err = code.Encode(sent, bits)                           // [B A] -> [B E]
//	d, err := code.NewDecoder(fec.PolarDecoderConfig{List: 8})
//	held, err := d.Decode(bits, llrs)                       // [B E] -> [B A], CRCs
//
// # Conventions
//
// A bit is a byte, 0 or 1. A soft bit is a float32 log-likelihood ratio
// ln(P(bit=0)/P(bit=1)): its sign bit is the decision, 0 means not received. (Sionna
// has the opposite sign.) Every function takes a batch: slices hold B blocks one
// after the other, and B is the quotient of the lengths. Wrong sizes are errors.
//
// Codes are immutable and may be shared by goroutines. A decoder is a workspace: one
// a goroutine. What a block decodes to depends on nothing but its own soft bits.
package fec

// Release names the edition that the tables follow. Base graphs and polar sequence
// are the same from Release 15 on.
const Release = "3GPP TS 38.212 Release 17"
