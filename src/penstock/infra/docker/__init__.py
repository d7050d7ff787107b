"""Jobs as containers of a Docker engine, and the engine's images."""

from penstock.infra.docker.driver import DockerInfrastructure

__all__ = ["DockerInfrastructure"]
