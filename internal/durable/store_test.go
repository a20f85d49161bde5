package durable

import "testing"

func TestStoreOnOS(t *testing.T) {
	root := t.TempDir() + "/a/b"
	s, err := OpenStore(OS, root, Options{Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := uint64(1); i <= 5; i++ {
		err := s.Save(i*100, float64(i), func(f *Folder) error { return f.WriteFile("w", []byte{byte(i)}) })
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Log(s.Steps())
	sn, err := s.Latest()
	if err != nil || sn.Step != 500 {
		t.Fatal(sn, err)
	}
	_, err = OpenStore(OS, root, Options{})
	t.Log(err)
	_, err = s.Load(200)
	t.Log(err)
}
