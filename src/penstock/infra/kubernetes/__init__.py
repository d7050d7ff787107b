"""Kubernetes: each job of a run is a Job of the cluster with one pod."""

from penstock.infra.kubernetes.driver import KubernetesInfrastructure as KubernetesInfrastructure
