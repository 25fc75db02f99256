package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// adminHandler serves the requests of admin.Client.
func (l *Lab) adminHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			reply, err := f(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			if err := json.NewEncoder(w).Encode(reply); err != nil {
				l.log.Error("cannot send the response", "request", pattern, "error", err)
			}
		})
	}
	handle("GET /status", func(*http.Request) (any, error) { return l.status(), nil })
	handle("POST /stop", func(*http.Request) (any, error) { l.stop(); return nil, nil })
	handle("GET /faults", func(*http.Request) (any, error) { return l.allFaults(), nil })
	handle("PUT /faults", func(r *http.Request) (any, error) {
		var f admin.Faults
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			return nil, err
		}
		return nil, l.setFaults(r.Context(), f)
	})
	handle("POST /disassociate", func(r *http.Request) (any, error) { return nil, l.disassociate(r.Context()) })
	handle("GET /servers", func(*http.Request) (any, error) { return l.servers(), nil })
	handle("GET /requests", func(*http.Request) (any, error) { return l.aws.Requests(), nil })
	handle("GET /expected", func(*http.Request) (any, error) { return l.aws.Expected(), nil })
	handle("POST /fleet", func(r *http.Request) (any, error) {
		var o fakeaws.GenerateOptions
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			return nil, err
		}
		return l.aws.AddGenerated(o)
	})
	return mux
}

// servers returns the state of the API servers.
func (l *Lab) servers() (list []admin.Server) {
	if l.plane == nil {
		return nil
	}
	faults := l.allFaults().Cluster.Servers
	for _, s := range l.plane.Servers() {
		list = append(list, admin.Server{Info: s.Info(), Fault: faults[s.Number]})
	}
	return list
}

func (l *Lab) status() admin.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := admin.Status{
		Phase: admin.Starting, Step: l.step, Dir: string(l.dir), PID: os.Getpid(),
		Cluster: state.ClusterARN, Version: l.config.Version,
		APIServer: l.config.Ports.APIServerURL(), AWS: l.config.Ports.AWSURL(), Kubeconfig: l.dir.Kubeconfig(),
		KeyARN: l.config.CustomerKey, AssociatedKey: l.config.AssociatedKey,
		Components: map[string]int{},
	}
	if l.config.Balanced() {
		s.Balancer = fmt.Sprintf("%s, %d API servers", l.config.Balance, l.config.Servers)
	}
	select {
	case <-l.ready:
		s.Phase = admin.Ready
	default:
	}
	if l.plane != nil {
		s.Components = map[string]int{
			controlplane.EtcdName:              l.plane.Etcd.PID(),
			controlplane.ControllerManagerName: l.plane.ControllerManager.PID(),
		}
		for _, server := range l.plane.Servers() {
			s.Components[server.Name()] = server.PID()
		}
	}
	return s
}
