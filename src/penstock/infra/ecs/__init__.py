"""AWS Elastic Container Service: each job of a run is a task."""

from penstock.infra.ecs.driver import EcsInfrastructure as EcsInfrastructure
