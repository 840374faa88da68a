package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
)

// kubevirtImages writes KubeVirt's images into one archive, which is made once for its programs and packages. ARGS: the version
// that tags them, the folder with a file system each, the archive.
func kubevirtImages(args []string) error {
	version, roots, archive := args[0], args[1], args[2]
	folders, err := os.ReadDir(roots)
	if err != nil {
		return err
	}
	if err := mayBindLowPorts(filepath.Join(roots, "virt-launcher", "usr", "bin", "virt-launcher-monitor")); err != nil {
		return err
	}
	builder, err := newImageArchive(archive)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		layer, err := builder.layerOf(filepath.Join(roots, folder.Name()))
		if err != nil {
			return err
		}
		config := object{"Entrypoint": []string{"/usr/bin/" + folder.Name()}}
		if folder.Name() != "virt-handler" && folder.Name() != "virt-launcher" {
			config["User"] = "1001"
		}
		if err := builder.image(registry+"/"+folder.Name()+":"+version, config, []blob{layer}); err != nil {
			return err
		}
	}
	return builder.close()
}

// mayBindLowPorts gives a program the capability cap_net_bind_service, permitted and in effect, whoever runs it.
func mayBindLowPorts(program string) error {
	const version2, effective, netBindService = 0x02000000, 1, 1 << 10
	var capability [20]byte
	binary.LittleEndian.PutUint32(capability[0:], version2|effective)
	binary.LittleEndian.PutUint32(capability[4:], netBindService)
	return syscall.Setxattr(program, "security.capability", capability[:], 0)
}
