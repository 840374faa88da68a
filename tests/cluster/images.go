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

// archive holds the images that are built for each cluster: those that are not KubeVirt's.
func (c *cluster) archive() string { return filepath.Join(c.folder, "images", "images.tar") }

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
	if err := run(filepath.Join(os.Getenv("VMCHAOS_CLUSTER_SOURCES"), "image", "tools.sh"), os.Getenv("VMCHAOS_CLUSTER_KERNEL"), os.Getenv("VMCHAOS_CLUSTER_GUEST_AGENT"), roots); err != nil {
		return err
	}
	builder, err := newImageArchive(c.archive())
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
	commandRoot, err := c.commandLayer()
	if err != nil {
		return err
	}
	command, err := builder.layerOf(commandRoot)
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
		{commandImage, object{"Entrypoint": []string{"/kubectl-vmchaos"}, "User": "65532:65532"}, []blob{command}},
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
	if out, err := c.on(n, c.bin+"/usr/bin/ctr", "--namespace", "k8s.io", "images", "import", c.archive()).CombinedOutput(); err != nil {
		return fmt.Errorf("importing images on %s: %w: %s", n.name, err, out)
	}
	return nil
}

// linkKubeVirtImages gives a node's containerd KubeVirt's images, which were imported once for all clusters: what it only reads is
// linked, its databases are its own.
func (n *node) linkKubeVirtImages() error {
	return run("sh", "-ec", `cp -al "$0" "$1"; cd "$0"; find . -name '*.db' -exec cp --parents --remove-destination -t "$1" {} +`,
		os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT_IMAGES"), filepath.Join(n.folder, "containerd"))
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
