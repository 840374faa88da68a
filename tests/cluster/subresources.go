package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// virtAPI is where the stand-in for virt-api listens; the API server passes subresources.kubevirt.io on to it, after it
// has authenticated and authorized who asks.
const virtAPI = "10.80.0.1:8443"

// subresource says what can be asked of a VM or VMI beyond its object.
type subresource struct {
	vm bool
	do func(c *cluster, o *unstructured.Unstructured, options options) error
}

// options is the body of such a request.
type options struct {
	DryRun      []string `json:"dryRun"`
	GracePeriod *int64   `json:"gracePeriod"`
}

func (o options) dry() bool { return len(o.DryRun) > 0 }

var subresources = map[string]subresource{
	"virtualmachineinstances/pause":   {false, func(c *cluster, o *unstructured.Unstructured, opts options) error { return c.freeze(o, true, opts) }},
	"virtualmachineinstances/unpause": {false, func(c *cluster, o *unstructured.Unstructured, opts options) error { return c.freeze(o, false, opts) }},
	"virtualmachineinstances/reset":   {false, (*cluster).reset},
	"virtualmachines/start":           {true, (*cluster).startVM},
	"virtualmachines/stop":            {true, (*cluster).stopVM},
	"virtualmachines/restart":         {true, (*cluster).restartVM},
}

// serveSubresources makes subresources.kubevirt.io a part of the API, as the installation of virt-api does.
func (c *cluster) serveSubresources() error {
	certificate, err := tls.LoadX509KeyPair(c.pki("virt-api.crt"), c.pki("virt-api.key"))
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", virtAPI, &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(c.folder, "log", "virt-api.log"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(c.answerSubresource), ErrorLog: log.New(file, "", log.LstdFlags), ReadHeaderTimeout: time.Minute}
	go func() { fmt.Fprintln(file, server.Serve(listener)) }()
	host, port, _ := net.SplitHostPort(virtAPI)
	if _, err := c.api.create(services, "kubevirt", object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": "virt-api"}, "spec": object{"type": "ExternalName", "externalName": host}}); err != nil {
		return err
	}
	bundle, err := os.ReadFile(c.pki("ca.crt"))
	if err != nil {
		return err
	}
	var number int64
	if _, err := fmt.Sscan(port, &number); err != nil {
		return err
	}
	if _, err := c.api.create(apiServices, "", object{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": object{"name": "v1.subresources.kubevirt.io"},
		"spec": object{
			"group": "subresources.kubevirt.io", "version": "v1", "groupPriorityMinimum": int64(1000), "versionPriority": int64(15),
			"service": object{"namespace": "kubevirt", "name": "virt-api", "port": number}, "caBundle": base64.StdEncoding.EncodeToString(bundle),
		},
	}); err != nil {
		return err
	}
	return until(30*time.Second, "subresources.kubevirt.io is served", func() bool {
		service, err := c.api.get(apiServices, "", "v1.subresources.kubevirt.io")
		return err == nil && condition(service, "Available") == "True"
	})
}

