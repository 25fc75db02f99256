package controllers

import (
	"context"

	"k8s.io/kubernetes/pkg/controller/cronjob"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/replicaset"
)

// deployments creates the replica sets of deployments, and their pods. No node runs them.
func (m *manager) deployments(ctx context.Context) error {
	_, client, err := m.client("deployment-controller")
	if err != nil {
		return err
	}
	apps, pods := m.informers.Apps().V1(), m.informers.Core().V1().Pods()
	d, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), pods, client)
	if err != nil {
		return err
	}
	if _, client, err = m.client("replicaset-controller"); err != nil {
		return err
	}
	r := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), pods, client, replicaset.BurstReplicas)
	m.loop(func(ctx context.Context) { d.Run(ctx, workers) })
	m.loop(func(ctx context.Context) { r.Run(ctx, workers) })
	return nil
}

// jobs creates the jobs of cron jobs, and the pods of jobs. No node runs them.
func (m *manager) jobs(ctx context.Context) error {
	_, client, err := m.client("job-controller")
	if err != nil {
		return err
	}
	batch := m.informers.Batch().V1()
	j, err := job.NewController(ctx, client, m.informers.Core().V1().Pods(), batch.Jobs(), nil, nil)
	if err != nil {
		return err
	}
	if _, client, err = m.client("cronjob-controller"); err != nil {
		return err
	}
	c, err := cronjob.NewControllerV2(ctx, batch.Jobs(), batch.CronJobs(), client)
	if err != nil {
		return err
	}
	m.loop(func(ctx context.Context) { j.Run(ctx, workers) })
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	return nil
}
