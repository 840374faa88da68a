package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	watchtools "k8s.io/client-go/tools/watch"
)

// The kinds that are used.
var (
	nodes               = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	pods                = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	events              = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	serviceAccounts     = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	volumes             = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumes"}
	claims              = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	namespaces          = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	clusterRoles        = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	roleBindings        = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	clusterRoleBindings = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}
	kubevirts           = schema.GroupVersionResource{Group: "kubevirt.io", Version: "v1", Resource: "kubevirts"}
	vms                 = schema.GroupVersionResource{Group: "kubevirt.io", Version: "v1", Resource: "virtualmachines"}
	vmis                = schema.GroupVersionResource{Group: "kubevirt.io", Version: "v1", Resource: "virtualmachineinstances"}
	vmims               = schema.GroupVersionResource{Group: "kubevirt.io", Version: "v1", Resource: "virtualmachineinstancemigrations"}
	replicaSets         = schema.GroupVersionResource{Group: "kubevirt.io", Version: "v1", Resource: "virtualmachineinstancereplicasets"}
)

type object = map[string]any

// api talks to the API server as one user.
type api struct {
	client dynamic.Interface
	config *rest.Config
}

func newAPI(kubeconfig string) (*api, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 1000, 1000
	config.WarningHandler = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(config)
	return &api{client, config}, err
}

func (a *api) at(kind schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return a.client.Resource(kind)
	}
	return a.client.Resource(kind).Namespace(namespace)
}

func (a *api) ready() bool {
	client, err := rest.HTTPClientFor(a.config)
	if err != nil {
		return false
	}
	answer, err := client.Get(a.config.Host + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == 200
}

func (a *api) get(kind schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	return a.at(kind, namespace).Get(context.Background(), name, v1.GetOptions{})
}

// await watches an object, which need not be there yet, until it is as asked.
func (a *api) await(limit time.Duration, kind schema.GroupVersionResource, namespace, name string, is func(*unstructured.Unstructured) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	one := fields.OneTermEqualSelector("metadata.name", name).String()
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options v1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = one
			return a.at(kind, namespace).List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options v1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = one
			return a.at(kind, namespace).Watch(ctx, options)
		},
	}
	last := "it was never there"
	_, err := watchtools.UntilWithSync(ctx, source, &unstructured.Unstructured{}, nil, func(event watch.Event) (bool, error) {
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok || event.Type == watch.Deleted {
			return false, nil
		}
		last = fmt.Sprint(o.Object["status"])
		return is(o), nil
	})
	if err != nil {
		return fmt.Errorf("%s %s within %v: %w; last status: %s", kind.Resource, name, limit, err, last)
	}
	return nil
}

func (a *api) list(kind schema.GroupVersionResource, namespace, selector string) ([]unstructured.Unstructured, error) {
	list, err := a.at(kind, namespace).List(context.Background(), v1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (a *api) create(kind schema.GroupVersionResource, namespace string, content object) (*unstructured.Unstructured, error) {
	return a.at(kind, namespace).Create(context.Background(), &unstructured.Unstructured{Object: content}, v1.CreateOptions{})
}

// merge applies a merge patch, to a subresource when one is named.
func (a *api) merge(kind schema.GroupVersionResource, namespace, name string, patch object, subresource ...string) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = a.at(kind, namespace).Patch(context.Background(), name, types.MergePatchType, body, v1.PatchOptions{}, subresource...)
	return err
}

// patch applies a JSON patch.
func (a *api) patch(kind schema.GroupVersionResource, namespace, name string, changes ...object) error {
	body, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	_, err = a.at(kind, namespace).Patch(context.Background(), name, types.JSONPatchType, body, v1.PatchOptions{})
	return err
}

// subresource asks KubeVirt's part of the API for something, of a VM or VMI in the namespace of all.
func (a *api) subresource(plural, name, verb string) error {
	client, err := rest.HTTPClientFor(a.config)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPut, a.config.Host+"/apis/subresources.kubevirt.io/v1/namespaces/default/"+plural+"/"+name+"/"+verb, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s of %s: %s", verb, name, answer.Status)
	}
	if answer != nil {
		answer.Body.Close()
	}
	return err
}

// remove deletes; a grace period below zero leaves it to the object.
func (a *api) remove(kind schema.GroupVersionResource, namespace, name string, grace int64) error {
	options := v1.DeleteOptions{}
	if grace >= 0 {
		options.GracePeriodSeconds = &grace
	}
	return a.at(kind, namespace).Delete(context.Background(), name, options)
}

// condition is the status of one of an object's conditions.
func condition(o *unstructured.Unstructured, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, one := range conditions {
		if fields, ok := one.(object); ok && fields["type"] == kind {
			status, _ := fields["status"].(string)
			return status
		}
	}
	return ""
}

// text is a string inside an object, empty when it is not there.
func text(o *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, path...)
	return value
}

// evict asks for a pod's eviction, as a drain does.
func (a *api) evict(namespace, name string) error {
	_, err := a.at(pods, namespace).Create(context.Background(), &unstructured.Unstructured{Object: object{
		"apiVersion": "policy/v1", "kind": "Eviction", "metadata": object{"name": name, "namespace": namespace},
	}}, v1.CreateOptions{}, "eviction")
	return err
}
