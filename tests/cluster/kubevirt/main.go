// Command kubevirt prints what installs KubeVirt, as its own packages make it: the operator with its permissions and its
// resource type, and the object by which the operator installs the rest. KubeVirt's programs are built from this module as well.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"kubevirt.io/kubevirt/pkg/pointer"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/components"
	"kubevirt.io/kubevirt/pkg/virt-operator/resource/generate/rbac"
	operatorutil "kubevirt.io/kubevirt/pkg/virt-operator/util"
)

const namespace = "kubevirt"

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: kubevirt REGISTRY API-SERVER-HOST API-SERVER-PORT")
		os.Exit(2)
	}
	objects, err := manifests(os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(objects)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubevirt:", err)
		os.Exit(1)
	}
}

// manifests are the objects in the order in which they are to be created. There is one of each of KubeVirt's own pods: a
// second would only take memory.
func manifests(registry, host, port string) ([]any, error) {
	version, err := moduleVersion("kubevirt.io/kubevirt")
	if err != nil {
		return nil, err
	}
	crd, err := components.NewKubeVirtCrd()
	if err != nil {
		return nil, err
	}
	objects := []any{
		&corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"kubevirt.io": "", "pod-security.kubernetes.io/enforce": "privileged"}},
		},
		crd, components.NewKubeVirtPriorityClassCR(),
	}
	objects = append(objects, rbac.GetAllOperator(namespace)...)
	operator := operatorDeployment(registry, version)
	operator.Spec.Replicas = pointer.P(int32(1))
	container := &operator.Spec.Template.Spec.Containers[0]
	// Nothing forwards a Service's address here: the operator, and what it starts, is told where the API server listens.
	for _, one := range []corev1.EnvVar{{Name: "KUBERNETES_SERVICE_HOST", Value: host}, {Name: "KUBERNETES_SERVICE_PORT", Value: port}} {
		container.Env = append(container.Env, one, corev1.EnvVar{Name: operatorutil.PassthroughEnvPrefix + one.Name, Value: one.Value})
	}
	return append(objects, operator, &kubevirtv1.KubeVirt{
		TypeMeta:   metav1.TypeMeta{APIVersion: kubevirtv1.GroupVersion.String(), Kind: "KubeVirt"},
		ObjectMeta: metav1.ObjectMeta{Name: "kubevirt", Namespace: namespace},
		Spec: kubevirtv1.KubeVirtSpec{
			ImagePullPolicy: corev1.PullIfNotPresent,
			Infra:           &kubevirtv1.ComponentConfig{Replicas: pointer.P(uint8(1))},
			Configuration:   kubevirtv1.KubeVirtConfiguration{DeveloperConfiguration: &kubevirtv1.DeveloperConfiguration{UseEmulation: true}},
		},
	}), nil
}

// moduleVersion is the one that go.mod asks for, and the tag of KubeVirt's images.
func moduleVersion(path string) (string, error) {
	build, _ := debug.ReadBuildInfo()
	if build != nil {
		for _, module := range build.Deps {
			if module.Path == path {
				return module.Version, nil
			}
		}
	}
	return "", fmt.Errorf("this program was built without module %s", path)
}
