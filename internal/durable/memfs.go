package durable

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// MemFS is a file system in memory that knows what was flushed. [MemFS.Crash]
// is a power cut: data that was not flushed by Sync, and entries of folders
// that were not flushed by SyncDir, are lost, kept or torn, each page and each
// entry by itself. That is harsher than any one real file system and allows
// what POSIX allows.
type MemFS struct {
	mu       sync.Mutex
	rng      *rand.Rand
	root     *memNode
	locks    map[string]bool
	capacity int64 // bytes of data it holds; -1 without limit
}

// memPage is what a power cut keeps or loses as a whole: a sector of a disk.
const memPage = 512

type memNode struct {
	dir bool
	// a file: its data now, and as last flushed
	data, flushed []byte
	// a folder: its entries now, as last flushed, and the changes between
	entries, onDisk map[string]*memNode
	pending         []memChange
}

// memChange is one atomic change of a folder; a rename within it is one.
type memChange struct {
	remove string // entry that goes, if any
	add    string // entry that comes, if any
	node   *memNode
}

func newMemDir() *memNode {
	return &memNode{dir: true, entries: map[string]*memNode{}, onDisk: map[string]*memNode{}}
}

func (n *memNode) change(c memChange) {
	c.apply(n.entries)
	n.pending = append(n.pending, c)
}

func (c memChange) apply(entries map[string]*memNode) {
	if c.remove != "" {
		delete(entries, c.remove)
	}
	if c.add != "" {
		entries[c.add] = c.node
	}
}

// NewMemFS makes an empty file system. The seed decides what power cuts keep.
func NewMemFS(seed uint64) *MemFS {
	return &MemFS{rng: rand.New(rand.NewPCG(seed, 0)), root: newMemDir(), locks: map[string]bool{}, capacity: -1}
}

// SetCapacity limits the bytes of data that the file system holds; -1 lifts the
// limit.
func (m *MemFS) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// Crash returns the file system as it is found after a power cut. Of what was
// not flushed, keep is the fraction that survives: 0 nothing, 1 everything, and
// between each page and each entry with that probability. The locks are gone.
// Crash(1) is what the death of a process leaves.
func (m *MemFS) Crash(keep float64) *MemFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := NewMemFS(m.rng.Uint64())
	after.capacity = m.capacity
	after.root = m.survivor(m.root, keep)
	return after
}

func (m *MemFS) survivor(n *memNode, keep float64) *memNode {
	if !n.dir {
		data := m.tear(n, keep)
		return &memNode{data: data, flushed: slices.Clone(data)}
	}
	entries := maps.Clone(n.onDisk)
	for _, c := range n.pending {
		if m.rng.Float64() < keep {
			c.apply(entries)
		}
	}
	out := newMemDir()
	for _, name := range slices.Sorted(maps.Keys(entries)) { // in order: the draws must not depend on the map
		child := m.survivor(entries[name], keep)
		out.entries[name], out.onDisk[name] = child, child
	}
	return out
}

// tear mixes the flushed data with the pages written since. Pages that were
// never written back read as zeros.
func (m *MemFS) tear(n *memNode, keep float64) []byte {
	size := len(n.flushed)
	if m.rng.Float64() < keep {
		size = len(n.data)
	} else if len(n.data) > size && keep > 0 {
		size += m.rng.IntN(len(n.data) - size)
	}
	out := make([]byte, size)
	copy(out, n.flushed)
	for at := 0; at < size; at += memPage {
		if m.rng.Float64() < keep && at < len(n.data) {
			copy(out[at:min(at+memPage, size)], n.data[at:])
		}
	}
	return out
}

// walk finds a path's node; nil if it is not there.
func (m *MemFS) walk(name string) *memNode {
	n := m.root
	for _, part := range memParts(name) {
		if n == nil || !n.dir {
			return nil
		}
		n = n.entries[part]
	}
	return n
}

func memParts(name string) []string {
	name = strings.Trim(filepath.ToSlash(filepath.Clean(name)), "/")
	if name == "." || name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

// parent finds the folder that holds a path, and the entry's name in it.
func (m *MemFS) parent(name string) (*memNode, string, error) {
	parts := memParts(name)
	if len(parts) == 0 {
		return nil, "", fs.ErrInvalid
	}
	dir := m.walk(strings.Join(parts[:len(parts)-1], "/"))
	if dir == nil || !dir.dir {
		return nil, "", fs.ErrNotExist
	}
	return dir, parts[len(parts)-1], nil
}

// OpenFile knows the access modes and O_CREATE, O_EXCL, O_TRUNC, O_APPEND.
func (m *MemFS) OpenFile(name string, flag int) (Handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n := dir.entries[base]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n == nil:
		n = &memNode{}
		dir.change(memChange{add: base, node: n})
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, fs.ErrExist
	case n.dir:
		return nil, fmt.Errorf("%q is a folder: %w", name, fs.ErrInvalid)
	case flag&os.O_TRUNC != 0:
		n.data = nil
	}
	return &memHandle{fsys: m, node: n, flag: flag}, nil
}

