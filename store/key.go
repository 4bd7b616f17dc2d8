package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/portvigil/portvigil"
)

// vault seals secrets with AES-256-GCM under the key file. What is sealed for
// one place cannot be opened in another.
type vault struct{ aead cipher.AEAD }

const keyBytes = 32

// keyCheck is the setting by which a key file is known to belong to a database.
const keyCheck = "key-check"

// openVault reads the key file, or makes one at the first start. Where nothing
// is sealed yet, any key will do.
func (s *Store) openVault(ctx context.Context) (*vault, error) {
	var check string
	var sealed bool
	err := s.View(ctx, func(tx *Tx) (err error) {
		if check, err = tx.Setting(keyCheck); err != nil {
			return err
		}
		return tx.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM channels WHERE secret IS NOT NULL)
			OR EXISTS (SELECT 1 FROM users WHERE factor IS NOT NULL)`).Scan(&sealed)
	})
	if err != nil {
		return nil, err
	}
	there, err := fileExists(s.key)
	switch {
	case err != nil:
		return nil, err
	case !there && sealed:
		return nil, portvigil.Errorf(portvigil.CodeUnavailable, "the key file %s is missing", s.key).
			WithHint("put it back from where you keep it%s: without it what is sealed, as channels' secrets and second factors are, cannot be read", s.keyInFolder())
	case !there && s.keyElsewhere():
		return nil, portvigil.Errorf(portvigil.CodeNotFound, "there is no key file %s", s.key).
			WithHint("make one that only the server can read: openssl rand -hex %d > %s", keyBytes, s.key)
	case !there:
		if err := writeOnce(s.key, []byte(hex.EncodeToString(randomBytes(keyBytes))+"\n")); err != nil {
			return nil, err
		}
	}
	v, err := readVault(s.key)
	if err != nil {
		return nil, err
	}
	return v, s.checkVault(ctx, v, check, sealed)
}

// keyElsewhere reports whether the key is kept outside of the data folder.
func (s *Store) keyElsewhere() bool { return s.key != filepath.Join(s.dir, keyFile) }

// keyInFolder points to the key that the data folder has, where another place was
// named; "" where there is nothing to point to.
func (s *Store) keyInFolder() string {
	inFolder := filepath.Join(s.dir, keyFile)
	if there, err := fileExists(inFolder); err != nil || !there || !s.keyElsewhere() {
		return ""
	}
	return ", or move " + inFolder + " there"
}

// checkVault makes sure that the key is the one that the database was sealed
// with, and notes it where nothing was sealed.
func (s *Store) checkVault(ctx context.Context, v *vault, check string, sealed bool) error {
	if b, err := hex.DecodeString(check); err == nil && check != "" {
		if _, err := v.open(b, keyCheck); err == nil {
			return nil
		}
	}
	if sealed {
		return portvigil.Errorf(portvigil.CodeUnavailable, "the key file %s does not belong to this database", s.key).
			WithHint("put the right one back: without it what is sealed, as channels' secrets and second factors are, cannot be read")
	}
	return s.Update(ctx, func(tx *Tx) error {
		return tx.PutSetting(keyCheck, hex.EncodeToString(v.seal([]byte(keyCheck), keyCheck)))
	})
}

func readVault(path string) (*vault, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := vaultOf(string(text))
	if err != nil {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "the key file %s is not %d bytes in hexadecimal", path, keyBytes).
			WithHint("put the right one back")
	}
	return v, nil
}

// vaultOf reads a key file's text.
func vaultOf(text string) (*vault, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err == nil && len(key) != keyBytes {
		err = errors.New("it has another length")
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &vault{aead}, err
}

// seal returns nonce and ciphertext for a place, such as a channel's id.
func (v *vault) seal(plain []byte, place string) []byte {
	nonce := randomBytes(v.aead.NonceSize())
	return v.aead.Seal(nonce, nonce, plain, []byte(org+"/"+place))
}

func (v *vault) open(sealed []byte, place string) ([]byte, error) {
	n := v.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("sealed secret is too short")
	}
	return v.aead.Open(nil, sealed[:n], sealed[n:], []byte(org+"/"+place))
}

// randomBytes never fails: the standard library ends the program where the
// kernel has no randomness.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
