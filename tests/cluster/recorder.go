package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// quiet is for how long nothing may change until what was done is over.
const quiet = 6 * time.Second

// recording is what is asked for a guest and what watches tell of it meanwhile, in the order in which it came.
type recording struct {
	*check
	guest   guest
	mutex   *sync.Mutex
	names   *placeholders
	objects map[string]object
	steps   *[]step
	last    *time.Time
}

// step is a request and its answer, or a change that a watch told of, or what was done otherwise.
type step struct {
	Note string `json:"note,omitempty"`

	Request string `json:"request,omitempty"`
	Body    any    `json:"body,omitempty"`
	Code    int    `json:"code,omitempty"`
	// Reply is the status that was answered; of an answered object only its kind.
	Reply any `json:"reply,omitempty"`

	// Event is ADDED, MODIFIED or DELETED, or THERE for what was there at the start.
	Event string `json:"event,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Name  string `json:"name,omitempty"`
	// Object is the whole object when it is told of for the first time; Set and Unset are what has changed since, by JSON pointers.
	Object object   `json:"object,omitempty"`
	Set    object   `json:"set,omitempty"`
	Unset  []string `json:"unset,omitempty"`
	// Bytes is the size of the object as it came, as JSON.
	Bytes int `json:"bytes,omitempty"`
}

// recorded are the kinds that are watched.
var recorded = []schema.GroupVersionResource{vms, vmis, vmims, pods, events}

// newRecording opens the watches.
func (t *check) newRecording(g guest) *recording {
	now := time.Now()
	r := &recording{check: t, guest: g, mutex: &sync.Mutex{}, names: newPlaceholders(g.name), objects: map[string]object{}, steps: &[]step{}, last: &now}
	ctx, stop := context.WithCancel(context.Background())
	t.after(stop)
	for _, kind := range recorded {
		list, err := t.api.at(kind, "default").List(ctx, v1.ListOptions{})
		t.must(err)
		for i := range list.Items {
			if kind != events {
				r.told("THERE", &list.Items[i])
			}
		}
		told, err := t.api.at(kind, "default").Watch(ctx, v1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		t.must(err)
		go func() {
			for event := range told.ResultChan() {
				if o, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != watch.Error {
					r.told(string(event.Type), o)
				}
			}
			if ctx.Err() == nil {
				r.note("a watch of " + kind.Resource + " ended")
			}
		}()
	}
	return r
}

// about says whether an object is one of the guest's.
func (r *recording) about(o *unstructured.Unstructured) bool {
	name := o.GetName()
	switch o.GetKind() {
	case "VirtualMachineInstanceMigration":
		return text(o, "spec", "vmiName") == r.guest.name
	case "Event":
		name = text(o, "involvedObject", "name")
		// A migration by somebody else than this recording names its VMI in its object only.
		if strings.HasPrefix(name, "kubevirt-evacuation-") || strings.HasPrefix(name, "kubevirt-migrate-vm-") {
			return true
		}
		return name == r.guest.name || strings.HasPrefix(name, r.guest.name+"-m") || strings.HasPrefix(name, "virt-launcher-"+r.guest.name+"-")
	case "Pod":
		return strings.HasPrefix(name, "virt-launcher-"+r.guest.name+"-")
	}
	return name == r.guest.name
}

// told takes down a change, unless it is none of what is looked at.
func (r *recording) told(event string, o *unstructured.Unstructured) {
	if !r.about(o) {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	raw, _ := json.Marshal(o.Object)
	now := r.names.in(inBrief(o).Object)
	entry := step{Event: event, Kind: o.GetKind(), Name: text(&unstructured.Unstructured{Object: now}, "metadata", "name"), Bytes: len(raw)}
	key := o.GetKind() + " " + string(o.GetUID())
	before, known := r.objects[key]
	switch {
	case !known:
		entry.Object = now
	default:
		entry.Set, entry.Unset = object{}, nil
		differences("", before, now, &entry)
		if event == "MODIFIED" && len(entry.Set)+len(entry.Unset) == 0 {
			return
		}
	}
	r.objects[key] = now
	*r.steps, *r.last = append(*r.steps, entry), time.Now()
}

// inBrief leaves out who manages which field, and of an Event all but what it says: there are many.
func inBrief(o *unstructured.Unstructured) *unstructured.Unstructured {
	brief := o.DeepCopy()
	brief.SetManagedFields(nil)
	if o.GetKind() != "Event" {
		return brief
	}
	about, _, _ := unstructured.NestedMap(o.Object, "involvedObject")
	delete(about, "resourceVersion")
	return &unstructured.Unstructured{Object: object{
		"kind": "Event", "metadata": object{"name": o.GetName(), "uid": string(o.GetUID())}, "involvedObject": about,
		"type": o.Object["type"], "reason": o.Object["reason"], "message": o.Object["message"], "reportingComponent": o.Object["reportingComponent"],
	}}
}

// differences are the values that are set and unset between two objects; lists count as one value.
func differences(at string, before, after object, to *step) {
	for key, old := range before {
		path := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		now, there := after[key]
		oldFields, isObject := old.(object)
		nowFields, stillObject := now.(object)
		switch {
		case !there:
			to.Unset = append(to.Unset, path)
		case isObject && stillObject && len(nowFields) > 0:
			differences(path, oldFields, nowFields, to)
		case !reflect.DeepEqual(old, now):
			to.Set[path] = now
		}
	}
	for key, now := range after {
		if _, there := before[key]; !there {
			to.Set[at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key)] = now
		}
	}
	slices.Sort(to.Unset)
}

// note takes down what is done past the API server.
func (r *recording) note(what string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	*r.steps, *r.last = append(*r.steps, step{Note: what}), time.Now()
}

// ask makes a request as an administrator, and takes down what is answered.
func (r *recording) ask(method, path string, body object) {
	client, err := rest.HTTPClientFor(r.api.config)
	r.must(err)
	content, err := json.Marshal(body)
	r.must(err)
	if body == nil {
		content = nil
	}
	request, err := http.NewRequest(method, r.api.config.Host+path, bytes.NewReader(content))
	r.must(err)
	request.Header.Set("Content-Type", map[string]string{"PATCH": "application/merge-patch+json"}[method])
	if method != "PATCH" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(request)
	r.must(err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	r.must(err)
	entry := step{Code: answer.StatusCode}
	var reply object
	if json.Unmarshal(said, &reply) != nil {
		entry.Reply = string(said)
	} else if kind, _ := reply["kind"].(string); kind != "Status" && kind != "" {
		entry.Reply = object{"kind": kind}
	} else {
		entry.Reply = reply
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	entry.Request = method + " " + r.names.text(path)
	entry.Reply = r.names.value(entry.Reply)
	if len(body) > 0 {
		entry.Body = r.names.value(body)
	}
	*r.steps, *r.last = append(*r.steps, entry), time.Now()
}

// untilQuiet waits until nothing has changed for a while.
func (r *recording) untilQuiet() {
	r.until(2*time.Minute, "nothing changes any more", func() bool {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		return time.Since(*r.last) > quiet
	})
}

// write keeps the recording, one step a line.
func (r *recording) write(name string) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var lines []string
	for _, one := range *r.steps {
		if strings.HasPrefix(one.Note, "a watch of ") {
			return fmt.Errorf("%s: %s", name, one.Note)
		}
		line, err := json.Marshal(one)
		if err != nil {
			return err
		}
		lines = append(lines, string(line))
	}
	version, _ := json.Marshal(os.Getenv("VMCHAOS_CLUSTER_KUBEVIRT_VERSION"))
	content := fmt.Sprintf("{\"kubevirt\":%s,\"steps\":[\n%s\n]}\n", version, strings.Join(lines, ",\n"))
	folder := os.Getenv(recordingsFolder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".json"), []byte(content), 0o644)
}
