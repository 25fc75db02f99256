package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
)

// serveFake serves an API server with n secrets that are all current. It prints its
// address, and ends when its standard input is closed.
func serveFake(ctx context.Context, n int) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: fakeAPI(n), ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fakeAPI is the number of secrets of a fake API server. The server lists and
// patches secrets, and returns 404 for everything else.
type fakeAPI int

func (n fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/api/v1/secrets":
		first, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		list := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: "9000000"}}
		for i := first; i < min(first+limit, int(n)); i++ {
			list.Items = append(list.Items, secret(i))
		}
		if end := first + limit; end < int(n) {
			remaining := int64(int(n) - end)
			// A real API server also sets both if there is no selector.
			list.Continue, list.RemainingItemCount = strconv.Itoa(end), &remaining
		}
		respond(w, "PartialObjectMetadataList", list)
	case r.Method == http.MethodPatch && len(parts) == 6 && parts[4] == "secrets":
		i, _ := strconv.Atoi(parts[5][strings.LastIndexByte(parts[5], '-')+1:])
		object := secret(i)
		respond(w, "PartialObjectMetadata", &object)
	default:
		http.NotFound(w, r)
	}
}

// secret returns secret number i. Its name and namespace have typical lengths.
func secret(i int) metav1.PartialObjectMetadata {
	return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: fmt.Sprintf("team-%03d", i%500), Name: fmt.Sprintf("service-credentials-%07d", i),
		UID:               types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)),
		ResourceVersion:   strconv.Itoa(1_000_000 + i),
		CreationTimestamp: metav1.Unix(1_700_000_000, 0),
	}}
}

func respond(w http.ResponseWriter, kind string, object interface{ Marshal() ([]byte, error) }) {
	raw, err := object.Marshal()
	if err == nil {
		envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kind}, Raw: raw}
		raw, err = envelope.Marshal()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
	_, _ = w.Write(append([]byte{'k', '8', 's', 0}, raw...))
}

// measureMemory runs the plugin against a fake API server with n secrets, which is
// a separate process. The lab provides the AWS endpoints.
func measureMemory(ctx context.Context, n int) (measurement, error) {
	m := measurement{objects: n}
	l, err := startLab(ctx, 1, 64)
	if err != nil {
		return m, err
	}
	defer l.stop(ctx)
	fake, err := startSubprocess(ctx, "-fake-server", strconv.Itoa(n))
	if err != nil {
		return m, err
	}
	defer fake.end()
	address, err := fake.stdout.ReadString('\n')
	if err != nil {
		return m, err
	}
	config := l.config.DeepCopy()
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	cluster.Server, cluster.CertificateAuthorityData = "http://"+strings.TrimSpace(address), nil
	file := l.dir + "/kubeconfig-fake"
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return m, err
	}
	cmd := exec.CommandContext(ctx, os.Getenv("PLUGIN_BIN"), "rewrite", "--no-record", "--trust-endpoint",
		"-o", "jsonpath={.verdict} {.resources[0].total}")
	cmd.Env = append(append([]string{}, l.env...), "KUBECONFIG="+file)
	var out strings.Builder
	cmd.Stdout = &out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	m.memory, err = peakMemory(cmd)
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 {
		err = nil // NotProven, see below
	}
	m.took = time.Since(begin)
	if err != nil {
		return m, err
	}
	// Without TLS nothing shows that the server is the cluster's.
	if want := fmt.Sprintf("NotProven %d", n); out.String() != want {
		return m, fmt.Errorf("output of rewrite = %q, want %q", out.String(), want)
	}
	return m, nil
}
