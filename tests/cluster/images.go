package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The images there are. Those for the agent's other shells differ from the launcher's in what /bin/sh is.
const (
	pauseImage    = "localhost/vmchaos-test/pause:1"
	launcherImage = "localhost/vmchaos-test/virt-launcher:1"
	guestImage    = "localhost/vmchaos-test/guest:1"
)

// shells are what /bin/sh can be in an image of the debug pod, with the image.
var shells = map[string]string{
	"bash": launcherImage, "dash": "localhost/vmchaos-test/dash:1", "busybox": "localhost/vmchaos-test/busybox:1",
}

var shellNames = []string{"bash", "dash", "busybox"}

// images builds the images and puts them into both nodes' containerd; no registry is asked.
func (c *cluster) images() error {
	kernel := os.Getenv("VMCHAOS_CLUSTER_KERNEL")
	roots := filepath.Join(c.folder, "images")
	if err := run(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "build.sh"), kernel, roots); err != nil {
		return err
	}
	archive := filepath.Join(roots, "images.tar")
	builder, err := newImageArchive(archive)
	if err != nil {
		return err
	}
	pause, err := builder.layerOf(filepath.Join(roots, "pause"))
	if err != nil {
		return err
	}
	launcher, err := builder.layerOf(filepath.Join(roots, "launcher"))
	if err != nil {
		return err
	}
	guest, err := builder.layerOf(filepath.Join(roots, "launcher", "guest"))
	if err != nil {
		return err
	}
	dash, err := builder.layerOfLink("usr/bin/sh", "dash")
	if err != nil {
		return err
	}
	busybox, err := builder.layerOfLink("usr/bin/sh", "/bb/busybox")
	if err != nil {
		return err
	}
	for _, image := range []struct {
		name   string
		config object
		layers []blob
	}{
		{pauseImage, object{"Entrypoint": []string{"/pause"}}, []blob{pause}},
		{launcherImage, object{}, []blob{launcher}},
		{guestImage, object{}, []blob{guest}},
		{shells["dash"], object{}, []blob{launcher, dash}},
		{shells["busybox"], object{}, []blob{launcher, busybox}},
	} {
		if err := builder.image(image.name, image.config, image.layers); err != nil {
			return err
		}
	}
	if err := builder.close(); err != nil {
		return err
	}
	archives := []string{archive}
	if c.virt != "" {
		archives = append(archives, c.virt)
	}
	var group sync.WaitGroup
	failed := make([]error, len(c.nodes))
	for i, n := range c.nodes {
		group.Add(1)
		go func() {
			defer group.Done()
			failed[i] = c.importImages(n, archives)
		}()
	}
	group.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	if !c.needsMachine {
		return nil
	}
	return c.startMachine(filepath.Join(roots, "launcher"), archives)
}

func (c *cluster) importImages(n *node, archives []string) error {
	if err := until(time.Minute, "containerd of "+n.name+" listens", func() bool { return c.on(n, c.bin+"/usr/bin/ctr", "version").Run() == nil }); err != nil {
		return err
	}
	for _, archive := range archives {
		out, err := c.on(n, c.bin+"/usr/bin/ctr", "--namespace", "k8s.io", "images", "import", archive).CombinedOutput()
		if err != nil {
			return fmt.Errorf("importing %s on %s: %w: %s", filepath.Base(archive), n.name, err, out)
		}
	}
	return nil
}

// runOn is a command on a node that matters only for whether it succeeds.
func (c *cluster) runOn(n *node, argv ...string) error {
	if n.machine {
		_, err := c.inMachine(n, "", argv...)
		return err
	}
	return c.on(n, argv...).Run()
}

// on is a command in a node's mount, network and PID namespaces.
func (c *cluster) on(n *node, argv ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", fmt.Sprint(n.pid), "--mount", "--net", "--pid", "--"}, argv...)...)
}

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