// answerSubresource answers discovery, and a PUT to a subresource: 202 without a body, as virt-api does.
func (c *cluster) answerSubresource(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(path) == 3 && r.Method == http.MethodGet {
		list := v1.APIResourceList{TypeMeta: v1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "subresources.kubevirt.io/v1"}
		for name := range subresources {
			list.APIResources = append(list.APIResources, v1.APIResource{Name: name, Namespaced: true, Verbs: v1.Verbs{"update"}})
		}
		answer(w, http.StatusOK, list)
		return
	}
	if len(path) != 8 || r.Method != http.MethodPut {
		answer(w, http.StatusNotFound, errors.NewNotFound(vmis.GroupResource(), r.URL.Path).Status())
		return
	}
	err := c.subresource(path[4], path[5], path[6], path[7], r)
	if status, ok := err.(errors.APIStatus); ok {
		answer(w, int(status.Status().Code), status.Status())
	} else if err != nil {
		answer(w, http.StatusInternalServerError, errors.NewInternalError(err).Status())
	} else {
		w.WriteHeader(http.StatusAccepted)
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func (c *cluster) subresource(namespace, plural, name, verb string, r *http.Request) error {
	one, known := subresources[plural+"/"+verb]
	if !known {
		return errors.NewNotFound(vmis.GroupResource(), plural+"/"+verb)
	}
	var asked options
	if r.ContentLength != 0 {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			return errors.NewBadRequest("Can not unmarshal Request body to struct, error: " + err.Error())
		}
	}
	kind := vmis
	if one.vm {
		kind = vms
	}
	o, err := c.api.get(kind, namespace, name)
	if err != nil {
		return err
	}
	return one.do(c, o, asked)
}

func refused(o *unstructured.Unstructured, format string, args ...any) error {
	group := vmis.GroupResource()
	if o.GetKind() == "VirtualMachine" {
		group = vms.GroupResource()
	}
	return errors.NewConflict(group, o.GetName(), fmt.Errorf(format, args...))
}

// freeze stops a guest's processors, or lets them go on.
func (c *cluster) freeze(vmi *unstructured.Unstructured, freeze bool, opts options) error {
	paused := condition(vmi, "Paused") == "True"
	_, probed, _ := unstructured.NestedMap(vmi.Object, "spec", "livenessProbe")
	switch {
	case text(vmi, "status", "phase") != "Running":
		return refused(vmi, "VM is not running")
	case freeze && probed:
		return errors.NewForbidden(vmis.GroupResource(), vmi.GetName(), fmt.Errorf("Pausing VMIs with LivenessProbe is currently not supported"))
	case freeze && paused:
		return refused(vmi, "VMI is already paused")
	case !freeze && !paused:
		return refused(vmi, "VMI is not paused")
	case opts.dry():
		return nil
	}
	if !freeze {
		if err := c.monitor(vmi.GetName(), "cont"); err != nil {
			return err
		}
		return c.setConditions(vmi, object{"Paused": nil, "Ready": object{"status": "True"}})
	}
	if err := c.monitor(vmi.GetName(), "stop"); err != nil {
		return err
	}
	return c.setConditions(vmi, object{
		"Paused": object{"status": "True", "reason": "PausedByUser", "message": "VMI was paused by user"},
		"Ready":  object{"status": "False", "reason": "GuestNotRunning", "message": "Guest VM is not reported as running"},
	})
}

// reset restarts a guest in the same pod; its agent is away until it has booted.
func (c *cluster) reset(vmi *unstructured.Unstructured, _ options) error {
	if text(vmi, "status", "phase") != "Running" {
		return refused(vmi, "VM is not running")
	}
	console, err := c.console(vmi.GetName())
	if err != nil {
		return err
	}
	boots := func() int {
		text, _ := os.ReadFile(console)
		return strings.Count(string(text), "guest: up")
	}
	before := boots()
	if err := c.monitor(vmi.GetName(), "system_reset"); err != nil {
		return err
	}
	if err := c.setConditions(vmi, object{"AgentConnected": nil}); err != nil {
		return err
	}
	go func() {
		if until(2*time.Minute, vmi.GetName()+" boots", func() bool { return boots() > before }) == nil {
			_ = c.setConditions(vmi, object{"AgentConnected": object{"status": "True"}})
		}
	}()
	return nil
}

// setConditions changes some of a VMI's conditions; nil takes one away.
func (c *cluster) setConditions(vmi *unstructured.Unstructured, changes object) error {
	latest, err := c.api.get(vmis, vmi.GetNamespace(), vmi.GetName())
	if err != nil || latest.GetUID() != vmi.GetUID() {
		return err
	}
	all := []any{}
	for _, one := range conditionsOf(latest) {
		if _, changed := changes[fmt.Sprint(one.(object)["type"])]; !changed {
			all = append(all, one)
		}
	}
	for kind, change := range changes {
		if fields, ok := change.(object); ok {
			fields["type"], fields["lastProbeTime"], fields["lastTransitionTime"] = kind, nil, now()
			all = append(all, fields)
		}
	}
	return c.api.merge(vmis, vmi.GetNamespace(), vmi.GetName(), object{"status": object{"conditions": all}})
}

// inGuest is a file of a VM's compute container.
func (c *cluster) inGuest(name, file string) (string, error) {
	pod, err := c.launcher(name)
	if err != nil {
		return "", err
	}
	if c.nodeOf(pod).machine {
		return "", fmt.Errorf("%s: its node's processes are not seen from here", name)
	}
	pid, err := c.computePid(pod)
	return filepath.Join("/proc", pid, "root", "tmp", file), err
}

func (c *cluster) console(name string) (string, error) { return c.inGuest(name, "console") }

// monitor gives QEMU a command, as libvirt does.
func (c *cluster) monitor(name, command string) error {
	socket, err := c.inGuest(name, "qmp")
	if err != nil {
		return err
	}
	connection, err := net.DialTimeout("unix", socket, 10*time.Second)
	if err != nil {
		return fmt.Errorf("%s's monitor: %w", name, err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	lines := bufio.NewScanner(connection)
	for _, execute := range []string{"qmp_capabilities", command} {
		if _, err := fmt.Fprintf(connection, "{\"execute\":%q}\n", execute); err != nil {
			return fmt.Errorf("%s's monitor: %w", name, err)
		}
		for done := false; !done; {
			if !lines.Scan() {
				return fmt.Errorf("%s's monitor ended before it answered to %s: %v", name, execute, lines.Err())
			}
			line := lines.Text()
			if strings.HasPrefix(line, `{"error"`) {
				return fmt.Errorf("%s's monitor: %s: %s", name, execute, line)
			}
			done = strings.HasPrefix(line, `{"return"`)
		}
	}
	return nil
}
