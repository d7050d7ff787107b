"""Azure Container Instances: each job of a run is a container group of its own."""

from penstock.infra.container_instances.driver import ContainerInstances as ContainerInstances
