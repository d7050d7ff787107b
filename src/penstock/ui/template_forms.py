"""The form of a base job template: the defaults of its variables as fields, beside the JSON that they make.

Whoever changes the JSON by hand wins over the fields. Which of the two was changed is told by a digest of the JSON as
it was shown, so that it works without a script too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.client.client import AsyncClient
from penstock.core import job_templates
from penstock.core.json_schema import Violation
from penstock.core.push_credentials import needed
from penstock.errors import PenstockError
from penstock.ui.schema_forms import Field, changed_values, fields_of, json_object, offering, with_faults
from penstock.ui.templating import pretty
from penstock.wire import blocks
from penstock.wire.model import Criteria

PREFIX = "f."
MOST_BLOCKS = 200
EXAMPLE = '{"job_configuration": {}, "variables": {}}'
NEEDED = "Each deployment has to give it where it has no default here."
SIGNS_IN = "The server signs in with it, so the pool can't be without."
_AT_VARIABLE = re.compile(r"base_job_template\.variables\.([^:.]+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """A template as it is being edited; `fault` is what is wrong with the JSON as a whole."""

    template: dict[str, Any]
    text: str
    fields: list[Field]
    fault: str = ""

    @property
    def was(self) -> str:
        """Tells whether the JSON was changed since it was shown."""
        return _digest(self.text)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it, as far as can be told here."""
        return not self.fault and not any(field.fault for field in self.fields)


async def template_form(api: AsyncClient, template: Mapping[str, Any], kind: str) -> TemplateForm:
    """The form of a template as it is, of a pool of that type."""
    return TemplateForm(dict(template), pretty(template), await _fields(api, template, kind))


async def sent_template(
    api: AsyncClient, form: Mapping[str, list[str]], otherwise: Mapping[str, Any], kind: str
) -> TemplateForm:
    """The template that was sent; `otherwise` has the fields that are shown while the JSON is none."""
    text = form.get("template", [pretty(otherwise)])[-1].replace("\r\n", "\n")
    try:
        base = json_object(text, EXAMPLE)
    except ValueError as error:
        _, fields = changed_values(await _fields(api, otherwise, kind), form, PREFIX)
        return TemplateForm(dict(otherwise), text, fields, str(error))
    fields = await _fields(api, base, kind)
    if form.get("template_was", [""])[-1] == _digest(text):
        values, fields = changed_values(fields, form, PREFIX)
        if values:
            base = with_defaults(base, values)
            text = pretty(base)
    return _checked(TemplateForm(base, text, fields))


def refused(sent: TemplateForm, error: PenstockError) -> tuple[TemplateForm, str]:
    """The form with what the server said of it beside its field; and what it said of something else."""
    found = _AT_VARIABLE.match(error.message)
    if found and any(field.name == found[1] for field in sent.fields):
        marked, _ = with_faults(sent.fields, [Violation((found[1],), "", found[2].rstrip("."))])
        return replace(sent, fields=marked), ""
    if error.message.startswith("base_job_template"):
        return replace(sent, fault=error.message), ""
    return sent, error.message


def with_defaults(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The template with other defaults; None takes one away."""
    variables = dict(template["variables"])
    properties = dict(variables["properties"])
    for name, value in values.items():
        rest = {key: one for key, one in properties[name].items() if key != "default"}
        properties[name] = rest if value is None else {**rest, "default": value}
    return {**template, "variables": {**variables, "properties": properties}}


async def blocks_for(api: AsyncClient, fields: Sequence[Field]) -> dict[str, list[tuple[str, str]]]:
    """The blocks that the fields may hold, by type: pairs of an id and a name."""
    slugs = sorted({field.block_type for field in fields if field.block_type})
    if not slugs:
        return {}
    wanted = Criteria(
        block_types={"slug": {"any_": slugs}}, block_documents={"is_anonymous": {"eq_": False}}, limit=MOST_BLOCKS
    )
    found: dict[str, list[tuple[str, str]]] = {slug: [] for slug in slugs}
    for one in await api.call(blocks.filter_block_documents, wanted):
        if one.block_type is not None and one.block_type.slug in found:
            found[one.block_type.slug].append((str(one.id), one.name or str(one.id)))
    return {slug: sorted(pairs, key=lambda pair: pair[1]) for slug, pairs in found.items()}


async def _fields(api: AsyncClient, template: Mapping[str, Any], kind: str) -> list[Field]:
    """Any of them may be left empty: then there is no default."""
    schema, signs_in = template.get("variables"), needed(kind)
    found = fields_of(schema if isinstance(schema, Mapping) else {}, {})
    fields = [_optional(one, signs_in is not None and one.name == signs_in.variable) for one in found]
    return offering(fields, await blocks_for(api, fields))


def _optional(field: Field, signs_in: bool) -> Field:
    lacks = SIGNS_IN if signs_in else NEEDED if field.required and not field.text else ""
    note = " ".join(one for one in (field.help, lacks) if one)
    return replace(field, nullable=True, required=False, help=note)


def _checked(form: TemplateForm) -> TemplateForm:
    """With what is wrong with it by its own rules."""
    try:
        job_templates.check_template(form.template)
    except PenstockError as error:
        faults = job_templates.unfit(form.template, {}) if "variables" in form.template else []
        fields, _ = with_faults(form.fields, [fault for fault in faults if fault.path])
        marked = any(field.fault for field in fields)
        return replace(form, fields=fields, fault="" if marked else error.message)
    return form


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
