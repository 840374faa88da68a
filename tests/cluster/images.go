package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// The images that are not KubeVirt's.
const (
	pauseImage = registry + "/pause:1"
	guestImage = registry + "/guest:1"
)

// shells are what /bin/sh can be in an image of the debug pod, with the image: all have the same tools.
var shells = map[string]string{"bash": registry + "/bash:1", "dash": registry + "/dash:1", "busybox": registry + "/busybox:1"}

var shellNames = []string{"bash", "dash", "busybox"}

// archives are what holds all images: those that are built for each cluster, and KubeVirt's.
func (c *cluster) archives() []string {
	return []string{filepath.Join(c.folder, "images", "images.tar"), os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT_IMAGES")}
}

// toolsRoot is the file system of the debug pods' image.
func (c *cluster) toolsRoot() string { return filepath.Join(c.folder, "images", "tools") }

// images builds the images and puts them into the containerd of the nodes of this kernel; no registry is asked.
func (c *cluster) images() error {
	if err := c.buildImages(); err != nil {
		return err
	}
	var imports []func() error
	for _, n := range c.hosts() {
		imports = append(imports, func() error { return c.importImages(n) })
	}
	return atOnce(imports...)
}

func (c *cluster) buildImages() error {
	roots := filepath.Join(c.folder, "images")
	if err := run(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "tools.sh"), os.Getenv("VMCHAOS_CLUSTER_KERNEL"), roots); err != nil {
		return err
	}
	builder, err := newImageArchive(c.archives()[0])
	if err != nil {
		return err
	}
	pause, err := builder.layerOf(filepath.Join(roots, "pause"))
	if err != nil {
		return err
	}
	tools, err := builder.layerOf(c.toolsRoot())
	if err != nil {
		return err
	}
	guest, err := builder.layerOf(filepath.Join(roots, "guest"))
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
		{guestImage, object{}, []blob{guest}},
		{shells["bash"], object{}, []blob{tools}},
		{shells["dash"], object{}, []blob{tools, dash}},
		{shells["busybox"], object{}, []blob{tools, busybox}},
	} {
		if err := builder.image(image.name, image.config, image.layers); err != nil {
			return err
		}
	}
	return builder.close()
}

func (c *cluster) importImages(n *node) error {
	if err := until(time.Minute, "containerd of "+n.name+" listens", func() bool { return c.on(n, c.bin+"/usr/bin/ctr", "version").Run() == nil }); err != nil {
		return err
	}
	for _, archive := range c.archives() {
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
