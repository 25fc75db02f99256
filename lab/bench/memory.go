package main

import (
	"bufio"
	"context"
	"encoding/json"
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

// fakeNamespaces is the number of namespaces of a fake API server.
const fakeNamespaces = 500

// fakeAPI is the number of secrets of a fake API server. The server lists namespaces,
// lists and patches secrets, and returns 404 for everything else. It only serves Tables.
type fakeAPI int

func (n fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch namespaced := len(parts) >= 5 && parts[4] == "secrets"; {
	case r.Method == http.MethodGet && r.URL.Path == "/api/v1/namespaces":
		respond(w, r, fakeNamespaces, fakeNamespace)
	case r.Method == http.MethodGet && r.URL.Path == "/api/v1/secrets":
		respond(w, r, int(n), fakeName)
	case r.Method == http.MethodGet && namespaced && len(parts) == 5:
		var i int
		_, _ = fmt.Sscanf(parts[3], "team-%d", &i)
		respond(w, r, int(n)/fakeNamespaces, func(j int) string { return fakeName(j*fakeNamespaces + i) })
	case r.Method == http.MethodPatch && namespaced && len(parts) == 6:
		table(w, metav1.ListMeta{ResourceVersion: "1000000"}, parts[5])
	default:
		http.NotFound(w, r)
	}
}

// Names have typical lengths.
func fakeNamespace(i int) string { return fmt.Sprintf("team-%03d", i) }
func fakeName(i int) string      { return fmt.Sprintf("service-credentials-%07d", i) }

// respond returns one page of a list of n names.
func respond(w http.ResponseWriter, r *http.Request, n int, name func(int) string) {
	first, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	list := metav1.ListMeta{ResourceVersion: "9000000"}
	end := first + limit
	if remaining := int64(n - end); remaining > 0 {
		// A real API server also sets both if there is no selector.
		list.Continue, list.RemainingItemCount = strconv.Itoa(end), &remaining
	}
	var names []string
	for i := first; i < min(end, n); i++ {
		names = append(names, name(i))
	}
	table(w, list, names...)
}

// table writes a Table of secrets like that of a real API server, without objects.
func table(w http.ResponseWriter, list metav1.ListMeta, names ...string) {
	t := metav1.Table{TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"}, ListMeta: list}
	for _, column := range []string{"Name", "Type", "Data", "Age"} {
		d := metav1.TableColumnDefinition{Name: column, Type: "string", Description: strings.Repeat("a description ", 20)}
		if column == "Name" {
			d.Format = "name"
		}
		t.ColumnDefinitions = append(t.ColumnDefinitions, d)
	}
	for _, name := range names {
		t.Rows = append(t.Rows, metav1.TableRow{Cells: []any{name, "Opaque", 1, "5d"}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(t)
}

// measureMemory runs the plugin against a fake API server with n secrets, which is
// a separate process. The lab provides the AWS endpoints.
func measureMemory(ctx context.Context, n int) (measurement, error) {
	m := measurement{objects: n}
	l, err := startLab(ctx, 1)
	if err != nil {
		return m, err
	}
	defer l.stop(ctx)
	if _, err := l.lab(ctx, "associate"); err != nil {
		return m, err
	}
	if err := l.setEnvironment(ctx); err != nil {
		return m, err
	}
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
		"--allow-admission-changes", "-o", "jsonpath={.verdict} {.resources[0].total}")
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
