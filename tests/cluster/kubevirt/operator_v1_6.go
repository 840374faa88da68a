//go:build kubevirt_v1_6

package main

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
)

// operatorDeployment has the images that the version names, none of them by its digest.
func operatorDeployment(registry, version string) *appsv1.Deployment {
	return components.NewOperatorDeployment(namespace, registry, "", version, "2", version,
		"", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", corev1.PullIfNotPresent)
}
