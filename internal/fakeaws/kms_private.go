package fakeaws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
)

// privateKey returns the private key of an asymmetric key. It depends only on the key's secret,
// so that the state is reproducible. The caller holds mu.
func (s *Server) privateKey(k *Key) (crypto.Signer, *apiError) {
	name := k.Spec + string(k.Secret)
	if signer := s.signers[name]; signer != nil {
		return signer, nil
	}
	random := rand.NewChaCha8(sha256.Sum256(k.Secret))
	var signer crypto.Signer
	switch curve := map[string]elliptic.Curve{
		"ECC_NIST_P256": elliptic.P256(), "ECC_NIST_P384": elliptic.P384(), "ECC_NIST_P521": elliptic.P521(),
	}[k.Spec]; {
	case curve != nil:
		signer = newECKey(curve, random)
	case strings.HasPrefix(k.Spec, "RSA_"):
		signer = newRSAKey(strings.TrimPrefix(k.Spec, "RSA_"), random)
	default: // symmetric, or a kind that crypto of Go does not have
		return nil, failf(400, "UnsupportedOperationException", "")
	}
	s.signers[name] = signer
	return signer, nil
}

func newECKey(curve elliptic.Curve, random io.Reader) crypto.Signer {
	order := curve.Params().N
	raw := make([]byte, (order.BitLen()+7)/8)
	for {
		read(random, raw)
		scalar := new(big.Int).Mod(new(big.Int).SetBytes(raw), order)
		if key, err := ecdsa.ParseRawPrivateKey(curve, scalar.FillBytes(raw)); err == nil {
			return key
		}
	}
}

// newRSAKey exists because rsa.GenerateKey returns another key each time, whatever its source.
func newRSAKey(bits string, random io.Reader) crypto.Signer {
	n, err := strconv.Atoi(bits)
	if err != nil {
		panic("fakeaws: key spec RSA_" + bits)
	}
	const e = 65537
	one := big.NewInt(1)
	for {
		p, q := newPrime(n/2, random), newPrime(n/2, random)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		key := &rsa.PrivateKey{Primes: []*big.Int{p, q}}
		key.N, key.E, key.D = new(big.Int).Mul(p, q), e, new(big.Int).ModInverse(big.NewInt(e), phi)
		if key.D == nil || key.N.BitLen() != n {
			continue
		}
		key.Precompute()
		if key.Validate() == nil {
			return key
		}
	}
}

// newPrime returns a prime whose two highest bits are set, so that the product of two has all bits.
func newPrime(bits int, random io.Reader) *big.Int {
	raw := make([]byte, bits/8)
	read(random, raw)
	raw[0] |= 0xc0
	raw[len(raw)-1] |= 1
	p := new(big.Int).SetBytes(raw)
	for !p.ProbablyPrime(0) {
		p.Add(p, big.NewInt(2))
	}
	return p
}

func read(random io.Reader, p []byte) {
	if _, err := io.ReadFull(random, p); err != nil {
		panic("fakeaws: random source: " + err.Error())
	}
}
