package detect

import (
	"context"
	"errors"
	"net"

	"golang.org/x/crypto/ssh"
)

// errKeySeen ends the key exchange: what was wanted is known.
var errKeySeen = errors.New("host key seen, leaving")

// hostKeyOrder is the order in which keys are preferred: always the same, so
// that the fingerprint of a server with several keys stays the same, and the
// one that OpenSSH has preferred since 6.5 first.
var hostKeyOrder = []string{
	ssh.KeyAlgoED25519,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA,
}

// askHostKey exchanges keys on the connection that brought the greeting, learns
// the key that the server proves to have, and leaves before anybody logs in.
func askHostKey(_ context.Context, v *visit, w *wire, answer []byte, r *reading) {
	if _, ok := sshIdentification(answer); !ok {
		return
	}
	w.probe = "ssh-hostkey"
	v.tell(StepNote, w.probe, nil, "key exchange begun")
	w.unread(answer)
	seen, supported, old := "", ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	config := &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: append(supported.KeyExchanges, old.KeyExchanges...),
			Ciphers:      append(supported.Ciphers, old.Ciphers...),
			MACs:         append(supported.MACs, old.MACs...),
		},
		ClientVersion:     "SSH-2.0-PortVigil",
		HostKeyAlgorithms: hostKeyOrder,
		// Called once the server's signature has been checked.
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			seen = ssh.FingerprintSHA256(key)
			return errKeySeen
		},
	}
	conn, _, _, err := ssh.NewClientConn(w, v.endpoint.String(), config)
	if err == nil { // a bug of the library: the callback always refuses
		_ = conn.Close()
		return
	}
	if seen == "" {
		v.tell(StepEnded, w.probe, nil, err.Error())
		return
	}
	r.service.HostKey = seen
	v.tell(StepRule, w.probe, nil, "ssh: host key "+seen)
}
