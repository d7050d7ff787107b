"""Markdown as a tree of what pages show of it; the templates write the tags, so that nothing of the text can.

HTML in it stays text, a link leads to http or https only, and an image is a link to it, as pages load nothing from
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

LONGEST = 60_000
"""Characters that are read; the rest is cut."""
PLAIN = {
    "paragraph": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "strong": "strong",
    "em": "em",
    "s": "del",
    "hr": "hr",
    "hardbreak": "br",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
}
"""What has no more to say than which it is."""
CODE = {"fence": "pre", "code_block": "pre", "code_inline": "code"}

_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@dataclass(frozen=True, slots=True)
class Node:
    """A part: `tag` is an HTML tag's name, or empty for text and for what has only children."""

    tag: str = ""
    text: str = ""
    href: str = ""
    children: list[Node] = field(default_factory=list)


def parsed(text: str) -> Node:
    """The tree of a text, of its first `LONGEST` characters."""
    return _node(SyntaxTreeNode(_parser.parse(text[:LONGEST])))


def is_web(address: str) -> bool:
    """Whether a link may lead there: http or https, with a host."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.netloc)


def _node(at: SyntaxTreeNode) -> Node:
    kind = at.type
    if kind == "softbreak":
        return Node(text="\n")
    if kind in ("text", "text_special"):
        return Node(text=at.content)
    if kind in CODE:
        return Node(CODE[kind], text=at.content)
    if kind == "image":
        return _link(str(at.attrs.get("src", "")), [Node(text=at.content or "image")])
    children = [_node(child) for child in at.children]
    if kind == "link":
        return _link(str(at.attrs.get("href", "")), children)
    if kind == "heading":
        return Node(f"h{min(int(at.tag[1:]) + 2, 6)}", children=children)  # the page's own come before
    if kind == "paragraph" and at.hidden:
        return Node(children=children)
    return Node(PLAIN.get(kind, ""), children=children)


def _link(address: str, children: list[Node]) -> Node:
    return Node("a", href=address, children=children) if is_web(address) else Node(children=children)
