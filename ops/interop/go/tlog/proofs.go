package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
)

// inclusion is what /proofs/inclusion answers; JSON has hashes in base64, as encoding/json wants them.
type inclusion struct {
	LeafIndex     uint64   `json:"leaf_index"`
	TreeSize      uint64   `json:"tree_size"`
	RootHash      []byte   `json:"root_hash"`
	InclusionPath [][]byte `json:"inclusion_path"`
}

// consistency is what /consistency answers to those who want JSON.
type consistency struct {
	From            uint64   `json:"from"`
	To              uint64   `json:"to"`
	FromRootHash    []byte   `json:"from_root_hash"`
	ToRootHash      []byte   `json:"to_root_hash"`
	ConsistencyPath [][]byte `json:"consistency_path"`
}

// proofs has merkle accept the log's own proofs, and compares them with those that Tessera's client makes of the
// tiles. It gives the number of proofs.
func (l *tlog) proofs(ctx context.Context, newest *log.Checkpoint) (int, error) {
	builder, err := client.NewProofBuilder(ctx, newest.Size, l.fetcher.ReadTile)
	if err != nil {
		return 0, fmt.Errorf("proof builder: %w", err)
	}
	count := 0
	for _, index := range samples(newest.Size) {
		if err := l.included(ctx, builder, newest, index); err != nil {
			return 0, fmt.Errorf("inclusion of %d in %d: %w", index, newest.Size, err)
		}
		count++
		if index == 0 {
			continue
		}
		if err := l.consistent(ctx, builder, newest, index); err != nil {
			return 0, fmt.Errorf("consistency of %d with %d: %w", index, newest.Size, err)
		}
		count++
	}
	return count, nil
}

// samples are places where a path changes its form: both ends of the log and of its tiles, and some between.
func samples(size uint64) []uint64 {
	found := []uint64{}
	for _, place := range []uint64{0, 1, 2, 3, 127, 128, 254, 255, 256, 257, 511, 512, 65279, 65280, 65534, 65535, 65536,
		size / 3, size / 2, size - 2, size - 1} {
		if place < size {
			found = append(found, place)
		}
	}
	return found
}

func (l *tlog) included(ctx context.Context, builder *client.ProofBuilder, newest *log.Checkpoint, index uint64) error {
	bundle, err := client.GetEntryBundle(ctx, l.fetcher.ReadEntryBundle, index/256, newest.Size)
	if err != nil {
		return err
	}
	entry := bundle.Entries[index%256]
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	theirs, err := builder.InclusionProof(ctx, index)
	if err != nil {
		return err
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, newest.Size, leaf, theirs, newest.Hash); err != nil {
		return fmt.Errorf("made of the tiles: %w", err)
	}
	var ours inclusion
	query := fmt.Sprintf("proofs/inclusion?entry=%s&size=%d", hex.EncodeToString(entry), newest.Size)
	if err := l.json(ctx, query, &ours); err != nil {
		return err
	}
	if ours.LeafIndex != index || !bytes.Equal(ours.RootHash, newest.Hash) || !same(ours.InclusionPath, theirs) {
		return errors.New("the log's own proof is another one")
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, index, newest.Size, leaf, ours.InclusionPath, newest.Hash)
}

func (l *tlog) consistent(ctx context.Context, builder *client.ProofBuilder, newest *log.Checkpoint, from uint64) error {
	theirs, err := builder.ConsistencyProof(ctx, from, newest.Size)
	if err != nil {
		return err
	}
	var ours consistency
	query := fmt.Sprintf("consistency?from=%d&to=%d", from, newest.Size)
	if err := l.json(ctx, query, &ours); err != nil {
		return err
	}
	if ours.From != from || !bytes.Equal(ours.ToRootHash, newest.Hash) || !same(ours.ConsistencyPath, theirs) {
		return errors.New("the log's own proof is another one")
	}
	return proof.VerifyConsistency(
		rfc6962.DefaultHasher, from, newest.Size, ours.ConsistencyPath, ours.FromRootHash, newest.Hash)
}

func (l *tlog) json(ctx context.Context, query string, into any) error {
	at, err := l.url.Parse(query)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", query, answer.Status, body)
	}
	return json.Unmarshal(body, into)
}

func same(one, two [][]byte) bool {
	if len(one) != len(two) {
		return false
	}
	for n := range one {
		if !bytes.Equal(one[n], two[n]) {
			return false
		}
	}
	return true
}
