package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/tessera/fsck"
)

// change is one thing that somebody between fsck and the log does to what fsck reads.
type change struct {
	what   string
	tile   func(level, index uint64, tile []byte) []byte
	bundle func(index uint64, bundle []byte) []byte
}

// meddler reads from the log and changes what comes.
type meddler struct {
	fsck.Fetcher
	change
}

func (m meddler) ReadTile(ctx context.Context, level, index uint64, width uint8) ([]byte, error) {
	tile, err := m.Fetcher.ReadTile(ctx, level, index, width)
	if err != nil || m.tile == nil {
		return tile, err
	}
	return m.tile(level, index, tile), nil
}

func (m meddler) ReadEntryBundle(ctx context.Context, index uint64, width uint8) ([]byte, error) {
	bundle, err := m.Fetcher.ReadEntryBundle(ctx, index, width)
	if err != nil || m.bundle == nil {
		return bundle, err
	}
	return m.bundle(index, bundle), nil
}

// tampered makes each change and sees fsck notice it. It gives the number of changes.
func (l *tlog) tampered(ctx context.Context, size uint64) (int, error) {
	last := (size - 1) / 256
	flip := func(bytes []byte, at int) []byte {
		flipped := append([]byte{}, bytes...)
		flipped[at] ^= 1
		return flipped
	}
	changes := []change{
		{what: "a flipped bit in a leaf hash", tile: func(level, index uint64, tile []byte) []byte {
			if level == 0 && index == last {
				return flip(tile, len(tile)-1)
			}
			return tile
		}},
		{what: "a flipped bit in an entry", bundle: func(index uint64, bundle []byte) []byte {
			if index == last {
				return flip(bundle, 2)
			}
			return bundle
		}},
		{what: "a truncated bundle", bundle: func(index uint64, bundle []byte) []byte {
			if index == last {
				return bundle[:len(bundle)-1]
			}
			return bundle
		}},
		// A bundle with an entry less makes fsck panic, so another entry stands in the place of the dropped one.
		{what: "a dropped entry", bundle: func(index uint64, bundle []byte) []byte {
			if index != 0 {
				return bundle
			}
			return append(append(append([]byte{}, bundle[:34]...), bundle[:34]...), bundle[68:]...)
		}},
		{what: "two entries that changed places", bundle: func(index uint64, bundle []byte) []byte {
			if index != 0 {
				return bundle
			}
			return append(append(append([]byte{}, bundle[34:68]...), bundle[:34]...), bundle[68:]...)
		}},
	}
	if size > 256 {
		changes = append(changes, change{what: "a flipped bit above the leaves", tile: func(level, _ uint64, tile []byte) []byte {
			if level == 1 {
				return flip(tile, 0)
			}
			return tile
		}})
	}
	for _, c := range changes {
		if err := l.check(ctx, meddler{Fetcher: l.fetcher, change: c}); err == nil {
			return 0, errors.New("fsck did not notice " + c.what)
		} else if ctx.Err() != nil {
			return 0, fmt.Errorf("%s: %w", c.what, err)
		}
	}
	return len(changes), nil
}
