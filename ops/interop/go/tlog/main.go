// Command tlog lets the tools of Tessera and of transparency-dev/merkle, which share no code with Stele, read a log.
//
//	tlog --url URL --vkey VKEY [--older FILE]... [--save FILE] [--follow N] [--tamper]
//
// It fails when any of them finds something wrong with the log, and with --tamper also when fsck does not notice that
// somebody between it and the log changes what it reads. It prints one line about what it did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// files collects a flag that may be given several times.
type files []string

func (f *files) String() string { return strings.Join(*f, ",") }

func (f *files) Set(name string) error {
	*f = append(*f, name)
	return nil
}

// log is the log under examination.
type tlog struct {
	url      *url.URL
	fetcher  fsck.Fetcher
	verifier note.Verifier
}

func main() {
	logURL := flag.String("url", "", "where the log is, for example http://127.0.0.1:8080")
	vkey := flag.String("vkey", "", "the verifier key of the log's checkpoints")
	save := flag.String("save", "", "write the checkpoint here")
	follow := flag.Int("follow", 0, "follow the log over so many of its checkpoints while it grows")
	tamper := flag.Bool("tamper", false, "change what fsck reads and see that it notices")
	var older files
	flag.Var(&older, "older", "an older checkpoint of the log, which the newest one must continue")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	said, err := run(ctx, *logURL, *vkey, *save, older, *follow, *tamper)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func run(ctx context.Context, at, vkey, save string, older []string, follow int, tamper bool) (string, error) {
	l, err := open(at, vkey)
	if err != nil {
		return "", err
	}
	if follow > 0 {
		return l.follow(ctx, follow)
	}
	checkpoint, raw, _, err := client.FetchCheckpoint(ctx, l.fetcher.ReadCheckpoint, l.verifier, l.verifier.Name())
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	if err := l.check(ctx, l.fetcher); err != nil {
		return "", fmt.Errorf("fsck: %w", err)
	}
	proofs, err := l.proofs(ctx, checkpoint)
	if err != nil {
		return "", err
	}
	for _, name := range older {
		if err := l.continues(ctx, name); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	noticed := 0
	if tamper {
		if noticed, err = l.tampered(ctx, checkpoint.Size); err != nil {
			return "", err
		}
	}
	if save != "" {
		if err := os.WriteFile(save, raw, 0o600); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("size %d: fsck finds it whole, %d proofs accepted, continues %d older checkpoints, %d changes noticed",
		checkpoint.Size, proofs, len(older), noticed), nil
}

func open(at, vkey string) (*tlog, error) {
	root, err := url.Parse(strings.TrimSuffix(at, "/") + "/")
	if err != nil {
		return nil, err
	}
	fetcher, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("vkey: %w", err)
	}
	return &tlog{url: root, fetcher: fetcher, verifier: verifier}, nil
}

// check has fsck compute every tile and the root from the entries, and compare them with what the log serves.
func (l *tlog) check(ctx context.Context, from fsck.Fetcher) error {
	return fsck.New(l.verifier.Name(), l.verifier, from, leafHashes, fsck.Opts{N: 2}).Check(ctx)
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// continues starts Tessera's tracker at an older checkpoint and lets it prove that the newest continues it.
func (l *tlog) continues(ctx context.Context, older string) error {
	raw, err := os.ReadFile(older)
	if err != nil {
		return err
	}
	tracker, err := l.tracker(ctx, raw)
	if err != nil {
		return err
	}
	_, _, _, err = tracker.Update(ctx)
	return err
}

func (l *tlog) tracker(ctx context.Context, raw []byte) (*client.LogStateTracker, error) {
	newest := client.UnilateralConsensus(l.fetcher.ReadCheckpoint)
	return client.NewLogStateTracker(ctx, l.fetcher.ReadTile, raw, l.verifier, l.verifier.Name(), newest)
}

// follow proves each checkpoint it sees to continue the one before, and has fsck look at the growing log each time.
func (l *tlog) follow(ctx context.Context, count int) (string, error) {
	tracker, err := l.tracker(ctx, nil)
	if err != nil {
		return "", err
	}
	first := tracker.Latest().Size
	for seen := 0; seen < count; {
		before := tracker.Latest().Size
		if _, _, _, err := tracker.Update(ctx); err != nil {
			return "", fmt.Errorf("from size %d: %w", before, err)
		}
		if tracker.Latest().Size == before {
			select {
			case <-ctx.Done():
				return "", errors.New("the log does not grow")
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		seen++
		if err := l.check(ctx, l.fetcher); err != nil {
			return "", fmt.Errorf("fsck near size %d: %w", tracker.Latest().Size, err)
		}
	}
	return fmt.Sprintf("from size %d to %d while it grew: %d checkpoints, each continues the one before and is whole",
		first, tracker.Latest().Size, count), nil
}
