"""`penstock api`: one raw request."""

from __future__ import annotations

import sys

import click

from penstock.cli.connect import connect
from penstock.cli.console import Failure, note
from penstock.cli.files import parse_json, read_text

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
TAKING = ("POST", "PUT", "PATCH")
"""Methods whose body may come from a pipe."""
UNREACHABLE = 7


@click.command()
@click.argument("method")
@click.argument("path")
@click.option("--data", help="The body: JSON, @file, or - for standard input.")
@click.option("--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header more.")
@click.option("--verbose", "-v", is_flag=True, help="Also show request and headers.")
def api(method: str, path: str, data: str | None, headers: tuple[str, ...], verbose: bool) -> int:
    """Send one request to the API and print the answer.

    Exits with 4 for a status of 400 and above, 5 for 500 and above, 7 when nobody answers.
    """
    from penstock.errors import ServerUnreachable

    verb = method.upper()
    if verb not in METHODS:
        raise Failure(f"Unknown method {method!r}. There are: {', '.join(METHODS)}.")
    body = _body(verb, data)
    extra = _headers(headers)
    try:
        return _send(verb, f"/{path.lstrip('/').removeprefix('api/')}", body, extra, verbose=verbose)
    except ServerUnreachable as error:
        note(f"Error: {error.message}")
        return UNREACHABLE


def _send(verb: str, path: str, body: bytes | None, extra: dict[str, str], *, verbose: bool) -> int:
    import msgspec

    from penstock.client.open import manners
    from penstock.settings import current

    behaviour = manners(current())
    with connect() as client:
        sent = {"Content-Type": "application/json", **behaviour.headers, **extra}
        answer = client.transport.request(verb, path, body, sent, behaviour.timeout)
        if verbose:
            note(f"> {verb} {client.transport.base_url}{path}\n< {answer.status}")
            note("".join(f"< {name}: {value}\n" for name, value in answer.headers.items()))
    try:
        click.echo(msgspec.json.format(answer.body, indent=2) if answer.body else "", nl=bool(answer.body))
    except msgspec.DecodeError:
        click.echo(answer.body)
    if answer.status >= 400:
        note(f"Error: the API answered {answer.status}.")
        return 5 if answer.status >= 500 else 4
    return 0


def _body(verb: str, data: str | None) -> bytes | None:
    if data is None and verb in TAKING and not sys.stdin.isatty():
        piped = sys.stdin.read().strip()
        data = piped or None
    elif data is not None and (data == "-" or data.startswith("@")):
        data = read_text(data.removeprefix("@"))
    if data is None:
        return None
    parse_json(data, "The body")
    return data.encode()


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for header in given:
        name, colon, value = header.partition(":")
        if not colon:
            raise Failure(f"Can't understand the header {header!r}: write it as 'Name: value'.")
        headers[name.strip()] = value.strip()
    return headers