func (m *MemFS) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return err
	}
	if dir.entries[base] != nil {
		return fs.ErrExist
	}
	dir.change(memChange{add: base, node: newMemDir()})
	return nil
}

func (m *MemFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	src, a, err := m.parent(from)
	if err != nil {
		return err
	}
	dst, b, err := m.parent(to)
	if err != nil {
		return err
	}
	n := src.entries[a]
	if n == nil {
		return fs.ErrNotExist
	}
	if old := dst.entries[b]; old != nil && (old.dir || n.dir) {
		return fs.ErrExist
	}
	if src == dst {
		src.change(memChange{remove: a, add: b, node: n})
		return nil
	}
	dst.change(memChange{add: b, node: n})
	src.change(memChange{remove: a})
	return nil
}

func (m *MemFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return err
	}
	n := dir.entries[base]
	if n == nil {
		return fs.ErrNotExist
	}
	if n.dir && len(n.entries) > 0 {
		return fmt.Errorf("folder %q is not empty: %w", name, fs.ErrExist)
	}
	dir.change(memChange{remove: base})
	return nil
}

func (m *MemFS) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.walk(name)
	if n == nil || !n.dir {
		return nil, fs.ErrNotExist
	}
	var list []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(n.entries)) {
		list = append(list, fs.FileInfoToDirEntry(memInfo{base, n.entries[base]}))
	}
	return list, nil
}

func (m *MemFS) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.walk(name)
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return memInfo{filepath.Base(name), n}, nil
}

func (m *MemFS) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.walk(name)
	if n == nil || !n.dir {
		return fs.ErrNotExist
	}
	n.onDisk = maps.Clone(n.entries)
	n.pending = nil
	return nil
}

// Lock keeps no file; it lasts until it is closed or the file system crashes.
func (m *MemFS) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] {
		return nil, ErrLocked
	}
	m.locks[name] = true
	return &memLock{m, name}, nil
}

type memLock struct {
	fsys *MemFS
	name string
}

func (l *memLock) Close() error {
	l.fsys.mu.Lock()
	defer l.fsys.mu.Unlock()
	delete(l.fsys.locks, l.name)
	return nil
}

func (m *MemFS) Free(string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.free()
}

func (m *MemFS) free() int64 {
	if m.capacity < 0 {
		return -1
	}
	return max(0, m.capacity-m.root.used())
}

func (n *memNode) used() int64 {
	total := int64(len(n.data))
	for _, child := range n.entries {
		total += child.used()
	}
	return total
}

type memHandle struct {
	fsys   *MemFS
	node   *memNode
	flag   int
	at     int
	closed bool
}

func (h *memHandle) enter() error {
	h.fsys.mu.Lock()
	if h.closed {
		h.fsys.mu.Unlock()
		return fs.ErrClosed
	}
	return nil
}

func (h *memHandle) Read(p []byte) (int, error) {
	if err := h.enter(); err != nil {
		return 0, err
	}
	defer h.fsys.mu.Unlock()
	if h.at >= len(h.node.data) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[h.at:])
	h.at += n
	return n, nil
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	if err := h.enter(); err != nil {
		return 0, err
	}
	defer h.fsys.mu.Unlock()
	if off < 0 || off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) Write(p []byte) (int, error) {
	if err := h.enter(); err != nil {
		return 0, err
	}
	defer h.fsys.mu.Unlock()
	if h.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return 0, fs.ErrPermission
	}
	if h.flag&os.O_APPEND != 0 {
		h.at = len(h.node.data)
	}
	n := len(p)
	if free := h.fsys.free(); free >= 0 {
		n = int(min(int64(n), free+int64(len(h.node.data)-h.at)))
	}
	grow := max(0, h.at+n-len(h.node.data))
	h.node.data = append(h.node.data, make([]byte, grow)...)
	h.at += copy(h.node.data[h.at:], p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (h *memHandle) Truncate(size int64) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.fsys.mu.Unlock()
	if size < 0 || size > int64(len(h.node.data)) {
		return fs.ErrInvalid
	}
	h.node.data = slices.Clone(h.node.data[:size])
	return nil
}

func (h *memHandle) Sync() error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.fsys.mu.Unlock()
	h.node.flushed = slices.Clone(h.node.data)
	return nil
}

func (h *memHandle) Close() error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.fsys.mu.Unlock()
	h.closed = true
	return nil
}

type memInfo struct {
	name string
	node *memNode
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return int64(len(i.node.data)) }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.node.dir }
func (i memInfo) Sys() any           { return nil }

func (i memInfo) Mode() fs.FileMode {
	if i.node.dir {
		return fs.ModeDir | 0o777
	}
	return 0o666
}
