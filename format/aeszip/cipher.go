package aeszip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/comlam/comlam/internal/bounded"
)

const (
	extraAES   = 0x9901
	extraSize  = 7 // version, vendor, strength, method
	keyRounds  = 1000
	checkSize  = 2  // bytes that tell a wrong password early
	sealSize   = 10 // bytes of the HMAC that are kept
	vendorWord = 'A' | 'E'<<8
)

// encryption is what the extra field of a member says.
type encryption struct {
	version uint16 // 1: the CRC-32 holds; 2: it is not stored
	keySize int    // bytes
	method  uint16 // of the compression
}

// parseExtra looks for the AES field among the extra fields of a member.
func parseExtra(extra []byte) (encryption, error) {
	for len(extra) >= 4 {
		id, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if size > len(extra) {
			break
		}
		if id == extraAES && size == extraSize {
			return parseField(extra)
		}
		extra = extra[size:]
	}
	return encryption{}, bounded.Malformed("", "it is said to be encrypted with AES, but no extra field says how")
}

func parseField(field []byte) (encryption, error) {
	e := encryption{version: binary.LittleEndian.Uint16(field), method: binary.LittleEndian.Uint16(field[5:])}
	vendor, strength := binary.LittleEndian.Uint16(field[2:]), field[4]
	if e.version < 1 || e.version > 2 || vendor != vendorWord || strength < 1 || strength > 3 {
		return encryption{}, bounded.Malformed("", "version %d, vendor %#x, strength %d of the AES extension is not known", e.version, vendor, strength)
	}
	e.keySize = 8 + 8*int(strength)
	return e, nil
}

// decrypt checks the password and the seal of data and returns the plain bytes.
func (e encryption) decrypt(data []byte, password string) ([]byte, error) {
	saltSize := e.keySize / 2
	if len(data) < saltSize+checkSize+sealSize {
		return nil, bounded.Malformed("", "%d bytes are too few for an encrypted member", len(data))
	}
	salt, data := data[:saltSize], data[saltSize:]
	keys, err := pbkdf2.Key(sha1.New, password, salt, keyRounds, 2*e.keySize+checkSize)
	if err != nil {
		return nil, fmt.Errorf("derive the key: %w", err)
	}
	key, sealKey, check := keys[:e.keySize], keys[e.keySize:2*e.keySize], keys[2*e.keySize:]
	if subtle.ConstantTimeCompare(check, data[:checkSize]) != 1 {
		return nil, ErrPassword
	}
	body, seal := data[checkSize:len(data)-sealSize], data[len(data)-sealSize:]
	mac := hmac.New(sha1.New, sealKey)
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil)[:sealSize], seal) {
		// One wrong password in 65,536 passes the check above.
		return nil, bounded.Malformed("", "its authentication code is wrong: the archive is damaged, or the password is not the right one")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of %d bytes: %w", len(key), err)
	}
	return countUp(block, body), nil
}

// countUp is counter mode with a little-endian counter that starts at 1, where the
// standard library's counts in big-endian.
func countUp(block cipher.Block, body []byte) []byte {
	var counter, pad [aes.BlockSize]byte
	plain := make([]byte, len(body))
	for n := uint64(1); len(body) > 0; n++ {
		binary.LittleEndian.PutUint64(counter[:], n)
		block.Encrypt(pad[:], counter[:])
		size := subtle.XORBytes(plain[len(plain)-len(body):], body, pad[:])
		body = body[size:]
	}
	return plain
}
