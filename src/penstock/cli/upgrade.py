"""`penstock upgrade`: from agents to workers. Each command stands in a file of its own, `upgrade_<noun>.py`."""

from __future__ import annotations

import click

from penstock.cli.groups import Nouns, Place


def _place(module: str, name: str, help: str) -> Place:
    return Place(f"penstock.cli.{module}", name, help)


COMMANDS: dict[str, Place] = {
    "apply": _place("upgrade_apply", "apply_", "Upgrade deployments from agents to workers."),
    "rollback": _place("upgrade_apply", "rollback", "Take upgrades back."),
    "status": _place("upgrade_status", "status", "Show how far each deployment is."),
    "plan": _place("upgrade_plan", "plan", "Show what an upgrade would do."),
    "verify": _place("upgrade_plan", "verify", "Prove that jobs stay what they are."),
    "activate": _place("upgrade_import", "activate", "Let what was imported act: schedules, automations."),
    "command": _place("upgrade_texts", "command", "Translate commands that start agents."),
    "files": _place("upgrade_files", "files", "Make one prefect.yaml of all deployment.yaml files."),
    "helm": _place("upgrade_texts", "helm", "Translate the Helm values of agents."),
    "import": _place("upgrade_import", "import_", "Copy what another server is set up with."),
}
"""A command is loaded when it is run; its line in the list of commands stands here."""


@click.group(cls=Nouns, places=COMMANDS)
def upgrade() -> None:
    """From agents to workers."""
