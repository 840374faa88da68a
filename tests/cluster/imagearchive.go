package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// blob is one file of an image archive, named by its digest.
type blob struct {
	digest string
	size   int64
}

func (b blob) descriptor(kind string) object {
	return object{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + b.digest, "size": b.size}
}

// imageArchive writes several images into one OCI archive, layers not compressed.
type imageArchive struct {
	file      *os.File
	tar       *tar.Writer
	manifests []object
}

func newImageArchive(path string) (*imageArchive, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &imageArchive{file: file, tar: tar.NewWriter(file)}, nil
}

// layerOf packs a folder; files belong to root whoever built them.
func (a *imageArchive) layerOf(root string) (blob, error) {
	path := root + ".layer"
	if err := run("tar", "--create", "--file", path, "--directory", root, "--owner=0", "--group=0", "--numeric-owner", "--xattrs", "--xattrs-include=security.capability", "."); err != nil {
		return blob{}, err
	}
	return a.add(path)
}

func (a *imageArchive) layerOfLink(name, target string) (blob, error) {
	root, err := os.MkdirTemp(filepath.Dir(a.file.Name()), "link")
	if err != nil {
		return blob{}, err
	}
	link := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return blob{}, err
	}
	if err := os.Symlink(target, link); err != nil {
		return blob{}, err
	}
	// The folders of a layer replace the permissions of those below.
	for at := root; ; {
		if err := os.Chmod(at, 0o755); err != nil {
			return blob{}, err
		}
		if at == filepath.Dir(link) {
			break
		}
		rest, _ := filepath.Rel(at, filepath.Dir(link))
		at = filepath.Join(at, firstPart(rest))
	}
	return a.layerOf(root)
}

func firstPart(path string) string {
	for i, letter := range path {
		if letter == filepath.Separator {
			return path[:i]
		}
	}
	return path
}

func (a *imageArchive) add(path string) (blob, error) {
	file, err := os.Open(path)
	if err != nil {
		return blob{}, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return blob{}, err
	}
	b := blob{fmt.Sprintf("%x", sum.Sum(nil)), size}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return blob{}, err
	}
	return b, a.write("blobs/sha256/"+b.digest, file, size)
}

func (a *imageArchive) addJSON(content object) (blob, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return blob{}, err
	}
	path := filepath.Join(filepath.Dir(a.file.Name()), "object.json")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		return blob{}, err
	}
	return a.add(path)
}

func (a *imageArchive) write(name string, content io.Reader, size int64) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(a.tar, content)
	return err
}

// image adds one, with its layers from the lowest. It is found by its name, and by the digest of its manifest, by which KubeVirt
// names it to the target of a migration.
func (a *imageArchive) image(name string, settings object, layers []blob) error {
	ids, descriptors := []string{}, []object{}
	for _, layer := range layers {
		ids = append(ids, "sha256:"+layer.digest)
		descriptors = append(descriptors, layer.descriptor("layer.v1.tar"))
	}
	settings["Env"] = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	config, err := a.addJSON(object{
		"architecture": "amd64", "os": "linux", "rootfs": object{"type": "layers", "diff_ids": ids},
		"config": settings,
	})
	if err != nil {
		return err
	}
	manifest, err := a.addJSON(object{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config.descriptor("config.v1+json"), "layers": descriptors})
	if err != nil {
		return err
	}
	for _, one := range []string{name, name[:strings.LastIndex(name, ":")] + "@sha256:" + manifest.digest} {
		descriptor := manifest.descriptor("manifest.v1+json")
		descriptor["annotations"] = object{"io.containerd.image.name": one}
		a.manifests = append(a.manifests, descriptor)
	}
	return nil
}

func (a *imageArchive) close() error {
	for name, content := range map[string]object{
		"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": {"schemaVersion": 2, "manifests": a.manifests},
	} {
		body, err := json.Marshal(content)
		if err != nil {
			return err
		}
		if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			return err
		}
		if _, err := a.tar.Write(body); err != nil {
			return err
		}
	}
	if err := a.tar.Close(); err != nil {
		return err
	}
	return a.file.Close()
}
