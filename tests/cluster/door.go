package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// doorPort is where a node that is a machine takes commands: its kernel and its processes are seen from nowhere else, and a
// way that leads through its kubelet would end with what is killed there.
const doorPort = "7117"

// doorFailed is the trailer of a command that failed: how, and what it said on stderr.
const doorFailed = "Failed"

// door serves commands as root. ARGS: the node's name, its address, the folder of its certificate. Only who has the
// administrator's certificate comes in.
func door(args []string) error {
	name, address, folder := args[0], args[1], args[2]
	config, err := mutualTLS(folder, name)
	if err != nil {
		return err
	}
	config.ClientCAs, config.ClientAuth = config.RootCAs, tls.RequireAndVerifyClientCert
	server := &http.Server{Addr: net.JoinHostPort(address, doorPort), TLSConfig: config, ReadHeaderTimeout: 30 * time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.TLS.PeerCertificates[0].Subject.CommonName != "admin" {
				http.Error(w, "not the administrator", http.StatusForbidden)
				return
			}
			serveCommand(w, r)
		})}
	return server.ListenAndServeTLS("", "")
}

// serveCommand runs one command with the request's body as its input, and streams what it writes. It is killed when nobody
// listens any more.
func serveCommand(w http.ResponseWriter, r *http.Request) {
	argv := r.URL.Query()["argv"]
	if len(argv) == 0 {
		http.Error(w, "no command", http.StatusBadRequest)
		return
	}
	input, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Trailer", doorFailed)
	w.WriteHeader(http.StatusOK)
	command := exec.CommandContext(r.Context(), argv[0], argv[1:]...)
	var complaint strings.Builder
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(string(input)), flushed{w}, &complaint
	// What it leaves in the background keeps its output open.
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		w.Header().Set(doorFailed, url.QueryEscape(fmt.Sprintf("%v: %s", err, complaint.String())))
	}
}

// flushed sends every write on its way at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(bytes []byte) (int, error) {
	n, err := f.ResponseWriter.Write(bytes)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}

// mutualTLS is for either end of a connection inside the cluster: both show certificates of its authority.
func mutualTLS(folder, name string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: pool}, nil
}

// knock asks a machine to run a command; its output is read from the response, whose trailer says whether it failed.
func (c *cluster) knock(ctx context.Context, n *node, input string, argv ...string) (*http.Response, error) {
	address := url.URL{Scheme: "https", Host: net.JoinHostPort(n.address(), doorPort), Path: "/", RawQuery: url.Values{"argv": argv}.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(input))
	if err != nil {
		return nil, err
	}
	response, err := c.doorClient.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		response.Body.Close()
		err = fmt.Errorf("%s's door: %s", n.name, response.Status)
	}
	return response, err
}

// inMachine runs a command on a machine, with what it reads.
func (c *cluster) inMachine(n *node, input string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	response, err := c.knock(ctx, n, input, argv...)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if failed := response.Trailer.Get(doorFailed); err == nil && failed != "" {
		failed, _ = url.QueryUnescape(failed)
		err = fmt.Errorf("on %s: %s: %s", n.name, strings.Join(argv, " "), failed)
	}
	return string(out), err
}
